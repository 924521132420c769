//! MIME message with a text part and an HTML part (RFC 2046 section 5.1.4), built from a notification.

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::url::URL;
use mail_builder::mime::MimePart;

use super::sender::Sender;
use super::{header, html};
use domain::channel::EmailAddress;
use domain::channel::link::Link;
use domain::text;
use platform::private::Private;

/// Maximum length of a subject, in characters.
pub const MAX_SUBJECT_CHARS: usize = 200;

/// One e-mail to one recipient. No field can start a header or close an HTML element.
#[derive(Debug, Clone)]
pub struct EmailMessage {
    /// Sender, with an address that SES must have verified.
    pub from: Sender,
    /// The only recipient.
    pub to: EmailAddress,
    /// One line of at most [`MAX_SUBJECT_CHARS`] characters.
    pub subject: Private<String>,
    /// Text part, with lines ended by `\n`.
    pub text: Private<String>,
    /// HTML part.
    pub html: Private<String>,
    /// Link for one-click unsubscribing (RFC 8058).
    pub list_unsubscribe: Option<Link>,
}

impl EmailMessage {
    /// Composes the message for a notification's content, in the language `lang` if it is known.
    ///
    /// Title and body are cleaned, and a long title is cut with `…`.
    #[must_use]
    pub fn new(
        from: impl Into<Sender>,
        to: EmailAddress,
        title: &str,
        body: &str,
        link: Option<&Link>,
        list_unsubscribe: Option<Link>,
        lang: Option<&str>,
    ) -> Self {
        let title = text::one_line(title);
        let body = text::lines(body);
        let html = html::page(&title, &body, link, list_unsubscribe.as_ref(), lang);
        let opt_out = list_unsubscribe.as_ref().map(|link| format!("Unsubscribe: {}", link.as_str()));
        let link = link.map(Link::as_str);
        let subject = text::shortened(&title, MAX_SUBJECT_CHARS).unwrap_or_else(|| title.clone());
        let text = [Some(title.as_str()), Some(body.as_str()), link, opt_out.as_deref()];
        let text: Vec<&str> = text.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Self {
            from: from.into(),
            to,
            subject: Private::new(subject),
            text: Private::new(text.join("\n\n") + "\n"),
            html: Private::new(html),
            list_unsubscribe,
        }
    }

    /// Creates a message from texts that a template gave. They are not cleaned again: the text part has marks that keep
    /// values from becoming links.
    #[must_use]
    pub fn rendered(
        from: impl Into<Sender>,
        to: EmailAddress,
        subject: Private<String>,
        html: Private<String>,
        text: Private<String>,
        list_unsubscribe: Option<Link>,
    ) -> Self {
        Self { from: from.into(), to, subject, text, html, list_unsubscribe }
    }

    /// Returns the message in MIME format. `notification_id` gives the `Message-ID`, and `now` the `Date`.
    ///
    /// SES replaces both headers when it sends the message.
    #[must_use]
    pub fn to_mime(&self, notification_id: &str, now: Timestamp) -> Vec<u8> {
        let id: String = notification_id.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        let (text, html) = (self.text.expose().as_str(), self.html.expose().as_str());
        let parts = vec![MimePart::new("text/plain", text), MimePart::new("text/html", html)];
        let alternative = ContentType::new("multipart/alternative").attribute("boundary", self.boundary(&id));
        let addressed = MessageBuilder::new().header("From", Raw::new(self.from.header())).to(self.to.as_str());
        let titled = match header::encoded(self.subject.expose()) {
            Some(words) => addressed.header("Subject", Raw::new(words)),
            None => addressed.subject(self.subject.expose().as_str()),
        };
        let mut message = titled
            .message_id(format!("{id}@{}", self.from.address.domain()))
            .date(Date::new(now.as_second()))
            // RFC 3834: prevents out-of-office answers.
            .header("Auto-Submitted", Raw::new("auto-generated"));
        if let Some(link) = &self.list_unsubscribe {
            message = message.header("List-Unsubscribe", URL::new(link.as_str()));
            if link.is_https() {
                message = message.header("List-Unsubscribe-Post", Raw::new("List-Unsubscribe=One-Click"));
            }
        }
        let mut mime = Vec::new();
        message.body(MimePart::new(alternative, parts)).serialize(&mut mime);
        mime
    }

    /// Returns the boundary of the parts. The same message always gives the same boundary.
    ///
    /// Neither part contains the boundary, so that content cannot end a part early.
    fn boundary(&self, id: &str) -> String {
        let mut boundary = format!("=_{}", id.chars().take(40).collect::<String>());
        while self.text.expose().contains(&boundary) || self.html.expose().contains(&boundary) {
            boundary.push('+');
        }
        boundary
    }
}

#[cfg(test)]
mod tests;
