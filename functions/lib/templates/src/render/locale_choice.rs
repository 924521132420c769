//! Locale of each channel's text.

use domain::channel::Channel;

use super::CompiledTemplate;
use crate::locale::{language, lookup};
use crate::model::TemplateParts;

impl CompiledTemplate {
    /// Returns the locale whose part a recipient receives on a channel. `None` means that the template does not have
    /// the channel.
    #[must_use]
    pub fn locale_for(&self, channel: Channel, locale: &str) -> Option<&str> {
        let has = |parts: &TemplateParts| match channel {
            Channel::Push => parts.push.is_some(),
            Channel::Email => parts.email.is_some(),
            Channel::Sms => parts.sms.is_some(),
        };
        let available = self.draft().parts.iter().filter(|(_, parts)| has(parts)).map(|(locale, _)| locale.as_str());
        lookup(locale, available.clone())
            .or_else(|| available.clone().find(|known| *known == self.draft().default_locale))
    }

    /// Returns `true` if the text of a channel for a locale has another language, because the template has none in
    /// that language. Returns `false` for a channel without a text.
    #[must_use]
    pub fn lacks_language(&self, channel: Channel, locale: &str) -> bool {
        let used = self.locale_for(channel, locale);
        used.is_some_and(|used| !language(used).eq_ignore_ascii_case(language(locale)))
    }
}
