//! Reads that a decision needs: the recipient, the claims of the frequency caps, and the configuration.

use std::sync::atomic::Ordering;

use super::DeliveryEngine;
use crate::breakers::TABLE_TIMEOUT;
use crate::config::ConfigSnapshot;
use aws::deadline;
use domain::caps::CapUsage;
use domain::notification::Notification;
use domain::recipient::{Recipient, RecipientKey};
use store::StoreError;

impl DeliveryEngine {
    /// Reads the recipient and the configuration at the same time. The breakers' changes are read with them, and the
    /// claims of the frequency caps if there are rules.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn load(&self, recipient: &RecipientKey) -> Result<(Option<Recipient>, ConfigSnapshot), StoreError> {
        let recipients = &self.stores().recipients;
        // A rule that is new in this configuration is enforced as well: its claim is a conditional write.
        let (read, caps, config, ()) = tokio::join!(
            recipients.load(recipient),
            self.load_caps(recipient),
            self.config.current(),
            self.senders.breakers().refresh()
        );
        self.has_cap_rules.store(config.caps.iter().next().is_some(), Ordering::Relaxed);
        Ok((read?.map(|read| Recipient { caps: caps.unwrap_or_default(), ..read }), config))
    }

    /// Returns the recipient of a stored notification and the configuration in force, as [`Self::load`].
    ///
    /// # Errors
    /// If the recipient cannot be read, or the definition of the notification's type.
    pub async fn load_for(
        &self,
        notification: &Notification,
    ) -> Result<(Option<Recipient>, ConfigSnapshot), StoreError> {
        let kind = notification.type_id().as_str();
        let (recipient, mut config) = self.load(notification.id().recipient()).await?;
        if config.settings.types.get(kind).is_none() {
            config = self.config.with_types(&[kind]).await;
        }
        config.check_type(kind)?;
        Ok((recipient, config))
    }

    /// Reads the claims of the frequency caps if there are rules. If the table does not answer, sending continues. A
    /// notification that a rule counts is sent only once its claim is stored.
    async fn load_caps(&self, recipient: &RecipientKey) -> Option<CapUsage> {
        if !self.has_cap_rules.load(Ordering::Relaxed) {
            return None;
        }
        // Boxed, because without rules no send needs it.
        let caps = Box::pin(deadline::with_timeout(TABLE_TIMEOUT, self.stores().recipients.caps(recipient))).await;
        caps.map_err(|error| tracing::warn!(%error, "failed to read the claims of the frequency caps")).ok()
    }

    /// Returns a recipient that a Scan read, with the claims of the frequency caps if there are rules.
    pub async fn with_caps(&self, recipient: Recipient, config: &ConfigSnapshot) -> Recipient {
        self.has_cap_rules.store(config.caps.iter().next().is_some(), Ordering::Relaxed);
        let caps = self.load_caps(&recipient.key).await;
        Recipient { caps: caps.unwrap_or_default(), ..recipient }
    }
}
