//! Entry point of `cascade`: works on due notifications, at once from the stream and every minute from the index `due`.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::startup::Eager;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Arc::new(cascade::config::CascadeConfig::read(&Environment::of_process())?);
    telemetry::init(&config.dispatcher.function.log_level);
    tracing::info!(stage = config.dispatcher.function.stage, "ready");
    let reporter = Reporter::on_stdout(config.dispatcher.function.stage.clone());
    let dispatcher = Eager::start(move || cascade::handler::start(Arc::clone(&config)));
    run(service_fn(|event: LambdaEvent<_>| cascade::handler::handle(&dispatcher, &reporter, event))).await
}
