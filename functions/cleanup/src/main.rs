//! Entry point of `cleanup`: removes daily, and by hand, what DynamoDB's TTL cannot.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use cleanup::config::CleanupConfig;
use cleanup::handler::{CleanupServices, handle};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = CleanupConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let services = BackgroundInit::create(move || CleanupServices::new(&config, Clock::System));
    let services = &services;
    run(service_fn(async |event: LambdaEvent<_>| handle(services.get().await?, event).await)).await
}
