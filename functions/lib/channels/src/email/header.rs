//! Text of headers, such that a reader's program shows exactly what was written (RFC 2047).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Most bytes of text in one encoded word: `=?UTF-8?B?` and `?=` around them stay within the 75 characters of RFC 2047.
const WORD_BYTES: usize = 45;

/// The text as encoded words, if it holds what a reader's program would take for the beginning of one; else `None`, and it may
/// stand as it is or be encoded for other reasons.
pub fn encoded(text: &str) -> Option<String> {
    text.contains("=?").then(|| encoded_words(text))
}

/// The text as encoded words, for what no header may hold as it is.
pub fn encoded_words(text: &str) -> String {
    let words = words(text);
    words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join(" ")
}

/// The text in pieces of whole characters.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + character.len_utf8() <= WORD_BYTES => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_mistaken_is_encoded() {
        assert_eq!(encoded("2 = 2? Yes"), None);
        assert_eq!(encoded("=?x?="), Some("=?UTF-8?B?PT94Pz0=?=".to_owned()));
    }

    #[test]
    fn words_are_short_and_split_no_character() {
        let text = format!("=?{}", "ü".repeat(100));
        let encoded = encoded(&text).unwrap_or_default();
        assert!(encoded.split(' ').all(|word| word.len() <= 75));
        assert_eq!(words(&text).concat(), text);
    }
}
