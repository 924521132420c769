//! Entry point of `console`: answers operators' requests about metrics, health, costs, the rollout and the weekly
//! report, and changes the rollout.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use console::ConsoleApi;
use console::config::ConsoleConfig;
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = ConsoleConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "ready");
    let api = BackgroundInit::create(move || ConsoleApi::new(&config, Clock::System));
    let api = &api;
    run(service_fn(async |event: LambdaEvent<_>| {
        console::handler::handle(api.get().await?, Clock::System, event).await
    }))
    .await
}
