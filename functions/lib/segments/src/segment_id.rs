//! Ids of segments.

/// Id of a segment: a small letter, then up to 63 small letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(String);

impl SegmentId {
    /// Requirement on the text of an id.
    pub const FORMAT: &'static str = "must be a small letter, then up to 63 small letters, digits and hyphens";

    /// Parses an id; returns `None` for any other format.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_lowercase());
        (is_valid && text.bytes().all(is_rest)).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
