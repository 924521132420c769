//! Volume of the last seven days that a dangerous change concerns, and the number that is typed if it is large.

use serde_json::Value;

use super::campaign_plan::MANY_PEOPLE;
use super::figure_views::WindowFigures;
use crate::site::{ApiCall, ApiProblem, Fields, Visit, count};

/// Minutes of a week.
pub const WEEK_MINUTES: &str = "10080";
/// Hidden field with the volume that the page showed. It grows while the form is filled.
const SHOWN: &str = "shown_volume";

/// Notifications of the last seven days.
#[derive(Debug, Default)]
pub struct WeekVolume {
    /// Number; `None` if the metrics could not be read.
    sent: Option<i64>,
    /// Fields of typed numbers, with what was typed.
    typed: Vec<(&'static str, String)>,
}

impl WeekVolume {
    /// Returns the volume of all notifications: those of both versions in an answer of
    /// `GET /v1/rollout/comparison`. `None` if the answer could not be read.
    #[must_use]
    pub fn of_both_versions(form: &Fields, fields: &[&'static str], comparison: Option<&Value>) -> Self {
        let sent = |comparison: &Value| Some(comparison["v1"]["sent"].as_i64()? + comparison["v2"]["sent"].as_i64()?);
        Self::new(form, fields, comparison.and_then(sent))
    }

    /// Reads the volume of a type.
    pub async fn of_type(visit: &Visit<'_>, kind: &str, fields: &[&'static str]) -> Self {
        let call = ApiCall::get("/v1/metrics").query("minutes", WEEK_MINUTES);
        let window: Option<WindowFigures> = visit.call(call).await.read().ok();
        let sent = |window: WindowFigures| window.by_type.get(kind).map_or(0, |figures| figures.sent);
        Self::new(visit.form(), fields, window.map(sent))
    }

    fn new(form: &Fields, fields: &[&'static str], sent: Option<i64>) -> Self {
        Self { sent, typed: fields.iter().map(|field| (*field, form.raw(field).to_owned())).collect() }
    }

    /// Returns `true` if the number must be typed. A change stays possible while the metrics cannot be read.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.sent.is_some_and(|sent| sent > MANY_PEOPLE)
    }

    /// Returns the number without commas.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.sent.unwrap_or_default()
    }

    /// Returns the number as a page shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        count(self.number())
    }

    /// Returns the volume in one sentence, for the place beside the button. `of` follows the noun: ` of this type`.
    #[must_use]
    pub fn sentence(&self, of: &str) -> String {
        match self.sent {
            None => "The figures of the last 7 days are not available.".to_owned(),
            Some(0) => format!("In the last 7 days, no notification{of} was sent."),
            Some(1) => format!("In the last 7 days, 1 notification{of} was sent, to one person."),
            Some(sent) => {
                let sent = count(sent);
                format!("In the last 7 days, {sent} notifications{of} were sent, to at most as many people.")
            }
        }
    }

    /// Returns what was typed into a field.
    #[must_use]
    pub fn typed(&self, field: &str) -> &str {
        self.typed.iter().find(|(own, _)| *own == field).map_or("", |(_, text)| text)
    }

    /// Returns the requirement that the typed number of a field does not meet. It must be the present volume, or the
    /// one that the page showed. A space or a comma between thousands is allowed.
    #[must_use]
    pub fn refusal(&self, form: &Fields, field: &'static str) -> Option<ApiProblem> {
        let number = |text: &str| -> Option<i64> {
            let digits: String = text.chars().filter(|letter| !letter.is_whitespace() && *letter != ',').collect();
            digits.parse().ok()
        };
        let shown = number(form.get(SHOWN)).filter(|shown| *shown > MANY_PEOPLE);
        let typed = number(form.get(field));
        let is_right = !self.is_large() || (typed.is_some() && (typed == self.sent || typed == shown));
        let message = format!("must be the number of notifications of the last 7 days: {}", self.shown());
        (!is_right).then(|| ApiProblem::field(field, &message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_volume_of_both_versions_is_their_sum_or_unknown() {
        let sentence = |comparison: Option<&Value>| {
            WeekVolume::of_both_versions(&Fields::default(), &["volume"], comparison).sentence("")
        };
        let both = json!({"v1": {"sent": 8_500}, "v2": {"sent": 970}});
        assert!(sentence(Some(&both)).contains("9,470 notifications were sent"));
        for unread in [None, Some(&json!({"v1": {"sent": 1}}))] {
            assert_eq!(sentence(unread), "The figures of the last 7 days are not available.");
        }
    }

    #[test]
    fn the_number_is_typed_above_10_000() {
        let refused = |sent, form: &str| {
            let form = Fields::parse(form.as_bytes());
            WeekVolume::new(&form, &["volume"], sent)
                .refusal(&form, "volume")
                .map(|problem| problem.errors[0].1.clone())
        };
        assert_eq!(refused(Some(10_000), ""), None);
        assert_eq!(refused(None, ""), None, "the metrics cannot be read");
        assert!(refused(Some(10_001), "").is_some_and(|message| message.ends_with(": 10,001")));
        assert_eq!(refused(Some(10_001), "volume=10,001"), None);
        assert_eq!(refused(Some(10_400), "volume=10+200&shown_volume=10200"), None, "as the page showed it");
        assert!(refused(Some(10_400), "volume=5&shown_volume=5").is_some());
        assert!(refused(Some(10_400), "volume=&shown_volume=").is_some());
    }
}
