//! Language tags.

/// Maximum length of a tag that RFC 5646 section 4.4.1 requires software to support.
const MAX_BYTES: usize = 35;

/// Returns `true` if the text has the form of a BCP 47 tag such as `it` or `it-IT`. The language itself is not
/// checked.
#[must_use]
pub fn is_language_tag(tag: &str) -> bool {
    let is_subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let language = tag.split('-').next().unwrap_or_default();
    let is_language = (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag.len() <= MAX_BYTES && is_language && tag.split('-').all(is_subtag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_language_and_short_subtags() {
        for tag in ["it", "it-IT", "zh-Hant-TW", "sr-Latn", "es-419", "de-CH-1996", "en-x-shop"] {
            assert!(is_language_tag(tag), "{tag}");
        }
        let long = format!("en{}", "-abcdefgh".repeat(4));
        for tag in ["", "e", "it_IT", "it-", "-it", "it--IT", "123", "it-IT ", "italiano-", "a-subtagtoolong", &long] {
            assert!(!is_language_tag(tag), "{tag}");
        }
    }
}
