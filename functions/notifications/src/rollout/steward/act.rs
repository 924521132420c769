//! Writing the percentage under an intent, although SSM knows no condition.

use super::{Intent, Steward, Watched};
use crate::parameters::ParametersUnavailable;
use crate::private::Private;

/// How often an operator's value is put back while operators go on writing.
const MOST_REPAIRS: u32 = 3;

/// What became of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It is written, as this version.
    Written(i64),
    /// Somebody wrote since it was decided: nothing was done.
    Overtaken,
    /// Somebody wrote in the very moment in between; their value stands again, as this version.
    PutBack(i64),
}

impl Steward {
    /// The parameter's full name.
    pub(super) fn name_of(&self, parameter: Watched) -> String {
        format!("{}/{parameter}", self.prefix)
    }

    /// Writes what is intended, unless the parameter has changed since the intent was formed.
    pub(super) async fn act(&self, intent: &Intent) -> Result<Acted, ParametersUnavailable> {
        let name = self.name_of(Watched::RolloutPercentage);
        let present = self.parameters.versions(vec![name.clone()]).await?.remove(&name);
        if present.is_none_or(|present| present.version != intent.from_version) {
            return Ok(Acted::Overtaken);
        }
        let value = crate::rollout::Percentage::from_hundredths(intent.to).unwrap_or_default().to_string();
        let version = self.parameters.overwrite(&name, &value).await?;
        if version == intent.from_version + 1 {
            return Ok(Acted::Written(version));
        }
        self.put_back(&name, intent.from_version, version).await
    }

    /// Gives an operator's value back that was written after version `from` and before our `ours`.
    async fn put_back(&self, name: &str, from: i64, ours: i64) -> Result<Acted, ParametersUnavailable> {
        let (mut from, mut ours) = (from, ours);
        for _ in 0..MOST_REPAIRS {
            let versions = self.parameters.history(name, from).await?;
            let theirs = versions.into_iter().filter(|version| version.version < ours).next_back();
            let Some(theirs) = theirs else { return Ok(Acted::PutBack(ours)) };
            let value: &Private<String> = &theirs.value;
            let again = self.parameters.overwrite(name, value.expose()).await?;
            if again == ours + 1 {
                return Ok(Acted::PutBack(again));
            }
            // Somebody wrote once more meanwhile: theirs is the newer one.
            (from, ours) = (ours, again);
        }
        Ok(Acted::PutBack(ours))
    }
}
