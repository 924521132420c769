//! Entry point of `fanout`: processes the tasks of campaigns.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(fanout::config::FanoutConfig::read(&Environment::of_process())?);
    telemetry::init(&config.delivery.function.log_level);
    tracing::info!(stage = config.delivery.function.stage, "started the function");
    let worker = BackgroundInit::start(move || fanout::handler::start(Arc::clone(&config)));
    run(service_fn(|event: LambdaEvent<_>| fanout::handler::handle(&worker, event))).await
}
