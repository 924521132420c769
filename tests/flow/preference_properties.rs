//! Invariant of every writer of a recipient's choices: a refusal of the recipient ends with a wish of the recipient
//! alone.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use delivery::LinkAction;
use domain::recipient::RecipientKey;
use world::{BASE, World, keys};

use super::preference_page::Form;

const TYPES: [&str; 3] = ["DEFAULT", "CERTIFICATE_EXPIRING", "PAYMENT_DUE"];

/// Write of a recipient's choices.
#[derive(Debug, Clone)]
enum Write {
    Put(Value),
    Patch(Value),
    Batch(&'static str, Value),
    /// Choice through a caller: a type and a channel.
    Person(Option<&'static str>, Option<&'static str>, bool),
    UnsubscribeLink(&'static str),
    SubscribeAgain(&'static str),
    /// Toggle of a checkbox of the page, opened now or at the beginning.
    Page(prop::sample::Index, bool),
}

fn preferences() -> impl Strategy<Value = Value> {
    let types = prop::sample::subsequence(TYPES.to_vec(), 0..=3);
    let channels = prop::sample::subsequence(vec!["push", "email", "sms"], 0..=3);
    prop_oneof![
        1 => Just(Value::Null),
        3 => (types, channels).prop_map(|(types, channels)| json!({"opted_out_types": types, "opted_out_channels": channels})),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let kind = || prop::sample::select(TYPES.to_vec());
    let channel = prop::sample::select(vec!["push", "email", "sms"]);
    let mode = prop::sample::select(vec!["create", "upsert", "update_only"]);
    let scope = prop_oneof![
        kind().prop_map(|kind| (Some(kind), None)),
        (prop::option::of(kind()), channel).prop_map(|(kind, channel)| (kind, Some(channel))),
    ];
    prop_oneof![
        2 => preferences().prop_map(Write::Put),
        2 => preferences().prop_map(Write::Patch),
        3 => (mode, preferences()).prop_map(|(mode, preferences)| Write::Batch(mode, preferences)),
        3 => (scope, prop::bool::weighted(0.3)).prop_map(|((kind, channel), wants)| Write::Person(kind, channel, wants)),
        2 => kind().prop_map(Write::UnsubscribeLink),
        1 => kind().prop_map(Write::SubscribeAgain),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(at, is_old)| Write::Page(at, is_old)),
    ]
}

/// Everything that the recipient refused and did not wish for again, as keys of the page.
type Refused = BTreeSet<String>;

fn choose(refused: &mut Refused, key: String, wants: bool) {
    if wants { _ = refused.remove(&key) } else { _ = refused.insert(key) }
}

async fn carry_out(world: &World, write: &Write, old: &Form, refused: &mut Refused) {
    let profile = |preferences: &Value| json!({"email": "ada@example.com", "preferences": preferences});
    match write {
        Write::Put(preferences) => world.put_profile("ada", profile(preferences)).await,
        Write::Patch(preferences) => {
            let body = json!({"preferences": preferences});
            assert_eq!(world.on_recipient("PATCH /v1/recipients/{id}", "ada", body).await.status, 200);
        }
        Write::Batch(mode, preferences) => {
            let mut item = profile(preferences);
            item["id"] = json!("ada");
            assert_eq!(world.import(mode, vec![item]).await.status, 200);
        }
        Write::Person(kind, channel, wants) => {
            let choice = json!({"type": kind, "channel": channel, "wants": wants});
            let body = json!({"choices": [choice]});
            assert_eq!(world.on_recipient("PUT /v1/recipients/{id}/preferences", "ada", body).await.status, 200);
            choose(refused, format!("{}|{}", kind.unwrap_or("*"), channel.unwrap_or("*")), *wants);
        }
        Write::UnsubscribeLink(kind) => {
            let profile = world.items("recipients").into_iter().find(|item| item["id"]["S"] == "ada").unwrap();
            let key = RecipientKey::from_stored(profile["pk"]["S"].as_str().unwrap()).unwrap();
            let until = world.clock.now() + jiff::SignedDuration::from_hours(1);
            let token = keys().sign(&LinkAction::Unsubscribe(key, (*kind).to_owned()), until);
            assert_eq!(world.follow("POST", &format!("{BASE}/v1/unsubscribe/{token}")).await.status, 200);
            choose(refused, format!("{kind}|*"), false);
        }
        Write::SubscribeAgain(kind) => {
            assert_eq!(world.resubscribe("ada", kind).await.status, 204);
            choose(refused, format!("{kind}|*"), true);
        }
        Write::Page(at, is_old) => {
            let link = world.preferences_link("ada");
            let form = if *is_old { old.clone() } else { Form::of(&world.follow("GET", &link).await) };
            let key = at.get(&form.boxes).clone();
            let wants = !form.is_ticked(&key);
            let form = if wants { form.tick(&key) } else { form.untick(&key) };
            assert_eq!(world.submit(&link, &form.fields).await.status, 200);
            choose(refused, key, wants);
        }
    }
}

async fn keeps_every_refusal(writes: Vec<Write>) {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let old = Form::of(&world.follow("GET", &world.preferences_link("ada")).await);
    let mut refused = Refused::new();
    for write in &writes {
        world.advance(1);
        carry_out(&world, write, &old, &mut refused).await;
        let ada = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await.body;
        let choices = ada["preferences"]["choices"].as_array().cloned().unwrap_or_default();
        let own = choices.iter().filter(|one| one["wants"] == json!(false) && one["by"] != json!("caller"));
        let name = |value: &Value| value.as_str().unwrap_or("*").to_owned();
        let own: Refused = own.map(|one| format!("{}|{}", name(&one["type"]), name(&one["channel"]))).collect();
        assert_eq!(own, refused, "{write:?} of {writes:?}");
    }
}

#[test]
fn no_sequence_of_writes_loses_a_refusal_of_the_recipient() {
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(write(), 1..16), |writes| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(keeps_every_refusal(writes));
            Ok(())
        })
        .unwrap();
}
