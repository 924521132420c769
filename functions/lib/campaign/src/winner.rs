//! Winner of a test phase: the choice, and the message of the people who get it.

use jiff::Timestamp;
use metrics::interval::{Proportion, difference_among};

use crate::model::{Campaign, Launch, LaunchedMessage};
use crate::test_phase::{TestMetric, TestPhase, Winner};

/// Suffix of the variant name for people after the test phase. No name in a request contains a point.
const REST: &str = ".rest";

/// Result of a variant in the test phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantResult {
    /// Notifications that reached their recipients.
    pub reached: i64,
    /// Those of them with the result that counts.
    pub achieved: i64,
}

/// Chooses the position of the variant for the other people, with an explanation. Only a significant difference counts:
/// all intervals together hold with 95 %. Without one, the first variant is chosen.
#[must_use]
pub fn pick_winner(metric: TestMetric, results: &[(&str, VariantResult)]) -> (usize, String) {
    let metric = metric.as_str();
    let Some(((first, base), others)) = results.split_first() else { return (0, "there is no variant".to_owned()) };
    let share = |result: &VariantResult| Proportion::new(result.achieved, result.reached);
    let compare = |(variant_index, (_, other)): (usize, &(&str, VariantResult))| {
        difference_among(others.len(), share(base), share(other)).map(|interval| (variant_index + 1, interval))
    };
    let compared: Vec<_> = others.iter().enumerate().filter_map(compare).collect();
    if compared.len() < others.len() {
        return (0, format!("not enough data to compare {metric}, so the first variant, {first}, is taken"));
    }
    let better = compared.iter().filter(|(_, interval)| interval.low > 0.0);
    let best = better.max_by(|(_, one), (_, other)| one.difference.total_cmp(&other.difference));
    if let Some((variant_index, interval)) = best {
        let points = interval.difference * 100.0;
        let name = results.get(*variant_index).map_or("", |(name, _)| name);
        return (*variant_index, format!("{name} has {points:.1} percentage points more {metric} than {first}"));
    }
    if compared.iter().all(|(_, interval)| interval.high < 0.0) {
        return (0, format!("every other variant has less {metric} than {first}"));
    }
    (0, format!("no difference shown in {metric}, so the first variant, {first}, is taken"))
}

impl Launch {
    /// Returns the messages of the variants, without that of the people after a test phase.
    pub fn variants(&self) -> impl Iterator<Item = &LaunchedMessage> {
        self.messages.iter().filter(|message| !message.variant.ends_with(REST))
    }

    /// Returns the position of the message for people after the test phase. Until there is a winner, it is the first
    /// one.
    #[must_use]
    pub fn rest_variant_index(&self) -> usize {
        self.messages.iter().position(|message| message.variant.ends_with(REST)).unwrap_or(0)
    }

    /// Returns `true` if the next slot waits for the winner of the test phase.
    #[must_use]
    pub const fn awaits_winner(&self, test: Option<&TestPhase>) -> bool {
        test.is_some() && self.winner.is_none()
    }
}

impl LaunchedMessage {
    /// Returns the name of the variant, also for people after a test phase.
    #[must_use]
    pub fn base_variant(&self) -> &str {
        self.variant.strip_suffix(REST).unwrap_or(&self.variant)
    }
}

impl Campaign {
    /// Stores the winner of the test phase; a repeat changes nothing. The other people get the same message under
    /// another name. So the results of the test stay comparable.
    pub fn choose_winner(&mut self, variant_index: usize, detail: String, now: Timestamp) {
        let Some(launch) = self.launch.as_mut().filter(|launch| launch.winner.is_none()) else { return };
        let Some(message) = launch.messages.get(variant_index).cloned() else { return };
        launch.winner = Some(Winner { variant: message.variant.clone(), at: now, detail });
        let variant = format!("{}{REST}", message.variant);
        launch.messages.push(LaunchedMessage { variant, weight_bp: 0, ..message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(results: &[(&'static str, i64, i64)]) -> (usize, String) {
        let result = |(name, reached, achieved): &(&'static str, i64, i64)| {
            (*name, VariantResult { reached: *reached, achieved: *achieved })
        };
        pick_winner(TestMetric::Clicked, &results.iter().map(result).collect::<Vec<_>>())
    }

    #[test]
    fn a_winner_needs_a_difference_that_is_shown() {
        let (variant_index, detail) = picked(&[("a", 1_000, 50), ("b", 1_000, 120), ("c", 1_000, 90)]);
        assert_eq!((variant_index, detail.as_str()), (1, "b has 7.0 percentage points more clicked than a"));
        let (variant_index, detail) = picked(&[("a", 1_000, 50), ("b", 1_000, 60)]);
        assert_eq!(
            (variant_index, detail.as_str()),
            (0, "no difference shown in clicked, so the first variant, a, is taken")
        );
        let (variant_index, detail) = picked(&[("a", 1_000, 120), ("b", 1_000, 50)]);
        assert_eq!((variant_index, detail.as_str()), (0, "every other variant has less clicked than a"));
        let (variant_index, detail) = picked(&[("a", 10, 5), ("b", 0, 0)]);
        assert_eq!(
            (variant_index, detail.as_str()),
            (0, "not enough data to compare clicked, so the first variant, a, is taken")
        );
    }

    #[test]
    fn the_rest_gets_the_message_of_the_winner_under_a_name_of_its_own() {
        let message = |variant: &str| LaunchedMessage {
            variant: variant.to_owned(),
            weight_bp: 5_000,
            ..LaunchedMessage::default()
        };
        let mut campaign = Campaign::draft(serde_json::Map::new(), "ops".to_owned().into());
        campaign.launch = Some(Launch { messages: vec![message("a"), message("b")], ..Launch::default() });
        assert_eq!(campaign.launch.as_ref().map(Launch::rest_variant_index), Some(0));
        campaign.choose_winner(1, "better".to_owned(), Timestamp::UNIX_EPOCH);
        campaign.choose_winner(0, "again".to_owned(), Timestamp::UNIX_EPOCH);
        let Some(launch) = &campaign.launch else { panic!() };
        assert_eq!((launch.rest_variant_index(), launch.variants().count()), (2, 2));
        let rest = &launch.messages[2];
        assert_eq!((rest.variant.as_str(), rest.base_variant(), rest.weight_bp), ("b.rest", "b", 0));
        assert_eq!(launch.winner.as_ref().map(|winner| winner.detail.as_str()), Some("better"));
    }
}
