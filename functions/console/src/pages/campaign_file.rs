//! Tables of a campaign as files.

use serde_json::Value;

use super::campaign_plan::CampaignCounts;
use super::campaign_sent::outcome_counts;
use super::csv_file;
use super::stored_campaign::sending;
use crate::site::{ApiCall, ApiProblem, PageReply, Visit};

/// Rows of a table with its header.
type CampaignTable = (&'static [&'static str], Vec<Vec<String>>);

const OUTCOMES: &[&str] = &["outcome", "people"];
const REASONS: &[&str] = &["outcome", "reason", "people"];
const RESULTS: &[&str] = &[
    "variant",
    "sent",
    "reached",
    "failed",
    "cost_micros",
    "delivered",
    "delivered_rate",
    "delivered_low",
    "delivered_high",
    "clicked",
    "clicked_rate",
    "clicked_low",
    "clicked_high",
    "converted",
    "converted_rate",
    "converted_low",
    "converted_high",
];

/// Answers with a table as a file.
///
/// # Errors
/// The API's problem, or a table that does not exist.
pub async fn file(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (id, table) = (visit.query().get("id"), visit.query().get("table"));
    let (header, rows) = match table {
        "outcomes" => outcomes(&counts(visit, id).await?),
        "reasons" => reasons(&counts(visit, id).await?),
        "results" => {
            let call = ApiCall::get("/v1/campaigns/{id}/results").path("id", id);
            results(&visit.call(call).await.ok()?)
        }
        _ => return Err(ApiProblem::own(404, "There is no such table.")),
    };
    Ok(csv_file::download(&format!("campaign-{table}-{id}.csv"), header, &rows))
}

async fn counts(visit: &Visit<'_>, id: &str) -> Result<CampaignCounts, ApiProblem> {
    let mut sending = sending(visit, id).await?;
    if sending.is_null() {
        return Err(ApiProblem::own(
            404,
            "It was never launched, or its numbers were deleted, 180 days after the launch.",
        ));
    }
    Ok(serde_json::from_value(sending["numbers"].take()).unwrap_or_default())
}

fn outcomes(numbers: &CampaignCounts) -> CampaignTable {
    let row = |(outcome, people): (&str, i64)| vec![outcome.to_owned(), people.to_string()];
    (OUTCOMES, outcome_counts(numbers).map(row).to_vec())
}

fn reasons(numbers: &CampaignCounts) -> CampaignTable {
    let of = |outcome: &'static str, reasons: &std::collections::BTreeMap<String, i64>| {
        let row = |(reason, people): (&String, &i64)| vec![outcome.to_owned(), reason.clone(), people.to_string()];
        reasons.iter().map(row).collect::<Vec<_>>()
    };
    (REASONS, [of("failed", &numbers.failed_by_reason), of("skipped", &numbers.skipped)].concat())
}

fn results(answer: &Value) -> CampaignTable {
    let number = |value: &Value| if value.is_number() { value.to_string() } else { String::new() };
    let row = |variant: &Value| {
        let mut row = vec![variant["variant"].as_str().unwrap_or("all people").to_owned()];
        row.extend(["sent", "reached", "failed", "cost_micros"].map(|name| number(&variant[name])));
        for goal in ["delivered", "clicked", "converted"] {
            let share = &variant[goal]["share_of_reached"];
            row.push(number(&variant[goal]["count"]));
            row.extend(["rate", "low", "high"].map(|name| number(&share[name])));
        }
        row
    };
    (RESULTS, answer["variants"].as_array().into_iter().flatten().map(row).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_are_the_rows_of_one_table() {
        let failed = [("gone".to_owned(), 2)].into();
        let skipped = [("opted_out".to_owned(), 1), ("budget".to_owned(), 3)].into();
        let numbers = CampaignCounts { failed_by_reason: failed, skipped, failed: 2, ..CampaignCounts::default() };
        let rows = [["failed", "gone", "2"], ["skipped", "budget", "3"], ["skipped", "opted_out", "1"]];
        assert_eq!(reasons(&numbers).1, rows.map(|row| row.map(str::to_owned).to_vec()));
        let outcomes = outcomes(&numbers).1;
        assert!(outcomes.contains(&vec!["failed".to_owned(), "2".to_owned()]), "{outcomes:?}");
        assert!(outcomes.contains(&vec!["skipped".to_owned(), "4".to_owned()]), "{outcomes:?}");
    }

    #[test]
    fn each_variant_is_a_row_as_long_as_the_header() {
        let share = json!({"rate": 0.5, "low": 0.4, "high": 0.6});
        let answer = json!({"variants": [{"variant": "a", "sent": 1_000, "cost_micros": 7,
            "delivered": {"count": 500, "share_of_reached": share}, "clicked": {"count": 0, "share_of_reached": {"rate": null}}}]});
        let (header, rows) = results(&answer);
        assert_eq!(rows[0].join(","), "a,1000,,,7,500,0.5,0.4,0.6,0,,,,,,,");
        assert_eq!(rows[0].len(), header.len());
    }
}
