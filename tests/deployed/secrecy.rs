//! Logs and failure queues identify no recipient. Tests run in alphabetical order, so this module reads the log lines
//! of most of them.

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{eventually, fixture, message, recipient_in};

/// Words of this test, and words that the recipients and messages of all tests share.
const CANARIES: [&str; 9] =
    ["canary", "393337770123", "@example.com", "rita", "mallory", "/push/", "The text.", "eyJ", "sixteen secrets!"];

#[test]
#[ignore = "needs the local stack: make test"]
fn no_log_line_and_no_dead_letter_identifies_a_recipient() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "canary-recipient");
    let profile = json!({"email": "canary@example.com", "phone": "+393337770123", "attributes": {"canary": "canary"}});
    assert_eq!(fixture.put_recipient(&id, &profile), 201);
    let (device, _) = fixture.register(&id);
    let mut sent = message(&id, "canary-title");
    sent["metadata"] = json!({"canary": "canary"});
    sent["topic"] = json!("canary-topic");
    fixture.send_once("canary-key", &sent);
    device.goes_away();
    fixture.send_to_the_end(&sent);
    sent["type"] = json!("canary");
    assert_eq!(fixture.call("send", "POST", "/v1/notifications", &sent).status, 422);
    assert_eq!(fixture.call("recipients", "GET", "/v1/recipients/canary-nobody", &Value::Null).status, 404);
    fixture.stack.invoke("CascadeFunctionName", &json!({"canary": "canary"}));
    fixture.stack.invoke("RollupFunctionName", &json!({"Records": [{"canary": "canary"}]}));
    fixture.stack.invoke("CleanupFunctionName", &json!({"canary": "canary"}));
    fixture.stack.put("NotificationsTableName", &json!({
        "pk": {"S": "canary"}, "sk": {"S": "canary"}, "status": {"S": "canary"}, "content": {"S": "canary"}, "due_at": {"S": "canary"},
    }));
    fixture.expect(200, "ops", "POST", "/v1/cleanup", &json!({}));
    fixture.expect(200, "recipients", "DELETE", &format!("/v1/recipients/{id}"), &Value::Null);

    let lines = eventually(20, || {
        let lines = fixture.stack.function_logs();
        let says = |said: &str| lines.iter().any(|line| line.contains(said));
        // The last action, and the processing of its stream record.
        (says("\"erased recipient\"") && says("poison_record")).then_some(lines)
    });
    for said in ["\"started the function\"", "\"answered request\""] {
        assert!(lines.iter().any(|line| line.contains(said)), "no function logged {said}");
    }
    // A run that fails for good writes a failure record with its error. (The local AWS writes none for a stream's
    // record.)
    fixture.stack.invoke_later("CascadeFunctionName", &json!({"task": "none of ours"}));
    let letters = eventually(20, || {
        Some(fixture.stack.letters("ScheduleDeadLetterQueueUrl")).filter(|letters| !letters.is_empty())
    });
    for line in lines.iter().chain(&letters).chain(&fixture.stack.letters("StreamFailureQueueUrl")) {
        let found = CANARIES.iter().find(|canary| line.contains(**canary));
        assert_eq!(found, None, "{line}");
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn every_secret_is_stored_encrypted() {
    let fixture = fixture();
    for (name, kind) in [
        ("vapid-private-key", "SecureString"),
        ("recipient-hash-key", "SecureString"),
        ("link-signing-key", "SecureString"),
        ("vapid-public-key", "String"),
    ] {
        let prefix = fixture.stack.text("/outputs/SettingsParameter").strip_suffix("settings").unwrap();
        assert_eq!(fixture.stack.kind_of_parameter(&format!("{prefix}{name}")), kind, "{name}");
    }
}
