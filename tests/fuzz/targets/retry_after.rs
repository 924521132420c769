//! `<status> <now in seconds> <Retry-After>`: the retry time that a push service requests.

use std::time::{Duration, UNIX_EPOCH};

use channels::push::outcome;
use domain::channel::{Outcome, Rejection};
use jiff::Timestamp;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let mut parts = text.splitn(3, ' ');
    let status = parts.next().and_then(|status| status.parse().ok()).unwrap_or(429);
    let second = parts.next().and_then(|second| second.parse().ok()).unwrap_or(1_795_428_300);
    let Ok(now) = Timestamp::from_second(second) else { return };
    let value = parts.next();
    let meaning = outcome(status, value, now);
    let asks_to_wait = matches!(status, 406 | 408 | 425 | 429 | 500..=599);
    match meaning {
        Outcome::RetryLater { after_ms } => {
            assert!(asks_to_wait);
            assert_eq!(after_ms, value.and_then(|value| wait_ms(value.trim(), second)), "{text:?}");
            assert!(after_ms.is_none_or(|after_ms| (1_000..=3_600_000).contains(&after_ms)));
        }
        Outcome::Gone => assert!(matches!(status, 404 | 410)),
        Outcome::Accepted => assert!(matches!(status, 200..=299)),
        Outcome::Rejected { reason: Rejection::Config } => assert!(matches!(status, 400 | 401 | 403)),
        Outcome::Rejected { .. } => assert!(!asks_to_wait),
        Outcome::RateLimited { .. } | Outcome::Uncertain => panic!("only a call of a paid provider ends so"),
    }
    assert!(asks_to_wait || meaning == outcome(status, None, now), "it counts only where it means something");
}

/// An independent implementation: seconds as a decimal number of any length, or a date.
fn wait_ms(value: &str, now_second: i64) -> Option<u64> {
    let seconds = if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) {
        let significant = value.trim_start_matches('0');
        if significant.len() > 5 { 3_600 } else { significant.parse().unwrap_or(0) }
    } else {
        let at = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i128::from(at.as_secs()) - i128::from(now_second)
    };
    u64::try_from(seconds.clamp(1, 3_600) * 1_000).ok()
}
