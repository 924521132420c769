//! Exports of segments: every person once, page by page, audited, and importing them changes nothing.

use serde_json::{Value, json};

use world::{ApiResponse, World};

async fn put(world: &World, id: &str, filter: Value) {
    let body = json!({"title": "Gold", "filter": filter});
    let put = world.segment_request("PUT /v1/segments/{id}", id, body, None).await;
    assert!(put.status < 300, "{put:?}");
}

fn gold() -> Value {
    json!({"field": "attributes.plan", "op": "eq", "value": "gold"})
}

/// All pages of an export.
async fn pages(world: &World, id: &str) -> Vec<ApiResponse> {
    let mut pages: Vec<ApiResponse> = Vec::new();
    loop {
        let after = pages.last().map(|page| page.body["next"].as_str().unwrap().to_owned());
        pages.push(world.export_segment(id, after.as_deref()).await);
        let last = pages.last().unwrap();
        assert_eq!((last.status, last.header("Cache-Control")), (200, Some("no-store")), "{last:?}");
        if last.body["next"].is_null() {
            return pages;
        }
    }
}

fn people(pages: &[ApiResponse]) -> Vec<Value> {
    pages.iter().flat_map(|page| page.body["items"].as_array().unwrap().clone()).collect()
}

fn ids(people: &[Value]) -> Vec<&str> {
    let mut ids: Vec<_> = people.iter().map(|person| person["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// Changes of the segment, newest first, as the audit shows them: action, revision and author.
async fn changes(world: &World, id: &str) -> Vec<Value> {
    let audit = world.ops("GET /v1/audit", &[("kind", "segment"), ("subject", id)]).await;
    let items = audit.body["items"].as_array().unwrap().iter();
    items.map(|item| json!([item["action"], item["revision"], item["name"]])).collect()
}

#[tokio::test]
async fn an_export_has_the_people_as_get_returns_them_and_importing_it_changes_nothing() {
    let world = World::start().await;
    for (id, plan) in [("ada", "gold"), ("bob", "silver"), ("eve", "gold"), ("joe", "gold")] {
        world.subscribe(id, id).await;
        let profile = json!({"email": format!("{id}@example.com"), "locale": "it-IT", "time_zone": "Europe/Rome",
            "attributes": {"plan": plan, "visits": 3, "tags": ["a", "b"], "note": "=1+1"},
            "preferences": {"opted_out_types": ["PAYMENT_DUE"], "quiet_hours": {"start": "22:00", "end": "07:00"}}});
        world.put_profile(id, profile).await;
    }
    world.send("eve", json!({"channels": ["email"]})).await;
    assert_eq!(world.follow("POST", &world.unsubscribe_link()).await.status, 200);
    put(&world, "gold", gold()).await;
    put(&world, "rich", json!({"field": "segment", "op": "eq", "value": "gold"})).await;
    for segment in ["gold", "rich"] {
        let exported = people(&pages(&world, segment).await);
        assert_eq!(ids(&exported), ["ada", "eve", "joe"], "{segment}");
        for person in &exported {
            let shown =
                world.on_recipient("GET /v1/recipients/{id}", person["id"].as_str().unwrap(), Value::Null).await;
            assert_eq!(shown.body, *person);
        }
        world.write_units();
        let imported = world.import("update_only", exported).await;
        assert_eq!((imported.status, &imported.body["counts"]["unchanged"]), (200, &json!(3)), "{imported:?}");
        assert_eq!(world.write_units(), 0.0);
    }
    let expected = [json!(["exported", 1, "backend"]), json!(["created", 1, "ops-client"])];
    assert_eq!(changes(&world, "gold").await, expected, "at one time of the clock");
}

#[tokio::test]
async fn an_export_of_many_people_is_paged_and_recorded_once_and_keeps_its_time() {
    let world = World::start().await;
    let note = "x".repeat(3_900);
    for number in 0..800 {
        let profile = json!({"attributes": {"plan": "gold", "note": note}});
        world.put_profile(&format!("user-{number}"), profile).await;
    }
    put(&world, "new", json!({"field": "created_at", "op": "within_last", "value": "PT1H"})).await;
    let first = world.export_segment("new", None).await;
    let next = first.body["next"].as_str().expect("more than one page").to_owned();
    world.advance(2 * 3_600);
    let second = world.export_segment("new", Some(&next)).await;
    assert_eq!((second.status, &second.body["next"]), (200, &Value::Null), "{:?}", second.fields());
    let read = [&first, &second].map(|page| page.body["read"].as_u64().unwrap());
    let exported = people(&[first, second]);
    assert_eq!((exported.len(), read.iter().sum::<u64>()), (800, 800));
    assert_eq!(ids(&exported).windows(2).filter(|pair| pair[0] == pair[1]).count(), 0, "each once");
    assert_eq!(changes(&world, "new").await.len(), 2, "created and exported");
    assert_eq!(people(&pages(&world, "new").await).len(), 0, "a later export has a later time");
}

#[tokio::test]
async fn a_position_is_good_for_its_segment_until_the_segment_changes() {
    let world = World::start().await;
    let note = "x".repeat(3_900);
    for number in 0..800 {
        world.put_profile(&format!("user-{number}"), json!({"attributes": {"plan": "gold", "note": note}})).await;
    }
    put(&world, "gold", gold()).await;
    put(&world, "other", gold()).await;
    assert_eq!(world.export_segment("missing", None).await.status, 404);
    assert_eq!(world.export_segment("Gold", None).await.fields(), ["id"]);
    let next = world.export_segment("gold", None).await.body["next"].as_str().unwrap().to_owned();
    let forged = next.replacen(next.get(20..21).unwrap(), "-", 1);
    for (id, after) in [("other", next.as_str()), ("gold", &forged), ("gold", "e30"), ("gold", "x")] {
        let refused = world.export_segment(id, Some(after)).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["after"]), "{after}");
    }
    assert_eq!(changes(&world, "other").await.len(), 1, "a refused request is no export");
    put(&world, "gold", json!({"not": gold()})).await;
    assert_eq!(world.export_segment("gold", Some(&next)).await.status, 409);
}
