//! Campaigns that have not ended, with the progress of those that run.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::Value;

use super::campaign_list::{CampaignStateBlock, open_campaigns, state};
use super::campaign_plan::CampaignCounts;
use super::stored_campaign::sending;
use crate::site::{Visit, count, number_of};

/// Maximum number of campaigns whose progress is read.
const PROGRESS_READS: usize = 5;
/// Maximum number of rows.
const ROWS: usize = 10;
/// States in the order of the rows: a paused campaign waits for a person, and a draft sends nothing.
const STATES: [&str; 6] = ["paused", "running", "finishing", "scheduled", "approved", "draft"];

/// Campaigns that have not ended, as they were read.
#[derive(Debug)]
pub struct OpenCampaigns {
    /// Answer of the API; `None` if it could not be read.
    pub list: Option<Value>,
    /// Progress by the id of the campaign; `None` if it could not be read.
    progress: BTreeMap<String, Option<RunningProgress>>,
}

/// Number of people who are handled, and of all people of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningProgress {
    /// Handled people.
    pub handled: i64,
    /// All people, at least one.
    pub expected: i64,
}

/// Rows of the overview.
#[derive(Debug)]
pub struct OpenCampaignRows {
    /// First rows.
    pub rows: Vec<OpenCampaignRow>,
    /// Number of campaigns without a row.
    pub others: usize,
}

/// Row of a campaign.
#[derive(Debug)]
pub struct OpenCampaignRow {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// State.
    pub state: CampaignStateBlock,
    /// Progress; `None` if the campaign does not run, or if it could not be read.
    pub progress: Option<RunningProgress>,
    /// Text in place of a progress.
    pub without_progress: &'static str,
}

impl RunningProgress {
    /// Reads the numbers of the sending.
    fn of(sending: &Value) -> Option<Self> {
        let numbers: CampaignCounts = serde_json::from_value(sending["numbers"].clone()).ok()?;
        let expected = sending["expected_people"].as_i64()?.max(1);
        Some(Self { handled: numbers.matched - numbers.holdout, expected })
    }

    /// Returns the progress as text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} of {}", count(self.handled), number_of(self.expected, "person", "people"))
    }
}

/// Returns the campaigns of a list in the order of the rows.
fn in_order(list: &Value) -> Vec<&Value> {
    let mut items: Vec<_> = list["items"].as_array().into_iter().flatten().collect();
    items.sort_by_key(|item| STATES.iter().position(|state| item["state"] == *state).unwrap_or(STATES.len()));
    items
}

/// Reads the campaigns that have not ended, then the progress of the first ones that run and have a row, all at once.
pub async fn read_open_campaigns(visit: &Visit<'_>) -> OpenCampaigns {
    let list = visit.call(open_campaigns()).await.ok().ok();
    let rows = list.as_ref().map(in_order).unwrap_or_default().into_iter().take(ROWS);
    let running = rows.filter(|item| item["state"] == "running").filter_map(|item| item["id"].as_str());
    let reads = running.take(PROGRESS_READS).map(|id| async move {
        (id.to_owned(), sending(visit, id).await.ok().and_then(|read| RunningProgress::of(&read)))
    });
    let progress = join_all(reads).await.into_iter().collect();
    OpenCampaigns { list, progress }
}

impl OpenCampaigns {
    /// Returns the first rows, drafts last, and the number of the others; `None` if the campaigns could not be read.
    #[must_use]
    pub fn rows(&self) -> Option<OpenCampaignRows> {
        let items = in_order(self.list.as_ref()?);
        let others = items.len().saturating_sub(ROWS);
        let rows = items.into_iter().take(ROWS).map(|item| self.row(item)).collect();
        Some(OpenCampaignRows { rows, others })
    }

    fn row(&self, item: &Value) -> OpenCampaignRow {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let read = self.progress.get(&id);
        let without_progress = match read {
            Some(_) => "not available",
            None if item["state"] == "running" => "open it to see",
            None => "–",
        };
        let progress = read.copied().flatten();
        OpenCampaignRow { title: text("title"), state: state(item), progress, without_progress, id }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn many_drafts_do_not_displace_what_is_paused_or_runs() {
        let states = [vec!["draft"; 12], vec!["running", "approved", "paused", "scheduled", "finishing"]].concat();
        let items: Vec<_> = states.iter().map(|state| json!({"id": "a", "title": "A", "state": state})).collect();
        let open = OpenCampaigns { list: Some(json!({"items": items})), progress: BTreeMap::new() };
        let OpenCampaignRows { rows, others } = open.rows().unwrap();
        let first: Vec<_> = rows.iter().take(6).map(|row| row.state.name.as_str()).collect();
        assert_eq!(first, STATES);
        assert_eq!((rows.len(), others), (ROWS, 7));
    }

    #[test]
    fn a_running_campaign_has_its_progress_and_others_say_why_they_have_none() {
        let item = |id: &str, state: &str| json!({"id": id, "title": id, "state": state});
        let items = [item("a", "running"), item("b", "running"), item("c", "running"), item("d", "draft")];
        let sending = json!({"expected_people": 2_000, "numbers": {"matched": 1_100, "holdout": 100}});
        let progress = [("a".to_owned(), RunningProgress::of(&sending)), ("b".to_owned(), None)];
        let open = OpenCampaigns { list: Some(json!({"items": items})), progress: progress.into() };
        let rows = open.rows().unwrap().rows;
        let shown = |row: &OpenCampaignRow| {
            let progress = row.progress.map_or_else(|| row.without_progress.to_owned(), |it| it.text());
            format!("{} {progress}", row.id)
        };
        let expected = ["a 1,000 of 2,000 people", "b not available", "c open it to see", "d –"];
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected);
        assert!(OpenCampaigns { list: None, progress: BTreeMap::new() }.rows().is_none());
        let one = RunningProgress::of(&json!({"expected_people": 1, "numbers": {"matched": 1}}));
        assert_eq!(one.map(|it| it.text()).as_deref(), Some("1 of 1 person"));
        assert_eq!(RunningProgress::of(&Value::Null), None);
    }
}
