//! The words of an SMS, as they are and in plain punctuation: one typographic quote would make every character cost double.

use super::parts::{Encoding, parts};
use domain::text;

/// `title: body`, and if `plain` allows it and that lets them travel as GSM-7, the same with plain punctuation. No character of
/// them directs the text: older phones show those as boxes, and each is paid for.
pub fn of(title: &str, body: &str, plain: bool) -> Vec<String> {
    let (title, body) = (compact(title), compact(body));
    let separator = if title.is_empty() || body.is_empty() { "" } else { ": " };
    let words = format!("{title}{separator}{body}");
    if !plain || parts(&words).encoding == Encoding::Gsm7 {
        return vec![words];
    }
    let plain = in_plain(&words);
    if parts(&plain).encoding == Encoding::Gsm7 { vec![plain, words] } else { vec![words] }
}

/// Cleaned lines with single spaces, and no empty ones among them.
fn compact(text: &str) -> String {
    let text = text::lines(text).replace(is_direction, "");
    let lines = text.split('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2066}'..='\u{2069}')
}

/// The text with punctuation of the GSM alphabet. Letters stay: `ç` is no `c`.
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
