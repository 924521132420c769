//! Length limits for a message's link. A long link is accepted if a click link can replace it, and refused otherwise.

use crate::links::PublicBaseUrl;
use channels::sms::{clamped, parts};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::settings::Settings;

/// Maximum length of a link in an e-mail; mail programs break longer ones.
const MAX_EMAIL_BYTES: usize = 2_000;

/// Limits for links on the paid channels, by the settings of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkLimits {
    /// Click link at its full length, with a placeholder for its token.
    click_link: Option<String>,
    max_parts: u32,
}

/// Reason for which a channel can carry neither a link nor a click link in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkLengthError {
    /// The link is too long for an e-mail, and there are no click links.
    #[error("must have at most 2,000 characters, once encoded, to go by e-mail without click links")]
    Email,
    /// The link is too long for an SMS of this number of parts, and there are no click links.
    #[error("does not fit into an SMS of at most {0} parts, once encoded, without click links")]
    Sms(u32),
    /// The link is too long for an SMS of this number of parts, and so is its click link.
    #[error("does not fit into an SMS of at most {0} parts, once encoded, and so does its click link")]
    SmsClickLink(u32),
}

impl LinkLimits {
    /// Creates the limits from these settings, with click links below `base`.
    #[must_use]
    pub fn new(base: Option<&PublicBaseUrl>, settings: &Settings) -> Self {
        Self { click_link: base.map(PublicBaseUrl::longest_click), max_parts: clamped(settings.sms.max_parts) }
    }

    /// Checks that each of the channels can carry this link, or a click link in its place.
    ///
    /// # Errors
    /// Returns the reason why a channel can carry neither.
    pub fn check(&self, link: &Link, channels: &[Channel]) -> Result<(), LinkLengthError> {
        let fits = |link: &str| parts(link).parts <= self.max_parts;
        let own = link.as_str();
        if channels.contains(&Channel::Email) && own.len() > MAX_EMAIL_BYTES && self.click_link.is_none() {
            return Err(LinkLengthError::Email);
        }
        if channels.contains(&Channel::Sms) && !fits(own) && !self.click_link.as_deref().is_some_and(fits) {
            let has_click_links = self.click_link.is_some();
            let error = if has_click_links { LinkLengthError::SmsClickLink } else { LinkLengthError::Sms };
            return Err(error(self.max_parts));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn error(bytes: usize, channels: &[Channel], base: Option<&str>, max_parts: u32) -> Option<LinkLengthError> {
        let mut settings = Settings::default();
        settings.sms.max_parts = max_parts;
        let link = Link::parse(&format!("https://example.org/{}", "a".repeat(bytes - 20))).unwrap();
        let base = base.map(|base| PublicBaseUrl::parse(base).unwrap());
        LinkLimits::new(base.as_ref(), &settings).check(&link, channels).err()
    }

    #[test]
    fn a_click_link_stands_for_a_link_of_any_length() {
        assert_eq!(error(3_000, &Channel::ALL, Some("https://notify.example.com"), 1), None);
        let long_base = format!("https://example.com/{}", "a".repeat(100));
        assert_eq!(error(3_000, &Channel::ALL, Some(&long_base), 2), None);
        assert_eq!(error(161, &Channel::ALL, Some(&long_base), 1), Some(LinkLengthError::SmsClickLink(1)));
        assert!(LinkLengthError::SmsClickLink(1).to_string().contains("at most 1 parts"));
        assert_eq!(error(160, &Channel::ALL, Some(&long_base), 1), None);
    }

    #[test]
    fn without_click_links_each_channel_has_its_limit() {
        assert_eq!(error(2_000, &[Channel::Push, Channel::Email], None, 3), None);
        assert_eq!(error(2_001, &[Channel::Push, Channel::Email], None, 3), Some(LinkLengthError::Email));
        assert_eq!(error(459, &Channel::ALL, None, 3), None);
        assert_eq!(error(460, &Channel::ALL, None, 3), Some(LinkLengthError::Sms(3)));
        assert_eq!(error(3_000, &[Channel::Push], None, 3), None);
    }
}
