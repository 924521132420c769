//! Entry point of `recipients`: stores recipients and their devices, and returns their history.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(recipients::config::RecipientsConfig::read(&Environment::of_process())?);
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let api = BackgroundInit::start(move || recipients::handler::start(Arc::clone(&config), Clock::System));
    run(service_fn(|event: LambdaEvent<_>| recipients::handler::handle(&api, event))).await
}
