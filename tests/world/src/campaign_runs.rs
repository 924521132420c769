//! Campaigns: requests of operators, the schedule of the minute, and the workers.

use std::collections::BTreeSet;

use campaign::{TaskMessage, WorkerMessage};
use fanout::{TaskEnd, Worker};
use platform::http::Request;
use serde_json::{Value, json};
use store::StoreError;

use super::answer::answered;
use super::{ApiResponse, World};

impl World {
    /// A request about campaigns; `id` is that of the path, if it has one.
    pub async fn campaign_request(&self, route: &str, id: &str, body: Value) -> ApiResponse {
        self.campaign_request_by("ops-client", route, id, body, None, &[]).await
    }

    /// The same by another client, with a precondition and a query.
    pub async fn campaign_request_by(
        &self,
        client: &str,
        route: &str,
        id: &str,
        body: Value,
        if_match: Option<&str>,
        query: &[(&str, &str)],
    ) -> ApiResponse {
        let path = [("id", id)];
        let path = if route.contains("{id}") { &path[..] } else { &[] };
        let request = self.request(client, "ops", route, path, query, &body, None);
        let request = Request { if_match: if_match.map(str::to_owned), ..request };
        // Boxed, so that a story with many requests fits on the stack of a test.
        answered(&request, Box::pin(self.campaigns.answer(&request, self.clock.now())).await)
    }

    /// Creates a campaign under an idempotency key.
    pub async fn create_campaign_once(&self, key: &str, body: Value) -> ApiResponse {
        let request = self.request("ops-client", "ops", "POST /v1/campaigns", &[], &[], &body, Some(key));
        answered(&request, Box::pin(self.campaigns.answer(&request, self.clock.now())).await)
    }

    /// Creates, plans and approves a campaign; returns its id.
    pub async fn approved_campaign(&self, body: Value) -> String {
        let created = self.campaign_request("POST /v1/campaigns", "", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.body["id"].as_str().unwrap().to_owned();
        let planned = self.campaign_request("POST /v1/campaigns/{id}/plan", &id, Value::Null).await;
        assert_eq!(planned.status, 202, "{planned:?}");
        self.work_on_tasks().await;
        let approved = self.campaign_request("POST /v1/campaigns/{id}/approve", &id, json!({})).await;
        assert_eq!(approved.status, 200, "{approved:?}");
        id
    }

    /// Launches an approved campaign.
    pub async fn launch(&self, id: &str) -> ApiResponse {
        let launched = self.campaign_request("POST /v1/campaigns/{id}/launch", id, json!({})).await;
        assert_eq!(launched.status, 200, "{launched:?}");
        launched
    }

    /// Progress of a campaign.
    pub async fn progress(&self, id: &str) -> Value {
        let progress = self.campaign_request("GET /v1/campaigns/{id}/progress", id, Value::Null).await;
        assert_eq!(progress.status, 200, "{progress:?}");
        progress.body
    }

    /// Runs the minute schedule of campaigns.
    pub async fn reconcile(&self) {
        Box::pin(self.campaigns.reconciler.reconcile_all(self.clock.now())).await.unwrap();
    }

    /// Works on every message of the queue, whatever its delay. Returns how the tasks ended.
    pub async fn work_on_tasks(&self) -> Vec<TaskEnd> {
        let mut outcome_counts = Vec::new();
        while let Some(message) = self.next_message() {
            match message {
                WorkerMessage::Task(task) => {
                    outcome_counts.push(self.work_on_task(&self.fanout, &task).await.unwrap());
                }
                WorkerMessage::Due { due_shard } => _ = self.drain(&self.fanout, &due_shard).await.unwrap(),
            }
        }
        outcome_counts
    }

    /// Works on this many tasks of the queue.
    pub async fn work_on_next_tasks(&self, count: usize) {
        for _ in 0..count {
            let task = self.next_task().unwrap();
            self.work_on_task(&self.fanout, &task).await.unwrap();
        }
    }

    /// Takes the next message of the queue.
    pub fn next_message(&self) -> Option<WorkerMessage> {
        let (body, _) = self.aws.state.lock().unwrap().tasks.pop_front()?;
        Some(serde_json::from_str(&body).unwrap())
    }

    /// Takes the next task of the queue. Messages about due notifications before it are lost; the schedule repeats
    /// them.
    pub fn next_task(&self) -> Option<TaskMessage> {
        loop {
            if let WorkerMessage::Task(task) = self.next_message()? {
                return Some(task);
            }
        }
    }

    /// Lets a worker continue the due notifications of a shard.
    pub async fn drain(&self, worker: &Worker, due_shard: &str) -> Result<usize, StoreError> {
        let ends_at_ms = u64::try_from(self.clock.now().as_millisecond()).unwrap() + 60_000;
        Box::pin(worker.drain(due_shard, ends_at_ms)).await
    }

    /// The shards of campaigns in which a notification is due.
    pub fn due_shards_of_campaigns(&self) -> BTreeSet<String> {
        let now = self.clock.now().as_millisecond();
        let items = self.items("notifications").into_iter();
        let is_due = |item: &Value| {
            let at: Option<i64> = item["next_action_at"]["N"].as_str().and_then(|at| at.parse().ok());
            at.is_some_and(|at| at <= now)
        };
        let shards = items.filter(is_due).filter_map(|item| item["due_shard"]["S"].as_str().map(str::to_owned));
        shards.filter(|shard| shard.starts_with("bulk#")).collect()
    }

    /// Puts a message back, as SQS does after a failure.
    pub fn redeliver_task(&self, task: &TaskMessage) {
        self.aws.state.lock().unwrap().tasks.push_back((serde_json::to_string(task).unwrap(), 0));
    }

    /// Lets a worker work on a task.
    pub async fn work_on_task(&self, worker: &Worker, task: &TaskMessage) -> Result<TaskEnd, StoreError> {
        let ends_at_ms = u64::try_from(self.clock.now().as_millisecond()).unwrap() + 60_000;
        Box::pin(worker.work_on(task, ends_at_ms)).await
    }

    /// Lets a worker begin a task so late that its invocation ends before the first page.
    pub async fn run_out_of_time(&self, task: &TaskMessage) -> TaskEnd {
        let ends_at_ms = u64::try_from(self.clock.now().as_millisecond()).unwrap() + 1_000;
        Box::pin(self.fanout.work_on(task, ends_at_ms)).await.unwrap()
    }

    /// Another instance of fanout, which shares only the tables with the first.
    pub async fn another_fanout(&self) -> Worker {
        self.endpoints.fanout(&self.clock).await
    }
}

impl World {
    /// Makes a finished plan one of so many people, whose messages are sent at once.
    pub fn enlarge_plan(&self, id: &str, people: u64) {
        let tasks = self.items("settings").into_iter().filter(|item| {
            let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
            text("pk") == format!("campaign#{id}") && text("state").contains("matched")
        });
        for mut task in tasks {
            let mut value: Value = serde_json::from_str(task["state"]["S"].as_str().unwrap()).unwrap();
            value["tally"]["matched"] = json!(people);
            value["tally"]["sent"] = json!(people);
            task["state"]["S"] = json!(value.to_string());
            self.store_item("settings", &task);
        }
    }

    /// Makes the row of a campaign unreadable.
    pub fn break_campaign(&self, id: &str) {
        self.break_row("campaigns", id);
    }

    /// Makes the row of the template `reminder` unreadable.
    pub fn break_template(&self) {
        self.break_row("catalog", "template#reminder");
    }

    fn break_row(&self, partition: &str, key: &str) {
        let is_row = |item: &Value| item["pk"]["S"] == partition && item["sk"]["S"] == key;
        let mut row = self.items("settings").into_iter().find(is_row).unwrap();
        row["definition"]["S"] = json!("{}");
        self.store_item("settings", &row);
    }

    /// Stores an item as another writer would.
    pub fn store_item(&self, table: &str, item: &Value) {
        let put = json!({"TableName": table, "Item": item});
        self.database.put_item(serde_json::from_value(put).unwrap()).unwrap();
    }

    /// Deletes the progress of a task.
    pub fn forget_task(&self, id: &str, task: &str) {
        self.delete_row(&format!("campaign#{id}"), task);
    }

    /// Deletes an item of the settings table.
    pub fn delete_row(&self, partition: &str, key: &str) {
        let key = json!({"pk": {"S": partition}, "sk": {"S": key}});
        let delete = json!({"TableName": "settings", "Key": key});
        self.database.delete_item(serde_json::from_value(delete).unwrap()).unwrap();
    }
}
