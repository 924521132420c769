//! Entry point of `campaigns`: the API of campaigns, and the release of tasks every minute.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use campaigns::CampaignsApi;
use campaigns::config::CampaignsConfig;
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = CampaignsConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let api = BackgroundInit::create(move || CampaignsApi::new(&config, Clock::System));
    let api = &api;
    run(service_fn(async |event: LambdaEvent<_>| {
        campaigns::handler::handle(api.get().await?, Clock::System, event).await
    }))
    .await
}
