//! Feedback of SES and SNS about accepted messages: late, repeated, out of order, and about unknown messages.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use track::FeedbackSummary;

use world::{ApiResponse, Reply, World, bounced, complained, delivered, logs, sms_log};

const MAIL: &str = "ada@example.com";
const PHONE: &str = "+393331234567";
const AT: &str = "2026-11-23T10:00:02.500Z";

/// Creates ada with an e-mail address and a phone number.
async fn world_with_ada() -> World {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": MAIL, "phone": PHONE})).await;
    world
}

fn id_of(sent: &ApiResponse) -> String {
    sent.body["id"].as_str().unwrap().to_owned()
}

fn new(count: usize) -> FeedbackSummary {
    FeedbackSummary { new: count, ..FeedbackSummary::default() }
}

fn known(count: usize) -> FeedbackSummary {
    FeedbackSummary { known: count, ..FeedbackSummary::default() }
}

/// SNS message id of the last SMS.
fn last_text(world: &World) -> String {
    format!("m-{}", world.texts().len())
}

async fn suppressed(world: &World) -> Value {
    world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body["suppressed_channels"].clone()
}

fn status(answer: &ApiResponse) -> (Value, Value) {
    (answer.body["status"].clone(), answer.body["reason"].clone())
}

#[tokio::test]
async fn a_delivered_email_counts_once_however_often_it_is_reported() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    let id = id_of(&sent);
    world.advance(60);
    world.write_units();
    let events = [delivered(&id, MAIL, AT)];
    assert_eq!(world.ses_publishes(&events).await, new(1));
    assert_eq!(world.write_units(), 1.0);
    let metrics = world.metrics().await;
    world.write_units();
    assert_eq!(world.ses_publishes(&[events.clone(), events].concat()).await, known(2));
    assert_eq!(world.write_units(), 0.0, "a repeated receipt writes nothing");
    let end = world.get(&id).await;
    assert_eq!((&end.body["status"], &end.body["channel"]), (&json!("delivered"), &json!("email")));
    assert_eq!(end.body["delivered_at"], "2026-11-23T10:00:02.5Z");
    let summary = &world.metrics().await["summary"];
    assert_eq!(summary, &metrics["summary"]);
    assert_eq!((&summary["delivered"], &summary["accepted"], &summary["closed"]), (&json!(1), &json!(0), &json!(1)));
}

#[tokio::test]
async fn proof_from_ses_ends_an_escalation_that_waits_for_it() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!(sent.body["status"], "cascading");
    world.ses_publishes(&[delivered(&id_of(&sent), MAIL, AT)]).await;
    world.advance(5 * 3_600);
    assert_eq!((world.sweep().await.found, world.texts().len()), (0, 0));
    assert_eq!(world.get(&id_of(&sent)).await.body["status"], "delivered");
}

#[tokio::test]
async fn a_bounce_fails_the_mail_and_keeps_the_next_one_from_that_address() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    let bounce = [bounced(&id_of(&sent), MAIL, "Permanent", "NoEmail")];
    assert_eq!(world.ses_publishes(&bounce).await, new(1));
    assert_eq!(world.ses_publishes(&bounce).await, known(1));
    let end = world.get(&id_of(&sent)).await;
    assert_eq!(status(&end), (json!("failed"), json!("gone")));
    assert_eq!(
        (end.attempts(), &end.body["attempts"][0]["detail"]),
        (vec!["email:gone".to_owned()], &json!("mailbox_unknown"))
    );
    let metrics = world.metrics().await;
    assert_eq!((&metrics["summary"]["failed"], &metrics["summary"]["accepted"]), (&json!(1), &json!(0)));
    assert_eq!(metrics["by_channel"]["email"]["gone"], 1);

    assert_eq!(suppressed(&world).await, json!(["email"]));
    let next = world.send("ada", json!({})).await;
    assert_eq!((next.attempts(), world.mails().len()), (vec!["sms:accepted".to_owned()], 1), "e-mail is skipped");
    let only_mail = world.send("ada", json!({"channels": ["email"]})).await;
    assert_eq!(status(&world.get(&id_of(&only_mail)).await), (json!("skipped"), json!("no_channel")));
    let asked = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}, "channels": ["email"]});
    let explained = world.post("POST /v1/notifications/explain", asked, None).await;
    let gate = explained.body["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "no_channel").unwrap();
    assert_eq!(gate["inputs"]["suppressed"], json!(["email"]), "and says why");
}

#[tokio::test]
async fn an_operator_lifts_the_suppression_of_a_mended_mailbox() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    world.ses_publishes(&[bounced(&id_of(&sent), MAIL, "Permanent", "General")]).await;
    assert_eq!(suppressed(&world).await, json!(["email"]));
    for _ in 0..2 {
        assert_eq!(world.lift_suppression("ada", "email").await.status, 204);
        assert_eq!(suppressed(&world).await, json!([]));
    }
    assert_eq!(world.send("ada", json!({"channels": ["email"]})).await.attempts(), ["email:accepted"]);
    assert_eq!(world.lift_suppression("ada", "sms").await.status, 204, "what is not suppressed stays so");
    let odd = world.lift_suppression("ada", "push").await;
    assert_eq!((odd.status, odd.fields()), (422, vec!["channel"]));
    assert_eq!(world.lift_suppression("nobody", "email").await.status, 404);
    assert_eq!(world.items("recipients").len(), 1, "no recipient was created");
}

#[tokio::test]
async fn a_type_that_requires_proof_continues_at_once_after_a_bounce() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    world.ses_publishes(&[bounced(&id_of(&sent), MAIL, "Permanent", "General")]).await;
    world.redeliver_stream_to_cascade().await;
    let end = world.get(&id_of(&sent)).await;
    assert_eq!(end.attempts(), ["email:gone", "sms:accepted"], "not after four hours");
    assert_eq!(
        world.ses_publishes(&[delivered(&id_of(&sent), MAIL, AT)]).await,
        new(1),
        "a delivery that came back is none"
    );
    assert_eq!(world.get(&id_of(&sent)).await.attempts(), end.attempts());
    let text = sms_log(&last_text(&world), PHONE, "SUCCESS", "Message has been accepted by phone carrier");
    assert_eq!(world.sns_logs(&[text]).await, new(1));
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["channel"]), (&json!("delivered"), &json!("sms")));
    assert_eq!(end.body["wasted_cost_micros"], 0);
}

#[tokio::test]
async fn a_bounce_during_the_next_email_attempt_is_applied_by_the_lease_holder() {
    let world = world_with_ada().await;
    let gate = Arc::new(Semaphore::new(0));
    let taken = "<SendRawEmailResponse><SendRawEmailResult><MessageId>m</MessageId></SendRawEmailResult></SendRawEmailResponse>";
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(200, taken).held(&gate));
    let (sent, ()) = tokio::join!(world.send("ada", json!({"type": "PAYMENT_DUE"})), async {
        while world.mails().is_empty() {
            tokio::task::yield_now().await;
        }
        let id = world.only_id();
        assert_eq!(world.ses_publishes(&[bounced(&id, MAIL, "Permanent", "General")]).await, new(1));
        assert_eq!(world.get(&id).await.body["status"], "sending");
        gate.add_permits(1);
    });
    assert_eq!(sent.attempts(), ["email:gone", "sms:accepted"], "SES responded later than the mailbox");
}

#[tokio::test]
async fn a_soft_bounce_fails_the_mail_and_suppresses_nothing() {
    for (sub_kind, detail) in [
        ("MailboxFull", "mailbox_full"),
        ("AttachmentRejected", "content_refused"),
        ("CustomTimeoutExceeded", "given_up"),
        ("General", "soft_bounce"),
    ] {
        let world = world_with_ada().await;
        let sent = world.send("ada", json!({"channels": ["email"]})).await;
        let bounce = [bounced(&id_of(&sent), MAIL, "Transient", sub_kind)];
        assert_eq!((world.ses_publishes(&bounce).await, world.ses_publishes(&bounce).await), (new(1), known(1)));
        let end = world.get(&id_of(&sent)).await;
        assert_eq!(
            (status(&end), end.attempts()),
            ((json!("failed"), json!("rejected")), vec!["email:rejected".to_owned()])
        );
        assert_eq!(end.body["attempts"][0]["detail"], detail);
        assert_eq!(suppressed(&world).await, json!([]));
    }
}

#[tokio::test]
async fn a_provider_report_is_no_opt_out_of_the_recipient() {
    for (kind, detail) in [("auth-failure", "authentication_failed"), ("virus", "virus_reported")] {
        let world = world_with_ada().await;
        let sent = world.send("ada", json!({"channels": ["email"]})).await;
        let mut report = complained(&id_of(&sent), MAIL);
        report["complaint"]["complaintFeedbackType"] = json!(kind);
        assert_eq!(world.ses_publishes(&[report]).await, new(1));
        let end = world.get(&id_of(&sent)).await;
        assert_eq!((&end.body["status"], &end.body["attempts"][0]["detail"]), (&json!("accepted"), &json!(detail)));
        assert_eq!(suppressed(&world).await, json!([]));
        let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
        assert_eq!(profile.body["unsubscribed_types"], json!([]));
    }
}

#[tokio::test]
async fn an_account_without_quota_blocks_the_channel_until_one_sms_probes() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["sms"]})).await;
    let events = world.sns_logs(&[sms_log(&last_text(&world), PHONE, "FAILURE", "No quota left for account")]).await;
    assert_eq!(events, new(1));
    let end = world.get(&id_of(&sent)).await;
    assert_eq!(end.attempts(), ["sms:rejected"]);
    assert_eq!(end.body["attempts"][0]["detail"], "account_refused");
    assert_eq!(suppressed(&world).await, json!([]));
    assert!(
        logs::lines()
            .iter()
            .any(|line| line.contains(r#""alarm":"channel_config""#) && line.contains("account_refused"))
    );

    world.advance(6);
    let waits = world.send("ada", json!({"channels": ["sms"]})).await;
    assert_eq!((&waits.body["status"], world.texts().len()), (&json!("cascading"), 1), "it is not dropped");
    let by_mail = world.send("ada", json!({"channels": ["sms", "email"]})).await;
    assert_eq!(by_mail.attempts(), ["email:accepted"]);
    world.advance(16 * 60);
    world.sweep().await;
    assert_eq!(world.texts().len(), 2, "one probes after 15 minutes");
}

#[tokio::test]
async fn a_complaint_is_the_last_mail_and_an_opt_out() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    world.advance(3 * 3_600);
    assert_eq!(world.ses_publishes(&[complained(&id_of(&sent), MAIL)]).await, new(1));
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["attempts"][0]["detail"]), (&json!("delivered"), &json!("complaint")));
    let ada = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await;
    assert_eq!(ada.body["suppressed_channels"], json!(["email"]));
    assert_eq!(ada.body["unsubscribed_types"], json!(["DEFAULT"]));
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "opted_out");
    assert_eq!(world.send("ada", json!({"type": "PAYMENT_DUE"})).await.attempts(), ["sms:accepted"]);
    let written = world.items("recipients");
    assert_eq!(world.ses_publishes(&[complained(&id_of(&sent), MAIL)]).await, known(1));
    assert_eq!(world.items("recipients"), written);
}

#[tokio::test]
async fn an_address_bounces_and_not_the_person_who_has_another_by_now() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["email"]})).await;
    world.put_profile("ada", json!({"email": "lovelace@example.com"})).await;
    world.ses_publishes(&[bounced(&id_of(&sent), MAIL, "Permanent", "General")]).await;
    assert_eq!(suppressed(&world).await, json!([]));
    assert_eq!(world.send("ada", json!({"channels": ["email"]})).await.attempts(), ["email:accepted"]);
    world.put_profile("ada", json!({"email": MAIL})).await;
    assert_eq!(suppressed(&world).await, json!(["email"]));
}

#[tokio::test]
async fn an_sms_is_found_again_by_its_sns_message_id() {
    let world = world_with_ada().await;
    let sent = world.send("ada", json!({"channels": ["sms"]})).await;
    let text = |status, response| sms_log(&last_text(&world), PHONE, status, response);
    let events = [text("SUCCESS", "Message has been accepted by phone carrier")];
    assert_eq!(world.sns_logs(&events).await, new(1));
    assert_eq!(world.sns_logs(&events).await, known(1));
    assert_eq!(world.get(&id_of(&sent)).await.body["status"], "delivered");

    let lost = world.send("ada", json!({"channels": ["sms"]})).await;
    world
        .sns_logs(&[sms_log(&last_text(&world), PHONE, "FAILURE", "Phone is currently unreachable/unavailable")])
        .await;
    let end = world.get(&id_of(&lost)).await;
    assert_eq!((status(&end), end.attempts()), ((json!("failed"), json!("rejected")), vec!["sms:rejected".to_owned()]));
    assert_eq!(end.body["attempts"][0]["detail"], "unreachable");
    assert_eq!(suppressed(&world).await, json!([]));

    let unwanted = world.send("ada", json!({"channels": ["sms"]})).await;
    world.sns_logs(&[sms_log(&last_text(&world), PHONE, "FAILURE", "Phone number is opted out")]).await;
    assert_eq!(status(&world.get(&id_of(&unwanted)).await), (json!("failed"), json!("gone")));
    assert_eq!(suppressed(&world).await, json!(["sms"]));
    assert_eq!(world.send("ada", json!({"channels": ["sms"]})).await.body["reason"], "no_channel");
}

#[tokio::test]
async fn an_sms_costs_one_write_more_so_that_it_can_be_found_again() {
    let world = world_with_ada().await;
    world.send("ada", json!({"channels": ["sms"]})).await;
    let found: Vec<_> = world.items("control").into_iter().filter(|item| item["pk"]["S"] == "sms#m-1").collect();
    assert_eq!(found[0]["notification"]["S"], world.only_id());
    let puts = world.aws.state.lock().unwrap().writes.clone();
    assert_eq!(puts.iter().filter(|(call, units)| call == "PutItem" && *units == 1.0).count(), 1, "{puts:?}");
}

#[tokio::test]
async fn an_sms_whose_id_is_not_stored_is_sent_all_the_same_and_stays_unconfirmed() {
    let world = world_with_ada().await;
    // The second put; the first stored the result of the SMS.
    world.aws.fails(Some("PutItem"), 1, "ThrottlingException");
    let sent = world.send("ada", json!({"channels": ["sms"]})).await;
    world.aws.works();
    assert_eq!(sent.body["status"], "accepted");
    let text = sms_log(&last_text(&world), PHONE, "SUCCESS", "Message has been accepted by phone carrier");
    assert_eq!(world.sns_logs(&[text]).await, FeedbackSummary { passed_over: 1, ..FeedbackSummary::default() });
    assert_eq!(world.get(&id_of(&sent)).await.body["status"], "accepted");
}

#[tokio::test]
async fn a_report_about_an_unknown_message_changes_nothing_and_raises_an_alarm() {
    let world = world_with_ada().await;
    let by_mail = world.send("ada", json!({"channels": ["email"]})).await;
    let by_text = world.send("ada", json!({"channels": ["sms"]})).await;
    let metrics = world.metrics().await;
    let before = (world.items("notifications"), world.items("recipients"));
    let stranger = id_of(&by_mail).replace(char::is_numeric, "7");
    let all = |id: &str| [delivered(id, MAIL, AT), bounced(id, MAIL, "Permanent", "General"), complained(id, MAIL)];
    // Feedback about no message, about another service's message, and about one that was never e-mailed.
    for id in [&stranger, "order-7", &id_of(&by_text)] {
        let alarms = || logs::lines().iter().filter(|line| line.contains(r#""alarm":"feedback_unknown""#)).count();
        let before = alarms();
        assert_eq!(
            world.ses_publishes(&all(id)).await,
            FeedbackSummary { unknown: 3, ..FeedbackSummary::default() },
            "{id}"
        );
        assert_eq!(alarms() - before, 3);
    }
    let elses = sms_log("another-teams-message", PHONE, "FAILURE", "Phone number is opted out");
    assert_eq!(world.sns_logs(&[elses]).await, FeedbackSummary { passed_over: 1, ..FeedbackSummary::default() });
    assert_eq!((world.items("notifications"), world.items("recipients")), before);
    assert_eq!(world.metrics().await, metrics);
}

#[tokio::test]
async fn an_invalid_report_does_not_block_the_others() {
    let world = world_with_ada().await;
    let id = id_of(&world.send("ada", json!({"channels": ["email"]})).await);
    let reports =
        [json!({"eventType": "Delivery"}), json!("?"), delivered(&id, MAIL, AT), json!({"eventType": "Hello"})];
    assert_eq!(
        world.ses_publishes(&reports).await,
        FeedbackSummary { new: 1, malformed: 3, ..FeedbackSummary::default() }
    );
    assert_eq!(world.get(&id).await.body["status"], "delivered");
    assert_eq!(
        world.feedback.process_sms_log("no batch", world.clock.now()).await,
        FeedbackSummary { malformed: 1, ..FeedbackSummary::default() }
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_is_redelivered_and_applied_once() {
    let world = world_with_ada().await;
    let id = id_of(&world.send("ada", json!({"channels": ["email"]})).await);
    let events = [complained(&id, MAIL)];
    for (call, after) in [("GetItem", 0), ("PutItem", 0), ("UpdateItem", 0), ("UpdateItem", 1), ("PutItem", 1)] {
        world.aws.fails(Some(call), after, "ProvisionedThroughputExceededException");
        let summary = world.ses_publishes(&events).await;
        assert_eq!(summary.failed, 1, "{call} {after}: {summary:?}");
        world.aws.works();
    }
    assert_eq!(world.ses_publishes(&events).await, new(1));
    assert_eq!(world.ses_publishes(&events).await, known(1));
    assert_eq!(suppressed(&world).await, json!(["email"]));
}
