//! Recipient, values and limits of one rendering.

use domain::notification::Content;
use jiff::tz::TimeZone;
use platform::private::Private;

use crate::variables::VariableValues;

/// Limits of the texts of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Maximum size of an e-mail's HTML and text together, in bytes.
    pub email_bytes: usize,
    /// Maximum size of every other text, in bytes.
    pub text_bytes: usize,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self { email_bytes: 500_000, text_bytes: Content::MAX_BYTES }
    }
}

/// Links of one message that the service provides as variables.
#[derive(Debug, Clone, Default)]
pub struct ServiceLinks {
    /// Page for unsubscribing.
    pub unsubscribe_url: Option<Private<String>>,
    /// Page for choosing channels and types.
    pub preferences_url: Option<Private<String>>,
}

/// Recipient and values of one rendering.
#[derive(Debug, Clone, Copy)]
pub struct RenderRequest<'a> {
    /// Recipient's locale.
    pub locale: &'a str,
    /// Recipient's time zone.
    pub zone: &'a TimeZone,
    /// Values of the variables.
    pub values: &'a VariableValues,
    /// Links of the message.
    pub links: &'a ServiceLinks,
    /// Adds a footer with the unsubscribe link to an e-mail that lacks the link.
    pub needs_unsubscribe: bool,
    /// Limits of the texts.
    pub limits: RenderLimits,
}
