//! Ids of campaigns.

use std::fmt;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::notification::NotificationId;
use crate::recipient::base32;

/// Number of characters of an id.
const CHARS: usize = 26;
/// Number of characters that hold the time.
const TIME_CHARS: usize = 10;

/// Id of a campaign: 26 digits of base32 that sort by the time of creation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CampaignId(String);

impl CampaignId {
    /// Requirement on the text of an id.
    pub const FORMAT: &'static str = "must be the id of a campaign: 26 small letters and digits";

    /// Returns a new id.
    #[must_use]
    pub fn random(now: Timestamp) -> Self {
        let mut bytes = [0; 16];
        if SystemRandom::new().fill(&mut bytes).is_err() {
            // The write of a campaign has the condition that its id is free.
            bytes = now.as_nanosecond().to_be_bytes();
        }
        let time = NotificationId::first_ordered(now);
        let random = base32::encode_128(u128::from_be_bytes(bytes));
        Self(format!("{}{}", &time[..TIME_CHARS], &random[TIME_CHARS..]))
    }

    /// Parses an id; returns `None` for any other format.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == CHARS && text.bytes().all(base32::is_digit)).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CampaignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CampaignId> for String {
    fn from(id: CampaignId) -> Self {
        id.0
    }
}

impl TryFrom<String> for CampaignId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(Self::FORMAT)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_sort_by_time_and_parse_back() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let (first, second) = (CampaignId::random(at(1_000)), CampaignId::random(at(1_001)));
        assert!(first < second);
        assert_eq!(CampaignId::parse(first.as_str()), Some(first.clone()));
        assert_ne!(CampaignId::random(at(1_000)), first);
        for foreign in ["", "abc", &"A".repeat(26), &"u".repeat(26)] {
            assert_eq!(CampaignId::parse(foreign), None, "{foreign}");
        }
    }
}
