//! Entry point of `rollup`: counts the stream of notifications, merges the counters every minute, and reconciles the
//! rollout.

use alerts::{Herald, Post};
use aws::deadline;
use aws::parameters::ParameterStore;
use delivery::config::{ConfigSource, LastKnownGood};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::telemetry;
use rollout::Steward;
use rollup::measures::Measures;
use store::BreakerStore;
use store::metrics::MetricsStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let config = rollup::config::Config::read(&environment)?;
    telemetry::init(&config.log_level);
    let sdk = aws::config(&environment)?;
    let dynamodb = aws::dynamodb(&sdk);
    let last_known_good = LastKnownGood::new(dynamodb.clone(), &*config.control_table);
    let breakers = || BreakerStore::new(dynamodb.clone(), &*config.control_table);
    let metrics = MetricsStore::new(dynamodb.clone(), config.metrics_table);
    let parameters = ParameterStore::new(aws::ssm(&sdk));
    let (stage, prefix) = (&*config.stage, &*config.parameter_prefix);
    let post = Post {
        stage,
        prefix,
        settings_table: &config.settings_table,
        control_table: &config.control_table,
        topic: &config.alerts_topic,
        runbook: &config.runbook_url,
    };
    let services = rollup::handler::Services {
        measures: Measures { metrics: metrics.clone(), breakers: breakers() },
        metrics,
        live: ConfigSource::new(parameters, prefix, Clock::System).with_last_known_good(last_known_good.clone()),
        last_known_good,
        breakers: breakers(),
        steward: Steward::new(&sdk, prefix, (&config.settings_table, &config.control_table)),
        herald: Herald::new(&sdk, post),
        reporter: Reporter::on_stdout(config.stage.clone()),
        clock: Clock::System,
    };
    tracing::info!(stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| {
        let left = deadline::of_invocation(event.context.deadline, Clock::System.now());
        deadline::with_timeout(left, rollup::handler::handle(&services, event.payload))
    }))
    .await
}
