//! Assembly of the delivery engine. It is the same for `send` (first attempts), `cascade` (later ones) and `fanout`
//! (those of campaigns).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::admission::AdmissionControl;
use crate::breakers::{Breakers, Bulkhead};
use crate::campaign_states::CampaignStates;
use crate::claim::Claims;
use crate::config::ConfigSource;
use crate::engine::{CONCURRENCY, DeliveryEngine};
use crate::paid_send::PaidSender;
use crate::persistence::Persistence;
use crate::push_send::PushSender;
use crate::senders::Senders;
use crate::stores::Stores;
use crate::template_cache::TemplateCache;
use crate::token::TokenKeys;
use aws::secrets::{SecretFormatError, SecretName, Secrets, SecretsError};
use aws::{DynamoClient, FunctionConfig, TableNames};
use channels::email::{EmailClient, Sender, SenderName};
use channels::push::{PUSH_SERVICES, PushClient, VapidCache, VapidKey, VapidSubject};
use channels::sms::{SenderId, SmsClient};
use domain::breaker::Host;
use domain::channel::Channel;
use domain::channel::country::CountryCode;
use domain::channel::push::ExtraOrigins;
use domain::recipient::KeyHasher;
use platform::clock::Clock;
use platform::environment::{Environment, EnvironmentError};
use platform::startup::StartError;
use store::{
    BreakerStore, BudgetStore, CampaignStore, CatalogStore, LastKnownGood, NotificationsStore, RecipientsStore,
    SmsMessageStore, SuppressionsStore, TemplateStore,
};

/// Maximum number of concurrent calls of a process to one provider.
const MAX_CALLS_PER_HOST: usize = CONCURRENCY / 2;

/// Environment of a function that sends.
#[derive(Debug, Clone)]
pub struct DeliveryConfig {
    /// Configuration that all functions have in common.
    pub function: FunctionConfig,
    /// Names of the tables.
    pub tables: TableNames,
    /// Sender of e-mails.
    pub sender: Sender,
    /// SES configuration set that publishes the events of e-mails.
    pub ses_configuration_set: String,
    /// Contact address for push services (VAPID `sub`).
    pub vapid_subject: VapidSubject,
    /// Push services beside the known ones.
    pub extra_push_origins: ExtraOrigins,
    /// Country to which SMS may go unless the settings list others.
    pub sender_country: CountryCode,
    /// Sender name of SMS, where a country allows a name.
    pub sms_sender_id: Option<SenderId>,
}

/// Loads the secrets and creates the delivery engine and the hasher of recipient keys.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not answer.
pub async fn start_engine(config: &DeliveryConfig, clock: Clock) -> Result<(DeliveryEngine, KeyHasher), StartError> {
    let secrets = config.secrets().await?;
    let hasher = KeyHasher::new(secrets.recipient_hash_key()?.expose());
    let push = config.push_client(&secrets)?;
    // A local stack sets its own endpoint for AWS. Then nothing outside this machine is contacted.
    if config.function.aws.endpoint_url().is_none() {
        tokio::spawn(push.warm(&PUSH_SERVICES));
    }
    Ok((config.engine(push, &secrets, clock)?, hasher))
}

impl DeliveryConfig {
    /// Creates a client of the tables.
    #[must_use]
    pub fn dynamodb(&self) -> DynamoClient {
        self.function.dynamodb()
    }

    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or not usable.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            function: FunctionConfig::read(environment)?,
            tables: TableNames::read(environment)?,
            sender: Sender {
                address: environment.read("SENDER_ADDRESS", Sender::parse_address)?,
                name: environment.read_optional("SENDER_NAME", SenderName::parse)?,
            },
            ses_configuration_set: environment.required("SES_CONFIGURATION_SET")?,
            vapid_subject: environment.read("VAPID_SUBJECT", VapidSubject::parse)?,
            extra_push_origins: ExtraOrigins::read(environment)?,
            sender_country: environment.read("SENDER_COUNTRY", CountryCode::parse)?,
            sms_sender_id: environment.read_optional("SMS_SENDER_ID", SenderId::parse)?,
        })
    }

    /// Loads the keys that sending requires.
    ///
    /// # Errors
    /// Names the key that is missing or malformed.
    pub async fn secrets(&self) -> Result<Secrets, SecretsError> {
        let parameters = self.function.parameters();
        let needed = [SecretName::VapidPrivateKey, SecretName::RecipientHashKey, SecretName::LinkSigningKey];
        Secrets::load(&parameters, &self.function.parameter_prefix, &needed).await
    }

    /// Returns the hosts that nearly all messages go to. Their breakers are read with the first message.
    fn always_watched(&self) -> Vec<Host> {
        let origins = PUSH_SERVICES.into_iter().chain(self.extra_push_origins.iter());
        let push = origins.filter_map(|origin| origin.split_once("://")).map(|(_, provider)| Host::push(provider));
        push.chain([Channel::Email, Channel::Sms].map(Host::paid)).collect()
    }

    fn push_client(&self, secrets: &Secrets) -> Result<PushClient, SecretsError> {
        let vapid_key = VapidKey::parse(&URL_SAFE_NO_PAD.encode(secrets.vapid_private_key()?.expose()));
        let vapid_key = vapid_key.map_err(|_| SecretsError::Malformed {
            parameter: format!("{}/{}", self.function.parameter_prefix, SecretName::VapidPrivateKey.as_str()),
            why: SecretFormatError::NotPrivateKey,
        })?;
        Ok(PushClient::new(VapidCache::new(vapid_key, self.vapid_subject.clone())))
    }

    fn stores(&self, dynamodb: DynamoClient, hasher: KeyHasher) -> Stores {
        let (recipients, control) = (self.tables.recipients.as_str(), self.tables.control.as_str());
        Stores {
            notifications: NotificationsStore::new(dynamodb.clone(), self.tables.notifications.as_str()),
            recipients: RecipientsStore::new(dynamodb.clone(), recipients, control),
            suppressions: SuppressionsStore::new(dynamodb.clone(), recipients, control, hasher),
            sms_messages: SmsMessageStore::new(dynamodb.clone(), control),
            budgets: BudgetStore::new(dynamodb.clone(), control),
            campaigns: CampaignStates::new(CampaignStore::new(dynamodb, self.tables.settings.as_str())),
        }
    }

    /// Creates the engine.
    fn engine(&self, push: PushClient, secrets: &Secrets, clock: Clock) -> Result<DeliveryEngine, SecretsError> {
        let keys = TokenKeys::new(secrets.link_signing_keys()?);
        let dynamodb = self.dynamodb();
        let stores = self.stores(dynamodb.clone(), KeyHasher::new(secrets.recipient_hash_key()?.expose()));
        let stores = Arc::new(stores);
        let persistence = Persistence::new(Arc::clone(&stores), clock.clone());
        let breaker_store = BreakerStore::new(dynamodb.clone(), self.tables.control.as_str());
        let breakers = Breakers::new(breaker_store, self.always_watched(), clock.clone());
        let admission = Arc::new(AdmissionControl::new(breakers, Bulkhead::new(MAX_CALLS_PER_HOST)));
        let push = PushSender {
            client: push,
            extra_origins: self.extra_push_origins.clone(),
            keys: keys.clone(),
            admission: Arc::clone(&admission),
            persistence: persistence.clone(),
            clock: clock.clone(),
        };
        let paid = PaidSender {
            email: EmailClient::new(
                aws::ses(&self.function.aws),
                self.sender.clone(),
                self.ses_configuration_set.clone(),
            ),
            sms: SmsClient::new(aws::sns(&self.function.aws), self.sms_sender_id.clone()),
            keys: keys.clone(),
            admission: Arc::clone(&admission),
            claims: Claims::new(persistence.clone(), clock.clone()),
            persistence,
            clock: clock.clone(),
        };
        let templates = TemplateCache::new(TemplateStore::new(dynamodb.clone(), self.tables.settings.as_str()));
        let config = ConfigSource::new(self.function.parameters(), &self.function.parameter_prefix, clock.clone())
            .with_public_base_url()
            .with_catalog(CatalogStore::new(dynamodb.clone(), self.tables.settings.as_str()))
            .with_last_known_good(LastKnownGood::new(dynamodb, self.tables.control.as_str()))
            .with_record_writes();
        let senders = Senders { push, paid, admission, keys };
        Ok(DeliveryEngine::new(stores, senders, config, templates, self.sender_country, clock))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const REQUIRED: [&str; 12] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "CONTROL_TABLE",
        "LOG_LEVEL",
        "NOTIFICATIONS_TABLE",
        "PARAMETER_PREFIX",
        "RECIPIENTS_TABLE",
        "SENDER_COUNTRY",
        "SES_CONFIGURATION_SET",
        "SETTINGS_TABLE",
        "STAGE",
    ];

    fn value(name: &str) -> &'static str {
        match name {
            "SENDER_ADDRESS" => "service@example.com",
            "VAPID_SUBJECT" => "mailto:ops@example.com",
            "SENDER_COUNTRY" => "IT",
            _ => "x1",
        }
    }

    #[test]
    fn a_value_that_cannot_be_meant_stops_the_start_with_its_name() {
        for (name, bad) in [
            ("SENDER_ADDRESS", "nobody"),
            ("SENDER_ADDRESS", "a@bücher.example"),
            ("SENDER_NAME", "Example\r\nBcc: eve@example.com"),
            ("VAPID_SUBJECT", "mailto:me@localhost"),
            ("EXTRA_PUSH_ORIGINS", "push.example.com"),
            ("EXTRA_PUSH_HOSTS", "https://push.example.com"),
            ("SENDER_COUNTRY", "Italy"),
            ("SENDER_COUNTRY", "UK"),
            ("SMS_SENDER_ID", "longer than eleven"),
        ] {
            let required = REQUIRED.into_iter().chain(["SENDER_ADDRESS", "VAPID_SUBJECT"]);
            let given = required.map(|one| (one, value(one))).chain([(name, bad)]);
            let error = DeliveryConfig::read(&Environment::given(given)).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod parameters_tests;
