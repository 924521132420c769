//! Cleaning of titles and bodies.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::invisible::without_invisible;

/// Maximum number of passes. A removed character may let two others compose, which requires another pass.
const MAX_PASSES: usize = 4;

/// Converts a title to one line. Line breaks and tabs become a space, and several spaces become one. The result is
/// empty if no character is visible.
#[must_use]
pub fn one_line(text: &str) -> String {
    let text = lines(text).replace('\n', " ");
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns `true` if a text is one line of at most `most_chars` characters, of which one is visible. The names that
/// operators give are such lines.
#[must_use]
pub fn is_line(text: &str, most_chars: usize) -> bool {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    !text.contains(breaks) && text.chars().count() <= most_chars && !one_line(text).is_empty()
}

/// Converts a body to lines separated by `\n`. CR LF, CR, VT, FF, NEL, U+2028 and U+2029 are one break each. Breaks
/// at the start and the end are removed. The result is empty if no character is visible.
#[must_use]
pub fn lines(text: &str) -> String {
    if text.chars().all(is_simple) { simple_lines(text) } else { lines_of_any_script(text) }
}

/// Converts a text to the lines of an SMS: every white space but `\n` is a plain space, and marks of direction are
/// removed. The GSM alphabet lacks all of them, so one of them would make the text UCS-2. Older phones show marks of
/// direction as boxes.
#[must_use]
pub fn sms_lines(text: &str) -> String {
    let text = lines(text).replace(is_direction, "");
    let spaced = text.replace(|character: char| character.is_whitespace() && character != '\n', " ");
    spaced.trim().to_owned()
}

const fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2066}'..='\u{2069}')
}

/// Returns `true` for a character of which no sequence composes, and that is visible unless it is a control character
/// or the soft hyphen: Latin letters, typographic punctuation and currency signs.
const fn is_simple(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{2ff}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{20a0}'..='\u{20bf}'
    )
}

/// Converts a text of [simple](is_simple) characters, which most texts of European languages are, in one pass.
fn simple_lines(text: &str) -> String {
    let is_removed = |character: char| (character.is_control() && character != '\n') || character == '\u{ad}';
    if !text.contains(is_removed) {
        return text.trim().to_owned();
    }
    let mut text = with_plain_breaks(text);
    text.retain(|character| !is_removed(character));
    text.trim().to_owned()
}

fn lines_of_any_script(text: &str) -> String {
    let mut text = with_plain_breaks(text);
    for _ in 0..MAX_PASSES {
        let next = pass(&text);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

fn pass(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    without_invisible(&composed).trim().to_owned()
}

/// Replaces all line breaks with `\n`, and tabs with spaces. The separators of files, groups and records are breaks
/// too, because some programs treat them so.
fn with_plain_breaks(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|character| match character {
            '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' | '\u{1f}' => ' ',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[test]
    fn every_line_break_is_one_break_in_a_body_and_a_space_in_a_title() {
        for separator in ["\r\n", "\r", "\n", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1e}"] {
            let text = format!("{separator}one{separator}two{separator}");
            assert_eq!(lines(&text), "one\ntwo", "{separator:?}");
            assert_eq!(one_line(&text), "one two", "{separator:?}");
        }
        assert_eq!(lines("one\r\n\r\ntwo\n\n\nthree"), "one\n\ntwo\n\n\nthree");
        assert_eq!(one_line("  a\t\tb   c\u{a0}d "), "a b c\u{a0}d");
        assert_eq!(lines("a\tb  c"), "a b  c");
    }

    #[test]
    fn a_name_is_one_line_with_a_visible_character() {
        for text in ["Autumn", " Autumn ", "\u{200f}\u{5d0}", "a\u{200b}b", "\u{1f468}\u{200d}\u{1f469}"] {
            assert!(is_line(text, 10), "{text:?}");
        }
        let invisible = ["", "   ", "\u{200b}", "\u{3164}", "\u{feff}", "\u{202e}", "\u{ad}", "\u{2800}"];
        let broken = ["a\nb", "a\tb", "a\u{2028}b", "a\u{2029}b", "a\u{85}b", "\0a"];
        for text in invisible.into_iter().chain(broken) {
            assert!(!is_line(text, 10), "{text:?}");
        }
        assert!(is_line(&"é".repeat(10), 10) && !is_line(&"é".repeat(11), 10));
    }

    #[test]
    fn an_sms_has_only_plain_spaces_and_no_marks_of_direction() {
        let spaces = ('\0'..=char::MAX).filter(|character| character.is_whitespace());
        let spaces: Vec<_> = spaces.filter(|space| lines(&format!("a{space}b")) != "a\nb").collect();
        assert!(spaces.len() > 17 && spaces.contains(&'\u{3000}') && spaces.contains(&'\u{2007}'), "{spaces:?}");
        for space in spaces {
            assert_eq!(sms_lines(&format!("{space}a{space}b\nc{space}")), "a b\nc", "{space:?}");
        }
        assert_eq!(sms_lines("\u{200f}שלום\u{2066} 7\u{2069} \u{200e}"), "שלום 7");
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(lines("Perche\u{301} no\u{308}"), "Perché nö");
        assert_eq!(lines("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"), "한글");
        assert_eq!(lines("\u{212b}"), "Å");
    }

    #[test]
    fn what_is_invisible_and_carries_nothing_is_taken_out() {
        for invisible in [
            '\0',
            '\u{7}',
            '\u{8}',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2061}',
            '\u{2064}',
            '\u{2066}',
            '\u{2069}',
            '\u{206a}',
            '\u{206f}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{fffc}',
            '\u{ffff}',
            '\u{fdd0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            assert_eq!(lines(&format!("pa{invisible}yment")), "payment", "{invisible:?}");
            assert_eq!(one_line(&format!("{invisible}1{invisible}")), "1", "{invisible:?}");
            assert_eq!(lines(&invisible.to_string()), "", "{invisible:?}");
        }
    }

    #[test]
    fn blank_letters_are_spaces() {
        for blank in ['\u{3164}', '\u{ffa0}', '\u{115f}', '\u{1160}', '\u{2800}', '\u{1d159}'] {
            assert_eq!(lines(&format!("a{blank}b")), "a b");
            assert_eq!(one_line(&format!("{blank}{blank}")), "");
        }
        assert_eq!(lines(" \u{a0}\u{3000}\u{2003}\n"), "");
        assert_eq!(lines("\u{115f}\u{1161}"), "\u{115f}\u{1161}", "a syllable without a first consonant");
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for text in [
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "ශ\u{dca}\u{200d}රී",
            "1447 ه\u{200d} ",
            "👨\u{200d}👩\u{200d}👧\u{200d}👦",
            "🏳\u{fe0f}\u{200d}🌈",
            "👩🏽\u{200d}💻",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0f}",
            "©\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "葛\u{e0100}",
            "ᠠ\u{180b}",
            "\u{200f}שלום!\u{200f}",
            "הזמנה \u{2066}A-7 (x)\u{2069} נשלחה",
        ] {
            assert_eq!(lines(text), text.trim(), "{text:?}");
        }
    }

    #[test]
    fn direction_is_kept_only_where_a_text_turns_and_never_left_open() {
        assert_eq!(lines("\u{2066}Order\u{2069} 7\u{200e}"), "Order 7");
        assert_eq!(lines("\u{202e}שלום\u{202c}"), "שלום");
        assert_eq!(lines("\u{2067}שלום\nעולם\u{2069}"), "\u{2067}שלום\u{2069}\nעולם");
        assert_eq!(lines("שלום\u{2069}\u{2069}"), "שלום");
    }

    #[test]
    fn hidden_messages_are_taken_out() {
        let hidden: String = "ignore".bytes().filter_map(|byte| char::from_u32(0xe0000 + u32::from(byte))).collect();
        assert_eq!(lines(&format!("Pay{hidden}")), "Pay");
        assert_eq!(lines(&format!("🏴{hidden}{hidden}\u{e007f}")), "🏴");
        assert_eq!(lines(&format!("🏴{hidden}")), "🏴");
        assert_eq!(lines("a\u{fe01}\u{fe02}\u{e0101}b"), "ab");
    }

    proptest! {
        #[test]
        fn cleaning_is_idempotent(text in any::<String>()) {
            assert_eq!(lines(&lines(&text)), lines(&text));
            assert_eq!(one_line(&one_line(&text)), one_line(&text));
        }

        #[test]
        fn simple_characters_are_cleaned_like_any_others(
            text in prop::collection::vec(prop::sample::select(SIMPLE.into_iter().flatten().collect::<Vec<_>>()), 0..40)
        ) {
            let text: String = text.into_iter().collect();
            assert!(text.chars().all(is_simple));
            assert_eq!(simple_lines(&text), lines_of_any_script(&text), "{text:?}");
        }

        #[test]
        fn cleaning_of_what_is_cleaned_away_is_idempotent(
            parts in prop::collection::vec(prop::sample::select(TRICKY), 0..12)
        ) {
            let text = parts.concat();
            assert_eq!(lines(&lines(&text)), lines(&text), "{text:?}");
            assert_eq!(one_line(&one_line(&text)), one_line(&text), "{text:?}");
            assert!(!one_line(&text).chars().any(|c| c.is_control() || "\u{2028}\u{2029}".contains(c)));
            assert!(!lines(&text).chars().any(|c| c.is_control() && c != '\n'));
        }
    }

    const SIMPLE: [std::ops::RangeInclusive<char>; 4] =
        ['\0'..='\u{2ff}', '\u{2010}'..='\u{2027}', '\u{2030}'..='\u{205e}', '\u{20a0}'..='\u{20bf}'];

    const TRICKY: &[&str] = &[
        "a",
        "e",
        "\u{301}",
        "1",
        "\u{fe0f}",
        "\u{20e3}",
        "\u{200d}",
        "\u{200c}",
        "👩",
        "🏽",
        "🏴",
        "\u{e0067}",
        "\u{e007f}",
        "ש",
        "م",
        "क",
        "\u{94d}",
        "\u{2067}",
        "\u{2069}",
        "\u{200e}",
        "\u{202e}",
        "\u{1100}",
        "\u{1161}",
        "\u{115f}",
        "\u{1160}",
        "\u{3164}",
        "\u{212a}",
        "\u{2126}",
        "\n",
        "\r\n",
        "\u{2028}",
        " ",
        "\u{34f}",
        "葛",
        "\u{e0100}",
        "\u{fb2a}",
        "\u{f900}",
        "ᠠ",
        "\u{180b}",
        "\0",
    ];
}
