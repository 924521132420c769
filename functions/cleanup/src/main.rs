//! Does daily, and by hand, what retention by TTL cannot do.

mod config;
mod handler;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notifications::aws;
use notifications::cleanup::Cleanup;
use notifications::clock::Clock;
use notifications::environment::Environment;
use notifications::parameters::ParameterStore;
use notifications::rollout::{LastGood, LiveSource};
use notifications::store::{CursorStore, ErasureStore, NotificationsStore, RecipientsStore};
use notifications::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let config = config::Config::read(&environment)?;
    telemetry::init(&config.log_level);
    let sdk = aws::config(&environment)?;
    let dynamodb = aws::dynamodb(&sdk);
    let recipients = RecipientsStore::new(dynamodb.clone(), config.recipients_table);
    let cleanup = Cleanup {
        erasure: ErasureStore::new(dynamodb.clone(), recipients.clone(), config.notifications_table.as_str()),
        notifications: NotificationsStore::new(dynamodb.clone(), config.notifications_table),
        cursor: CursorStore::new(dynamodb.clone(), config.control_table.as_str()),
        recipients,
    };
    let live = LiveSource::new(ParameterStore::new(aws::ssm(&sdk)), &config.parameter_prefix, Clock::System)
        .settings_only()
        .with_last_good(LastGood::new(dynamodb, config.control_table));
    let services = handler::Services { cleanup, live, clock: Clock::System };
    tracing::info!(stage = config.stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| handler::handle(&services, event))).await
}
