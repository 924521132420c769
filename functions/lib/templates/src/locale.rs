//! Lookup of the best locale (RFC 4647 section 3.4).

/// Returns the tags to try for a language range, the range itself first: `zh-Hant-TW`, `zh-Hant`, `zh`. A subtag of
/// one character is removed together with the one after it.
pub fn ranges(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors((!tag.is_empty()).then_some(tag), |range| {
        let (rest, _) = range.rsplit_once('-')?;
        Some(match rest.rsplit_once('-') {
            Some((shorter, single)) if single.len() == 1 => shorter,
            _ => rest,
        })
    })
}

/// Returns the first of `available` that the lookup of a tag finds, letter case aside.
pub fn lookup<'a>(tag: &str, available: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    ranges(tag).find_map(|range| available.clone().find(|known| known.eq_ignore_ascii_case(range)))
}

/// Returns the language of a tag.
pub fn language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtags_are_removed_from_the_end_until_one_is_found() {
        let available = ["en", "it", "pt-BR", "zh-Hant"];
        for (tag, found) in [
            ("it-CH", Some("it")),
            ("IT", Some("it")),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("zh-TW", None),
            ("pt", None),
            ("pt-br-x-shop", Some("pt-BR")),
            ("en-x-a", Some("en")),
            ("", None),
        ] {
            assert_eq!(lookup(tag, available.into_iter()), found, "{tag}");
        }
        assert_eq!(ranges("de-CH-u-nu-latn").collect::<Vec<_>>(), ["de-CH-u-nu-latn", "de-CH-u-nu", "de-CH", "de"]);
    }
}
