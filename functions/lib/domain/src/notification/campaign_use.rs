//! Campaign that a notification belongs to.

/// Campaign and variant of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignUse {
    /// Id of the campaign: 26 digits of base32.
    pub id: String,
    /// Name of the variant; empty if the campaign has none.
    pub variant: String,
    /// Number of the campaign's slot that sent it and counts it, from 0. It is stored beside the text.
    pub slot: u32,
}

impl CampaignUse {
    /// Returns the stored text: the id, and the variant after a point.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.variant.is_empty() { self.id.clone() } else { format!("{}.{}", self.id, self.variant) }
    }

    /// Parses the stored text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (id, variant) = text.split_once('.').unwrap_or((text, ""));
        Self { id: id.to_owned(), variant: variant.to_owned(), slot: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_reads_back() {
        for (text, variant) in [("0123456789abcdefghjkmnpqrs", ""), ("0123456789abcdefghjkmnpqrs.b-2", "b-2")] {
            let used = CampaignUse::from_text(text);
            assert_eq!((used.variant.as_str(), used.to_text().as_str()), (variant, text));
        }
    }
}
