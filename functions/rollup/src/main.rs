//! Entry point of `rollup`: counts the stream of notifications, merges the counters every minute, and reconciles the
//! rollout.

use alerts::{AlertPublisher, PublisherConfig};
use aws::deadline;
use delivery::config::{ConfigSource, LastKnownGood};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::telemetry;
use rollout::RolloutController;
use rollup::service_metrics::ServiceMetrics;
use store::BreakerStore;
use store::metrics::MetricsStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = rollup::config::RollupConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    let dynamodb = config.function.dynamodb();
    let last_known_good = LastKnownGood::new(dynamodb.clone(), &*config.control_table);
    let breakers = || BreakerStore::new(dynamodb.clone(), &*config.control_table);
    let metrics = MetricsStore::new(dynamodb.clone(), config.metrics_table);
    let parameters = config.function.parameters();
    let (stage, prefix) = (&*config.function.stage, &*config.function.parameter_prefix);
    let publisher = PublisherConfig {
        stage,
        prefix,
        settings_table: &config.settings_table,
        control_table: &config.control_table,
        topic: &config.alerts_topic,
        runbook: &config.runbook_url,
    };
    let services = rollup::handler::RollupServices {
        service_metrics: ServiceMetrics { metrics: metrics.clone(), breakers: breakers() },
        metrics,
        live: ConfigSource::new(parameters, prefix, Clock::System).with_last_known_good(last_known_good.clone()),
        last_known_good,
        breakers: breakers(),
        controller: RolloutController::new(
            &config.function.aws,
            prefix,
            (&config.settings_table, &config.control_table),
        ),
        publisher: AlertPublisher::new(&config.function.aws, publisher),
        reporter: Reporter::on_stdout(config.function.stage.clone()),
        clock: Clock::System,
    };
    tracing::info!(stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| {
        let left = deadline::of_invocation(event.context.deadline, Clock::System.now());
        deadline::with_timeout(left, rollup::handler::handle(&services, event.payload))
    }))
    .await
}
