//! Test phase: a share of the people gets the variants first, and the others get the best one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use platform::problem::FieldError;

/// Longest test phase: a campaign stops 13 days after its launch.
const MAX_HOURS: u32 = 7 * 24;

/// Test phase of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestPhase {
    /// Share of the people who get the variants first, in basis points.
    pub share_bp: u32,
    /// Time from the begin of the campaign to the choice of the winner.
    pub duration: SignedDuration,
    /// Figure that decides the winner.
    pub metric: TestMetric,
}

/// Result by which a winner is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum TestMetric {
    /// A device or a provider confirmed the message.
    Delivered,
    /// The recipient followed the message's link.
    Clicked,
    /// The message led to a conversion.
    Converted,
}

/// Course of the campaign after the test phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AfterTest {
    Winner,
}

/// A test phase in the format of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPhaseBody {
    share_percent: f64,
    hours: u32,
    metric: TestMetric,
    #[serde(rename = "then")]
    _then: AfterTest,
}

/// Variant that the people after the test phase get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Name of the variant.
    pub variant: String,
    /// Time of the choice.
    pub at: Timestamp,
    /// Explanation for operators.
    pub detail: String,
}

impl TestMetric {
    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl TestPhaseBody {
    /// Checks the fields. `conflict` is the name of a given field that excludes a test phase.
    pub fn parse(&self, has_variants: bool, conflict: Option<&str>, errors: &mut Vec<FieldError>) -> TestPhase {
        if !has_variants {
            errors.push(FieldError::new("test", "must be absent if there are no variants"));
        }
        if let Some(field) = conflict {
            errors.push(FieldError::new("test", format!("must be absent if {field} is given")));
        }
        let points = self.share_percent * 100.0;
        if !(1.0..=99.0).contains(&self.share_percent) || (points - points.round()).abs() > 1e-6 {
            errors.push(FieldError::new("test.share_percent", "must be from 1 to 99, with at most two decimals"));
        }
        if !(1..=MAX_HOURS).contains(&self.hours) {
            errors.push(FieldError::new("test.hours", "must be from 1 to 168 (7 days)"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 100 to 9,900")]
        let share_bp = points.round().clamp(0.0, 10_000.0) as u32;
        TestPhase { share_bp, duration: SignedDuration::from_hours(self.hours.into()), metric: self.metric }
    }
}
