//! Personal data stays out of logs, metrics, control items and problems. Recipients and messages consist of words that
//! occur nowhere else, and go through every kind of success, refusal and fault at the most verbose log level.

mod problems;

use std::time::Duration;

use serde_json::{Value, json};

use world::{ApiResponse, Reply, World, bounced, complained, delivered, logs, sms_log};

const ID: &str = "canary-recipient";
const LISTED: &str = "canary-listed";
const EMAIL: &str = "canary-mail@example.com";
const PHONE: &str = "+393337770123";
const DEVICE: &str = "canary-endpoint";
const KEY: &str = "canary-idempotency";
/// Prefix of all other values, and of most of the above.
const CANARY: &str = "canary";

/// Words that must not be found anywhere: the prefix, the number without its plus, and the browsers' keys.
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

/// The world, and everything that a test inspects besides the logs.
struct CanaryWorld {
    world: World,
    browsers: Vec<world::Browser>,
    seen: Vec<(String, String)>,
}

impl CanaryWorld {
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

    /// Checks the status of a problem, and records its body and headers.
    fn is_problem(&mut self, status: u16, answer: &ApiResponse) {
        assert_eq!(answer.status, status, "{answer:?}");
        self.saw("a problem", answer.body.to_string());
        self.saw("a problem's headers", format!("{:?}", answer.headers));
    }

    /// Checks every place that is visible to people who must not see personal data.
    fn assert_clean(mut self) {
        for line in logs::lines() {
            self.saw("a log line", line);
        }
        for item in self.world.items("metrics") {
            self.saw("a metrics item", item.to_string());
        }
        for item in self.world.items("control") {
            // The last known good texts are the operators' own parameters.
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

/// Reports of SES and SNS about known messages, about messages of other services, and in no valid format.
async fn feedback_from_providers(setup: &mut CanaryWorld) {
    let world = &setup.world;
    world
        .put_profile("canary-reported", json!({"email": "canary-reported@example.com", "phone": "+393337770124"}))
        .await;
    let sent = world.send("canary-reported", with(json!({"channels": ["email"]}))).await;
    let (id, to) = (sent.body["id"].as_str().unwrap(), "canary-reported@example.com");
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
    world.feedback.process_sms_log("canary", world.clock.now()).await;
    world.aws.fails(Some("GetItem"), 0, "ValidationException");
    assert_eq!(world.ses_publishes(&[bounced(id, to, "Permanent", "General")]).await.failed, 1);
    world.aws.works();
}

#[tokio::test]
async fn successes_and_provider_refusals_are_logged_without_personal_data() {
    let mut setup = CanaryWorld::start().await;
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
        setup.world.push.answer(DEVICE, replies);
        let sent = setup.world.send_once(&format!("{KEY}-{number}"), ID, message()).await;
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
            let mut aws = setup.world.aws.state.lock().unwrap();
            aws.ses.push_back(refusal.clone());
            aws.sns.push_back(refusal);
        }
        for channel in ["email", "sms"] {
            setup.world.send(ID, with(json!({"channels": [channel]}))).await;
        }
        // A refusal of the rate pauses the calls of this process.
        setup.world.advance(2);
    }
    feedback_from_providers(&mut setup).await;
    carried_on(&mut setup).await;
    assert!(logs::lines().iter().any(|line| line.contains("channel_config")), "the logs are captured");
    setup.assert_clean();
}

/// Later attempts, stored data and reports.
async fn carried_on(setup: &mut CanaryWorld) {
    let world = &setup.world;
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
    setup.saw("the metrics", metrics.to_string());
    setup.saw("a tick", format!("{merged} {merged:?}"));
    setup.saw("a night", format!("{night:?}"));
    setup.saw("a certificate", erased.body.to_string());
}

#[tokio::test]
async fn a_table_error_that_repeats_the_request_is_not_quoted() {
    const CODE: &str = "ValidationException";
    let mut setup = CanaryWorld::start().await;
    let sent = setup.world.send_once(KEY, ID, with(json!({"channels": ["email"]}))).await;
    let id = sent.body["id"].as_str().unwrap().to_owned();
    let later = (setup.world.clock.now() + Duration::from_secs(1)).to_string();
    setup.world.send(ID, with(json!({"send_at": later}))).await;
    setup.world.advance(60);

    setup.world.aws.fails(None, 0, CODE);
    let answers = [
        setup.world.send_once("canary-other", ID, message()).await,
        setup.world.send(ID, message()).await,
        setup.world.get(&id).await,
        setup.world.cancel(&id).await,
        setup.world.list(&[("status", "failed")]).await,
        setup.world.on_recipient("PUT /v1/recipients/{id}", ID, json!({"email": EMAIL})).await,
        setup.world.on_recipient("GET /v1/recipients/{id}", ID, json!({})).await,
        setup.world.on_recipient("DELETE /v1/recipients/{id}", ID, json!({})).await,
        setup.world.on_recipient("GET /v1/recipients/{id}/notifications", ID, json!({})).await,
    ];
    for answer in &answers {
        setup.is_problem(500, answer);
    }
    let sweep = setup.world.try_sweep().await.unwrap_err();
    setup.saw("an error", format!("{sweep} {sweep:?}"));
    let tick = setup.world.tick().await.unwrap_err();
    setup.saw("an error", format!("{tick} {tick:?}"));
    setup.world.clean(Duration::from_secs(60)).await;
    some_calls_fail(&setup, CODE).await;
    setup.world.aws.works();
    assert!(logs::lines().iter().any(|line| line.contains(CODE)), "the logs are captured");
    setup.assert_clean();
}

/// Failures of single calls: the index responds, but the item behind it cannot be read; the claim is stored, but the
/// result is not.
async fn some_calls_fail(setup: &CanaryWorld, code: &'static str) {
    setup.world.aws.fails(Some("GetItem"), 0, code);
    setup.world.sweep().await;
    setup.world.aws.fails(Some("PutItem"), 0, code);
    setup.world.send(ID, message()).await;
    setup.world.aws.fails(Some("TransactWriteItems"), 0, code);
    setup.world.send(ID, with(json!({"channels": ["sms"]}))).await;
}

#[tokio::test]
async fn a_table_that_throttles_is_not_quoted_either() {
    let mut setup = CanaryWorld::start().await;
    setup.world.aws.fails(Some("GetItem"), 0, "ThrottlingException");
    let answer = setup.world.send(ID, message()).await;
    setup.is_problem(503, &answer);
    assert!(logs::lines().iter().any(|line| line.contains("ThrottlingException")), "the logs are captured");
    setup.assert_clean();
}

#[tokio::test]
async fn an_item_that_a_failed_condition_returns_is_not_shown() {
    let setup = CanaryWorld::start().await;
    setup.world.aws.state.lock().unwrap().answers_lost = Some(("PutItem", 2));
    setup.world.send(ID, with(json!({"channels": ["email"]}))).await;
    let answers = (0..5).map(|_| setup.world.send_once(KEY, ID, message()));
    futures_util::future::join_all(answers).await;
    let registered = (0..4).map(|_| setup.world.subscribe(LISTED, DEVICE));
    futures_util::future::join_all(registered).await;
    setup.assert_clean();
}

#[tokio::test]
async fn parameters_that_are_junk_or_out_of_reach_are_named_and_not_shown() {
    let mut setup = CanaryWorld::start().await;
    for invalid in [
        "canary",
        "[\"canary\", {\"canary\": 1}]",
        "{\"canary\": \"canary\"}",
        "{\"sms\": {\"max_parts\": \"canary\"}}",
    ] {
        for parameter in ["rollout-percentage", "rollout-users", "settings"] {
            setup.world.set(parameter, invalid);
        }
        setup.world.advance(11);
        setup.world.send(ID, message()).await;
        setup.world.sweep().await;
        setup.world.tick().await.unwrap();
    }
    setup.world.aws.state.lock().unwrap().ssm_is_down = true;
    setup.world.advance(11);
    setup.world.send(ID, message()).await;
    setup.world.aws.state.lock().unwrap().ssm_is_down = false;
    setup.world.set("recipient-hash-key", "canary");
    let refused = setup.world.start_error().await;
    setup.saw("a start that fails", refused);
    assert!(logs::lines().iter().any(|line| line.contains("rollout_unreadable")), "the logs are captured");
    setup.assert_clean();
}

#[tokio::test]
async fn values_with_personal_data_are_masked_in_debug_output() {
    let mut setup = CanaryWorld::start().await;
    let sent = setup.world.send_once(KEY, ID, message()).await;
    let id = domain::notification::NotificationId::parse(sent.body["id"].as_str().unwrap()).unwrap();
    let engine = setup.world.cascade.engine();
    let notification = engine.stores().notifications().get(&id).await.unwrap().unwrap();
    let recipient = engine.stores().recipients().load(id.recipient()).await.unwrap().unwrap();
    let config = engine.config().current().await;
    assert!(config.rollout.users.contains(LISTED) && recipient.devices[0].endpoint.expose().contains(DEVICE));
    let senders = engine.senders();
    let kinds = domain::channel::Channel::ALL;
    let (settings, links) = (&*config.settings, senders.links(&config));
    let composer = delivery::Composer { notification: &notification, template: None, settings, links };
    let composed = kinds.map(|channel| composer.paid(channel, &recipient, senders.paid().email_sender()));
    let shown = [
        format!("{notification:?}"),
        format!("{recipient:?}"),
        format!("{config:?}"),
        format!("{composed:?}"),
        format!("{composer:?}"),
        format!("{engine:?}"),
        format!("{:?}", setup.world.recipients),
        format!("{:?}", setup.world.send),
        format!("{:?}", setup.world.track),
        format!("{:?}", senders.links(&config).map(|links| (links, links.push(&notification, "d1")))),
    ];
    for shown in shown {
        setup.saw("a value", shown);
    }
    setup.assert_clean();
}
