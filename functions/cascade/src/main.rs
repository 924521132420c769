//! Entry point of `cascade`: works on due notifications, at once from the stream and every minute from the index `due`.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(cascade::config::CascadeConfig::read(&Environment::of_process())?);
    telemetry::init(&config.delivery.function.log_level);
    tracing::info!(stage = config.delivery.function.stage, "started the function");
    let reporter = Reporter::on_stdout(config.delivery.function.stage.clone());
    let sweeper = BackgroundInit::start(move || cascade::handler::start(Arc::clone(&config)));
    run(service_fn(|event: LambdaEvent<_>| cascade::handler::handle(&sweeper, &reporter, event))).await
}
