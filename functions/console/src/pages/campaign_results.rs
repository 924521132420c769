//! Results of a campaign by variant, with intervals, the winner, and the check of the split.

use serde_json::Value;

use super::campaign_fields::text;
use crate::site::{IntervalChart, IntervalRow, IntervalUnit, count, euro, percent};

/// Results as a page shows them.
#[derive(Debug)]
pub struct CampaignResults {
    /// Result of the comparison in one sentence; empty without variants.
    pub verdict: String,
    /// Variants.
    pub variants: Vec<VariantRow>,
    /// Comparisons with the first variant: variant, goal, interval, verdict.
    pub comparisons: Vec<[String; 4]>,
    /// Charts of the shares of each goal, and of the differences from the first variant.
    pub charts: Vec<IntervalChart>,
    /// Check of the split: verdict and colour.
    pub split: Option<(String, &'static str)>,
}

/// Variant.
#[derive(Debug)]
pub struct VariantRow {
    /// Name.
    pub name: String,
    /// Numbers: sent, reached, failed, cost.
    pub numbers: [String; 4],
    /// Goals: delivered, clicked, converted, each with its share and interval.
    pub goals: [String; 3],
}

const GOALS: [&str; 3] = ["delivered", "clicked", "converted"];

/// Reads an answer of `GET /v1/campaigns/{id}/results`.
#[must_use]
pub fn results(answer: &Value) -> CampaignResults {
    let list = |name: &str| answer[name].as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
    let comparisons = list("comparisons");
    CampaignResults {
        verdict: verdict(&comparisons),
        variants: list("variants").iter().map(variant).collect(),
        comparisons: comparisons.iter().map(comparison).collect(),
        charts: charts(&list("variants"), &comparisons),
        split: split(&answer["sample_ratio"]),
    }
}

/// Returns a chart for each goal that has an interval, and one of the differences.
fn charts(variants: &[Value], comparisons: &[Value]) -> Vec<IntervalChart> {
    let row = |label: &str, value: &Value, ends: &Value| {
        let (low, high) = (ends["low"].as_f64()?, ends["high"].as_f64()?);
        Some(IntervalRow { label: label.to_owned(), value: value.as_f64()?, low, high })
    };
    let of_goal = |goal: &str| IntervalChart {
        title: format!("Share of the reached people: {goal}"),
        unit: IntervalUnit::Percent,
        confidence: "95 %",
        rows: variants
            .iter()
            .filter_map(|variant| {
                let share = &variant[goal]["share_of_reached"];
                row(variant["variant"].as_str().unwrap_or("all people"), &share["rate"], share)
            })
            .collect(),
    };
    let compared = |it: &Value| {
        let label = format!("{} against {}, {}", text(&it["variant"]), text(&it["against"]), text(&it["goal"]));
        row(&label, &it["interval"]["difference"], &it["interval"])
    };
    let differences = IntervalChart {
        title: "Difference from the first variant".to_owned(),
        unit: IntervalUnit::Points,
        confidence: "joint 95 %",
        rows: comparisons.iter().filter_map(compared).collect(),
    };
    let charts = GOALS.map(of_goal).into_iter().chain([differences]);
    charts.filter(|chart| !chart.rows.is_empty()).collect()
}

fn variant(variant: &Value) -> VariantRow {
    let number = |name: &str| count(variant[name].as_i64().unwrap_or(0));
    let goal = |name: &str| {
        let share = &variant[name]["share_of_reached"];
        let reached = count(variant[name]["count"].as_i64().unwrap_or(0));
        match share["rate"].as_f64() {
            Some(rate) => {
                let (low, high) = (percent(share["low"].as_f64()), percent(share["high"].as_f64()));
                format!("{reached}: {} ({low} to {high})", percent(Some(rate)))
            }
            None => reached,
        }
    };
    VariantRow {
        name: variant["variant"].as_str().unwrap_or("all people").to_owned(),
        numbers: [
            number("sent"),
            number("reached"),
            number("failed"),
            euro(variant["cost_micros"].as_i64().unwrap_or(0)),
        ],
        goals: GOALS.map(goal),
    }
}

fn comparison(comparison: &Value) -> [String; 4] {
    let interval = &comparison["interval"];
    let ends = match (interval["low"].as_f64(), interval["high"].as_f64()) {
        (Some(low), Some(high)) => format!("{} to {}", percent(Some(low)), percent(Some(high))),
        _ => "–".to_owned(),
    };
    let pair = format!("{} against {}", text(&comparison["variant"]), text(&comparison["against"]));
    [pair, text(&comparison["goal"]), ends, text(&comparison["verdict"])]
}

/// Returns the variant that is shown to be better, for each goal, or that there is none.
fn verdict(comparisons: &[Value]) -> String {
    if comparisons.is_empty() {
        return String::new();
    }
    let shown = |goal: &&str| {
        let of_goal = comparisons.iter().filter(|it| it["goal"] == **goal);
        let mut better: Vec<_> = of_goal.clone().filter(|it| it["verdict"] == "better").collect();
        let low = |it: &Value| it["interval"]["low"].as_f64().unwrap_or_default();
        better.sort_by(|one, other| low(other).total_cmp(&low(one)));
        let first = of_goal.clone().find(|_| of_goal.clone().all(|it| it["verdict"] == "worse"));
        let winner = match better.as_slice() {
            [] => text(&first?["against"]),
            [one] => text(&one["variant"]),
            several => several.iter().map(|it| text(&it["variant"])).collect::<Vec<_>>().join(" and "),
        };
        Some(format!("{winner} is better in {goal}"))
    };
    let shown: Vec<_> = GOALS.iter().filter_map(shown).collect();
    if shown.is_empty() {
        "No difference is shown between the variants.".to_owned()
    } else {
        format!("{}.", shown.join("; "))
    }
}

fn split(ratio: &Value) -> Option<(String, &'static str)> {
    let verdict = ratio["verdict"].as_str()?;
    let assigned = ratio["assigned"].as_array().into_iter().flatten();
    let assigned: Vec<_> = assigned.map(|people| count(people.as_i64().unwrap_or(0))).collect();
    let class = match verdict {
        "as promised" => "good",
        "not as promised" => "bad",
        _ => "",
    };
    Some((
        format!("The split is {verdict}: {} people.", assigned.join(" and "))
            .replace("is not enough", "has not enough"),
        class,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(verdicts: &[(&str, &str, &str)]) -> Vec<Value> {
        let one = |(variant, goal, verdict): &(&str, &str, &str)| json!({"variant": variant, "against": "a", "goal": goal, "verdict": verdict, "interval": null});
        verdicts.iter().map(one).collect()
    }

    #[test]
    fn a_winner_is_named_only_if_a_difference_is_shown() {
        let none = compared(&[("b", "clicked", "no difference shown"), ("b", "delivered", "not enough data")]);
        assert_eq!(verdict(&none), "No difference is shown between the variants.");
        let better = compared(&[("b", "clicked", "better"), ("b", "delivered", "no difference shown")]);
        assert_eq!(verdict(&better), "b is better in clicked.");
        let first = compared(&[("b", "clicked", "worse"), ("c", "clicked", "worse")]);
        assert_eq!(verdict(&first), "a is better in clicked.");
        assert_eq!(
            verdict(&compared(&[("b", "clicked", "worse"), ("c", "clicked", "no difference shown")])),
            "No difference is shown between the variants."
        );
        assert_eq!(verdict(&[]), "");
    }

    #[test]
    fn shares_have_their_intervals() {
        let share = json!({"rate": 0.5, "low": 0.4, "high": 0.6});
        let answer = json!({"variants": [{"variant": "a", "sent": 1_000, "delivered": {"count": 500, "share_of_reached": share}}],
            "sample_ratio": {"verdict": "not as promised", "assigned": [10, 1_090]}});
        let shown = results(&answer);
        assert_eq!(shown.variants[0].goals[0], "500: 50.0 % (40.0 % to 60.0 %)");
        assert_eq!((shown.charts.len(), shown.charts[0].table()[0][2].as_str()), (1, "40.0 %"));
        let split = ("The split is not as promised: 10 and 1,090 people.".to_owned(), "bad");
        assert_eq!(shown.split, Some(split));
    }
}
