//! Entry point of `rollup`: counts the stream of notifications, merges the counters every minute, and reconciles the
//! rollout.

use aws::deadline;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;
use rollup::config::RollupConfig;
use rollup::handler::{RollupServices, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = RollupConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let services = BackgroundInit::create(move || {
        let reporter = Reporter::on_stdout(config.function.stage.clone());
        RollupServices::new(&config, reporter, Clock::System)
    });
    let services = &services;
    run(service_fn(async |event: LambdaEvent<_>| {
        let services = services.get().await?;
        let left = deadline::of_invocation(event.context.deadline, Clock::System.now());
        deadline::with_timeout(left, handle(services, event.payload)).await
    }))
    .await
}
