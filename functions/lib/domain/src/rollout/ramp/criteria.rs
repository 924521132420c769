//! Criteria that version 2 must meet before the percentage is raised.

use serde::{Deserialize, Serialize};

/// Criteria of a plan. If a plan does not contain a criterion, its default is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Criteria {
    /// Limit that the delivery rate must exceed, in percent.
    pub delivery_above_percent: u32,
    /// Limit that the error rate must stay below, in percent.
    pub error_below_percent: u32,
    /// Limit that the 95th percentile of the latency must stay below, in milliseconds.
    pub p95_below_ms: u64,
    /// Requires that the circuit breakers of version 2's push services are CLOSED.
    pub breakers_closed: bool,
    /// Minimum number of notifications that ended in the judged time.
    pub sample: u32,
}

impl Default for Criteria {
    fn default() -> Self {
        Self {
            delivery_above_percent: 95,
            error_below_percent: 5,
            p95_below_ms: 3_000,
            breakers_closed: true,
            sample: 100,
        }
    }
}

/// Version 2's figures of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RampFigures {
    /// Notifications that ended, without those that a gate skipped or the caller cancelled.
    pub closed: i64,
    /// Number of them that a provider accepted or that have proof of delivery.
    pub reached: i64,
    /// Number of them that ended badly.
    pub ended_badly: i64,
    /// 95th percentile of the time to the first accepted attempt, in milliseconds.
    pub p95_ms: Option<u64>,
    /// Number of version 2's push services whose circuit breaker is not CLOSED now.
    pub breakers_not_closed: usize,
}

/// Result of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// Name of the criterion.
    pub name: &'static str,
    /// `true` if the criterion holds; `None` if the sample is too small.
    pub holds: Option<bool>,
    /// Measured value: percent with two decimals as text, milliseconds, or a count.
    pub found: Option<String>,
    /// Limit that the value is compared with.
    pub wanted: String,
    /// Number of notifications in the sample.
    pub sample: i64,
}

impl Criterion {
    /// Returns `true` if the criterion does not hold. Without a sample, a criterion is not broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.holds == Some(false)
    }
}

impl Criteria {
    /// Checks each criterion against `figures`.
    #[must_use]
    pub fn check(&self, figures: &RampFigures) -> Vec<Criterion> {
        let sample = figures.closed;
        let is_sample = sample >= i64::from(self.sample.max(1));
        let (above, below) = (self.delivery_above_percent, self.error_below_percent);
        let more_than = |part: i64, percent: u32| part.saturating_mul(100) > sample.saturating_mul(i64::from(percent));
        let at_least = |part: i64, percent: u32| part.saturating_mul(100) >= sample.saturating_mul(i64::from(percent));
        let share = |part: i64| (sample > 0).then(|| percent_text(part, sample));
        let mut found = vec![
            Criterion {
                name: "delivery",
                holds: is_sample.then(|| more_than(figures.reached, above)),
                found: share(figures.reached),
                wanted: format!("> {above} %"),
                sample,
            },
            Criterion {
                name: "error",
                holds: is_sample.then(|| !at_least(figures.ended_badly, below)),
                found: share(figures.ended_badly),
                wanted: format!("< {below} %"),
                sample,
            },
            Criterion {
                name: "p95",
                holds: figures.p95_ms.filter(|_| is_sample).map(|p95_ms| p95_ms < self.p95_below_ms),
                found: figures.p95_ms.map(|p95_ms| format!("{p95_ms} ms")),
                wanted: format!("< {} ms", self.p95_below_ms),
                sample,
            },
        ];
        if self.breakers_closed {
            found.push(Criterion {
                name: "breakers",
                holds: Some(figures.breakers_not_closed == 0),
                found: Some(format!("{} not CLOSED", figures.breakers_not_closed)),
                wanted: "0 not CLOSED".to_owned(),
                sample,
            });
        }
        found
    }
}

/// Formats a share in percent with two decimals, without floating point.
fn percent_text(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> RampFigures {
        RampFigures { closed: 1_000, reached: 951, ended_badly: 49, p95_ms: Some(2_999), breakers_not_closed: 0 }
    }

    fn holds(figures: RampFigures) -> Vec<Option<bool>> {
        Criteria::default().check(&figures).iter().map(|criterion| criterion.holds).collect()
    }

    #[test]
    fn each_criterion_at_its_boundary() {
        assert_eq!(holds(good()), [Some(true); 4]);
        assert_eq!(holds(RampFigures { reached: 950, ..good() })[0], Some(false));
        assert_eq!(holds(RampFigures { ended_badly: 50, ..good() })[1], Some(false));
        assert_eq!(holds(RampFigures { p95_ms: Some(3_000), ..good() })[2], Some(false));
        assert_eq!(holds(RampFigures { breakers_not_closed: 1, ..good() })[3], Some(false));
    }

    #[test]
    fn without_a_sample_there_is_no_result() {
        assert_eq!(holds(RampFigures { closed: 99, reached: 0, ..good() }), [None, None, None, Some(true)]);
        assert_eq!(holds(RampFigures { closed: 100, reached: 100, ended_badly: 0, p95_ms: None, ..good() })[2], None);
    }

    #[test]
    fn a_criterion_shows_value_and_limit_as_text() {
        let delivery = &Criteria::default().check(&good())[0];
        assert_eq!((delivery.found.as_deref(), delivery.wanted.as_str()), (Some("95.10 %"), "> 95 %"));
    }
}
