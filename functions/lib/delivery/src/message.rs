//! Composition of a notification's message for each channel.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::compose_error::ComposeError;
use crate::links::{Links, PushLinks, has_token, with_token};
use crate::template_text::TemplateText;
use channels::email::{EmailMessage, Sender};
use channels::push::{PayloadError, PushContent, PushMessage};
use channels::sms::{SmsMessage, SmsRules};
use domain::channel::link::Link;
use domain::channel::push::Topic;
use domain::channel::{Channel, EmailAddress, PhoneNumber};
use domain::notification::{Content, Notification, NotificationId, NotificationMessage, PushOptions, Urgency};
use domain::recipient::Recipient;
use domain::settings::{Settings, SmsSettings};
use platform::private::Private;
use templates::CompiledTemplate;

/// A composed message on a paid channel.
#[derive(Debug)]
pub enum PaidMessage {
    /// E-mail, by SES.
    Email(EmailMessage),
    /// SMS, by SNS.
    Sms(SmsMessage),
}

/// Composes one notification's messages. Preview, explain and send use it alike.
#[derive(Debug, Clone, Copy)]
pub struct Composer<'a> {
    /// The notification.
    pub notification: &'a Notification,
    /// The version that the notification names; `None` for a content, or if the version cannot be used.
    pub template: Option<&'a CompiledTemplate>,
    /// Settings in force.
    pub settings: &'a Settings,
    /// Builder of the links.
    pub links: Option<Links<'a>>,
}

/// Addresses and language of a recipient.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// E-mail address.
    pub email: Option<&'a EmailAddress>,
    /// Phone number.
    pub phone: Option<&'a PhoneNumber>,
    /// Language as a BCP 47 tag.
    pub locale: Option<&'a str>,
}

impl<'a> From<&'a Recipient> for Addressee<'a> {
    fn from(recipient: &'a Recipient) -> Self {
        let Recipient { email, phone, locale, .. } = recipient;
        Self { email: email.as_ref(), phone: phone.as_ref(), locale: locale.as_deref() }
    }
}

impl<'a> Composer<'a> {
    /// Returns the content of the push: the caller's own, or the template's.
    ///
    /// # Errors
    /// If the template does not give one.
    pub fn push_content(&self) -> Result<Cow<'a, Content>, ComposeError> {
        match self.notification.message() {
            NotificationMessage::Content(content) => Ok(Cow::Borrowed(content)),
            NotificationMessage::Template(_) => Ok(Cow::Owned(self.text()?.push()?.content)),
        }
    }

    /// Returns the content of the push if it fits into a push.
    ///
    /// # Errors
    /// If the message does not give one that fits.
    pub fn fitting_push_content(&self) -> Result<Cow<'a, Content>, ComposeError> {
        let (about, content) = (self.notification, self.push_content()?);
        // A content was checked when it was accepted. A template may be longer in the recipient's locale.
        if about.message().template().is_some() {
            push_message(about, &content, None, about.due_at()).map_err(|_| ComposeError::TooLong)?;
        }
        Ok(content)
    }

    /// Composes the push as a device receives it, with its content.
    ///
    /// # Errors
    /// If the template does not give one that fits.
    pub fn push(&self) -> Result<(Cow<'a, Content>, PushMessage), ComposeError> {
        let (about, content) = (self.notification, self.push_content()?);
        let links = self.links.map(|links| links.push(about, ""));
        let push = push_message_that_fits(about, &content, links, about.due_at());
        Ok((content, push.map_err(|_| ComposeError::TooLong)?))
    }

    /// Composes the notification for a paid channel.
    ///
    /// # Errors
    /// If the recipient has no address on that channel, or the template gives no message that can be sent.
    pub fn paid<'b>(
        &self,
        channel: Channel,
        to: impl Into<Addressee<'b>>,
        sender: &Sender,
    ) -> Result<PaidMessage, ComposeError> {
        let to = to.into();
        match self.notification.message() {
            NotificationMessage::Content(content) => self.paid_content(channel, content, to, sender),
            NotificationMessage::Template(_) => self.paid_template(channel, to, sender),
        }
    }

    /// Returns the renderer of the notification's template.
    ///
    /// # Errors
    /// If the version cannot be used.
    pub fn text(&self) -> Result<TemplateText<'a>, ComposeError> {
        let used = self.notification.message().template();
        let (used, template) = used.zip(self.template).ok_or(ComposeError::NoTemplate)?;
        let rules = self.settings.types.rules_of(self.notification.type_id());
        Ok(TemplateText { notification: self.notification, used, template, links: self.links, class: rules.class })
    }

    fn paid_content(
        &self,
        channel: Channel,
        content: &Content,
        to: Addressee<'_>,
        sender: &Sender,
    ) -> Result<PaidMessage, ComposeError> {
        let click = self.links.and_then(|links| links.click(self.notification, channel));
        let (title, body) = (content.title.expose(), content.body.expose());
        let own = content.url.as_ref().and_then(|url| Link::parse(url.expose()).ok());
        match channel {
            Channel::Push => Err(ComposeError::NoAddress),
            Channel::Email => {
                let link = click.as_ref().or(own.as_ref());
                let lang = content.lang.as_ref().map(|lang| lang.expose().as_str()).or(to.locale);
                let address = to.email.cloned().ok_or(ComposeError::NoAddress)?;
                let unsubscribe = self.unsubscribe();
                Ok(PaidMessage::Email(EmailMessage::new(sender.clone(), address, title, body, link, unsubscribe, lang)))
            }
            Channel::Sms => {
                // Only a redirect from the click link replaces `{token}`.
                let own = own.filter(|own| click.is_none() || !has_token(own.as_str()));
                let links: Vec<Link> = click.into_iter().chain(own).collect();
                let phone = to.phone.cloned().ok_or(ComposeError::NoAddress)?;
                Ok(PaidMessage::Sms(SmsMessage::new(phone, title, body, &links, self.sms_rules())))
            }
        }
    }

    fn paid_template(&self, channel: Channel, to: Addressee<'_>, sender: &Sender) -> Result<PaidMessage, ComposeError> {
        let text = self.text()?;
        match channel {
            Channel::Push => Err(ComposeError::NoAddress),
            Channel::Email => {
                let address = to.email.cloned().ok_or(ComposeError::NoAddress)?;
                let email = text.email()?;
                let unsubscribe = self.unsubscribe();
                Ok(PaidMessage::Email(EmailMessage::rendered(
                    sender.clone(),
                    address,
                    email.subject,
                    email.html,
                    email.text,
                    unsubscribe,
                )))
            }
            Channel::Sms => {
                let phone = to.phone.cloned().ok_or(ComposeError::NoAddress)?;
                let composed = |text: Private<String>| SmsMessage::rendered(phone.clone(), &text, self.sms_rules());
                let with_click = composed(text.sms(true)?.text);
                let is_shortest = with_click.as_ref().is_some_and(|message| message.parts.parts == 1);
                // A click link may be longer than the link for which it stands. Only its redirect replaces `{token}`.
                let own = || self.notification.message().link().filter(|own| has_token(own.as_str()));
                let needs_click = || self.links.is_some() && own().is_some();
                let with_own = if is_shortest || needs_click() { None } else { composed(text.sms(false)?.text) };
                let cheapest = with_click.into_iter().chain(with_own).min_by_key(|message| message.parts.parts);
                cheapest.map(PaidMessage::Sms).ok_or(ComposeError::TooLong)
            }
        }
    }

    fn unsubscribe(&self) -> Option<Link> {
        self.links.and_then(|links| links.unsubscribe(self.notification))
    }

    const fn sms_rules(&self) -> SmsRules {
        let SmsSettings { max_parts, plain_punctuation, .. } = self.settings.sms;
        SmsRules { max_parts, plain_punctuation }
    }
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

/// Composes the web push for a notification with this content. Its TTL is the rest of the notification's lifetime at
/// `now`.
///
/// # Errors
/// If the message is larger than a push may be.
pub fn push_message(
    notification: &Notification,
    content: &Content,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadError> {
    let id = notification.id().to_string();
    let topic = match notification.topic() {
        Some(topic) => Topic::of_caller(topic.expose()),
        None => Topic::of_notification(&id),
    };
    let content = payload_content(id, content, links);
    let ttl_seconds = u32::try_from(notification.remaining(now).as_secs()).unwrap_or(u32::MAX);
    PushMessage::new(content, ttl_seconds, notification.urgency(), topic)
}

fn payload_content(notification_id: String, content: &Content, links: Option<PushLinks>) -> PushContent {
    let for_page = |url: &Private<String>| match &links {
        Some(links) => Private::new(with_token(url.expose(), links.page_token.expose())),
        None => url.clone(),
    };
    PushContent {
        notification_id,
        title: content.title.clone(),
        body: content.body.clone(),
        url: content.url.as_ref().map(for_page),
        icon: content.icon.clone(),
        data: content.data.clone(),
        options: PushOptions::new(content, for_page),
        receipt: links.map(|links| Private::new(links.receipt)),
    }
}

/// Returns the reason for which no push can carry a content: it is too large with an id and the longest links. An id
/// has always the same length.
#[must_use]
pub fn push_content_error(content: &Content) -> Option<PayloadError> {
    let id = "x".repeat(NotificationId::CHARS);
    let topic = Topic::of_notification(&id);
    let content = payload_content(id, content, Some(PushLinks::longest()));
    PushMessage::new(content, 0, Urgency::default(), topic).err()
}

/// Composes a push with links, or without them if they do not fit.
///
/// A notification that was accepted before links existed may have no room for them.
pub(crate) fn push_message_that_fits(
    notification: &Notification,
    content: &Content,
    links: Option<PushLinks>,
    now: Timestamp,
) -> Result<PushMessage, PayloadError> {
    push_message(notification, content, links, now).or_else(|_| push_message(notification, content, None, now))
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
        let about = sample("DEFAULT", now);
        let content = about.message().content().unwrap();
        let with_body = |bytes: usize| Content { body: "x".repeat(bytes).into(), ..content.clone() };
        let overhead = push_message(&about, &with_body(0), None, now).unwrap().payload().expose().len();
        let full = with_body(MAX_PAYLOAD_BYTES - overhead);
        assert!(push_message(&about, &full, Some(PushLinks::longest()), now).is_err());
        let message = push_message_that_fits(&about, &full, Some(PushLinks::longest()), now).unwrap();
        assert_eq!(message.payload().expose().len(), MAX_PAYLOAD_BYTES);
        let too_long = with_body(MAX_PAYLOAD_BYTES - overhead + 1);
        assert!(push_message_that_fits(&about, &too_long, Some(PushLinks::longest()), now).is_err());
        let short = with_body(10);
        let message = push_message_that_fits(&about, &short, Some(PushLinks::longest()), now).unwrap();
        assert!(String::from_utf8_lossy(message.payload().expose()).contains("receipt"));
    }
}
