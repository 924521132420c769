//! Clients of all providers: composes a notification for each channel and makes the one call that sends it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::ConfigSnapshot;
use crate::{Links, PushLinks, TokenKeys, with_token};
use channels::email::{EmailClient, EmailMessage};
use channels::push::{PayloadProblem, PushClient, PushContent, PushMessage};
use channels::sms::{SmsClient, SmsMessage, SmsRules};
use domain::channel::link::Link;
use domain::channel::push::{ExtraOrigins, Subscription, Topic};
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Notification, PushOptions};
use domain::recipient::{Device, Recipient};
use domain::settings::{Settings, SmsSettings};
use platform::private::Private;

/// Clients of the three providers.
#[derive(Debug)]
pub struct Channels {
    /// Web push.
    pub push: PushClient,
    /// Origins beside the known push services, exempt from the rules for other hosts.
    pub extra_origins: ExtraOrigins,
    /// SES.
    pub email: EmailClient,
    /// SNS.
    pub sms: SmsClient,
    /// Keys that sign the links in messages.
    pub keys: TokenKeys,
}

/// A composed message on a paid channel.
#[derive(Debug)]
pub enum PaidMessage {
    /// E-mail, by SES.
    Email(EmailMessage),
    /// SMS, by SNS.
    Sms(SmsMessage),
}

impl PaidMessage {
    /// Returns the channel of the message.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
        }
    }

    /// Returns the price of the message, in micro-euro.
    #[must_use]
    pub fn price_micros(&self, settings: &Settings) -> i64 {
        match self {
            Self::Email(_) => settings.prices.price_micros(Channel::Email, None, 1),
            Self::Sms(sms) => settings.prices.price_micros(Channel::Sms, sms.to.country(), sms.parts.parts),
        }
    }
}

impl Channels {
    /// Returns the builder of links, or `None` while the public base URL is not set.
    #[must_use]
    pub fn links<'a>(&'a self, live: &'a ConfigSnapshot) -> Option<Links<'a>> {
        live.public_base_url.as_ref().map(|base| Links::new(base, &self.keys))
    }

    /// Pushes to one device, for `patience` at most.
    pub async fn push(
        &self,
        device: &Device,
        about: &Notification,
        live: &ConfigSnapshot,
        patience: SignedDuration,
        now: Timestamp,
    ) -> Answer {
        let (endpoint, keys) = (device.endpoint.expose(), (device.p256dh.expose(), device.auth.expose()));
        let no = |reason| Answer {
            outcome: Outcome::Rejected { reason },
            provider: device.host().to_owned(),
            status_code: None,
            latency_ms: 0,
            detail: None,
        };
        // The device may have been stored before a rule became stricter, or before an extra origin was removed.
        let Ok(subscription) = Subscription::parse(endpoint, keys.0, keys.1, &self.extra_origins) else {
            return no(Rejection::BadAddress);
        };
        let links = self.links(live).map(|links| links.push(about, &device.device_id));
        let Ok(message) = with_links_if_they_fit(about, links, now) else {
            return no(Rejection::TooLarge);
        };
        let patience = Duration::from_millis(u64::try_from(patience.as_millis()).unwrap_or(0));
        self.push.push_within(&subscription, &message, now, patience).await
    }

    /// Composes the notification for a paid channel. Returns `None` if the recipient has no address on that channel.
    #[must_use]
    pub fn compose(
        &self,
        channel: Channel,
        about: &Notification,
        to: &Recipient,
        settings: &Settings,
        links: Option<Links<'_>>,
    ) -> Option<PaidMessage> {
        let click = links.and_then(|links| links.click(about, channel));
        let (title, body) = (about.content.title.expose(), about.content.body.expose());
        let own = about.content.url.as_ref().and_then(|url| Link::parse(url.expose()).ok());
        match channel {
            Channel::Push => None,
            Channel::Email => {
                let from = self.email.sender().clone();
                let unsubscribe = links.and_then(|links| links.unsubscribe(about));
                let link = click.as_ref().or(own.as_ref());
                let lang = about.content.lang.as_ref().map(|lang| lang.expose().as_str()).or(to.locale.as_deref());
                let message = EmailMessage::new(from, to.email.clone()?, title, body, link, unsubscribe, lang);
                Some(PaidMessage::Email(message))
            }
            Channel::Sms => {
                let links: Vec<Link> = click.into_iter().chain(own).collect();
                let SmsSettings { max_parts, plain_punctuation, .. } = settings.sms;
                let rules = SmsRules { max_parts, plain_punctuation };
                Some(PaidMessage::Sms(SmsMessage::new(to.phone.clone()?, title, body, &links, rules)))
            }
        }
    }

    /// Sends on a paid channel: one call, never repeated here.
    ///
    /// Returns the answer and, for an accepted SMS, its SNS message id.
    pub async fn send(
        &self,
        message: &PaidMessage,
        about: &Notification,
        settings: &Settings,
        now: Timestamp,
    ) -> (Answer, Option<String>) {
        match message {
            PaidMessage::Email(email) => (self.email.send(email, &about.id.to_string(), now).await, None),
            PaidMessage::Sms(sms) => self.sms.send(sms, Some(usd_micros(settings.sms.max_price_micros)), now).await,
        }
    }
}

/// Converts micro-euro into millionths of a US dollar, in which SNS takes its maximum price.
///
/// The rate is the one of the built-in prices: 0.92 EUR for 1 USD.
const fn usd_micros(euro_micros: u64) -> u64 {
    euro_micros.saturating_mul(100) / 92
}

/// Composes the web push for a notification. Its TTL is the rest of the notification's lifetime at `now`.
///
/// # Errors
/// If the message is larger than a push may be.
pub fn push_message(
    about: &Notification,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadProblem> {
    let id = about.id.to_string();
    let topic = match &about.topic {
        Some(topic) => Topic::of_caller(topic.expose()),
        None => Topic::of_notification(&id),
    };
    let for_page = |url: &Private<String>| match &links {
        Some(links) => Private::new(with_token(url.expose(), links.page_token.expose())),
        None => url.clone(),
    };
    let content = PushContent {
        notification_id: id,
        title: about.content.title.clone(),
        body: about.content.body.clone(),
        url: about.content.url.as_ref().map(for_page),
        icon: about.content.icon.clone(),
        data: about.content.data.clone(),
        options: PushOptions::new(&about.content, for_page),
        receipt: links.map(|links| Private::new(links.receipt)),
    };
    let ttl_seconds = u32::try_from(about.remaining(now).as_secs()).unwrap_or(u32::MAX);
    PushMessage::new(content, ttl_seconds, about.urgency, topic)
}

/// Composes a push with links, or without them if they do not fit.
///
/// A notification that was accepted before links existed may have no room for them.
fn with_links_if_they_fit(
    about: &Notification,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadProblem> {
    push_message(about, links, now).or_else(|_| push_message(about, None, now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use channels::push::MAX_PAYLOAD_BYTES;
    use domain::notification::sample;

    #[test]
    fn a_message_without_room_for_links_goes_out_without_them() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut about = sample("DEFAULT", now);
        let with_body = |about: &mut Notification, bytes: usize| about.content.body = "x".repeat(bytes).into();
        with_body(&mut about, 0);
        let overhead = push_message(&about, None, now).unwrap().payload().expose().len();
        with_body(&mut about, MAX_PAYLOAD_BYTES - overhead);
        assert!(push_message(&about, Some(PushLinks::longest()), now).is_err());
        let message = with_links_if_they_fit(&about, Some(PushLinks::longest()), now).unwrap();
        assert_eq!(message.payload().expose().len(), MAX_PAYLOAD_BYTES);
        with_body(&mut about, MAX_PAYLOAD_BYTES - overhead + 1);
        assert!(with_links_if_they_fit(&about, Some(PushLinks::longest()), now).is_err());
        with_body(&mut about, 10);
        let message = with_links_if_they_fit(&about, Some(PushLinks::longest()), now).unwrap();
        assert!(String::from_utf8_lossy(message.payload().expose()).contains("receipt"));
    }
}
