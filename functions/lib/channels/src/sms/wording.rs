//! Words of an SMS, unchanged and in plain punctuation: one typographic quote would double the cost of every
//! character.

use super::parts::{Encoding, parts};
use domain::text;

/// Returns the variants of `title: body`.
///
/// The order is that of [`variants`].
pub fn of(title: &str, body: &str, plain: bool) -> Vec<String> {
    let (title, body) = (compact(title), compact(body));
    let separator = if title.is_empty() || body.is_empty() { "" } else { ": " };
    variants(format!("{title}{separator}{body}"), plain)
}

/// Returns a text and, before it, its variant in plain punctuation if `plain` is `true` and that variant allows GSM-7.
pub fn variants(words: String, plain: bool) -> Vec<String> {
    if !plain || parts(&words).encoding == Encoding::Gsm7 {
        return vec![words];
    }
    let plain = in_plain(&words);
    if parts(&plain).encoding == Encoding::Gsm7 { vec![plain, words] } else { vec![words] }
}

/// Returns the cleaned lines with single spaces, without empty lines.
fn compact(text: &str) -> String {
    let text = text::sms_lines(text);
    let lines = text.split('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Replaces punctuation by that of the GSM alphabet. Letters are kept: `ç` does not become `c`.
fn in_plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '‘' | '’' | '‚' | '‛' | '′' | '‹' | '›' | '`' | '´' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' | '‟' | '″' | '«' | '»' => plain.push('"'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '•' | '‣' | '⁃' => plain.push('-'),
            '·' | '․' => plain.push('.'),
            '×' => plain.push('x'),
            '⁄' | '∕' => plain.push('/'),
            '…' => plain.push_str("..."),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_body_are_one_text_in_single_spaces() {
        assert_eq!(
            of("Order", " Your  order\r\n\r\nis\u{a0}on \u{200b}its way. ", true),
            ["Order: Your order\nis on its way."]
        );
        assert_eq!(of("Order", "\u{200b}", true), ["Order"]);
        assert_eq!(of("", "x", true), ["x"]);
    }

    #[test]
    fn punctuation_is_plain_where_that_makes_it_gsm() {
        assert_eq!(of("„A“ – ‘b’", "…", true).first().map(String::as_str), Some("\"A\" - 'b': ..."));
        assert_eq!(of("„A“", "b", false), ["„A“: b"]);
        assert_eq!(of("„Ж“", "b", true), ["„Ж“: b"]);
        assert_eq!(of("ça va", "«oui»", true), ["ça va: «oui»"]);
    }

    #[test]
    fn marks_of_direction_are_not_paid_for() {
        assert_eq!(of("\u{200f}שלום\u{2066}7\u{2069}", "ב", true), ["שלום7: ב"]);
    }
}
