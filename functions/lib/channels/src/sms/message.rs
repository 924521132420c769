//! The one text that is sent: as few parts as possible, in which words are cut and a link never is.

use super::parts::{Encoding, SmsParts, parts};
use super::wording;
use domain::channel::PhoneNumber;
use domain::channel::link::Link;
use domain::text;
use platform::private::Private;

/// Parts that a text is cut to unless the settings say otherwise.
pub const DEFAULT_MAX_PARTS: u32 = 3;
/// SNS takes 1,600 bytes of UTF-8 in all; five parts stay below that whatever they hold.
const MOST_PARTS: u32 = 5;

/// Rules of the settings for every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsRules {
    /// Parts of one message at most; taken as 1 to 5.
    pub max_parts: u32,
    /// Typographic quotes, dashes and the like become plain ones where that lets the text travel as GSM-7.
    pub plain_punctuation: bool,
}

/// One SMS to one phone.
#[derive(Debug, Clone)]
pub struct SmsMessage {
    /// The only recipient.
    pub to: PhoneNumber,
    /// The text as sent.
    pub text: Private<String>,
    /// What it costs in parts.
    pub parts: SmsParts,
}

impl SmsMessage {
    /// Writes `title: body link` with one of the `links`, which lead to the same place and stand in the order of preference. The
    /// text that keeps some words, takes the fewest parts and loses the fewest words is sent. What is too long is cut at the end
    /// of the body, at a word or between characters as readers see them, and gets an ellipsis that does not change the encoding.
    /// Where no link leaves room for words it goes alone.
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
}

/// A number of parts that SNS takes.
pub fn clamped(max_parts: u32) -> u32 {
    max_parts.clamp(1, MOST_PARTS)
}

/// A text that fits, and how much of the words it does without.
struct Fitted {
    text: String,
    lost: usize,
}

impl Fitted {
    /// The order of preference among texts with words: fewer parts, fewer words lost, GSM-7.
    fn rank(&self) -> (u32, usize, bool) {
        let SmsParts { encoding, parts } = parts(&self.text);
        (parts, self.lost, encoding == Encoding::Ucs2)
    }
}

fn best(wordings: &[String], tails: impl Iterator<Item = String>, max_parts: u32) -> Option<String> {
    let fitting = tails.flat_map(|tail| wordings.iter().filter_map(move |words| fitted(words, &tail, max_parts)));
    fitting.min_by_key(Fitted::rank).map(|fitted| fitted.text)
}

/// The words, cut if need be, and then the tail; `None` when the tail leaves no room for a single character.
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
