//! Entry point of `catalog`: manages the types of notification.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use catalog::CatalogApi;
use catalog::config::CatalogConfig;
use platform::clock::Clock;
use platform::environment::Environment;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = CatalogConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    let api = CatalogApi::new(&config, Clock::System);
    tracing::info!(stage = config.function.stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| catalog::handler::handle(&api, Clock::System, event))).await
}
