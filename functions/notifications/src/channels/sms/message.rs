//! What is sent: one text of few parts, in which the link is never cut.

use super::parts::{Encoding, SmsParts, parts};
use super::phone::PhoneNumber;
use crate::channels::link::Link;
use crate::private::Private;

/// Parts that a text is cut to unless the settings say otherwise.
pub const DEFAULT_MAX_PARTS: u32 = 3;
/// SNS takes 1,600 bytes of UTF-8 in all; five parts stay below that whatever they hold.
const MOST_PARTS: u32 = 5;

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
    /// Writes `title: body url` in at most `max_parts` (1 to 5) parts. What is too long is cut at the end of the body
    /// and gets an ellipsis that does not change the encoding. The link is left out when it is not `http` or `https`,
    /// or would not leave room for at least a word.
    #[must_use]
    pub fn new(to: PhoneNumber, title: &str, body: &str, url: Option<&str>, max_parts: u32) -> Self {
        let max_parts = max_parts.clamp(1, MOST_PARTS);
        let (title, body) = (clean(title), clean(body));
        let separator = if title.is_empty() || body.is_empty() { "" } else { ": " };
        let words = format!("{title}{separator}{body}");
        let link = url.and_then(|url| Link::parse(url).ok()).map(|link| format!(" {}", link.as_str()));
        let text = link
            .and_then(|link| fitted(&words, &link, max_parts))
            .or_else(|| fitted(&words, "", max_parts))
            .unwrap_or_default();
        Self { to, parts: parts(&text), text: Private::new(text) }
    }
}

impl SmsMessage {
    /// The same message with another link, if that costs neither a part nor a word.
    #[must_use]
    pub fn with_link(&self, link: &str, title: &str, body: &str, max_parts: u32) -> Option<Self> {
        let other = Self::new(self.to.clone(), title, body, Some(link), max_parts);
        let words = |message: &Self| message.text.expose().rsplit_once(' ').map(|(words, _)| words.to_owned());
        let has_link = other.text.expose().ends_with(link);
        (has_link && other.parts.parts <= self.parts.parts && words(&other) == words(self)).then_some(other)
    }
}

/// The words, cut if need be, and then the tail; `None` when the tail leaves no room for a single character.
fn fitted(words: &str, tail: &str, max_parts: u32) -> Option<String> {
    let whole = format!("{words}{tail}");
    if parts(&whole).parts <= max_parts {
        return Some(whole.trim_start().to_owned());
    }
    let ends: Vec<usize> = words.char_indices().map(|(start, c)| start + c.len_utf8()).collect();
    let cut_at = |end: &usize| cut(words.get(..*end).unwrap_or_default(), tail);
    // A longer beginning never takes fewer parts.
    let fitting = ends.partition_point(|end| parts(&cut_at(end)).parts <= max_parts);
    ends.get(..fitting)?.last().map(cut_at)
}

fn cut(beginning: &str, tail: &str) -> String {
    let beginning = beginning.trim_end();
    let ellipsis = match parts(&format!("{beginning}{tail}")).encoding {
        Encoding::Gsm7 => "...",
        Encoding::Ucs2 => "…",
    };
    format!("{beginning}{ellipsis}{tail}")
}

/// Single spaces and single line breaks, no other control characters.
fn clean(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.replace(char::is_control, " ");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn sms(title: &str, body: &str, url: Option<&str>, max_parts: u32) -> (String, u32) {
        let message = SmsMessage::new(PhoneNumber::parse("+4915112345678").unwrap(), title, body, url, max_parts);
        (message.text.expose().clone(), message.parts.parts)
    }

    #[test]
    fn title_body_and_link_make_one_text() {
        let (text, count) = sms("Order", "Your order\r\n\r\nis  on its way.", Some("https://example.com/1"), 3);
        assert_eq!(text, "Order: Your order\nis on its way. https://example.com/1");
        assert_eq!(count, 1);
        assert_eq!(sms("Order", "", None, 3).0, "Order");
        assert_eq!(sms("Order", "x", Some("javascript:alert(1)"), 3).0, "Order: x");
    }

    #[test]
    fn another_link_is_taken_only_if_it_costs_neither_a_part_nor_a_word() {
        let counted = |body: &str, link: &str, max_parts| {
            let to = PhoneNumber::parse("+4915112345678").unwrap();
            let own = SmsMessage::new(to, "T", body, Some("https://a.example/1"), max_parts);
            own.with_link(link, "T", body, max_parts).map(|message| message.text.expose().clone())
        };
        let long = format!("https://n.example/v1/clicks/{}", "x".repeat(72));
        assert_eq!(counted("On its way.", &long, 3), Some(format!("T: On its way. {long}")));
        assert_eq!(counted(&"a ".repeat(40), &long, 3), None, "it would take a second part");
        assert_eq!(counted(&"a ".repeat(400), &long, 3), None, "it would cut words");
        assert_eq!(counted("On its way.", "javascript:x", 3), None);
    }

    #[test]
    fn a_long_gsm_text_is_cut_without_leaving_gsm() {
        let (text, count) = sms("T", &"a".repeat(1000), None, 3);
        assert_eq!((text.len(), count), (459, 3));
        assert!(text.ends_with("aaa..."));
        let (text, count) = sms("T", &"a".repeat(1000), None, 1);
        assert_eq!((text.len(), count), (160, 1));
    }

    #[test]
    fn a_long_text_in_another_script_is_cut_with_one_character() {
        let (text, count) = sms("Т", &"ж".repeat(1000), None, 3);
        assert_eq!((text.chars().count(), count), (201, 3));
        assert!(text.ends_with("жж…"));
    }

    #[test]
    fn the_link_is_kept_whole_while_the_words_are_cut() {
        let url = "https://example.com/a/long/path?with=query";
        let (text, count) = sms("T", &"word ".repeat(200), Some(url), 2);
        assert!(text.ends_with(&format!("word... {url}")) || text.ends_with(&format!("... {url}")), "{text}");
        assert_eq!((text.len() > 295, count), (true, 2));
    }

    #[test]
    fn a_link_without_room_is_left_out() {
        let url = format!("https://example.com/{}", "p".repeat(300));
        assert_eq!(sms("Title", "body", Some(&url), 1), ("Title: body".to_owned(), 1));
    }

    #[test]
    fn parts_are_bounded_by_what_sns_takes() {
        let (text, count) = sms("T", &"é".repeat(5000), None, 99);
        assert_eq!(count, 5);
        assert!(text.len() <= 1600);
    }

    proptest! {
        #[test]
        fn no_content_takes_more_parts_than_allowed(
            title in any::<String>(), body in "\\PC{0,600}", link in any::<bool>(), max_parts in 1u32..=5
        ) {
            let (text, count) = sms(&title, &body, link.then_some("https://example.com/x"), max_parts);
            assert!(count <= max_parts);
            assert!(text.len() <= 1600);
            assert_eq!(parts(&text).parts, count);
        }
    }
}
