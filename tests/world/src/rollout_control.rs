//! The control of the rollout by `rollup`, and its visible state.

use domain::Actor;
use platform::caller::Author;
use rollout::{CommandError, ControllerState, ReconcileError, ReconcileOutcome, RolloutCommand};
use serde_json::Value;

use super::World;
use super::functions::PREFIX;
use rollup::handler::{RollupServices, reconcile_once};

impl World {
    /// Runs the rollout part of rollup's schedule, without the second evaluation.
    pub async fn reconcile_rollout(&self) -> Result<ReconcileOutcome, ReconcileError> {
        self.reconcile_rollout_by(&self.rollup).await
    }

    /// Runs it in another instance.
    pub async fn reconcile_rollout_by(&self, rollup: &RollupServices) -> Result<ReconcileOutcome, ReconcileError> {
        reconcile_once(rollup).await
    }

    /// Another instance of rollup.
    pub fn another_rollup(&self) -> RollupServices {
        self.endpoints.rollup(&self.clock)
    }

    /// Runs rollup's reaction to a change event of EventBridge.
    pub async fn record_change(&self) -> Result<&'static str, ReconcileError> {
        self.rollup.controller.record_changes().await
    }

    /// Requests a change through the API.
    pub async fn change_rollout(&self, wanted: RolloutCommand) -> Result<(), CommandError> {
        let by = Actor::Api(Author::of_id("ops-client"));
        self.rollup.controller.execute(wanted, by, Some("a story".to_owned()), self.clock.now()).await.map(drop)
    }

    /// The stored state of the rollout controller.
    pub fn controller_state(&self) -> ControllerState {
        let items = self.items("control");
        let item = items.iter().find(|item| item["pk"]["S"] == "rollout#steward").unwrap();
        serde_json::from_str(item["value"]["S"].as_str().unwrap()).unwrap()
    }

    /// Current value of the parameter `rollout-percentage`.
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

    /// The subjects of the published alerts.
    pub fn alerts(&self) -> Vec<String> {
        let alerts = self.aws.state.lock().unwrap().alerts.clone();
        alerts.into_iter().map(|(subject, _)| subject).collect()
    }
}
