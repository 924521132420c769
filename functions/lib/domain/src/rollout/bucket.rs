//! Selection of a recipient's version. It is a pure function of id, percentage and list, so every process decides alike
//! at any time.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{ListedUsers, Percentage};

/// Number of buckets. One bucket is a hundredth of a percent of the recipients.
const BUCKETS: u64 = 10_000;

/// Version of the service that sends a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// One push attempt to the newest device, without retry or fallback.
    V1,
    /// Escalation over all channels, with retries, circuit breakers and budgets.
    V2,
}

impl Version {
    /// Returns `v1` or `v2`, as in the tables and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// Returns the version with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|version| version.as_str() == name)
    }
}

/// Returns the recipient's bucket, which never changes: the first 8 bytes of SHA-256 of `"push-v2:" + id` as a
/// big-endian integer, modulo 10,000.
pub fn bucket(recipient_id: &str) -> u16 {
    let hash = digest(&SHA256, format!("push-v2:{recipient_id}").as_bytes());
    // Horner's rule on the first 8 bytes gives the same remainder as the 64-bit integer.
    let remainder = hash.as_ref().iter().take(8).fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % BUCKETS);
    remainder as u16
}

/// Selection that operators have set: the percentage and the listed users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Percentage of recipients who get version 2.
    pub percentage: Percentage,
    /// Recipients who get version 2 at any percentage above 0.
    pub users: Arc<ListedUsers>,
}

impl Rollout {
    /// Returns the version that this recipient gets now. At `0`, listed users get version 1 too.
    pub fn decide(&self, recipient_id: &str) -> Version {
        if self.is_killed() {
            return Version::V1;
        }
        if self.percentage == Percentage::HUNDRED
            || bucket(recipient_id) < self.percentage.hundredths()
            || self.users.contains(recipient_id)
        {
            Version::V2
        } else {
            Version::V1
        }
    }

    /// Returns `true` if the kill switch is set. Then no new notification is sent as version 2, and escalation under
    /// way stops.
    pub fn is_killed(&self) -> bool {
        self.percentage == Percentage::ZERO
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    const VECTORS: &str = include_str!("../../tests/vectors/rollout-vectors.csv");

    fn rollout(percentage: &str, users: &str) -> Rollout {
        Rollout { percentage: percentage.parse().unwrap(), users: Arc::new(ListedUsers::parse(users).unwrap()) }
    }

    fn in_v2(rollout: &Rollout, id: &str) -> bool {
        rollout.decide(id) == Version::V2
    }

    type Vector = (String, u16, Vec<bool>);

    /// Reads the vectors. Each line has the id, its bucket, and for each percentage of the heading 1 if the id is in
    /// version 2.
    fn vectors() -> (Vec<String>, Vec<Vector>) {
        let mut lines = VECTORS.lines();
        let heading = lines.next().unwrap().split(',').skip(2);
        let percentages = heading.map(|name| name.strip_prefix("in_v2_at_").unwrap().to_owned()).collect();
        let rows = lines.map(|line| {
            let mut cells = line.split(',');
            let (id, bucket) = (cells.next().unwrap(), cells.next().unwrap());
            (id.to_owned(), bucket.parse().unwrap(), cells.map(|cell| cell == "1").collect())
        });
        (percentages, rows.collect())
    }

    #[test]
    fn every_vector_has_its_bucket_and_its_version_at_every_percentage() {
        let (percentages, rows) = vectors();
        assert_eq!(percentages, ["0.5", "10", "50", "100"]);
        assert_eq!(rows.len(), 110);
        for (id, expected, versions) in &rows {
            assert_eq!(bucket(id), *expected, "{id}");
            for (percentage, expected) in percentages.iter().zip(versions) {
                assert_eq!(in_v2(&rollout(percentage, "[]"), id), *expected, "{id} at {percentage}");
            }
        }
    }

    #[test]
    fn the_list_gets_v2_at_any_percentage_above_zero_and_the_kill_switch_beats_it() {
        let (percentages, rows) = vectors();
        let ids: Vec<&String> = rows.iter().map(|(id, ..)| id).collect();
        let list = serde_json::to_string(&ids).unwrap();
        for percentage in percentages.iter().map(String::as_str).chain(["0.01"]) {
            let listed = rollout(percentage, &list);
            assert!(ids.iter().all(|id| in_v2(&listed, id)), "{percentage}");
            assert!(!listed.is_killed());
        }
        let killed = rollout("0", &list);
        assert!(killed.is_killed() && ids.iter().all(|id| !in_v2(&killed, id)));
    }

    #[test]
    fn a_listed_id_adds_no_other_recipient() {
        let listed = rollout("0.01", r#"["user-42"]"#);
        assert!(in_v2(&listed, "user-42"));
        for other in ["user-4", "user-421", "USER-42", "user-42 "] {
            assert!(!in_v2(&listed, other), "{other}");
        }
    }

    #[test]
    fn without_any_value_v2_is_off() {
        assert!(Rollout::default().is_killed());
        assert_eq!(Rollout::default().decide("bob"), Version::V1);
    }

    #[test]
    fn a_version_is_spelled_the_same_everywhere() {
        for (version, text) in [(Version::V1, "v1"), (Version::V2, "v2")] {
            assert_eq!(serde_json::to_value(version).unwrap(), text);
            assert_eq!(version.as_str(), text);
            assert_eq!(Version::parse(text), Some(version));
        }
        assert_eq!(Version::parse("V2"), None);
    }

    proptest! {
        #[test]
        fn raising_the_percentage_only_adds_people(id in ".{1,128}", one in 0u16..=10_000, other in 0u16..=10_000, listed: bool) {
            let users = if listed { serde_json::to_string(&[&id]).unwrap() } else { "[]".to_owned() };
            let at = |hundredths| Rollout {
                percentage: Percentage::from_hundredths(hundredths).unwrap(),
                users: Arc::new(ListedUsers::parse(&users).unwrap_or_default()),
            };
            if in_v2(&at(one.min(other)), &id) {
                prop_assert!(in_v2(&at(one.max(other)), &id));
            }
            prop_assert!(in_v2(&at(10_000), &id));
        }
    }
}
