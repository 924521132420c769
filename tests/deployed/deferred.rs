//! Scheduled notifications are sent when due, or cancelled before.

use domain::rollout::Version;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{eventually, fixture, message, recipient_in};

#[test]
#[ignore = "needs the local stack: make test"]
fn a_scheduled_send_goes_out_when_it_is_due() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "planned");
    let (device, _) = fixture.register(&id);
    let mut planned = message(&id, "In two seconds");
    planned["send_at"] = json!((Timestamp::now() + SignedDuration::from_secs(2)).to_string());
    let planned = fixture.send(&planned);
    assert_eq!((&planned["status"], &planned["version"]), (&json!("scheduled"), &Value::Null));
    assert_eq!(fixture.messages(&device).len(), 0);
    let sent = eventually(30, || {
        // The minute schedule of cascade.
        assert_eq!(fixture.stack.invoke("CascadeFunctionName", &json!({"task": "cascade"})).status, 200);
        Some(fixture.notification(planned["id"].as_str().unwrap())).filter(|now| now["status"] == "accepted")
    });
    assert_eq!((&sent["version"], &sent["channel"]), (&json!("v2"), &json!("push")));
    assert_eq!(fixture.messages(&device).len(), 1);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_scheduled_send_can_be_cancelled_repeatedly_and_a_sent_one_cannot() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "cancelled");
    let (device, _) = fixture.register(&id);
    let mut planned = message(&id, "In an hour");
    planned["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(1)).to_string());
    let path = |sent: &Value| format!("/v1/notifications/{}", sent["id"].as_str().unwrap());
    let planned = path(&fixture.send(&planned));
    for scope in ["send", "ops"] {
        let cancelled = fixture.expect(200, scope, "DELETE", &planned, &Value::Null);
        assert_eq!((&cancelled["status"], &cancelled["next_action_at"]), (&json!("cancelled"), &Value::Null));
    }
    let sent = path(&fixture.send(&message(&id, "Now")));
    assert_eq!(fixture.call("send", "DELETE", &sent, &Value::Null).status, 409);
    assert_eq!(fixture.messages(&device).len(), 1, "the one that was not cancelled");
}
