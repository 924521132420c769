//! Public id of a notification: the recipient's key, a hyphen, and 26 characters that sort by creation time.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Serialize, Serializer};

use crate::caps::CapTag;
use crate::recipient::{KeyHasher, RecipientKey, base32};

/// Maximum age of a notification at which it may not be stored yet although its push was sent.
pub const MAX_UNSTORED_AGE: SignedDuration = SignedDuration::from_secs(60);

/// Time after its launch for which a campaign may send. The ids of its notifications have the time of the launch.
pub const MAX_CAMPAIGN_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Text after the time part of an id of a campaign's notification. One in 32,768 other ids has it too, which changes
/// nothing but the answer to a receipt for a notification that does not exist.
const CAMPAIGN_MARK: &str = "cmp";

/// Id of the form `<recipient key>-<time-ordered part>`. The id contains no recipient id, is the key of the base table,
/// and sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotificationId {
    recipient: RecipientKey,
    ordered: String,
}

impl NotificationId {
    /// Length of the text of an id.
    pub const CHARS: usize = 53;

    /// Returns a new id with 48 bits of milliseconds and 80 random bits, as in a ULID.
    #[must_use]
    pub fn random(recipient: RecipientKey, now: Timestamp) -> Self {
        let mut bytes = [0; 16];
        if SystemRandom::new().fill(&mut bytes[6..]).is_err() {
            // The system's random source does not fail once it is seeded. If an id repeats, the conditional put rejects
            // it.
            bytes[8..].copy_from_slice(&now.as_nanosecond().to_be_bytes()[8..]);
        }
        Self::from_bits(recipient, now, u128::from_be_bytes(bytes))
    }

    /// Returns the id of message `index` in a request with this idempotency record. The id is always the same, so a
    /// second run of the request finds the items of the first run and creates no new ones.
    #[must_use]
    pub fn derived(
        recipient: RecipientKey,
        first_seen: Timestamp,
        hasher: &KeyHasher,
        record: &str,
        index: usize,
    ) -> Self {
        let ordered_tail = hasher.keyed("idempotent-id", &format!("{record}#{index}"));
        let mut id = Self::from_bits(recipient, first_seen, 0);
        id.ordered.truncate(10);
        id.ordered.push_str(&ordered_tail[10..]);
        id
    }

    /// Returns the id of a campaign's notification to a recipient. It is always the same, so that work that is done
    /// twice finds the notification of the first time.
    ///
    /// The time part is that of the launch, and a fixed text follows it. By this text, a notification of a campaign is
    /// recognized before it is stored.
    #[must_use]
    pub fn of_campaign(recipient: RecipientKey, launched_at: Timestamp, hasher: &KeyHasher, campaign: &str) -> Self {
        let tail = hasher.keyed("campaign-id", &format!("{campaign}:{}", recipient.as_str()));
        let mut id = Self::from_bits(recipient, launched_at, 0);
        id.ordered.truncate(10);
        id.ordered.push_str(CAMPAIGN_MARK);
        id.ordered.push_str(&tail[10 + CAMPAIGN_MARK.len()..]);
        id
    }

    fn from_bits(recipient: RecipientKey, now: Timestamp, random: u128) -> Self {
        let millis = u128::try_from(now.as_millisecond()).unwrap_or(0) << 80;
        Self { recipient, ordered: base32::encode_128(millis | (random & ((1 << 80) - 1))) }
    }

    /// Returns the smallest time-ordered part of an id that is created at `at`. Ids created earlier sort before this
    /// text.
    #[must_use]
    pub fn first_ordered(at: Timestamp) -> String {
        base32::encode_128(u128::try_from(at.as_millisecond()).unwrap_or(0) << 80)
    }

    /// Parses a public id; returns `None` for any other format.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (recipient, ordered) = text.split_once('-')?;
        Self::from_stored(recipient, ordered)
    }

    /// Builds the id from the two parts that are the table's key; returns `None` for any other format.
    #[must_use]
    pub fn from_stored(recipient: &str, ordered: &str) -> Option<Self> {
        let recipient = RecipientKey::from_stored(recipient)?;
        let well_formed = ordered.len() == 26 && ordered.bytes().all(base32::is_digit);
        well_formed.then(|| Self { recipient, ordered: ordered.to_owned() })
    }

    /// Returns the bits of both parts, for a token.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.recipient.to_bytes());
        bytes[16..].copy_from_slice(&base32::decode_128(&self.ordered).to_be_bytes());
        bytes
    }

    /// Returns the id with these bits.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let (mut recipient, mut ordered) = ([0; 16], [0; 16]);
        recipient.copy_from_slice(&bytes[..16]);
        ordered.copy_from_slice(&bytes[16..]);
        Self {
            recipient: RecipientKey::from_bytes(recipient),
            ordered: base32::encode_128(u128::from_be_bytes(ordered)),
        }
    }

    /// Returns the time of the request that created the notification.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        let millis = i64::try_from(base32::decode_128(&self.ordered) >> 80).unwrap_or(0);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns `true` if a push of this notification may have been sent before the notification is stored.
    #[must_use]
    pub fn may_be_unstored(&self, now: Timestamp) -> bool {
        let max_age = if self.is_of_campaign() { MAX_CAMPAIGN_AGE } else { MAX_UNSTORED_AGE };
        now.duration_since(self.created_at()) < max_age
    }

    fn is_of_campaign(&self) -> bool {
        self.ordered[10..].starts_with(CAMPAIGN_MARK)
    }

    /// Returns the part of the id that ties a claim of the frequency caps to this notification.
    #[must_use]
    pub fn cap_tag(&self) -> CapTag {
        let [.., a, b, c, d, e] = self.to_bytes();
        CapTag([a, b, c, d, e])
    }

    /// Returns the recipient's key, which is the table's partition key.
    #[must_use]
    pub const fn recipient(&self) -> &RecipientKey {
        &self.recipient
    }

    /// Returns the time-ordered part, which is the table's sort key.
    #[must_use]
    pub fn ordered(&self) -> &str {
        &self.ordered
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.recipient, self.ordered)
    }
}

impl Serialize for NotificationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::recipient::RecipientId;

    fn hasher() -> KeyHasher {
        KeyHasher::new(&[7; 32])
    }

    fn key() -> RecipientKey {
        hasher().recipient_key(&RecipientId::parse("ada").unwrap())
    }

    #[test]
    fn ids_have_one_length() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        for id in ["a", "somebody@example.com"] {
            let recipient = hasher().recipient_key(&RecipientId::parse(id).unwrap());
            assert_eq!(NotificationId::random(recipient, now).to_string().len(), NotificationId::CHARS);
        }
    }

    #[test]
    fn ids_sort_by_time_and_parse_back() {
        let early = NotificationId::random(key(), Timestamp::from_millisecond(1_000).unwrap());
        let late = NotificationId::random(key(), Timestamp::from_millisecond(1_001).unwrap());
        assert!(early.ordered() < late.ordered());
        assert_eq!(early.created_at().as_millisecond(), 1_000);
        assert_eq!(NotificationId::parse(&early.to_string()), Some(early));
    }

    #[test]
    fn a_derived_id_is_the_same_each_time_and_differs_by_message() {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let first = NotificationId::derived(key(), at, &hasher(), "record", 0);
        assert_eq!(first, NotificationId::derived(key(), at, &hasher(), "record", 0));
        assert_ne!(first, NotificationId::derived(key(), at, &hasher(), "record", 1));
        assert_eq!(first.ordered()[..10], NotificationId::random(key(), at).ordered()[..10]);
        assert!(NotificationId::parse(&first.to_string()).is_some());
        assert_eq!(first.created_at(), at);
        assert_eq!(NotificationId::from_bytes(first.to_bytes()), first);
    }

    #[test]
    fn a_campaigns_id_depends_on_campaign_recipient_and_launch_alone() {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let id = NotificationId::of_campaign(key(), at, &hasher(), "a");
        assert_eq!(id, NotificationId::of_campaign(key(), at, &hasher(), "a"));
        assert_ne!(id, NotificationId::of_campaign(key(), at, &hasher(), "b"));
        assert_eq!((id.created_at(), NotificationId::parse(&id.to_string())), (at, Some(id.clone())));
        assert!(id.may_be_unstored(at + SignedDuration::from_hours(100)));
        assert!(!id.may_be_unstored(at + MAX_CAMPAIGN_AGE));
        assert!(!NotificationId::derived(key(), at, &hasher(), "record", 0).may_be_unstored(at + MAX_UNSTORED_AGE));
    }

    #[test]
    fn another_systems_ids_are_none() {
        for foreign in ["", "-", "abc", "550e8400-e29b-41d4-a716-446655440000", &format!("{}-UPPER", "0".repeat(26))] {
            assert_eq!(NotificationId::parse(foreign), None);
        }
    }
}
