//! The erasure certificate, the response to `DELETE /v1/recipients/{id}`: what was erased, what remains, and what
//! expires later by itself.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use store::Erasure;

/// DynamoDB keeps point-in-time backups for 35 days, and stream records for 24 hours.
const BACKUPS: SignedDuration = SignedDuration::from_hours(35 * 24);
const STREAM: SignedDuration = SignedDuration::from_hours(24);
/// Time by which cleanup has checked again: every five minutes it checks erasures that are at least two minutes old.
const SECOND_CHECK: SignedDuration = SignedDuration::from_mins(15);

/// The erasure certificate. It contains no recipient id; the caller has the id.
#[derive(Debug, Serialize)]
pub struct ErasureCertificate {
    erased_at: Timestamp,
    tables: Tables,
    runs_out: [ExpiringData; 4],
    keeps: [&'static str; 3],
}

#[derive(Debug, Serialize)]
struct Tables {
    recipients: RecipientsTable,
    control: ControlTable,
    notifications: NotificationsTable,
}

#[derive(Debug, Serialize)]
struct RecipientsTable {
    profiles: u64,
    devices: u64,
    remaining: u64,
}

#[derive(Debug, Serialize)]
struct ControlTable {
    endpoints: u64,
    counters: u64,
    remaining: u64,
}

#[derive(Debug, Serialize)]
struct NotificationsTable {
    notifications: u64,
    remaining: u64,
}

#[derive(Debug, Serialize)]
struct ExpiringData {
    what: &'static str,
    by: Timestamp,
}

impl ErasureCertificate {
    /// Returns the certificate of an erasure that is complete at `now`.
    #[must_use]
    pub fn of(erasure: &Erasure, now: Timestamp) -> Self {
        let after = |what, time| ExpiringData { what, by: now.checked_add(time).unwrap_or(Timestamp::MAX) };
        Self {
            erased_at: now,
            tables: Tables {
                recipients: RecipientsTable {
                    profiles: erasure.profiles,
                    devices: erasure.devices,
                    remaining: erasure.remaining_profiles,
                },
                control: ControlTable {
                    endpoints: erasure.endpoints,
                    counters: erasure.counters,
                    remaining: erasure.remaining_control,
                },
                notifications: NotificationsTable {
                    notifications: erasure.notifications,
                    remaining: erasure.remaining_notifications,
                },
            },
            runs_out: [
                after(
                    "notifications that a send in progress may still store, and the marker that finds them",
                    SECOND_CHECK,
                ),
                after("point-in-time backups of the tables", BACKUPS),
                after("change records in the stream of notifications", STREAM),
                after("idempotency records, which contain ids of notifications and no content", STREAM),
            ],
            keeps: [
                "suppressed addresses, as keyed hashes, so that no message is sent again after a complaint",
                "counts per minute, hour and day, which identify no recipient",
                "log lines and queued messages, which identify a recipient by a keyed hash at most and contain no content",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_certificate_counts_deleted_items_and_names_the_expiry_of_the_rest() {
        let erasure =
            Erasure { profiles: 1, devices: 2, endpoints: 2, counters: 1, notifications: 7, ..Erasure::default() };
        let certificate = ErasureCertificate::of(&erasure, "2027-01-01T00:00:00Z".parse().unwrap());
        let json = serde_json::to_value(certificate).unwrap();
        assert_eq!(
            json["tables"],
            serde_json::json!({
                "recipients": {"profiles": 1, "devices": 2, "remaining": 0},
                "control": {"endpoints": 2, "counters": 1, "remaining": 0},
                "notifications": {"notifications": 7, "remaining": 0},
            })
        );
        assert_eq!(json["erased_at"], "2027-01-01T00:00:00Z");
        assert_eq!(json["runs_out"][0]["by"], "2027-01-01T00:15:00Z");
        assert_eq!(json["runs_out"][1]["by"], "2027-02-05T00:00:00Z");
    }
}
