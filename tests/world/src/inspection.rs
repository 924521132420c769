//! Reads of the tables and of the recorded calls.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::dynamo;

use super::{Call, World};

impl World {
    /// The AWS calls of all functions so far.
    pub fn calls(&self) -> BTreeSet<Call> {
        self.aws.state.lock().unwrap().calls.clone()
    }

    pub fn items(&self, table: &str) -> Vec<Value> {
        dynamo::items(&self.database, table)
    }

    /// Keys of the recipients in a segment of a parallel scan.
    pub fn recipients_of_segment(&self, segment: u64, segments: u64) -> Vec<String> {
        let scan = json!({"TableName": "recipients", "Segment": segment, "TotalSegments": segments});
        let page = self.database.scan(serde_json::from_value(scan).unwrap()).unwrap();
        let page = serde_json::to_value(page).unwrap();
        assert!(page["LastEvaluatedKey"].is_null(), "one page");
        let items = page["Items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["pk"]["S"].as_str().unwrap().to_owned()).collect()
    }

    /// Total of all sums with this name (`day`, `h10`, `month`, `sms`, `type#DEFAULT`) in the budgets' items.
    pub fn sum(&self, name: &str) -> i64 {
        let is_budget = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("budget#");
        let control = self.items("control").into_iter().filter(is_budget);
        control.filter_map(|item| item[name]["N"].as_str()?.parse::<i64>().ok()).sum()
    }

    /// Number of SMS that are counted for all recipients together.
    pub fn counted_sms(&self) -> i64 {
        let is_count = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("sms-count#");
        let counts = self.items("control").into_iter().filter(is_count);
        counts.map(|item| item["used"]["N"].as_str().unwrap().parse::<i64>().unwrap()).sum()
    }

    /// Id of the only notification.
    pub fn only_id(&self) -> String {
        let items = self.items("notifications");
        assert_eq!(items.len(), 1);
        let text = |name: &str| items[0][name]["S"].as_str().unwrap();
        format!("{}-{}", text("pk"), text("sk"))
    }

    /// Write units since the previous call.
    pub fn write_units(&self) -> f64 {
        std::mem::take(&mut self.aws.state.lock().unwrap().writes).iter().map(|(_, units)| units).sum()
    }
}
