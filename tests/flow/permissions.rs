//! Each function's role allows exactly the calls that the function makes. Every flow test refuses other calls (see
//! `Drop` of `World`). The story here makes every call once, so that any further permission is found.

use std::collections::BTreeSet;
use std::time::Duration;

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use serde_json::{Value, json};

use tests::template::{FUNCTIONS, Grant, Template, logical, pairs};
use world::{BASE, Call, Reply, Traffic, World, complained, keys, sms_log};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

#[tokio::test]
async fn a_role_allows_what_its_function_does_and_nothing_else() {
    let world = World::start().await;
    looks_for_the_last_good_record(&world).await;
    people_come_and_go(&world).await;
    messages_are_sent(&world).await;
    messages_are_carried_on(&world).await;
    metrics_are_merged(&world).await;
    ops_change_the_rollout(&world).await;
    assert_eq!(world.open_page(&world.person(console::site::Role::Viewer), "rollout", &[]).await.status, 200);
    version_2_is_taken_back(&world).await;
    links_are_followed(&world).await;
    providers_report(&world).await;
    nights_pass(&world).await;
    types_come_and_go(&world).await;
    super::segments::are_looked_at(&world).await;
    super::campaigns::are_run(&world).await;
    assert_unused(&world.calls());
}

/// Processes with invalid parameters, which read the control table and the parameter histories: each process meets its
/// own invalid text.
async fn looks_for_the_last_good_record(world: &World) {
    let parameters = ["rollout-percentage", "rollout-users", "settings", "public-base-url"];
    let before = parameters.map(|name| (name, world.parameter(name)));
    let invalidate = || {
        // Older than the age up to which a cached value is used during a refresh.
        world.advance(21);
        parameters.iter().for_each(|name| world.set(name, "junk"));
    };
    invalidate();
    world.send("nobody", json!({})).await;
    let at = (world.clock.now() + Duration::from_secs(5)).to_string();
    world.send("nobody", json!({"send_at": at})).await;
    invalidate();
    world.sweep().await;
    invalidate();
    world.tick().await.unwrap();
    invalidate();
    world.clean(Duration::from_secs(9)).await;
    invalidate();
    world.ops("GET /v1/metrics/costs", &[]).await;
    world.ops("GET /v1/health", &[]).await;
    invalidate();
    world.type_request("GET", "DEFAULT", Value::Null).await;
    invalidate();
    world.on_recipient("GET /v1/recipients/{id}/caps", "eve", json!(null)).await;
    let id = super::campaigns::planned_for_nobody(world).await;
    let task = world.next_task().unwrap();
    invalidate();
    world.work_on_task(&world.fanout, &task).await.unwrap();
    invalidate();
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, Value::Null).await;
    world.next_task();
    for (name, value) in before {
        world.set(name, &value);
    }
    world.advance(21);
    world.tick().await.unwrap();
}

async fn types_come_and_go(world: &World) {
    let offers = json!({"title": "Offers", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("OFFERS", offers).await.status, 201);
    assert_eq!(world.type_request("DELETE", "OFFERS", Value::Null).await.status, 200);
    world.advance(300 * DAY);
    assert_eq!(world.type_request("DELETE", "OFFERS", Value::Null).await.status, 204);
}

async fn people_come_and_go(world: &World) {
    for device in ["old", "new"] {
        world.subscribe("ada", device).await;
    }
    world.subscribe("eve", "old").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    assert_eq!(world.on_recipient("PATCH /v1/recipients/{id}", "ada", json!({"locale": "it"})).await.status, 200);
    world.import("upsert", vec![json!({"id": "ada", "locale": "en", "unsubscribed_types": ["PAYMENT_DUE"]})]).await;
    let devices = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 1, "the other one is eve's now");
    assert_eq!(world.remove_device("ada", devices[0]["device_id"].as_str().unwrap()).await.status, 204);
    world.subscribe("ada", "phone").await;
    world.send("eve", json!({})).await;
    world.on_recipient("GET /v1/recipients/{id}/notifications", "eve", json!({})).await;
    assert_eq!(world.on_recipient("GET /v1/recipients/{id}/export", "eve", json!({})).await.status, 200);
    assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", "eve", json!({})).await.status, 200);
}

async fn messages_are_sent(world: &World) {
    let first = world.send_once("k-1", "ada", json!({})).await;
    world.send_once("k-1", "ada", json!({})).await;
    world.get(first.body["id"].as_str().unwrap()).await;
    world.send("ada", json!({"channels": ["email"]})).await;
    world.aws.state.lock().unwrap().sns.push_back(Reply::text(400, "<ErrorResponse/>"));
    for _ in 0..2 {
        world.send("ada", json!({"channels": ["sms"]})).await;
    }
    // A fallback of a message with a topic looks for newer messages of the topic.
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(400, "<ErrorResponse/>"));
    world.send("ada", json!({"channels": ["email", "sms"], "topic": "order-7"})).await;
    world.push.answer("phone", [Reply::status(410)]);
    world.send("ada", json!({"channels": ["push"]})).await;
    world.list(&[("status", "failed")]).await;
    // The key of a request whose message could not be stored is released.
    world.aws.fails(Some("Query"), 0, "ValidationException");
    world.send_once("k-2", "ada", json!({})).await;
    world.aws.works();
}

/// Schedules messages, so that cascade makes every kind of attempt itself.
async fn messages_are_carried_on(world: &World) {
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(410)]);
    let at = (world.clock.now() + Duration::from_secs(5)).to_string();
    let mut ids = Vec::new();
    for channel in ["push", "email", "sms"] {
        let sent = world.send("ada", json!({"channels": [channel], "send_at": at, "topic": channel})).await;
        ids.push(sent.body["id"].as_str().unwrap().to_owned());
    }
    world.advance(6);
    world.aws.state.lock().unwrap().sns.push_back(Reply::text(400, "<ErrorResponse/>"));
    world.sweep().await;
    let mut attempts = Vec::new();
    for id in &ids {
        attempts.extend(world.get(id).await.attempts());
    }
    assert_eq!(attempts, ["push:gone", "email:accepted", "sms:rejected"]);
    a_breaker_opens_and_one_counts(world).await;
}

/// Runs cascade while one push service names a time for the retry and another one fails.
async fn a_breaker_opens_and_one_counts(world: &World) {
    world.subscribe("dan", "watch").await;
    world.subscribe_at(&world.other_push, "dan", "tablet").await;
    world.push.answer("watch", [Reply::status(429).with("Retry-After", "60")]);
    world.other_push.answer("tablet", [Reply::status(503)]);
    let at = (world.clock.now() + Duration::from_secs(5)).to_string();
    world.send("dan", json!({"send_at": at})).await;
    world.advance(6);
    world.sweep().await;
    let control = world.items("control");
    let is_breaker = |item: &&Value| item["pk"]["S"].as_str().unwrap().starts_with("breaker#");
    assert_eq!(control.iter().filter(is_breaker).count(), 2);
    world.advance(100);
    world.sweep().await;
    world.on_recipient("DELETE /v1/recipients/{id}", "dan", json!({})).await;
}

async fn metrics_are_merged(world: &World) {
    world.metrics().await;
    world.advance(3 * HOUR);
    world.tick().await.unwrap();
}

async fn links_are_followed(world: &World) {
    let browser = world.subscribe("lea", "watch").await;
    world.send("lea", json!({})).await;
    let (_, message) = world.push.opened("watch", &browser);
    world.advance(DAY);
    world.receipt(message["receipt"]["token"].as_str().unwrap(), "delivered", json!({})).await;
    world.on_recipient("DELETE /v1/recipients/{id}", "lea", json!({})).await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    let id = NotificationId::parse(sent.body["id"].as_str().unwrap()).unwrap();
    let (recipient, until) = (id.recipient().clone(), world.clock.now() + Duration::from_secs(HOUR));
    let token = keys().sign(&LinkAction::Receipt(id, Channel::Push), until);
    assert_eq!(world.receipt(&token, "delivered", json!({})).await.body, json!({"recorded": true}));
    let token = keys().sign(&LinkAction::Unsubscribe(recipient, "PAYMENT_DUE".to_owned()), until);
    assert_eq!(world.follow("POST", &format!("{BASE}/v1/unsubscribe/{token}")).await.status, 200);
}

/// Sets the percentage, also while an operator writes at the same moment and the operator's value is restored.
async fn ops_change_the_rollout(world: &World) {
    assert_eq!(world.put_rollout(json!({"percentage": 50})).await.status, 200);
    world.advance(60);
    world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some("100".to_owned()));
    assert_eq!(world.put_rollout(json!({"percentage": 20})).await.status, 409);
    super::console_settings::are_changed_and_listed(world).await;
    assert_eq!(world.ops("GET /v1/report", &[]).await.status, 200);
    world.advance(60);
}

/// Runs the guard, which reads breakers, writes the parameter and the audit, and publishes alerts.
async fn version_2_is_taken_back(world: &World) {
    for _ in 0..2 {
        world.advance(60);
        world.fold_traffic(&[Traffic::of("v2", 0, 100)]).await;
        world.tick().await.unwrap();
    }
    assert_eq!(world.percentage(), "0");
    world.set("rollout-percentage", "100");
    world.advance(21);
}

async fn providers_report(world: &World) {
    world.put_profile("bob", json!({"email": "bob@example.com", "phone": "+393331234568"})).await;
    let by_mail = world.send("bob", json!({"channels": ["email"]})).await;
    let id = by_mail.body["id"].as_str().unwrap();
    world.ses_publishes(&[complained(id, "bob@example.com")]).await;
    world.send("bob", json!({"type": "PAYMENT_DUE", "channels": ["email", "sms"]})).await;
    let message_id = format!("m-{}", world.texts().len());
    let summary = world.sns_logs(&[sms_log(&message_id, "+393331234568", "SUCCESS", "")]).await;
    assert_eq!(summary.new, 1);
    // An account without quota, twice: the second time track has not read yet that a probe closed the breaker of SNS.
    for (who, phone) in [("ida", "+393331234570"), ("joe", "+393331234571")] {
        world.put_profile(who, json!({"phone": phone})).await;
        let sent = world.send(who, json!({"channels": ["sms"]})).await;
        assert_eq!(sent.attempts(), ["sms:accepted"], "{:?}", sent.body);
        let message_id = format!("m-{}", world.texts().len());
        let dropped = sms_log(&message_id, phone, "FAILURE", "No quota left for account");
        assert_eq!(world.sns_logs(&[dropped]).await.new, 1);
        world.advance(16 * 60);
    }
    // The next probe is made by cascade.
    world.put_profile("kay", json!({"phone": "+393331234572"})).await;
    let at = (world.clock.now() + Duration::from_secs(5)).to_string();
    world.send("kay", json!({"channels": ["sms"], "send_at": at})).await;
    world.advance(6);
    let before = world.texts().len();
    world.sweep().await;
    assert_eq!(world.texts().len(), before + 1);
    assert_eq!(world.lift_suppression("bob", "email").await.status, 204);
}

async fn nights_pass(world: &World) {
    // A pass that runs out of time stores its cursor.
    world.clean(Duration::ZERO).await;
    // Creates one notification whose function crashed and that no sweep resumed, and an erasure that was interrupted.
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::Silence]);
    let before = world.push.count("phone");
    tokio::select! {
        _ = world.send("ada", json!({"ttl_seconds": 60, "topic": "score"})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == before { tokio::task::yield_now().await } } => {}
    }
    world.subscribe("bob", "tablet").await;
    world.send("bob", json!({})).await;
    world.aws.fails(Some("DeleteItem"), 1, "ValidationException");
    assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", "bob", json!({})).await.status, 500);
    world.aws.works();
    world.advance(2 * DAY);
    let night = world.clean(Duration::from_secs(60)).await;
    assert_eq!((night.stuck_notifications.done, night.erased_recipients.done), (1, 1), "{night:?}");
    world.advance(200 * DAY);
    assert_eq!(world.clean(Duration::from_secs(60)).await.unused_devices.done, 1);
}

/// The additional resource of a call to SES: the configuration set that an identity may have by default.
const BESIDE: [(&str, &str); 1] = [("ses:SendRawEmail", "configuration-set/*")];
/// A call of fanout that a story of send makes: a receipt arrives between the claims of two paid channels.
const RARE: (&str, &str, &str) = ("fanout", "dynamodb:GetItem", "notifications");

/// Functions whose handlers the console's pages call in process. Their stories are the console's as well.
const CALLED_BY_CONSOLE: [&str; 4] = ["send", "recipients", "catalog", "campaigns"];

/// Returns `true` if a function, or one whose handlers it calls, makes a call that needs the permission.
fn is_needed(grant: &Grant, calls: &BTreeSet<Call>) -> bool {
    let called = if grant.function == "console" { &CALLED_BY_CONSOLE[..] } else { &[] };
    let alike = called.iter().map(|function| Grant { function, ..grant.clone() });
    alike.chain([grant.clone()]).any(|grant| calls.iter().any(|call| call.matches(&grant)))
}

fn assert_unused(calls: &BTreeSet<Call>) {
    let template = Template::read();
    let mut unused = Vec::new();
    for function in FUNCTIONS {
        let plumbing = plumbing(&template, function);
        let granted = template.grants(function);
        let missing: Vec<_> = plumbing.difference(&plain(&granted)).cloned().collect();
        assert!(missing.is_empty(), "Lambda itself needs, in {function}'s name: {missing:?}");
        for grant in granted.iter().filter(|grant| grant.is_allowed) {
            let named = (grant.action.as_str(), grant.resource.as_str());
            let is_used = is_needed(grant, calls) || (function, named.0, named.1) == RARE;
            if !is_used && !BESIDE.contains(&named) && !plumbing.contains(&(named.0.to_owned(), named.1.to_owned())) {
                unused.push(format!("{function} may {} on {}, and never does", named.0, named.1));
            }
        }
    }
    assert!(unused.is_empty(), "template.yaml allows calls that no story makes: {unused:#?}");
}

fn plain(grants: &BTreeSet<Grant>) -> BTreeSet<(String, String)> {
    grants.iter().filter(|grant| grant.is_allowed).map(|grant| (grant.action.clone(), grant.resource.clone())).collect()
}

/// Permissions that Lambda needs to run a function: logs, reads of the stream or the queue that triggers it, and writes
/// to its failure queue. They follow from the function's own definition.
fn plumbing(template: &Template, function: &str) -> BTreeSet<(String, String)> {
    let mut needs = BTreeSet::new();
    let mut add = |actions: &[&str], resource: &str| {
        needs.extend(actions.iter().map(|action| ((*action).to_owned(), resource.to_owned())));
    };
    add(&["logs:CreateLogStream", "logs:PutLogEvents"], &format!("{}.Arn", logical(function, "LogGroup")));
    let properties = template.properties(&logical(function, "Function"));
    let reads_stream = |event: &&&yaml_rust2::Yaml| event["Type"].as_str() == Some("DynamoDB");
    let streams: Vec<_> = template.events(function).into_iter().map(|event| &event["Properties"]).collect();
    if template.events(function).iter().any(|event| reads_stream(&event)) {
        // AWS defines no resource for listing streams: with the stream's own ARN the permission would grant nothing.
        add(&["dynamodb:ListStreams"], "*");
        let actions = ["DescribeStream", "GetRecords", "GetShardIterator"];
        add(&actions.map(|action| format!("dynamodb:{action}")).each_ref().map(String::as_str), "notifications/stream");
    }
    if template.events(function).iter().any(|event| event["Type"].as_str() == Some("SQS")) {
        let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
        add(&actions, "CampaignTasksQueue.Arn");
    }
    for settings in streams.into_iter().chain([&properties["EventInvokeConfig"]]) {
        if let Some(queue) = settings["DestinationConfig"]["OnFailure"]["Destination"].as_str() {
            add(&["sqs:SendMessage"], queue);
        }
    }
    needs
}

#[test]
fn permissions_without_own_resources_have_conditions() {
    let template = Template::read();
    for function in FUNCTIONS {
        let grants = template.grants(function);
        for grant in grants.iter().filter(|grant| grant.is_allowed && grant.resource.contains('*')) {
            match grant.action.as_str() {
                "dynamodb:ListStreams" => {}
                "ses:SendRawEmail" => assert_eq!(
                    grant.condition.as_deref(),
                    Some("StringEqualsIgnoreCase(ses:FromAddress(SenderAddress))"),
                    "SES sends from no other address"
                ),
                // Numbers of the account, which have no resource.
                "ses:GetSendQuota" => assert!(["campaigns", "console"].contains(&function), "{function}"),
                "sns:Publish" => assert!(
                    grants.iter().any(|other| !other.is_allowed
                        && (other.action.as_str(), other.resource.as_str()) == ("sns:Publish", "topic/*")),
                    "SNS tells phones, and no topic"
                ),
                other => panic!("{function} may {other} on {}", grant.resource),
            }
        }
    }
}

#[test]
fn every_route_but_the_public_ones_asks_for_a_scope_and_every_route_is_throttled() {
    let template = Template::read();
    let routes = template.routes();
    let public: Vec<_> = routes.iter().filter(|route| route.is_public).map(|route| route.key()).collect();
    let known = [
        "GET /v1/vapid-public-key",
        "POST /v1/receipts",
        "GET /v1/clicks/{token}",
        "GET /v1/unsubscribe/{token}",
        "POST /v1/unsubscribe/{token}",
        "GET /v1/preferences/{token}",
        "POST /v1/preferences/{token}",
        "GET /v1/client/worker.js",
        "GET /v1/client/client.js",
        "GET /v1/client/client.mjs",
        "GET /v1/client/client.d.ts",
        "GET /console",
        "GET /console/{page}",
        "GET /console/{proxy+}",
        "POST /console/{page}",
        "GET /console/assets/{file}",
        "GET /v1/openapi.json",
    ];
    assert_eq!(public.iter().collect::<BTreeSet<_>>(), known.map(str::to_owned).iter().collect());
    for route in routes.iter().filter(|route| !route.is_public) {
        assert!(!route.scopes.is_empty(), "{} is open to every token", route.key());
        let known = |scope: &String| ["send", "recipients", "ops"].contains(&scope.as_str());
        assert!(route.scopes.iter().all(known), "{}: {:?}", route.key(), route.scopes);
    }
    let api = template.properties("HttpApi");
    assert_eq!(api["Auth"]["DefaultAuthorizer"].as_str(), Some("Jwt"), "a route that says nothing is protected too");
    let mut throttled: Vec<_> = pairs(&api["RouteSettings"]).collect();
    let keys: BTreeSet<_> = throttled.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, routes.iter().map(|route| route.key()).collect(), "RouteSettings and routes");
    throttled.push(("default".to_owned(), &api["DefaultRouteSettings"]));
    for (key, settings) in throttled {
        for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
            assert!(settings[limit].as_i64().is_some_and(|limit| limit > 0), "{key} has no {limit}");
        }
    }
}
