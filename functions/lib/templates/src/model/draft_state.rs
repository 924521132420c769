//! State of a draft beside its texts: the sample data, and the times at which the texts were written.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{TemplateDraft, TemplateParts};
use crate::engine::syntax_finding;
use crate::finding::Finding;

/// Channels of a template.
const CHANNELS: [&str; 3] = ["push", "email", "sms"];

/// Text of a locale and a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextPlace {
    /// Locale.
    pub locale: String,
    /// Channel.
    pub channel: &'static str,
}

impl TextPlace {
    /// Returns the name of the text, such as `it.push`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.locale, self.channel)
    }
}

impl TemplateDraft {
    /// Returns a finding for each e-mail whose HTML was not made of its MJML when the draft was stored.
    #[must_use]
    pub fn without_html(&self) -> Vec<Finding> {
        let emails = self.parts.iter().filter_map(|(locale, parts)| Some((locale, parts.email.as_ref()?)));
        let open = emails.filter(|(_, email)| email.html.is_none());
        let finding = |(locale, mjml): (&String, &String)| {
            let path = format!("parts.{locale}.email.mjml");
            let message = "is not valid MJML, or becomes too large: a preview names the line and column";
            syntax_finding(&path, mjml).unwrap_or_else(|| Finding::new(path, message))
        };
        open.filter_map(|(locale, email)| Some((locale, email.mjml.as_ref()?))).map(finding).collect()
    }

    /// Returns the places of all texts.
    pub fn texts(&self) -> impl Iterator<Item = TextPlace> {
        self.parts.iter().flat_map(|(locale, parts)| {
            let own = CHANNELS.into_iter().filter(|channel| has(parts, channel));
            own.map(|channel| TextPlace { locale: locale.clone(), channel })
        })
    }

    /// Returns the draft with the times of its texts. A text that is as in `old` keeps its time, unless it is
    /// `reviewed`.
    #[must_use]
    pub fn written_after(mut self, old: Option<&Self>, reviewed: Option<&str>, now: Timestamp) -> Self {
        let time = |place: TextPlace| {
            let name = place.name();
            let old = old.filter(|old| is_same_text(old, &self, &place) && reviewed != Some(name.as_str()));
            let time = old.map_or(Some(now), |old| old.written_at.get(&name).copied());
            time.map(|time| (name, time))
        };
        self.written_at = self.texts().filter_map(time).collect();
        self
    }

    /// Returns the texts that are older than the text of the default locale on the same channel. A text without a time
    /// was written before there were times.
    #[must_use]
    pub fn outdated(&self) -> Vec<TextPlace> {
        let written = |locale: &str, channel: &'static str| {
            self.written_at.get(&TextPlace { locale: locale.to_owned(), channel }.name()).copied()
        };
        let is_older = |place: &TextPlace| {
            let source = written(&self.default_locale, place.channel);
            source.is_some_and(|source| written(&place.locale, place.channel).is_none_or(|own| own < source))
        };
        self.texts().filter(|place| place.locale != self.default_locale && is_older(place)).collect()
    }

    /// Returns the draft as a version stores it: without sample data and times.
    #[must_use]
    pub fn for_version(mut self) -> Self {
        self.sample = None;
        self.written_at.clear();
        self
    }

    /// Returns the values of previews and test sends: the sample data, and the examples of the schema where it has
    /// none.
    #[must_use]
    pub fn sample_values(&self) -> Map<String, Value> {
        let mut values = self.variables.examples(true).as_object().cloned().unwrap_or_default();
        values.extend(self.sample.clone().unwrap_or_default());
        values
    }
}

fn has(parts: &TemplateParts, channel: &str) -> bool {
    match channel {
        "push" => parts.push.is_some(),
        "email" => parts.email.is_some(),
        _ => parts.sms.is_some(),
    }
}

fn is_same_text(one: &TemplateDraft, other: &TemplateDraft, place: &TextPlace) -> bool {
    let (Some(one), Some(other)) = (one.parts.get(&place.locale), other.parts.get(&place.locale)) else { return false };
    match place.channel {
        "push" => one.push == other.push,
        "email" => one.email == other.email,
        _ => one.sms == other.sms,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(en: &str, it: &str) -> TemplateDraft {
        let text = |text: &str| json!({"push": {"title": "T", "body": text}, "sms": {"text": "S"}});
        TemplateDraft::parse(&json!({"title": "Welcome", "default_locale": "en",
            "variables": {"properties": {"name": {"type": "string", "example": "Ada"}, "days": {"type": "number"}}},
            "sample": {"name": "Bob"}, "parts": {"en": text(en), "it": text(it)}}))
        .unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn outdated(draft: &TemplateDraft) -> Vec<String> {
        draft.outdated().iter().map(TextPlace::name).collect()
    }

    #[test]
    fn a_text_is_outdated_until_it_is_written_or_reviewed() {
        let first = draft("a", "b").written_after(None, None, at(1));
        assert_eq!(outdated(&first), [""; 0]);
        let changed = draft("new", "b").written_after(Some(&first), None, at(2));
        assert_eq!(outdated(&changed), ["it.push"], "the text of SMS did not change");
        let stored = TemplateDraft::parse_stored(&json!(changed)).unwrap();
        assert_eq!(stored, changed);
        let reviewed = draft("new", "b").written_after(Some(&stored), Some("it.push"), at(3));
        assert_eq!((outdated(&reviewed), reviewed.written_at["en.push"]), (vec![], at(2)));
        let written = draft("new", "nuovo").written_after(Some(&stored), None, at(3));
        assert_eq!(outdated(&written), [""; 0]);
        // A draft of an earlier release has no times.
        let of_earlier = draft("new", "b").written_after(Some(&draft("a", "b")), None, at(4));
        assert_eq!(outdated(&of_earlier), ["it.push"]);
    }

    #[test]
    fn a_version_has_neither_sample_nor_times() {
        let draft = draft("a", "b").written_after(None, None, at(1));
        assert_eq!(draft.sample_values()["name"], "Bob");
        assert!(draft.sample_values().contains_key("days") == draft.variables.examples(true).get("days").is_some());
        let version = json!(draft.for_version());
        assert!(version.get("sample").is_none() && version.get("written_at").is_none(), "{version}");
    }
}
