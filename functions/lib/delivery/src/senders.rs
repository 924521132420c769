//! Senders of all channels, which share the circuit breakers and the concurrency limits of their providers.

use std::sync::Arc;

use crate::admission::AdmissionControl;
use crate::breakers::Breakers;
use crate::config::ConfigSnapshot;
use crate::links::Links;
use crate::paid_send::PaidSender;
use crate::push_send::PushSender;
use crate::token::TokenKeys;
use domain::breaker::{Host, OpenCircuits};
use domain::notification::Notification;
use domain::recipient::Recipient;

/// Senders of all channels.
#[derive(Debug)]
pub struct Senders {
    pub(crate) push: PushSender,
    pub(crate) paid: PaidSender,
    pub(crate) admission: Arc<AdmissionControl>,
    /// Keys that sign the links in messages.
    pub(crate) keys: TokenKeys,
}

impl Senders {
    /// Returns the sender of e-mails and SMS.
    #[must_use]
    pub const fn paid(&self) -> &PaidSender {
        &self.paid
    }

    /// Returns the circuit breakers of the providers' hosts.
    #[must_use]
    pub fn breakers(&self) -> &Breakers {
        self.admission.breakers()
    }

    /// Returns the builder of links, or `None` while the public base URL is not set.
    #[must_use]
    pub fn links<'a>(&'a self, config: &'a ConfigSnapshot) -> Option<Links<'a>> {
        config.links(&self.keys)
    }

    /// Returns the hosts of this notification whose circuit is open, each with the time until which this holds.
    pub(crate) fn open_circuits(&self, notification: &Notification, recipient: Option<&Recipient>) -> OpenCircuits {
        let devices = recipient.map(|recipient| recipient.devices.as_slice()).unwrap_or_default();
        let paid = notification.channels().iter().filter(|channel| channel.is_paid());
        let hosts =
            devices.iter().map(|device| Host::push(device.host())).chain(paid.map(|channel| Host::paid(*channel)));
        let open = hosts.filter_map(|host| Some((self.breakers().open_until(&host)?, host)));
        open.map(|(until, host)| (host, until)).collect()
    }
}
