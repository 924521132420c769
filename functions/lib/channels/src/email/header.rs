//! Encoding of header texts, so that a mail program shows exactly the given text (RFC 2047).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Maximum bytes of text in one encoded word. With `=?UTF-8?B?` and `?=`, the word stays within 75 characters (RFC
/// 2047).
const WORD_BYTES: usize = 45;

/// Returns the text as encoded words if a mail program could take a part of the text for one.
///
/// Returns `None` otherwise; then the text may be used unchanged or be encoded for other reasons.
pub fn encoded(text: &str) -> Option<String> {
    text.contains("=?").then(|| encoded_words(text))
}

/// Returns the text as encoded words, for a text that no header may contain unchanged.
pub fn encoded_words(text: &str) -> String {
    let words = words(text);
    words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join(" ")
}

/// Splits the text into pieces of whole characters.
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
