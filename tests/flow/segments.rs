//! Segments: stored, counted, sampled and explained.

use serde_json::{Value, json};

use world::{ApiResponse, World};

async fn people() -> World {
    let world = World::start().await;
    for (id, plan, email) in
        [("ada", "gold", true), ("bob", "gold", false), ("eve", "silver", true), ("joe", "gold", true)]
    {
        world.subscribe(id, id).await;
        let mut profile = json!({"locale": "it-IT", "attributes": {"plan": plan, "visits": id.len()}});
        if email {
            profile["email"] = json!(format!("{id}@example.com"));
        }
        world.put_profile(id, profile).await;
    }
    world.put_profile("dan", json!({"attributes": {"plan": "gold"}})).await;
    world
}

fn gold() -> Value {
    json!({"field": "attributes.plan", "op": "eq", "value": "gold"})
}

async fn put(world: &World, id: &str, filter: Value) -> ApiResponse {
    let body = json!({"title": "Gold", "filter": filter});
    world.segment_request("PUT /v1/segments/{id}", id, body, None).await
}

async fn count(world: &World, body: Value) -> ApiResponse {
    world.segment_request("POST /v1/segments/count", "", body, None).await
}

/// Makes a call of each kind that the routes of segments need.
pub async fn are_looked_at(world: &World) {
    let everybody = json!({"title": "Everybody", "filter": {"all": []}});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "all", everybody, None).await.status, 201);
    let counted = world.segment_request("POST /v1/segments/count", "", json!({"segment": "all"}), None).await;
    assert_eq!(counted.status, 200, "{counted:?}");
    world.put_profile("ada", json!({})).await;
    let asked = json!({"recipient": "ada"});
    let explained = world.segment_request("POST /v1/segments/{id}/explain", "all", asked, None).await;
    assert_eq!(explained.body["matches"], true, "{explained:?}");
    assert_eq!(world.export_segment("all", None).await.status, 200);
}

#[tokio::test]
async fn a_segment_is_counted_by_channel_and_by_reason_exactly_in_a_small_table() {
    let world = people().await;
    assert_eq!(put(&world, "gold", gold()).await.status, 201);
    let counted = count(&world, json!({"segment": "gold"})).await;
    assert_eq!(counted.status, 200, "{counted:?}");
    let number = |of: &Value| (of["estimate"].clone(), of["exact"].clone());
    let exactly = |number: u64| (json!(number), json!(true));
    let body = &counted.body;
    assert_eq!(number(&body["people"]), exactly(4));
    assert_eq!(number(&body["reachable"]["push"]), exactly(3));
    assert_eq!(number(&body["reachable"]["email"]), exactly(2));
    assert_eq!(number(&body["reachable"]["sms"]), exactly(0));
    assert_eq!(number(&body["skipped"]["no_channel"]), exactly(1), "dan has no address");
    world
        .put_profile("ada", json!({"attributes": {"plan": "gold"}, "preferences": {"opted_out_types": ["DEFAULT"]}}))
        .await;
    let of_type = count(&world, json!({"segment": "gold", "type": "DEFAULT"})).await.body;
    assert_eq!((number(&of_type["people"]), number(&of_type["skipped"]["opted_out"])), (exactly(4), exactly(1)));
    let everybody = count(&world, json!({"filter": {"all": []}, "exact": true})).await;
    assert_eq!((everybody.status, number(&everybody.body["people"])), (200, exactly(5)));
}

#[tokio::test]
async fn a_sample_masks_addresses_and_an_explanation_agrees_with_the_count() {
    let world = people().await;
    put(&world, "gold", gold()).await;
    let filter = json!({"all": [{"field": "segment", "op": "eq", "value": "gold"}, {"field": "has.email", "op": "eq", "value": true}]});
    assert_eq!(put(&world, "gold-mail", filter).await.status, 201);
    let body = json!({"segment": "gold-mail"});
    let sample = world.segment_request("POST /v1/segments/sample", "", body.clone(), None).await;
    let items = sample.body["items"].as_array().unwrap();
    let mut ids: Vec<_> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!((ids, &sample.body["is_complete"]), (vec!["ada", "joe"], &json!(true)));
    assert!(items.iter().all(|item| item["email"].as_str().unwrap().ends_with("…@example.com")), "{items:?}");
    for (id, matches) in [("ada", true), ("bob", false), ("eve", false), ("joe", true), ("dan", false)] {
        let asked = json!({"recipient": id});
        let explained = world.segment_request("POST /v1/segments/{id}/explain", "gold-mail", asked, None).await;
        assert_eq!((explained.status, &explained.body["matches"]), (200, &json!(matches)), "{id}: {explained:?}");
        assert_eq!(explained.body["conditions"][0]["condition"], gold(), "the reference is replaced");
    }
    let missing =
        world.segment_request("POST /v1/segments/{id}/explain", "gold", json!({"recipient": "nobody"}), None).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn segments_change_under_their_tag_and_one_that_is_named_is_not_deleted() {
    let world = people().await;
    let first = put(&world, "gold", gold()).await;
    let tag = first.header("ETag").unwrap().to_owned();
    let named = json!({"not": {"field": "segment", "op": "eq", "value": "gold"}});
    assert_eq!(put(&world, "others", named).await.status, 201);
    let shown = world.segment_request("GET /v1/segments/{id}", "gold", json!(null), None).await;
    assert_eq!((&shown.body["used_by"], shown.header("ETag")), (&json!(["others"]), Some(tag.as_str())));
    assert_eq!(put(&world, "gold", gold()).await.header("ETag"), Some(tag.as_str()), "nothing changed");
    let delete = async |id: &str, tag: Option<&str>| {
        world.segment_request("DELETE /v1/segments/{id}", id, json!(null), tag).await.status
    };
    assert_eq!((delete("gold", None).await, delete("others", Some("\"0-1\"")).await), (409, 412));
    assert_eq!((delete("others", None).await, delete("gold", Some(&tag)).await), (204, 204));
    assert_eq!(delete("gold", None).await, 404);
    let listed = world.segment_request("GET /v1/segments", "", json!(null), None).await;
    assert_eq!(listed.body, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_stored() {
    let world = people().await;
    put(&world, "gold", gold()).await;
    let before = world.items("settings");
    for (id, filter, field) in [
        ("Gold", gold(), "id"),
        ("a", json!({"any": []}), "filter.any"),
        ("a", json!({"all": [gold(), {"field": "age", "op": "eq", "value": 1}]}), "filter.all[1].field"),
        ("a", json!({"all": vec![gold(); 51]}), "filter.all"),
        ("a", json!({"all": [{"field": "segment", "op": "eq", "value": "silver"}]}), "filter.all[0].value"),
        ("gold", json!({"not": {"field": "segment", "op": "eq", "value": "gold"}}), "filter.not.value"),
        ("a", json!({"field": "campaign.spring", "op": "eq", "value": "sent"}), "filter.field"),
        ("a", json!({"field": "locale", "op": "in", "value": vec!["x".repeat(1_000); 500]}), "filter"),
    ] {
        let refused = put(&world, id, filter).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{refused:?}");
    }
    for (body, field) in [
        (json!({}), "filter"),
        (json!({"filter": gold(), "segment": "gold"}), "filter"),
        (json!({"filter": gold(), "type": "NOPE"}), "type"),
        (json!({"filter": gold(), "exact": 1}), "exact"),
        (json!({"filter": gold(), "limit": 1}), "limit"),
    ] {
        let refused = count(&world, body).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{refused:?}");
    }
    assert_eq!(count(&world, json!({"segment": "silver"})).await.status, 404);
    for method in ["GET", "DELETE"] {
        let route = format!("{method} /v1/segments/counts/{{id}}");
        let refused = world.segment_request(&route, "0123456789abcdeg", json!(null), None).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["id"]));
    }
    let unknown = world.segment_request("GET /v1/segments/counts/{id}", "0123456789abcdef", json!(null), None).await;
    assert!(unknown.status == 404 && unknown.body["detail"].as_str().unwrap().contains("Start a new count"));
    assert_eq!(world.items("settings"), before);
}

#[tokio::test]
async fn a_larger_table_is_estimated_within_its_interval_and_counted_exactly_on_demand() {
    let world = World::start().await;
    let profiles: Vec<_> = (0..1_400)
        .map(|number| json!({"id": format!("user-{number}"), "attributes": {"plan": if number % 7 == 0 { "gold" } else { "silver" }}}))
        .collect();
    for part in profiles.chunks(100) {
        assert_eq!(world.import("upsert", part.to_vec()).await.status, 200);
    }
    let estimated = count(&world, json!({"filter": gold()})).await.body;
    let people = &estimated["people"];
    let number = |name: &str| people[name].as_u64().unwrap();
    assert!((number("at_least")..=number("at_most")).contains(&200), "{estimated}");
    let exact = count(&world, json!({"filter": gold(), "exact": true})).await;
    assert_eq!((exact.status, &exact.body["people"]["estimate"]), (200, &json!(200)), "{exact:?}");
    let none = count(&world, json!({"filter": {"field": "attributes.plan", "op": "eq", "value": "bronze"}})).await.body;
    assert_eq!(none["people"]["at_least"], 0);
}

#[tokio::test]
async fn a_click_makes_a_person_engaged_once_a_day() {
    let world = people().await;
    put(&world, "engaged", json!({"field": "last_engaged_at", "op": "within_last", "value": "P7D"})).await;
    let matches = async |id: &str| {
        let asked = json!({"recipient": id});
        world.segment_request("POST /v1/segments/{id}/explain", "engaged", asked, None).await.body["matches"].clone()
    };
    world.send("ada", json!({"channels": ["push"]})).await;
    assert_eq!(matches("ada").await, false);
    world.receipt(&world.receipt_token(), "clicked", json!({})).await;
    assert_eq!((matches("ada").await, matches("eve").await), (json!(true), json!(false)));
    world.advance(8 * 86_400);
    assert_eq!(matches("ada").await, false);
}

/// A write has the condition that no segment was written since all of them were read. A precondition is about one.
#[tokio::test]
async fn writers_of_different_segments_that_name_their_versions_all_succeed() {
    let world = people().await;
    let ids = ["a", "b", "c", "d"];
    let mut tags = Vec::new();
    for id in ids {
        tags.push(put(&world, id, gold()).await.header("ETag").unwrap().to_owned());
    }
    let change = |id, tag| {
        let changed = json!({"title": tag, "filter": {"all": []}});
        world.segment_request("PUT /v1/segments/{id}", id, changed, Some(tag))
    };
    let answers = futures_util::future::join_all(ids.iter().zip(&tags).map(|(id, tag)| change(id, tag))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 4]);
    let delete = |id, tag| world.segment_request("DELETE /v1/segments/{id}", id, Value::Null, Some(tag));
    let now = answers[0].header("ETag").unwrap();
    let (deleted, stale) = tokio::join!(delete("a", now), change("b", &tags[1]));
    assert_eq!((deleted.status, stale.status), (204, 412));
    let new = answers[1].header("ETag").unwrap();
    let (one, other) = tokio::join!(delete("b", new), change("b", new));
    assert!(matches!((one.status, other.status), (204, 412) | (412, 200)), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_type_in_a_filter_must_exist_unless_the_stored_filter_names_it() {
    let world = people().await;
    let refused = |name: &str| json!({"not": {"field": "opted_out_of", "op": "contains", "value": name}});
    for wrong in ["payment_due", "PAYMENTDUE", "*", ""] {
        let answer = put(&world, "payers", refused(wrong)).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["filter.not.value"]), "{wrong}: {answer:?}");
        let answer = count(&world, json!({"filter": refused(wrong)})).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["filter.not.value"]), "{wrong}: {answer:?}");
    }
    let misspelt = put(&world, "payers", refused("PAYMENT_DEU")).await;
    assert!(misspelt.body["errors"][0]["message"].as_str().unwrap().contains("PAYMENT_DUE"), "{misspelt:?}");
    assert_eq!(put(&world, "payers", refused("PAYMENT_DUE")).await.status, 201);
    // A type that this process has not read yet.
    world.advance(1);
    assert_eq!(
        world
            .put_type("NEWS", json!({"title": "News", "class": "marketing", "channels": ["push", "email"]}))
            .await
            .status,
        201
    );
    assert_eq!(put(&world, "readers", refused("NEWS")).await.status, 201);
}

#[tokio::test]
async fn a_read_only_field_that_differs_is_refused_and_an_equal_one_is_ignored() {
    let world = people().await;
    let stored = put(&world, "gold", gold()).await.body;
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "gold", stored.clone(), None).await.status, 200);
    for (field, value) in [
        ("id", json!("silver")),
        ("revision", json!(999)),
        ("created_at", json!("1999-01-01T00:00:00Z")),
        ("updated_at", json!("1999-01-01T00:00:00Z")),
    ] {
        let mut body = stored.clone();
        body[field] = value;
        let answer = world.segment_request("PUT /v1/segments/{id}", "gold", body, None).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{answer:?}");
    }
}
