//! Entry point of `cleanup`: removes daily, and by hand, what DynamoDB's TTL cannot.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use cleanup::Cleanup;
use delivery::config::{ConfigSource, LastKnownGood};
use platform::clock::Clock;
use platform::environment::Environment;
use platform::telemetry;
use store::{CursorStore, ErasureStore, NotificationsStore, RecipientsStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = cleanup::config::CleanupConfig::read(&Environment::of_process())?;
    telemetry::init(&config.function.log_level);
    let dynamodb = config.function.dynamodb();
    let recipients = RecipientsStore::new(dynamodb.clone(), config.recipients_table);
    let cleanup = Cleanup {
        erasure: ErasureStore::new(dynamodb.clone(), recipients.clone(), config.notifications_table.as_str()),
        notifications: NotificationsStore::new(dynamodb.clone(), config.notifications_table),
        cursor: CursorStore::new(dynamodb.clone(), config.control_table.as_str()),
        recipients,
    };
    let live = ConfigSource::new(config.function.parameters(), &config.function.parameter_prefix, Clock::System)
        .settings_only()
        .with_last_known_good(LastKnownGood::new(dynamodb, config.control_table));
    let services = cleanup::handler::CleanupServices { cleanup, live, clock: Clock::System };
    tracing::info!(stage = config.function.stage, "ready");
    run(service_fn(|event: LambdaEvent<_>| cleanup::handler::handle(&services, event))).await
}
