//! Tables of a campaign as files beside the tables of its page.

use console::site::Role;
use serde_json::json;

use super::campaigns::{crowd, with};

#[tokio::test]
async fn the_numbers_and_results_of_a_campaign_are_files() {
    let world = crowd(3).await;
    world.put_profile("nobody", json!({"locale": "de"})).await;
    let text = |title: &str| json!({"title": title, "body": "B"});
    let variants = json!([
        {"name": "a", "weight_bp": 5_000, "content": text("A")}, {"name": "b", "weight_bp": 5_000, "content": text("B")}]);
    let id = world.approved_campaign(with(json!({"content": null, "variants": variants}))).await;
    let viewer = world.person(Role::Viewer);
    let file = async |table: &str| world.open_page(&viewer, "campaign-csv", &[("id", &id), ("table", table)]).await;
    assert_eq!(file("outcomes").await.status, 404, "it was not launched");
    world.launch(&id).await;
    world.work_on_tasks().await;
    for (table, label, tab) in
        [("outcomes", "Outcomes", "numbers"), ("reasons", "Reasons", "numbers"), ("results", "Results", "results")]
    {
        let page = world.open_page(&viewer, "campaign", &[("id", &id), ("tab", tab)]).await;
        let link = format!("href=\"/console/campaign-csv?id={id}&#38;table={table}\">{label} as CSV</a>");
        assert!(page.text().contains(&link), "{link}: {}", page.text());
    }
    let outcomes = file("outcomes").await;
    assert_eq!(outcomes.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(
        outcomes.text(),
        "outcome,people\r\nsent,3\r\nwaiting,0\r\nheld,0\r\nfailed,0\r\nskipped,1\r\nholdout,0\r\nerased,0\r\n"
    );
    assert_eq!(file("reasons").await.text(), "outcome,reason,people\r\nskipped,no_channel,1\r\n");
    let results = file("results").await;
    assert!(results.text().starts_with("variant,sent,reached,failed,cost_micros,delivered,"), "{}", results.text());
    assert_eq!(results.text().lines().count(), 3, "{}", results.text());
    assert_eq!(file("people").await.status, 404);
    let unknown = [("id", "0123456789abcdefghjkmnpqrs"), ("table", "outcomes")];
    assert_eq!(world.open_page(&viewer, "campaign-csv", &unknown).await.status, 404);
}
