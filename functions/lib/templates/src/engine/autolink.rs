//! Values that mail programs must not turn into links.

/// Invisible character without width at which no line breaks and no link goes on (U+2060).
pub const BREAK: &str = "\u{2060}";

/// Appends a value that no mail program shows as a link. [`BREAK`] follows each point, at sign and colon with which a
/// host name, address or scheme would go on. Numbers and times of day stay as they are.
pub fn push_unlinked(out: &mut String, value: &str) {
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

    proptest! {
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
