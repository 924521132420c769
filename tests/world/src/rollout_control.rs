//! The rollout as rollup looks after it, and what can be seen of that.

use domain::By;
use rollout::{Remembered, Round, RoundError, SetProblem, Wanted, observe};
use serde_json::Value;

use super::World;
use super::functions::{PREFIX, Rollup};

impl World {
    /// What rollup's minute does about the rollout, but for the second look.
    pub async fn reconcile_rollout(&self) -> Result<Round, RoundError> {
        self.reconcile_rollout_by(&self.rollup).await
    }

    /// The same by another instance.
    pub async fn reconcile_rollout_by(&self, rollup: &Rollup) -> Result<Round, RoundError> {
        let (live, now) = (rollup.live.current().await, self.clock.now());
        let read = async |asked| observe(&rollup.metrics, &rollup.breakers, asked, now).await;
        rollup.steward.minute(&rollup.herald, &live, read, now).await
    }

    /// Another instance of rollup.
    pub fn another_rollup(&self) -> Rollup {
        self.endpoints.rollup(&self.clock)
    }

    /// What rollup does when EventBridge tells it of a change.
    pub async fn record_change(&self) -> Result<&'static str, RoundError> {
        self.rollup.steward.note().await
    }

    /// What ops ask for through the API.
    pub async fn change_rollout(&self, wanted: Wanted) -> Result<(), SetProblem> {
        let by = By::Api("ops-client".to_owned());
        self.rollup.steward.set(wanted, by, Some("a story".to_owned()), self.clock.now()).await.map(drop)
    }

    /// What is remembered of the rollout.
    pub fn controller_state(&self) -> Remembered {
        let items = self.items("control");
        let item = items.iter().find(|item| item["pk"]["S"] == "rollout#steward").unwrap();
        serde_json::from_str(item["value"]["S"].as_str().unwrap()).unwrap()
    }

    /// What the parameter `rollout-percentage` says now.
    pub fn percentage(&self) -> String {
        let name = format!("{PREFIX}/rollout-percentage");
        self.aws.state.lock().unwrap().parameters.get(&name).unwrap_or_default().to_owned()
    }

    /// Its value in each version so far.
    pub fn percentages(&self) -> Vec<String> {
        let name = format!("{PREFIX}/rollout-percentage");
        let history = self.aws.state.lock().unwrap().parameters.history(&name);
        history.into_iter().map(|(value, _)| value).collect()
    }

    /// The audit records of a parameter, oldest first.
    pub fn audit(&self, parameter: &str) -> Vec<Value> {
        let record = |item: &Value| serde_json::from_str::<Value>(item["record"]["S"].as_str()?).ok();
        let mut found: Vec<_> = self.items("settings").iter().filter_map(record).collect();
        found.retain(|record| record["parameter"] == parameter);
        found.sort_by_key(|record| record["version"].as_i64());
        found
    }

    /// The alerts that were said, by their subject.
    pub fn alerts(&self) -> Vec<String> {
        let alerts = self.aws.state.lock().unwrap().alerts.clone();
        alerts.into_iter().map(|(subject, _)| subject).collect()
    }
}
