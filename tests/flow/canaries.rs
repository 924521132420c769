//! No personal data where it does not belong: people and messages made of words that occur nowhere else go through every
//! kind of success, refusal and fault, with the logs at their most talkative.

use std::time::Duration;

use serde_json::{Value, json};

use world::{Answer, Reply, World, bounced, complained, delivered, logs, sms_log};

const ID: &str = "canary-recipient";
const LISTED: &str = "canary-listed";
const EMAIL: &str = "canary-mail@example.com";
const PHONE: &str = "+393337770123";
const DEVICE: &str = "canary-endpoint";
const KEY: &str = "canary-idempotency";
/// Everything else begins with this, and so does most of the above.
const CANARY: &str = "canary";

/// What must not be found anywhere: the words, the number without its plus, and the browser's keys.
fn canaries(browsers: &[world::Browser]) -> Vec<String> {
    let mut canaries = vec![CANARY.to_owned(), PHONE[1..].to_owned()];
    canaries.extend(browsers.iter().flat_map(|browser| [browser.p256dh(), browser.auth()]));
    canaries
}

fn message() -> Value {
    json!({
        "content": {
            "title": "canary-title", "body": "canary-body", "url": "https://canary-url.example.com/canary",
            "icon": "https://canary-icon.example.com/canary.png", "data": {"canary-data": "canary-data"},
            "badge": "https://canary-badge.example.com/canary.png", "image": "https://canary-image.example.com/canary.jpg",
            "actions": [{"action": "canary-action", "title": "canary-label", "url": "https://canary-url.example.com/action"}],
        },
        "topic": "canary-topic",
        "metadata": {"canary-metadata": "canary-metadata"},
    })
}

fn with(changes: Value) -> Value {
    let mut message = message();
    message.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    message
}

/// The world, and whatever a story looked at beside the logs.
struct Aviary {
    world: World,
    browsers: Vec<world::Browser>,
    seen: Vec<(String, String)>,
}

impl Aviary {
    async fn start() -> Self {
        let world = World::start().await;
        world.set("rollout-users", &json!([LISTED]).to_string());
        let profile = json!({
            "email": EMAIL, "phone": PHONE, "locale": "it-IT", "time_zone": "Europe/Rome",
            "attributes": {"canary-attribute": "canary-attribute"},
        });
        world.put_profile(ID, profile).await;
        let browsers = vec![world.subscribe(ID, DEVICE).await];
        Self { world, browsers, seen: Vec::new() }
    }

    fn saw(&mut self, what: &str, shown: impl Into<String>) {
        self.seen.push((what.to_owned(), shown.into()));
    }

    /// A problem: its status is the expected one, and its body is looked at.
    fn is_problem(&mut self, status: u16, answer: &Answer) {
        assert_eq!(answer.status, status, "{answer:?}");
        self.saw("a problem", answer.body.to_string());
        self.saw("a problem's headers", format!("{:?}", answer.headers));
    }

    /// Every place at which somebody may look who should not see a person.
    fn assert_clean(mut self) {
        for line in logs::lines() {
            self.saw("a log line", line);
        }
        for item in self.world.items("metrics") {
            self.saw("a metrics item", item.to_string());
        }
        for item in self.world.items("control") {
            // The last good texts are the operators' own parameters.
            if item["pk"]["S"] != "rollout#last-good" {
                self.saw("a control item", item.to_string());
            }
        }
        let canaries = canaries(&self.browsers);
        for (what, shown) in &self.seen {
            let found = canaries.iter().find(|canary| shown.contains(canary.as_str()));
            assert_eq!(found, None, "{what} shows {shown}");
        }
    }
}

/// What SES and SNS tell of messages, of others' and of nothing.
async fn told_by_providers(aviary: &mut Aviary) {
    let world = &aviary.world;
    world.put_profile("canary-told", json!({"email": "canary-told@example.com", "phone": "+393337770124"})).await;
    let sent = world.send("canary-told", with(json!({"channels": ["email"]}))).await;
    let (id, to) = (sent.body["id"].as_str().unwrap(), "canary-told@example.com");
    for event in [bounced(id, to, "Transient", "canary"), complained(id, to), bounced(id, to, "Permanent", "General")] {
        assert_eq!(world.ses_publishes(&[event]).await.new, 1);
    }
    let bad = [delivered("canary", EMAIL, "2026-11-23T10:00:00Z"), json!(EMAIL), json!({"eventType": "canary"})];
    assert_eq!(world.ses_publishes(&bad).await.new, 0);
    world
        .sns_logs(&[
            sms_log("m-1", PHONE, "FAILURE", "canary"),
            sms_log("canary", PHONE, "SUCCESS", "canary"),
            json!(PHONE),
        ])
        .await;
    world.hearing.texts("canary", world.clock.now()).await;
    world.aws.fails(Some("GetItem"), 0, "ValidationException");
    assert_eq!(world.ses_publishes(&[bounced(id, to, "Permanent", "General")]).await.failed, 1);
    world.aws.works();
}

#[tokio::test]
async fn what_goes_well_and_what_providers_refuse_is_told_without_a_person() {
    let mut aviary = Aviary::start().await;
    let echo = |status| Reply::text(status, format!("{{\"errno\": 102, \"message\": \"{ID} {EMAIL} {DEVICE}\"}}"));
    let pushes = [
        vec![],
        vec![echo(400)],
        vec![echo(401)],
        vec![echo(403)],
        vec![echo(413), echo(413)],
        vec![echo(418)],
        vec![echo(429).with("Retry-After", "canary-later")],
        vec![echo(500)],
        vec![echo(301).with("Location", "https://canary-elsewhere.example.com/canary")],
        vec![Reply::HangUp],
    ];
    let said = |code: &str| {
        format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{EMAIL} {PHONE} is canary</Message></Error></ErrorResponse>"
        )
    };
    for (number, replies) in pushes.into_iter().enumerate() {
        aviary.world.push.answer(DEVICE, replies);
        let sent = aviary.world.send_once(&format!("{KEY}-{number}"), ID, message()).await;
        assert_eq!(sent.status, 202);
    }
    let refusals = [
        Reply::text(400, said("MessageRejected")),
        Reply::text(400, said("Throttling")),
        Reply::text(403, said("AccessDenied")),
        Reply::text(400, said("InvalidParameter")),
        Reply::text(400, said("canary@example.com")),
        Reply::text(500, format!("{EMAIL} is no XML {PHONE}")),
        Reply::HangUp,
    ];
    for refusal in refusals {
        {
            let mut aws = aviary.world.aws.state.lock().unwrap();
            aws.ses.push_back(refusal.clone());
            aws.sns.push_back(refusal);
        }
        for channel in ["email", "sms"] {
            aviary.world.send(ID, with(json!({"channels": [channel]}))).await;
        }
    }
    told_by_providers(&mut aviary).await;
    carried_on(&mut aviary).await;
    assert!(logs::lines().iter().any(|line| line.contains("channel_config")), "the logs are listened to");
    aviary.assert_clean();
}

/// Later attempts, what is kept, and what the reports say.
async fn carried_on(aviary: &mut Aviary) {
    let world = &aviary.world;
    world.redeliver_stream_to_cascade().await;
    world.advance(3_600);
    world.sweep().await;
    world.push.answer(DEVICE, [Reply::status(410)]);
    world.send(ID, with(json!({"channels": ["push"]}))).await;
    let metrics = world.metrics().await;
    world.advance(7_200);
    let merged = world.tick().await.unwrap();
    let night = world.clean(Duration::from_secs(60)).await;
    let erased = world.on_recipient("DELETE /v1/recipients/{id}", ID, json!({})).await;
    assert_eq!(erased.status, 200);
    aviary.saw("the metrics", metrics.to_string());
    aviary.saw("a tick", format!("{merged} {merged:?}"));
    aviary.saw("a night", format!("{night:?}"));
    aviary.saw("a certificate", erased.body.to_string());
}

#[tokio::test]
async fn a_refused_request_is_told_what_is_wrong_and_not_what_it_said() {
    let mut aviary = Aviary::start().await;
    let send = "POST /v1/notifications";
    let to = |changes: Value| {
        with(json!({"to": ID}))
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain(changes.as_object().unwrap().clone())
            .collect::<Value>()
    };
    let requests = [
        (json!("{canary"), 400),
        (Value::String("canary".repeat(200_000)), 413),
        (json!(["canary"]), 422),
        (json!("\"canary\""), 422),
        (to(json!({"to": "canary".repeat(30)})), 422),
        (to(json!({"to": ["canary"]})), 422),
        (to(json!({"type": "canary"})), 422),
        (to(json!({"type": {"canary": "canary"}})), 422),
        (to(json!({"channels": ["canary"]})), 422),
        (to(json!({"urgency": "canary"})), 422),
        (to(json!({"urgency": "`canary`, expected canary"})), 422),
        (to(json!({"send_at": "canary"})), 422),
        (to(json!({"ttl_seconds": "canary"})), 422),
        (to(json!({"metadata": "canary"})), 422),
        (to(json!({"metadata": {"canary": "canary".repeat(300)}})), 422),
        (to(json!({"topic": "canary".repeat(60)})), 422),
        (to(json!({"content": "canary"})), 422),
        (to(json!({"content": {"title": "\u{200b}\r\n", "body": "canary"}})), 422),
        (to(json!({"content": {"title": "canary", "body": "canary".repeat(900)}})), 422),
        (to(json!({"content": {"title": "canary", "body": "b", "url": "javascript:canary"}})), 422),
        (to(json!({"content": {"title": "canary", "body": "b", "icon": "https://canary@example.com/"}})), 422),
    ];
    for (body, status) in requests {
        for route in [send, "POST /v1/notifications/explain"] {
            let answer = aviary.world.post(route, body.clone(), Some(KEY)).await;
            aviary.is_problem(status, &answer);
        }
    }
    let batch = aviary.world.batch(vec![json!({"to": "canary".repeat(30)}), json!("canary")], Some(KEY)).await;
    aviary.saw("a batch of problems", batch.body["items"].to_string());
    aviary.world.send_once(KEY, ID, message()).await;
    let other = aviary.world.send_once(KEY, ID, with(json!({"urgency": "low"}))).await;
    aviary.is_problem(422, &other);
    for id in ["canary", "canary-canary", &format!("{}-canary", "0".repeat(26))] {
        let answer = aviary.world.get(id).await;
        aviary.is_problem(404, &answer);
        let answer = aviary.world.cancel(id).await;
        aviary.is_problem(404, &answer);
    }
    for query in [("status", "canary"), ("from", "canary"), ("limit", "canary"), ("after", "canary")] {
        let answer = aviary.world.list(&[("status", "failed"), query]).await;
        aviary.is_problem(422, &answer);
    }
    refused_people(&mut aviary).await;
    refused_links(&mut aviary).await;
    aviary.assert_clean();
}

async fn refused_links(aviary: &mut Aviary) {
    let receipts = "POST /v1/receipts";
    let requests = [
        (json!("{canary"), 400),
        (json!({"token": "canary", "event": "clicked"}), 404),
        (json!({"token": ["canary"], "event": "clicked"}), 422),
        (json!({"token": "canary", "event": "canary"}), 422),
        (json!({"token": "canary", "event": "clicked", "at": "canary"}), 422),
        (json!({"token": "canary", "event": "converted", "value_micros": "canary"}), 422),
    ];
    for (body, status) in requests {
        let answer = aviary.world.on_track(receipts, "", body).await;
        aviary.is_problem(status, &answer);
    }
    for route in ["GET /v1/clicks/{token}", "GET /v1/unsubscribe/{token}", "POST /v1/unsubscribe/{token}"] {
        let answer = aviary.world.on_track(route, "canary", Value::Null).await;
        aviary.is_problem(404, &answer);
    }
}

async fn refused_people(aviary: &mut Aviary) {
    let keys = json!({"p256dh": aviary.browsers[0].p256dh(), "auth": aviary.browsers[0].auth()});
    let (profile, device) = ("PUT /v1/recipients/{id}", "PUT /v1/recipients/{id}/devices");
    let requests = [
        (profile, json!({"email": "canary"})),
        (profile, json!({"phone": "canary"})),
        (profile, json!({"locale": "canary canary"})),
        (profile, json!({"time_zone": "Canary/canary"})),
        (profile, json!({"attributes": "canary"})),
        (profile, json!({"attributes": {"canary": "canary".repeat(900)}})),
        (profile, json!({"preferences": {"opted_out_channels": ["canary"]}})),
        (profile, json!({"preferences": {"quiet_hours": {"start": "canary", "end": "07:00"}}})),
        (device, json!({"endpoint": "https://canary.example.com/canary", "keys": keys})),
        (device, json!({"endpoint": "canary", "keys": keys})),
        (device, json!({"endpoint": {"canary": "canary"}, "keys": keys})),
        (
            device,
            json!({"endpoint": "https://fcm.googleapis.com/canary", "keys": {"p256dh": "canary", "auth": "canary"}}),
        ),
        (device, json!({"endpoint": "https://fcm.googleapis.com/canary", "expirationTime": "canary", "keys": keys})),
    ];
    for (route, body) in requests {
        let answer = aviary.world.on_recipient(route, ID, body).await;
        aviary.is_problem(422, &answer);
    }
    let answer = aviary.world.on_recipient("GET /v1/recipients/{id}", "canary-nobody", json!({})).await;
    aviary.is_problem(404, &answer);
    let answer = aviary.world.on_recipient("GET /v1/recipients/{id}", &"canary".repeat(30), json!({})).await;
    aviary.is_problem(422, &answer);
    let answer = aviary.world.remove_device(ID, "canary").await;
    aviary.is_problem(422, &answer);
}

#[tokio::test]
async fn a_table_that_repeats_what_it_was_asked_is_not_quoted() {
    const CODE: &str = "ValidationException";
    let mut aviary = Aviary::start().await;
    let sent = aviary.world.send_once(KEY, ID, with(json!({"channels": ["email"]}))).await;
    let id = sent.body["id"].as_str().unwrap().to_owned();
    let later = (aviary.world.clock.now() + Duration::from_secs(1)).to_string();
    aviary.world.send(ID, with(json!({"send_at": later}))).await;
    aviary.world.advance(60);

    aviary.world.aws.fails(None, 0, CODE);
    let answers = [
        aviary.world.send_once("canary-other", ID, message()).await,
        aviary.world.send(ID, message()).await,
        aviary.world.get(&id).await,
        aviary.world.cancel(&id).await,
        aviary.world.list(&[("status", "failed")]).await,
        aviary.world.on_recipient("PUT /v1/recipients/{id}", ID, json!({"email": EMAIL})).await,
        aviary.world.on_recipient("GET /v1/recipients/{id}", ID, json!({})).await,
        aviary.world.on_recipient("DELETE /v1/recipients/{id}", ID, json!({})).await,
        aviary.world.on_recipient("GET /v1/recipients/{id}/notifications", ID, json!({})).await,
    ];
    for answer in &answers {
        aviary.is_problem(500, answer);
    }
    let sweep = aviary.world.try_sweep().await.unwrap_err();
    aviary.saw("an error", format!("{sweep} {sweep:?}"));
    let tick = aviary.world.tick().await.unwrap_err();
    aviary.saw("an error", format!("{tick} {tick:?}"));
    aviary.world.clean(Duration::from_secs(60)).await;
    some_calls_fail(&aviary, CODE).await;
    aviary.world.aws.works();
    assert!(logs::lines().iter().any(|line| line.contains(CODE)), "the logs are listened to");
    aviary.assert_clean();
}

/// The index answers, and what stands behind it does not; the claim is stored, and the result is not.
async fn some_calls_fail(aviary: &Aviary, code: &'static str) {
    aviary.world.aws.fails(Some("GetItem"), 0, code);
    aviary.world.sweep().await;
    aviary.world.aws.fails(Some("PutItem"), 0, code);
    aviary.world.send(ID, message()).await;
    aviary.world.aws.fails(Some("TransactWriteItems"), 0, code);
    aviary.world.send(ID, with(json!({"channels": ["sms"]}))).await;
}

#[tokio::test]
async fn a_table_that_throttles_is_not_quoted_either() {
    let mut aviary = Aviary::start().await;
    aviary.world.aws.fails(Some("Query"), 0, "ThrottlingException");
    let answer = aviary.world.send(ID, message()).await;
    aviary.is_problem(503, &answer);
    assert!(logs::lines().iter().any(|line| line.contains("ThrottlingException")), "the logs are listened to");
    aviary.assert_clean();
}

#[tokio::test]
async fn a_condition_that_fails_hands_over_an_item_that_nobody_shows() {
    let aviary = Aviary::start().await;
    aviary.world.aws.state.lock().unwrap().answers_lost = Some(("PutItem", 2));
    aviary.world.send(ID, with(json!({"channels": ["email"]}))).await;
    let answers = (0..5).map(|_| aviary.world.send_once(KEY, ID, message()));
    futures_util::future::join_all(answers).await;
    let registered = (0..4).map(|_| aviary.world.subscribe(LISTED, DEVICE));
    futures_util::future::join_all(registered).await;
    aviary.assert_clean();
}

#[tokio::test]
async fn parameters_that_are_junk_or_out_of_reach_are_named_and_not_shown() {
    let mut aviary = Aviary::start().await;
    for junk in [
        "canary",
        "[\"canary\", {\"canary\": 1}]",
        "{\"canary\": \"canary\"}",
        "{\"sms\": {\"max_parts\": \"canary\"}}",
    ] {
        for parameter in ["rollout-percentage", "rollout-users", "settings"] {
            aviary.world.set(parameter, junk);
        }
        aviary.world.advance(11);
        aviary.world.send(ID, message()).await;
        aviary.world.sweep().await;
        aviary.world.tick().await.unwrap();
    }
    aviary.world.aws.state.lock().unwrap().ssm_is_down = true;
    aviary.world.advance(11);
    aviary.world.send(ID, message()).await;
    aviary.world.aws.state.lock().unwrap().ssm_is_down = false;
    aviary.world.set("recipient-hash-key", "canary");
    let refused = aviary.world.start_error().await;
    aviary.saw("a start that fails", refused);
    assert!(logs::lines().iter().any(|line| line.contains("rollout_unreadable")), "the logs are listened to");
    aviary.assert_clean();
}

#[tokio::test]
async fn what_holds_a_person_is_masked_when_it_is_printed() {
    let mut aviary = Aviary::start().await;
    let sent = aviary.world.send_once(KEY, ID, message()).await;
    let id = domain::notification::NotificationId::parse(sent.body["id"].as_str().unwrap()).unwrap();
    let dispatcher = &aviary.world.cascade;
    let notification = dispatcher.notifications.get(&id).await.unwrap().unwrap();
    let recipient = dispatcher.recipients.load(id.recipient()).await.unwrap().unwrap();
    let live = dispatcher.live.current().await;
    assert!(live.rollout.users.contains(LISTED) && recipient.devices[0].endpoint.expose().contains(DEVICE));
    let channels = &dispatcher.channels;
    let kinds = domain::channel::Channel::ALL;
    let composed = kinds
        .map(|channel| channels.compose(channel, &notification, &recipient, &live.settings, channels.links(&live)));
    let shown = [
        format!("{notification:?}"),
        format!("{recipient:?}"),
        format!("{live:?}"),
        format!("{composed:?}"),
        format!("{dispatcher:?}"),
        format!("{:?}", aviary.world.recipients),
        format!("{:?}", aviary.world.send),
        format!("{:?}", aviary.world.track),
        format!("{:?}", channels.links(&live).map(|links| (links, links.push(&notification, "d1")))),
    ];
    for shown in shown {
        aviary.saw("a value", shown);
    }
    aviary.assert_clean();
}
