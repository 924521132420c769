//! Body of an HTML form, `application/x-www-form-urlencoded` (URL Standard, section 5).

use percent_encoding::percent_decode_str;

/// Returns the fields in order. Bytes that are not UTF-8 become replacement characters, as in a browser.
#[must_use]
pub fn fields(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_keep_their_order() {
        let read = |body: &str| {
            let found = fields(body.as_bytes());
            found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(read("a=1&b=x%7Cy+z&a=%C3%A8&&c"), ["a=1", "b=x|y z", "a=è", "c="]);
        assert_eq!(read("a%3Db=c=d&e=%zz%FF"), ["a=b=c=d", "e=%zz\u{fffd}"]);
        assert!(fields(b"").is_empty());
        assert_eq!(fields(b"\xff=1"), [("\u{fffd}".to_owned(), "1".to_owned())]);
    }
}
