//! Entry point of `catalog`: manages the types of notification.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use catalog::CatalogApi;
use catalog::config::CatalogConfig;
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = CatalogConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let api = BackgroundInit::create(move || CatalogApi::new(&config, Clock::System));
    let api = &api;
    run(service_fn(async |event: LambdaEvent<_>| {
        catalog::handler::handle(api.get().await?, Clock::System, event).await
    }))
    .await
}
