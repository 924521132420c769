//! Composition of a notification's message for each channel.

use jiff::Timestamp;

use crate::links::{Links, PushLinks, with_token};
use channels::email::{EmailMessage, Sender};
use channels::push::{PayloadProblem, PushContent, PushMessage};
use channels::sms::{SmsMessage, SmsRules};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::channel::push::Topic;
use domain::notification::{Notification, PushOptions};
use domain::recipient::Recipient;
use domain::settings::{Settings, SmsSettings};
use platform::private::Private;

/// A composed message on a paid channel.
#[derive(Debug)]
pub enum PaidMessage {
    /// E-mail, by SES.
    Email(EmailMessage),
    /// SMS, by SNS.
    Sms(SmsMessage),
}

impl PaidMessage {
    /// Composes the notification for a paid channel. Returns `None` if the recipient has no address on that channel.
    pub(crate) fn compose(
        channel: Channel,
        notification: &Notification,
        to: &Recipient,
        settings: &Settings,
        links: Option<Links<'_>>,
        sender: &Sender,
    ) -> Option<Self> {
        let content = notification.content();
        let click = links.and_then(|links| links.click(notification, channel));
        let (title, body) = (content.title.expose(), content.body.expose());
        let own = content.url.as_ref().and_then(|url| Link::parse(url.expose()).ok());
        match channel {
            Channel::Push => None,
            Channel::Email => {
                let unsubscribe = links.and_then(|links| links.unsubscribe(notification));
                let link = click.as_ref().or(own.as_ref());
                let lang = content.lang.as_ref().map(|lang| lang.expose().as_str()).or(to.locale.as_deref());
                let address = to.email.clone()?;
                Some(Self::Email(EmailMessage::new(sender.clone(), address, title, body, link, unsubscribe, lang)))
            }
            Channel::Sms => {
                let links: Vec<Link> = click.into_iter().chain(own).collect();
                let SmsSettings { max_parts, plain_punctuation, .. } = settings.sms;
                let rules = SmsRules { max_parts, plain_punctuation };
                Some(Self::Sms(SmsMessage::new(to.phone.clone()?, title, body, &links, rules)))
            }
        }
    }

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

/// Composes the web push for a notification. Its TTL is the rest of the notification's lifetime at `now`.
///
/// # Errors
/// If the message is larger than a push may be.
pub fn push_message(
    notification: &Notification,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadProblem> {
    let id = notification.id().to_string();
    let topic = match notification.topic() {
        Some(topic) => Topic::of_caller(topic.expose()),
        None => Topic::of_notification(&id),
    };
    let for_page = |url: &Private<String>| match &links {
        Some(links) => Private::new(with_token(url.expose(), links.page_token.expose())),
        None => url.clone(),
    };
    let content = PushContent {
        notification_id: id,
        title: notification.content().title.clone(),
        body: notification.content().body.clone(),
        url: notification.content().url.as_ref().map(for_page),
        icon: notification.content().icon.clone(),
        data: notification.content().data.clone(),
        options: PushOptions::new(notification.content(), for_page),
        receipt: links.map(|links| Private::new(links.receipt)),
    };
    let ttl_seconds = u32::try_from(notification.remaining(now).as_secs()).unwrap_or(u32::MAX);
    PushMessage::new(content, ttl_seconds, notification.urgency(), topic)
}

/// Composes a push with links, or without them if they do not fit.
///
/// A notification that was accepted before links existed may have no room for them.
pub(crate) fn push_message_that_fits(
    notification: &Notification,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadProblem> {
    push_message(notification, links, now).or_else(|_| push_message(notification, None, now))
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
        let with_body =
            |about: &mut Notification, bytes: usize| about.parts_mut().request.content.body = "x".repeat(bytes).into();
        with_body(&mut about, 0);
        let overhead = push_message(&about, None, now).unwrap().payload().expose().len();
        with_body(&mut about, MAX_PAYLOAD_BYTES - overhead);
        assert!(push_message(&about, Some(PushLinks::longest()), now).is_err());
        let message = push_message_that_fits(&about, Some(PushLinks::longest()), now).unwrap();
        assert_eq!(message.payload().expose().len(), MAX_PAYLOAD_BYTES);
        with_body(&mut about, MAX_PAYLOAD_BYTES - overhead + 1);
        assert!(push_message_that_fits(&about, Some(PushLinks::longest()), now).is_err());
        with_body(&mut about, 10);
        let message = push_message_that_fits(&about, Some(PushLinks::longest()), now).unwrap();
        assert!(String::from_utf8_lossy(message.payload().expose()).contains("receipt"));
    }
}
