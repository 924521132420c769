//! Writing the percentage under an intent, although SSM knows no condition.

use jiff::Timestamp;

use super::{Intent, Steward, mark};
use aws::parameters::{NewVersion, ParametersUnavailable};
use domain::Watched;
use domain::rollout::Percentage;
use platform::time_limits::ROLLOUT_CHANGE_LIMIT;

/// How often an operator's value is put back while operators go on writing; the next minute goes on.
const MOST_REPAIRS: u32 = 3;

/// What became of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It is written.
    Written,
    /// Somebody wrote since it was decided: nothing was done.
    Overtaken,
    /// Somebody wrote in the very moment in between; their value stands again.
    PutBack,
}

impl Steward {
    /// The parameter's full name.
    pub(super) fn name_of(&self, parameter: Watched) -> String {
        format!("{}/{parameter}", self.prefix)
    }

    /// Writes what is intended, unless the parameter has changed since the intent was formed.
    pub(super) async fn act(&self, intent: &Intent) -> Result<Acted, ParametersUnavailable> {
        let act = tokio::time::timeout(ROLLOUT_CHANGE_LIMIT, self.write(intent));
        act.await.unwrap_or_else(|_| Err(ParametersUnavailable::too_slow("PutParameter")))
    }

    async fn write(&self, intent: &Intent) -> Result<Acted, ParametersUnavailable> {
        let name = self.name_of(Watched::RolloutPercentage);
        let present = self.parameters.versions(vec![name.clone()]).await?.remove(&name);
        if present.is_none_or(|present| present.version != intent.from_version) {
            return Ok(Acted::Overtaken);
        }
        let value = Percentage::from_hundredths(intent.to).unwrap_or_default().to_string();
        let version = self.overwrite(&value, &mark::of_intent(intent)).await?;
        if version == intent.from_version + 1 {
            return Ok(Acted::Written);
        }
        self.put_back(intent.from_version, intent.at).await?;
        Ok(Acted::PutBack)
    }

    /// Gives an operator's value back that was written after version `from` and right before one of the service's own, as long
    /// as there is one. What is owed is read from SSM's own history, so whoever comes after a crash can do it.
    pub(super) async fn put_back(&self, from: i64, now: Timestamp) -> Result<(), ParametersUnavailable> {
        let name = self.name_of(Watched::RolloutPercentage);
        for _ in 0..MOST_REPAIRS {
            let history = self.parameters.history(&name, from - 1).await?;
            let (Some((_, theirs)), Some(last)) = (mark::owed(&history), history.last()) else { return Ok(()) };
            self.overwrite(&theirs.to_string(), &mark::of_put_back(last.version, now)).await?;
        }
        Ok(())
    }

    async fn overwrite(&self, value: &str, description: &str) -> Result<i64, ParametersUnavailable> {
        let next = NewVersion { value, description, allowed_pattern: mark::ALLOWED_PATTERN };
        self.parameters.overwrite(&self.name_of(Watched::RolloutPercentage), next).await
    }
}
