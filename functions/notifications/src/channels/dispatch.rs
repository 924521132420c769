//! All providers in one place: what a notification becomes on each channel, and the one call that sends it.

use jiff::{SignedDuration, Timestamp};

use super::email::{EmailClient, EmailMessage};
use super::push::{PushClient, PushMessage, Subscription};
use super::sms::{SmsClient, SmsMessage};
use super::{Answer, Channel, Outcome, Rejection};
use crate::notification::Notification;
use crate::recipients::{Device, Recipient};
use crate::settings::Settings;

/// The three providers.
#[derive(Debug)]
pub struct Channels {
    /// Web push.
    pub push: PushClient,
    /// SES.
    pub email: EmailClient,
    /// SNS.
    pub sms: SmsClient,
}

/// A message on a paid channel, ready to be sent.
#[derive(Debug)]
pub enum PaidMessage {
    /// By SES.
    Email(EmailMessage),
    /// By SNS.
    Sms(SmsMessage),
}

impl PaidMessage {
    /// What sending it costs, in micro-euro.
    #[must_use]
    pub fn price_micros(&self, settings: &Settings) -> i64 {
        match self {
            Self::Email(_) => settings.prices.price_micros(Channel::Email, None, 1),
            Self::Sms(sms) => settings.prices.price_micros(Channel::Sms, sms.to.country(), sms.parts.parts),
        }
    }
}

impl Channels {
    /// Pushes to one device, for `patience` at most.
    pub async fn push(&self, device: &Device, about: &Notification, patience: SignedDuration, now: Timestamp) -> Answer {
        let endpoint = device.endpoint.expose();
        let subscription =
            Subscription::parse(endpoint, device.p256dh.expose(), device.auth.expose(), self.push.extra_origins());
        let Ok(subscription) = subscription else {
            // Stored before a rule became stricter, or an extra origin was taken back.
            let outcome = Outcome::Rejected { reason: Rejection::BadAddress };
            let provider = device.host().to_owned();
            return Answer { outcome, provider, status_code: None, latency_ms: 0, detail: None };
        };
        let message = PushMessage::of(about, now);
        let call = self.push.push(&subscription, &message, now);
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(0);
        match tokio::time::timeout(std::time::Duration::from_millis(patience_ms), call).await {
            Ok(answer) => answer,
            Err(_) => Answer {
                outcome: Outcome::RetryLater { after_ms: None },
                provider: device.host().to_owned(),
                status_code: None,
                latency_ms: patience_ms,
                detail: Some("timeout".to_owned()),
            },
        }
    }

    /// What the notification becomes on a paid channel; `None` when the recipient has no address there.
    #[must_use]
    pub fn compose(
        &self,
        channel: Channel,
        about: &Notification,
        to: &Recipient,
        settings: &Settings,
    ) -> Option<PaidMessage> {
        let (title, body) = (about.content.title.expose(), about.content.body.expose());
        let url = about.content.url.as_ref().map(|url| url.expose().as_str());
        match channel {
            Channel::Push => None,
            Channel::Email => {
                let from = self.email.sender().clone();
                let message = EmailMessage::new(from, to.email.clone()?, title, body, url, None);
                Some(PaidMessage::Email(message))
            }
            Channel::Sms => {
                let most_parts = settings.sms.max_parts;
                Some(PaidMessage::Sms(SmsMessage::new(to.phone.clone()?, title, body, url, most_parts)))
            }
        }
    }

    /// Sends on a paid channel: one call, never repeated here.
    pub async fn send(&self, message: &PaidMessage, about: &Notification, now: Timestamp) -> Answer {
        match message {
            PaidMessage::Email(email) => self.email.send(email, &about.id.to_string(), now).await,
            PaidMessage::Sms(sms) => self.sms.send(sms).await,
        }
    }
}
