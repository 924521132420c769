//! Values that mail programs must not turn into links.

/// Invisible character without width at which no line breaks and no link goes on (U+2060).
pub const BREAK: &str = "\u{2060}";

/// Appends a value that no mail program shows as a link, neither alone nor with what `out` ends with. [`BREAK`] follows
/// each point, at sign and colon with which a host name, address or scheme would go on. Numbers and times of day inside
/// a value stay as they are.
pub fn push_unlinked(out: &mut String, value: &str) {
    if continues_link(out, value) {
        out.push_str(BREAK);
    }
    for word in value.split_inclusive(char::is_whitespace) {
        let has_letter = word.chars().any(char::is_alphabetic);
        if !has_letter && !word.contains(['/', '@']) {
            out.push_str(word);
            continue;
        }
        let mut characters = word.chars().peekable();
        while let Some(character) = characters.next() {
            out.push(character);
            let goes_on = characters.peek().is_some_and(|next| !next.is_whitespace());
            if goes_on && is_joint(character) {
                out.push_str(BREAK);
            }
        }
    }
}

/// Returns `true` if a value would continue a host name, address or scheme that the text before it began.
pub fn continues_link(before: &str, value: &str) -> bool {
    before.ends_with(is_joint) && value.starts_with(|next: char| !next.is_whitespace())
}

/// Returns `true` if a text of the source would continue a host name, address or scheme that the value before it began.
pub fn literal_continues_link(before: &str, literal: &str) -> bool {
    before.ends_with(is_joint) && literal.starts_with(|next: char| next.is_alphanumeric() || next == '/')
}

/// Returns `true` for characters that join the parts of a link: points of host names in any script, `@` and `:`.
const fn is_joint(character: char) -> bool {
    matches!(
        character,
        '.' | '@' | ':' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{ff20}' | '\u{ff1a}' | '\u{fe55}' | '\u{fe52}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn unlinked(value: &str) -> String {
        let mut out = String::new();
        push_unlinked(&mut out, value);
        out.replace(BREAK, "|")
    }

    #[test]
    fn links_and_addresses_are_broken_and_numbers_are_not() {
        for (value, text) in [
            ("https://evil.example/x", "https:|//evil.|example/x"),
            ("www.evil.example now", "www.|evil.|example now"),
            ("ada@evil.example", "ada@|evil.|example"),
            ("mailto:ada", "mailto:|ada"),
            ("evil。example", "evil。|example"),
            ("1.234,50 at 17:05", "1.234,50 at 17:05"),
            ("//1.2.3.4/x", "//1.|2.|3.|4/x"),
            ("Hello. World", "Hello. World"),
            ("S.p.A.", "S.|p.|A."),
        ] {
            assert_eq!(unlinked(value), text);
        }
    }

    #[test]
    fn neighbouring_values_are_no_link_either() {
        for (values, text) in [
            (&["evil.", "com"][..], "evil.|com"),
            (&["https:", "//evil.example"], "https:|//evil.|example"),
            (&["1.", "com"], "1.|com"),
            (&["evil", ".", "com"], "evil.|com"),
            (&["evil", ".com"], "evil.|com"),
            (&["evil.", "", "com"], "evil.|com"),
            (&["ada@", "evil", ".", "example"], "ada@|evil.|example"),
            (&["https:", "//", "1.2.3.4/"], "https:|//1.|2.|3.|4/"),
            (&["evil\u{3002}", "com"], "evil\u{3002}|com"),
            (&["Hello.", " World"], "Hello. World"),
            (&["1.234", ",50"], "1.234,50"),
        ] {
            let mut out = String::new();
            values.iter().for_each(|value| push_unlinked(&mut out, value));
            assert_eq!(out.replace(BREAK, "|"), text);
        }
    }

    proptest! {
        #[test]
        fn no_neighbours_keep_a_host_an_address_or_a_scheme(
            parts in proptest::collection::vec("[a-z0-9.@:/ ]{0,3}|https?:|//|[a-z]{2,5}\\.|\\PC", 2..5),
        ) {
            let mut out = String::new();
            parts.iter().for_each(|part| push_unlinked(&mut out, part));
            let joined = |(a, b, c): (char, char, char)| a.is_alphanumeric() && is_joint(b) && c.is_alphabetic();
            let characters: Vec<char> = out.chars().collect();
            assert!(!characters.windows(3).any(|w| joined((w[0], w[1], w[2]))), "{out:?} of {parts:?}");
            assert!(!out.contains("://"), "{out:?} of {parts:?}");
        }

        #[test]
        fn no_value_keeps_a_host_an_address_or_a_scheme(value in any::<String>(), host in "[a-z]{1,8}\\.[a-z]{2,8}") {
            for value in [value.clone(), host.clone(), format!("{value}{host}"), format!("{value} http://{host}/{value}")] {
                let mut out = String::new();
                push_unlinked(&mut out, &value);
                let joined = |(a, b, c): (char, char, char)| a.is_alphanumeric() && is_joint(b) && c.is_alphabetic();
                let characters: Vec<char> = out.chars().collect();
                assert!(!characters.windows(3).any(|w| joined((w[0], w[1], w[2]))), "{out:?}");
                assert!(!out.contains("://") && out.replace(BREAK, "") == value.replace(BREAK, ""));
            }
        }
    }
}
