//! Text of an SMS: as few parts as possible. Words may be cut, but a link is never cut.

use super::parts::{Encoding, SmsParts, parts};
use super::wording;
use domain::channel::PhoneNumber;
use domain::channel::link::Link;
use domain::settings::MAX_SMS_PARTS;
use domain::text;
use platform::private::Private;

/// Maximum number of parts of a text unless the settings set another one.
pub const DEFAULT_MAX_PARTS: u32 = 3;

/// Rules of the settings for every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsRules {
    /// Maximum number of parts of one message, clamped to 1 to 5.
    pub max_parts: u32,
    /// Replaces typographic quotes, dashes and the like by plain ones if the text can then be sent as GSM-7.
    pub plain_punctuation: bool,
}

/// One SMS to one phone.
#[derive(Debug, Clone)]
pub struct SmsMessage {
    /// The only recipient.
    pub to: PhoneNumber,
    /// The text as sent.
    pub text: Private<String>,
    /// Encoding and number of parts of the text.
    pub parts: SmsParts,
}

impl SmsMessage {
    /// Composes `title: body link` with one of the `links`, which lead to the same place, in order of preference.
    ///
    /// A text that keeps some words is preferred. Among such texts, the fewest parts win, then the fewest characters
    /// cut. A text that is too long is cut at the end of the body, at a word or between visible characters. An
    /// ellipsis that does not change the encoding is added. If no link leaves room for words, a link is sent alone.
    #[must_use]
    pub fn new(to: PhoneNumber, title: &str, body: &str, links: &[Link], rules: SmsRules) -> Self {
        let max_parts = clamped(rules.max_parts);
        let wordings = wording::of(title, body, rules.plain_punctuation);
        let alone = || links.iter().map(Link::as_str).filter(|link| parts(link).parts <= max_parts);
        let text = best(&wordings, links.iter().map(|link| format!(" {}", link.as_str())), max_parts)
            .or_else(|| alone().min_by_key(|link| parts(link).parts).map(str::to_owned))
            .or_else(|| best(&wordings, std::iter::once(String::new()), max_parts))
            .unwrap_or_default();
        Self { to, parts: parts(&text), text: Private::new(text) }
    }

    /// Composes a text that is never cut, because a template's author decides where words end. Returns `None` if the
    /// text has more parts than the rules allow.
    #[must_use]
    pub fn rendered(to: PhoneNumber, text: &Private<String>, rules: SmsRules) -> Option<Self> {
        let variants = wording::variants(text.expose().clone(), rules.plain_punctuation);
        let text = variants.into_iter().min_by_key(|text| parts(text).parts)?;
        let parts = parts(&text);
        (parts.parts <= clamped(rules.max_parts)).then(|| Self { to, parts, text: Private::new(text) })
    }
}

/// Limits a number of parts to the range that SNS accepts.
pub fn clamped(max_parts: u32) -> u32 {
    max_parts.clamp(1, MAX_SMS_PARTS)
}

/// A text that fits, with the number of characters that were cut from its words.
struct Fitted {
    text: String,
    lost: usize,
}

impl Fitted {
    /// Returns the order of preference among texts with words: fewer parts, then fewer characters cut, then GSM-7.
    fn rank(&self) -> (u32, usize, bool) {
        let SmsParts { encoding, parts } = parts(&self.text);
        (parts, self.lost, encoding == Encoding::Ucs2)
    }
}

fn best(wordings: &[String], tails: impl Iterator<Item = String>, max_parts: u32) -> Option<String> {
    let fitting = tails.flat_map(|tail| wordings.iter().filter_map(move |words| fitted(words, &tail, max_parts)));
    fitting.min_by_key(Fitted::rank).map(|fitted| fitted.text)
}

/// Joins the words, cut if necessary, and the tail. Returns `None` if the tail leaves no room for a single character.
fn fitted(words: &str, tail: &str, max_parts: u32) -> Option<Fitted> {
    if words.is_empty() {
        return None;
    }
    let whole = format!("{words}{tail}");
    if parts(&whole).parts <= max_parts {
        return Some(Fitted { text: whole, lost: 0 });
    }
    let ends: Vec<usize> = text::graphemes(words).map(|(start, grapheme)| start + grapheme.len()).collect();
    // A longer beginning never takes fewer parts.
    let fits = |end: &usize| parts(&cut(words, *end, tail)).parts <= max_parts;
    let fitting = ends.partition_point(fits);
    let end = text::word_end(words, *ends.get(..fitting)?.last()?);
    let lost = ends.iter().filter(|other| **other > end).count();
    Some(Fitted { text: cut(words, end, tail), lost })
}

fn cut(words: &str, end: usize, tail: &str) -> String {
    let beginning = words.get(..end).unwrap_or_default().trim_end();
    let ellipsis = match parts(&format!("{beginning}{tail}")).encoding {
        Encoding::Gsm7 => "...",
        Encoding::Ucs2 => "…",
    };
    format!("{beginning}{ellipsis}{tail}")
}

#[cfg(test)]
mod tests;
