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

impl LinkLimits {
    /// Creates the limits from these settings, with click links below `base`.
    #[must_use]
    pub fn new(base: Option<&PublicBaseUrl>, settings: &Settings) -> Self {
        Self { click_link: base.map(PublicBaseUrl::longest_click), max_parts: clamped(settings.sms.max_parts) }
    }

    /// Returns the reason why one of the channels can carry neither this link nor a click link in its place.
    #[must_use]
    pub fn fault(&self, link: &Link, channels: &[Channel]) -> Option<String> {
        let fits = |link: &str| parts(link).parts <= self.max_parts;
        let own = link.as_str();
        if channels.contains(&Channel::Email) && own.len() > MAX_EMAIL_BYTES && self.click_link.is_none() {
            return Some(
                "must have at most 2,000 characters, once encoded, to go by e-mail without click links".to_owned(),
            );
        }
        if channels.contains(&Channel::Sms) && !fits(own) && !self.click_link.as_deref().is_some_and(fits) {
            let with = if self.click_link.is_some() { "and so does its click link" } else { "without click links" };
            return Some(format!("does not fit into an SMS of at most {} parts, once encoded, {with}", self.max_parts));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fault(bytes: usize, channels: &[Channel], base: Option<&str>, max_parts: u32) -> Option<String> {
        let mut settings = Settings::default();
        settings.sms.max_parts = max_parts;
        let link = Link::parse(&format!("https://example.org/{}", "a".repeat(bytes - 20))).unwrap();
        let base = base.map(|base| PublicBaseUrl::parse(base).unwrap());
        LinkLimits::new(base.as_ref(), &settings).fault(&link, channels)
    }

    #[test]
    fn a_click_link_stands_for_a_link_of_any_length() {
        assert_eq!(fault(3_000, &Channel::ALL, Some("https://notify.example.com"), 1), None);
        let long_base = format!("https://example.com/{}", "a".repeat(100));
        assert_eq!(fault(3_000, &Channel::ALL, Some(&long_base), 2), None);
        assert!(fault(161, &Channel::ALL, Some(&long_base), 1).unwrap().contains("at most 1 parts"));
        assert_eq!(fault(160, &Channel::ALL, Some(&long_base), 1), None);
    }

    #[test]
    fn without_click_links_each_channel_has_its_limit() {
        assert_eq!(fault(2_000, &[Channel::Push, Channel::Email], None, 3), None);
        assert!(fault(2_001, &[Channel::Push, Channel::Email], None, 3).unwrap().contains("e-mail"));
        assert_eq!(fault(459, &Channel::ALL, None, 3), None);
        assert!(fault(460, &Channel::ALL, None, 3).unwrap().contains("SMS"));
        assert_eq!(fault(3_000, &[Channel::Push], None, 3), None);
    }
}
