//! Splitting of JSON text into the texts of its parts. The grammar of the text was checked before.

/// Returns the members of an object, each as the texts of its name (with quotes) and its value; `None` for another
/// kind of value.
pub(super) fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = inside(text, '{')?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(value_length(rest));
        let after = after.trim_start().trim_start_matches(':').trim_start();
        let (value, after) = after.split_at(value_length(after));
        found.push((name, value));
        rest = next(after);
    }
    Some(found)
}

/// Returns the elements of a list; `None` for another kind of value.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut rest = inside(text, '[')?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (value, after) = rest.split_at(value_length(rest));
        found.push(value);
        rest = next(after);
    }
    Some(found)
}

/// Decodes the text of a name; `None` if the name is not valid Unicode.
pub(super) fn name(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn inside(text: &str, opening: char) -> Option<&str> {
    let inside = text.trim().strip_prefix(opening)?;
    Some(inside.get(..inside.len().saturating_sub(1))?.trim())
}

fn next(after: &str) -> &str {
    after.trim_start().trim_start_matches(',').trim_start()
}

/// Returns the length in bytes of the value at the start of `text`.
fn value_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += string_length(&bytes[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            return at;
        }
    }
    bytes.len()
}

/// Returns the length in bytes of the string at the start of `bytes`, including quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
