//! Entry point of `console`: answers operators' requests about metrics, health, costs, the rollout and the weekly
//! report, and changes the rollout.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use console::ConsoleApi;
use delivery::config::{ConfigSource, LastKnownGood};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::telemetry;
use rollout::RolloutController;
use store::metrics::MetricsStore;
use store::{AlertHistoryStore, BreakerStore, BudgetStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = console::config::ConsoleConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    let dynamodb = config.function.dynamodb();
    let last_known_good = LastKnownGood::new(dynamodb.clone(), config.control_table.as_str());
    let parameters = config.function.parameters();
    let api = ConsoleApi {
        metrics: MetricsStore::new(dynamodb.clone(), config.metrics_table),
        live: ConfigSource::new(parameters, &config.function.parameter_prefix, Clock::System)
            .with_last_known_good(last_known_good.clone()),
        last_known_good,
        breakers: BreakerStore::new(dynamodb.clone(), config.control_table.as_str()),
        budgets: BudgetStore::new(dynamodb.clone(), config.control_table.as_str()),
        controller: RolloutController::new(
            &config.function.aws,
            &config.function.parameter_prefix,
            (&config.settings_table, &config.control_table),
        ),
        alert_history: AlertHistoryStore::new(dynamodb, config.settings_table),
    };
    tracing::info!(stage = config.function.stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| console::handler::handle(&api, Clock::System, event))).await
}
