//! `GET /v1/campaigns/{id}/results`: the effects of the messages of a campaign, by variant.
//!
//! Opens are not a result, because many mail programs open every message automatically.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CampaignsApi;
use super::variants::{Variants, reached, window_since};
use campaign::LaunchedMessage;
use metrics::figures::Notifications;
use metrics::interval::{MIN_SAMPLE, Proportion, chi_square_among, chi_square_limit, difference_among};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};

impl CampaignsApi {
    /// Returns the results of the first 90 days of a launched campaign. They arrive a minute or two after the messages.
    pub(super) async fn results(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let stored = self.find(request).await?;
        let Some(launch) = &stored.campaign.launch else {
            let action = "evaluated: no message was sent";
            return Err(super::resource::conflict(campaign::StateConflictError {
                state: stored.campaign.state,
                action,
            }));
        };
        let window = window_since(launch, now).ok_or_else(results_are_deleted)?;
        let variants = self.reconciler.figures(&stored.id, launch, now).await?;
        let by_variant: Vec<Value> =
            launch.messages.iter().map(|message| shown(&message.variant, variants.get(&message.variant))).collect();
        let tested: Vec<_> = launch.variants().collect();
        let body = json!({
            "from": window.from(), "to": window.to(), "variants": by_variant,
            "comparisons": comparisons(&tested, &variants), "sample_ratio": sample_ratio(&tested, &variants),
        });
        Ok(Response::json(200, &body).with_header("Cache-Control", "no-store"))
    }
}

fn results_are_deleted() -> Problem {
    let detail = "The results of the campaign were deleted, 800 days after its launch.";
    Problem::new(ProblemKind::NotFound, detail)
}

/// Name of a goal, and the number of notifications that reached it.
type Goal = (&'static str, fn(&Notifications) -> i64);

const GOALS: [Goal; 3] = [
    ("delivered", |figures| figures.delivered),
    ("clicked", |figures| figures.clicked),
    ("converted", |figures| figures.converted),
];

fn shown(variant: &str, figures: Option<&Notifications>) -> Value {
    let none = Notifications::default();
    let figures = figures.unwrap_or(&none);
    let of = reached(figures);
    let rate = |count: i64| {
        let share = Proportion::new(count, of);
        (of > 0).then(|| {
            let (low, high) = share.interval();
            #[expect(clippy::cast_precision_loss, reason = "at most a million people")]
            let rate = share.part as f64 / of as f64;
            json!({"rate": rate, "low": low, "high": high})
        })
    };
    let mut shown = json!({
        "variant": (!variant.is_empty()).then_some(variant), "sent": figures.sent, "reached": of,
        "failed": figures.failed + figures.uncertain + figures.expired, "cost_micros": figures.cost_micros,
        "conversion_value_micros": figures.conversion_value_micros,
    });
    for (name, count) in GOALS {
        let count = count(figures);
        shown[name] = json!({"count": count, "share_of_reached": rate(count)});
    }
    shown
}

/// Compares each variant with the first one. An interval that contains 0 shows no difference. With more comparisons,
/// each interval is wider. So at most 5 % of all campaigns with equal variants show any difference.
fn comparisons(messages: &[&LaunchedMessage], variants: &Variants) -> Vec<Value> {
    let figures = |name: &str| variants.get(name).cloned().unwrap_or_default();
    let Some((first, others)) = messages.split_first() else { return Vec::new() };
    let base = figures(&first.variant);
    let comparisons = others.len() * GOALS.len();
    let compared = others.iter().flat_map(|other| {
        let (base, other_figures) = (base.clone(), figures(&other.variant));
        GOALS.map(|(name, count)| {
            let share = |figures: &Notifications| Proportion::new(count(figures), reached(figures));
            let interval = difference_among(comparisons, share(&base), share(&other_figures));
            let verdict = match interval {
                None => "not enough data",
                Some(interval) if interval.low > 0.0 => "better",
                Some(interval) if interval.high < 0.0 => "worse",
                Some(_) => "no difference shown",
            };
            let outcome_counts = interval.map(|it| json!({"difference": it.difference, "low": it.low, "high": it.high}));
            json!({"variant": other.variant, "against": first.variant, "goal": name, "interval": outcome_counts, "verdict": verdict})
        })
    });
    compared.collect()
}

/// Checks that the shares of the variants agree with their weights. If not, the assignment is not random, and a
/// comparison has no meaning.
fn sample_ratio(messages: &[&LaunchedMessage], variants: &Variants) -> Value {
    if messages.len() < 2 {
        return Value::Null;
    }
    let assigned = |name: &str| {
        let figures = variants.get(name);
        figures.map_or(0, |one| one.closed + one.skipped.values().sum::<i64>())
    };
    let counts: Vec<i64> = messages.iter().map(|message| assigned(&message.variant)).collect();
    if counts.iter().sum::<i64>() < MIN_SAMPLE {
        return json!({"verdict": "not enough data", "assigned": counts});
    }
    let shares = messages.iter().map(|message| f64::from(message.weight_bp) / 10_000.0);
    let parts: Vec<_> = counts.iter().copied().zip(shares).collect();
    let chi_square = chi_square_among(&parts);
    let verdict = if chi_square > chi_square_limit(parts.len()) { "not as promised" } else { "as promised" };
    json!({"verdict": verdict, "assigned": counts, "chi_square": chi_square})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(variant: &str) -> LaunchedMessage {
        LaunchedMessage { variant: variant.to_owned(), weight_bp: 5_000, ..LaunchedMessage::default() }
    }

    /// Numbers that are the same in each run. The multiplier is that of Knuth's MMIX.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    /// A campaign whose variants are the same in every goal.
    fn same_twice(seed: &mut u64) -> Variants {
        let mut variant = |name: &str| {
            let mut one_in = |chance: u64| {
                let count = (0..1_000).filter(|_| random(seed).is_multiple_of(chance)).count();
                i64::try_from(count).unwrap_or(0)
            };
            let (delivered, clicked, converted) = (one_in(2), one_in(20), one_in(50));
            let accepted = 1_000 - delivered;
            let figures =
                Notifications { accepted, delivered, clicked, converted, closed: 1_000, ..Notifications::default() };
            (name.to_owned(), figures)
        };
        [variant("a"), variant("b")].into_iter().collect()
    }

    #[test]
    fn of_1_000_campaigns_with_two_equal_variants_at_most_5_percent_show_a_difference() {
        let (a, b, mut seed) = (message("a"), message("b"), 7);
        let mut differences = 0;
        for _ in 0..1_000 {
            let compared = comparisons(&[&a, &b], &same_twice(&mut seed));
            differences += usize::from(compared.iter().any(|one| one["verdict"] != "no difference shown"));
        }
        assert!((1..=50).contains(&differences), "{differences} of 1,000");
    }

    #[test]
    fn a_real_difference_is_shown_and_a_wrong_split_is_found() {
        let figures =
            |accepted, clicked| Notifications { accepted, clicked, closed: accepted, ..Notifications::default() };
        let variants: Variants =
            [("a".to_owned(), figures(5_000, 200)), ("b".to_owned(), figures(5_000, 300))].into_iter().collect();
        let (a, b) = (message("a"), message("b"));
        let launched = [&a, &b];
        let compared = comparisons(&launched, &variants);
        let verdicts: Vec<_> = compared.iter().map(|one| one["verdict"].as_str().unwrap_or_default()).collect();
        assert_eq!(verdicts, ["no difference shown", "better", "no difference shown"]);
        assert_eq!(sample_ratio(&launched, &variants)["verdict"], "as promised");
        let skewed: Variants =
            [("a".to_owned(), figures(5_500, 200)), ("b".to_owned(), figures(4_500, 300))].into_iter().collect();
        assert_eq!(sample_ratio(&launched, &skewed)["verdict"], "not as promised");
    }
}
