//! Rule for the ids of recipients.

/// Maximum number of characters of a recipient's id.
pub const MAX_ID_CHARS: usize = 128;

/// Returns `true` if a text can be the id of a recipient: 1 to 128 printable characters. The type of ids and the list
/// of users for version 2 have this rule.
#[must_use]
pub fn is_possible_id(text: &str) -> bool {
    let is_printable = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    (1..=MAX_ID_CHARS).contains(&text.chars().count()) && text.chars().all(is_printable)
}
