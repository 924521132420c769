//! Entry point of `send`: stores each notification, attempts it at once, and responds with its state.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(send::config::SendConfig::read(&Environment::of_process())?);
    telemetry::init(&config.delivery.function.log_level);
    tracing::info!(stage = config.delivery.function.stage, "started the function");
    let api = BackgroundInit::start(move || send::handler::start(Arc::clone(&config), Clock::System));
    run(service_fn(|event: LambdaEvent<_>| send::handler::handle(&api, event))).await
}
