//! Translation of a push service's answer into an outcome, as a pure function.

use jiff::Timestamp;

use crate::retry_after::wait_ms;
use domain::channel::{Outcome, Rejection};

/// Returns the outcome for a status. A status that no document names is treated as its class.
///
/// Sources: RFC 8030 section 5, RFC 8292 section 4.2, and the documentation of the four services. `retry_after` is
/// the header's value as sent; it applies to every answer that means "retry later".
#[must_use]
pub fn outcome(status: u16, retry_after: Option<&str>, now: Timestamp) -> Outcome {
    match status {
        200..=299 => Outcome::Accepted,
        404 | 410 => Outcome::Gone,
        // The key, the token's time or the request is wrong: a fault of this service, not of the device.
        400 | 401 | 403 => Outcome::Rejected { reason: Rejection::Config },
        413 => Outcome::Rejected { reason: Rejection::TooLarge },
        // Windows throttles with 406. A request that came too slowly (408) or too early (425) was not processed.
        406 | 408 | 425 | 429 | 500..=599 => {
            Outcome::RetryLater { after_ms: retry_after.and_then(|value| wait_ms(value, now)) }
        }
        _ => Outcome::Rejected { reason: Rejection::Unexpected },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::retry_after::BOUNDS_MS;

    fn now() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    const fn rejected(reason: Rejection) -> Outcome {
        Outcome::Rejected { reason }
    }

    #[test]
    fn every_row_of_the_table_of_outcomes() {
        let later = Outcome::RetryLater { after_ms: None };
        for (statuses, meaning) in [
            (&[200, 201, 202, 203, 204, 205, 206, 207, 226, 250, 299][..], Outcome::Accepted),
            (&[404, 410], Outcome::Gone),
            (&[400, 401, 403], rejected(Rejection::Config)),
            (&[413], rejected(Rejection::TooLarge)),
            (&[406, 408, 425, 429], later),
            (&[500, 501, 502, 503, 504, 507, 599], later),
            (&[100, 101, 103, 199, 300, 301, 302, 303, 304, 307, 308, 399], rejected(Rejection::Unexpected)),
            (
                &[402, 405, 407, 409, 411, 412, 414, 415, 418, 422, 451, 499, 0, 99, 600, 999],
                rejected(Rejection::Unexpected),
            ),
        ] {
            for status in statuses {
                assert_eq!(outcome(*status, None, now()), meaning, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_clamped() {
        for (value, after_ms) in [
            ("120", 120_000),
            (" 7 ", 7_000),
            ("0", 1_000),
            ("3600", 3_600_000),
            ("86400", 3_600_000),
            ("99999999999999999999999", 3_600_000),
            ("Mon, 23 Nov 2026 09:02:00 GMT", 120_000),
            ("Monday, 23-Nov-26 09:02:00 GMT", 120_000),
            ("Mon Nov 23 09:02:00 2026", 120_000),
            ("Mon, 23 Nov 2026 08:00:00 GMT", 1_000),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 1_000),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3_600_000),
        ] {
            for status in [406, 408, 425, 429, 500, 503, 599] {
                let meaning = Outcome::RetryLater { after_ms: Some(after_ms) };
                assert_eq!(outcome(status, Some(value), now()), meaning, "{status} {value:?}");
            }
        }
    }

    #[test]
    fn a_nonsensical_retry_after_is_as_good_as_none() {
        for value in ["", " ", "-1", "+5", "1.5", "1e3", "soon", "120s", "12:00", "Mon, 99 Nov 2026 09:02:00 GMT", "٣"]
        {
            assert_eq!(outcome(429, Some(value), now()), Outcome::RetryLater { after_ms: None }, "{value:?}");
        }
    }

    #[test]
    fn retry_after_means_nothing_where_trying_again_does_not_help() {
        for status in [201, 204, 404, 410, 400, 413, 301] {
            assert_eq!(outcome(status, Some("120"), now()), outcome(status, None, now()));
        }
    }

    proptest! {
        /// Every status of class 2xx is a success, and every status of class 5xx leads to a retry. Classes other than
        /// 2xx, 4xx and 5xx are rejections.
        #[test]
        fn the_class_decides(status in any::<u16>()) {
            let meaning = outcome(status, None, now());
            match status / 100 {
                2 => prop_assert_eq!(meaning, Outcome::Accepted),
                4 => prop_assert_ne!(meaning, Outcome::Accepted),
                5 => prop_assert_eq!(meaning, Outcome::RetryLater { after_ms: None }),
                _ => prop_assert_eq!(meaning, rejected(Rejection::Unexpected)),
            }
        }

        #[test]
        fn no_answer_makes_the_table_panic_and_no_wait_leaves_its_bounds(
            status in any::<u16>(),
            value in prop_oneof![any::<String>(), "[0-9]{0,30}", "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"],
            second in -62_135_596_800_i64..=253_402_207_200,
        ) {
            let now = Timestamp::from_second(second).unwrap();
            if let Outcome::RetryLater { after_ms: Some(after_ms) } = outcome(status, Some(&value), now) {
                prop_assert!(BOUNDS_MS.contains(&after_ms));
            }
        }
    }
}
