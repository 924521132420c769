//! Entry point of `console`: answers operators' requests about metrics, health, costs, the rollout and the weekly
//! report, and changes the rollout.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use console::ConsoleApi;
use console::config::ConsoleConfig;
use console::site::{Site, SiteConfig};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::startup::BackgroundInit;
use platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let (config, pages) = (ConsoleConfig::read(&environment)?, SiteConfig::read(&environment)?);
    telemetry::init(&config.function.log_level);
    tracing::info!(stage = config.function.stage, "started the function");
    let both = BackgroundInit::create(move || {
        let api = ConsoleApi::new(&config, Clock::System);
        (api, Site::new(&pages, &config.function, Clock::System, console::pages::answer))
    });
    let both = &both;
    run(service_fn(async |event: LambdaEvent<_>| {
        let (api, site) = both.get().await?;
        console::handler::handle((api, site), Clock::System, event).await
    }))
    .await
}
