//! Shortening of text between grapheme clusters (UAX #29), at the end of a word if one is near.

use unicode_segmentation::UnicodeSegmentation;

/// Maximum number of grapheme clusters that are dropped to end with a whole word. For a short text, the limit is a
/// third of it.
const MAX_LOST: usize = 20;

/// Returns the grapheme clusters of a text with their byte offsets. A letter with its accents, a flag or a family
/// emoji is one cluster.
pub fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = (usize, &str)> {
    text.grapheme_indices(true)
}

/// Shortens the text to `max_chars` code points and ends it with `…`; `None` if the text is short enough already. The
/// cut is between grapheme clusters, at the end of a word if one is near. If the first cluster alone is longer than
/// the limit, it is cut inside, so that some text remains.
#[must_use]
pub fn shortened(text: &str, max_chars: usize) -> Option<String> {
    text.char_indices().nth(max_chars)?;
    let mut left = max_chars.saturating_sub(1);
    let whole = graphemes(text).take_while(|(_, grapheme)| {
        let needed = grapheme.chars().count();
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    let end = match whole.last() {
        Some((start, last)) => word_end(text, start + last.len()),
        None => text.char_indices().nth(max_chars.saturating_sub(1)).map_or(0, |(end, _)| end),
    };
    let kept = text.get(..end).unwrap_or_default().trim_end();
    Some(format!("{kept}…"))
}

/// Returns the end of a word at or before `end` if one is near, otherwise `end`. ParameterTexts in scripts without
/// spaces are cut at `end`.
#[must_use]
pub fn word_end(text: &str, end: usize) -> usize {
    let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if rest.is_empty() || rest.starts_with(char::is_whitespace) || kept.ends_with(char::is_whitespace) {
        return end;
    }
    let most_lost = MAX_LOST.min(graphemes(kept).count() / 3);
    let blank = graphemes(kept).rev().take(most_lost).find(|(_, grapheme)| grapheme.trim().is_empty());
    blank.map(|(start, _)| start).filter(|start| !kept[..*start].trim().is_empty()).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_visible_character_is_never_cut() {
        let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
        assert_eq!(shortened(&family.repeat(3), 16), Some(format!("{}…", family.repeat(2))));
        assert_eq!(shortened("🇮🇹🇮🇹🇮🇹", 4), Some("🇮🇹…".to_owned()));
        assert_eq!(shortened("x\u{323}\u{307}x\u{323}\u{307}", 4), Some("x\u{323}\u{307}…".to_owned()));
        assert_eq!(shortened("1\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}", 5), Some("1\u{fe0f}\u{20e3}…".to_owned()));
        assert_eq!(shortened("कि कि", 4), Some("कि…".to_owned()));
    }

    #[test]
    fn a_text_is_cut_at_a_word_if_one_ends_near() {
        assert_eq!(shortened("Your order is on its way", 19), Some("Your order is on…".to_owned()));
        assert_eq!(shortened("Your order is on its way", 18), Some("Your order is on…".to_owned()));
        assert_eq!(shortened("Your order is on its way", 17), Some("Your order is on…".to_owned()));
        assert_eq!(shortened(&format!("a {}", "b".repeat(50)), 40), Some(format!("a {}…", "b".repeat(37))));
        assert_eq!(shortened("Hi: 🇮🇹🇮🇹🇮🇹", 9), Some("Hi: 🇮🇹🇮🇹…".to_owned()));
        assert_eq!(shortened("お支払いの期限は明日です", 6), Some("お支払いの…".to_owned()));
        assert_eq!(shortened("short", 5), None);
    }

    #[test]
    fn a_character_longer_than_the_limit_is_cut_inside() {
        let zalgo = format!("a{}", "\u{301}".repeat(10));
        assert_eq!(shortened(&zalgo, 5), Some(format!("a{}…", "\u{301}".repeat(3))));
        assert_eq!(shortened("ab", 1), Some("…".to_owned()));
        assert_eq!(shortened("ab", 0), Some("…".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_beginning_by_graphemes_and_within_the_limit(text in any::<String>(), max in 2_usize..40) {
            if let Some(short) = shortened(&text, max) {
                assert!(short.chars().count() <= max);
                let kept = short.strip_suffix('…').unwrap_or_default();
                let whole: Vec<_> = graphemes(&text).map(|(_, grapheme)| grapheme).collect();
                let first_is_longer = whole.first().is_some_and(|first| first.chars().count() >= max);
                let mut beginnings = (0..=whole.len()).map(|count| whole[..count].concat());
                assert!(first_is_longer || beginnings.any(|beginning| beginning.trim_end() == kept), "{text:?} {short:?}");
            }
        }
    }
}
