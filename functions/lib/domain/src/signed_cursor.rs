//! Position of a list as an opaque text that only this stage can make.
//!
//! A position holds keys of a table. One that a caller made could name a key that DynamoDB refuses, or a page that the
//! caller may not begin with. So it is signed for what it continues.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::recipient::KeyHasher;

/// Purpose of the keyed hash.
const PURPOSE: &str = "cursor";

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    position: String,
    signature: String,
}

/// Signer of the positions of one list.
#[derive(Debug, Clone, Copy)]
pub struct SignedCursor<'a> {
    hasher: &'a KeyHasher,
    list: &'a str,
}

impl<'a> SignedCursor<'a> {
    /// Creates a signer. `list` names what the position continues, such as `segments/{id}/export`.
    #[must_use]
    pub const fn new(hasher: &'a KeyHasher, list: &'a str) -> Self {
        Self { hasher, list }
    }

    /// Returns the text of a position: URL-safe base64.
    pub fn text<T: Serialize>(&self, position: &T) -> String {
        let position = json!(position).to_string();
        let signature = self.signature(&position);
        URL_SAFE_NO_PAD.encode(json!(Signed { position, signature }).to_string())
    }

    /// Returns the position of a text; `None` if this stage did not make it for the same list.
    #[must_use]
    pub fn parse<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        let signed: Signed = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let is_ours = signed.signature == self.signature(&signed.position);
        is_ours.then(|| serde_json::from_str(&signed.position).ok()).flatten()
    }

    fn signature(&self, position: &str) -> String {
        self.hasher.keyed(PURPOSE, &format!("{} {position}", self.list))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_position_is_read_for_the_list_that_it_was_made_for_alone() {
        let hasher = KeyHasher::new(&[7; 32]);
        let cursor = SignedCursor::new(&hasher, "segments/A/export");
        let text = cursor.text(&("pk", 7));
        assert_eq!(cursor.parse(&text), Some(("pk".to_owned(), 7)));
        assert_eq!(SignedCursor::new(&hasher, "segments/B/export").parse::<(String, u32)>(&text), None);
        assert_eq!(
            SignedCursor::new(&KeyHasher::new(&[8; 32]), "segments/A/export").parse::<(String, u32)>(&text),
            None
        );
        let forged = Signed { position: "[\"\",8]".to_owned(), signature: cursor.signature("[\"pk\",7]") };
        let forged = URL_SAFE_NO_PAD.encode(json!(forged).to_string());
        for text in [forged.as_str(), "", "e30", "é"] {
            assert_eq!(cursor.parse::<(String, u32)>(text), None, "{text}");
        }
    }
}
