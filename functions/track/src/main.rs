//! Entry point of `track`: processes receipts, clicks, unsubscriptions, and feedback of SES and SNS; serves the scripts
//! that send receipts.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(track::config::TrackConfig::read(&Environment::of_process())?);
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let services = BackgroundInit::start(move || track::handler::start(Arc::clone(&config)));
    run(service_fn(|event: LambdaEvent<_>| track::handler::handle(&services, event))).await
}
