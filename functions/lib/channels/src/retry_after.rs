//! Parser of `Retry-After`: whole seconds or an HTTP date (RFC 9110 section 10.2.3).

use std::time::SystemTime;

use jiff::Timestamp;

/// Bounds of a wait that a provider requests, in milliseconds: 1 s, against busy loops, to 1 h.
pub const BOUNDS_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;

/// Returns the wait from `now` in milliseconds, within [`BOUNDS_MS`]; `None` if the value is invalid.
#[must_use]
pub fn wait_ms(value: &str, now: Timestamp) -> Option<u64> {
    let value = value.trim();
    let wait_ms = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse::<u64>().map_or(u64::MAX, |seconds| seconds.saturating_mul(1_000))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        let wait = date.duration_since(SystemTime::from(now)).unwrap_or_default();
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
    };
    Some(wait_ms.clamp(*BOUNDS_MS.start(), *BOUNDS_MS.end()))
}
