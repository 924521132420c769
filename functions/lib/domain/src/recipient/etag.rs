//! Entity tags of recipients: `<version of the profile>.<digest of the response of GET>`.
//!
//! Both parts are computed from stored data. A read compares the whole tag, since devices and suppressions belong to
//! the response. A write compares the version alone, since it replaces the profile alone. So a browser that registers
//! at the same time does not make a write fail. The version contains the time of the recipient's creation, so it never
//! repeats after an erasure.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::{Recipient, RecipientView};

/// Number of bytes of the digest in a tag.
const DIGEST_BYTES: usize = 8;

/// Version of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileVersion {
    /// Time at which the recipient was created.
    pub created_at: Timestamp,
    /// Number of changes since then.
    pub revision: u64,
}

impl ProfileVersion {
    /// Returns the version of a stored profile.
    #[must_use]
    pub const fn of(recipient: &Recipient) -> Self {
        Self { created_at: recipient.created_at, revision: recipient.revision }
    }

    /// Returns `true` if an entity tag, without its quotes, contains this version.
    #[must_use]
    pub fn is_in(self, tag: &str) -> bool {
        tag.split_once('.').is_some_and(|(version, _)| version == self.to_string())
    }
}

impl fmt::Display for ProfileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.created_at.as_millisecond(), self.revision)
    }
}

/// Returns the entity tag of a recipient, without its quotes.
#[must_use]
pub fn entity_tag(recipient: &Recipient) -> String {
    let shown = serde_json::to_vec(&RecipientView::of(recipient)).unwrap_or_default();
    let mut tag = format!("{}.", ProfileVersion::of(recipient));
    for byte in &digest(&SHA256, &shown).as_ref()[..DIGEST_BYTES] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::ToSpan;

    use super::*;
    use crate::recipient::sample::with_everything;

    #[test]
    fn every_part_of_the_answer_is_in_the_tag_and_the_profile_alone_in_the_version() {
        let recipient = with_everything(2);
        let (tag, version) = (entity_tag(&recipient), ProfileVersion::of(&recipient));
        assert_eq!(entity_tag(&recipient.clone()), tag);
        assert!(version.is_in(&tag));
        let changed = |change: fn(&mut Recipient)| {
            let mut other = recipient.clone();
            change(&mut other);
            entity_tag(&other)
        };
        for other in [
            changed(|recipient| drop(recipient.devices.pop())),
            changed(|recipient| recipient.devices[0].last_used_at += 24.hours()),
            changed(|recipient| recipient.suppressed.extend([crate::channel::Channel::Email])),
        ] {
            assert!(other != tag && version.is_in(&other), "{other}");
        }
        for other in
            [changed(|recipient| recipient.revision += 1), changed(|recipient| recipient.created_at += 1.hour())]
        {
            assert!(!version.is_in(&other), "{other}");
        }
        for invalid in ["", ".", "0", "0-1", "0-1x.00"] {
            assert!(!version.is_in(invalid), "{invalid}");
        }
    }
}
