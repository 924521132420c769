//! Version 2 degrades while version 1 does not, and is off everywhere in under three minutes. Tests run in alphabetical
//! order, so this module follows almost all others: afterwards nobody is in version 2 for a while.

use std::cell::Cell;
use std::time::{Duration, Instant};

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eventually, fixture, message, recipient_in};
use crate::push_service::BrowserDevice;

/// More than the guard's sample.
const MESSAGES: usize = 60;

#[test]
#[ignore = "needs the local stack: make test"]
fn degrades_and_is_off_everywhere_in_under_three_minutes_with_audit_and_alert() {
    let fixture = fixture();
    let ids = [Version::V1, Version::V2].map(|version| recipient_in(version, "guarded"));
    let [_, (bad, _)]: [(BrowserDevice, String); 2] = ids.each_ref().map(|id| fixture.register(id));
    let alerts_queue = fixture.stack.listen_to_alerts();
    // One bad evaluation is enough here; by default a second one follows half a minute later, which `make run` shows.
    fixture.stack.put_parameter("SettingsParameter", r#"{"guard": {"evaluations": 1}}"#);

    bad.refuses();
    let went_bad = Instant::now();
    // Other tests had failures too.
    let (before_v1, sent) = (failed_of(fixture, "v1"), Cell::new(failed_of(fixture, "v2")));
    // Only whole minutes since the percentage was set count, and on a new stack that was just now.
    eventually(120, || {
        ids.iter().for_each(|id| send_many(fixture, id));
        sent.set(sent.get() + MESSAGES as u64);
        eventually(30, || (failed_of(fixture, "v2") >= sent.get()).then_some(()));
        // The minute schedule of rollup.
        assert_eq!(fixture.stack.invoke("RollupFunctionName", &json!({"task": "rollup"})).status, 200);
        (fixture.stack.parameter("RolloutPercentageParameter") == "0").then_some(())
    });
    assert_eq!(failed_of(fixture, "v1"), before_v1);
    eventually(30, || (version_of(fixture, &ids[1]) == "v1").then_some(()));
    assert!(went_bad.elapsed() < Duration::from_secs(180), "{:?}", went_bad.elapsed());

    let (who, reason, old) = last_change(fixture);
    assert_eq!((who.as_str(), old.as_str()), ("guard", "10"));
    assert!(reason.contains("version 1: ") && reason.contains("threshold 20 %"), "{reason}");
    let alerts = eventually(10, || Some(alerts_queue.messages(&fixture.stack)).filter(|alerts| !alerts.is_empty()));
    let alert = alerts.iter().find(|text| text.contains("version 2 switched off by the guard")).expect("an alert");
    assert!(alert.contains("10 -> 0") && alert.contains("version 1: "), "{alert}");

    // An operator's change is recorded on its event, before the next minute.
    fixture.stack.put_parameter("RolloutPercentageParameter", "10");
    fixture.stack.put_parameter("SettingsParameter", "{}");
    let change =
        json!({"source": "aws.ssm", "detail-type": "Parameter Store Change", "detail": {"operation": "Update"}});
    assert_eq!(fixture.stack.invoke("RollupFunctionName", &change).json, json!("change recorded in the audit"));
    let (who, _, old) = last_change(fixture);
    assert_eq!((who.as_str(), old.as_str()), ("operator", "0"));
}

fn send_many(fixture: &Fixture, id: &str) {
    let messages: Vec<_> = (0..MESSAGES).map(|_| message(id, "Does it arrive?")).collect();
    fixture.expect(202, "send", "POST", "/v1/notifications/batch", &json!({"messages": messages}));
}

fn failed_of(fixture: &Fixture, version: &str) -> u64 {
    let metrics = fixture.expect(200, "ops", "GET", "/v1/metrics?minutes=60", &Value::Null);
    metrics["by_version"][version]["failed"].as_u64().unwrap()
}

fn version_of(fixture: &Fixture, id: &str) -> String {
    let plan = fixture.expect(200, "send", "POST", "/v1/notifications/explain", &message(id, "Which version?"));
    plan["version"].as_str().unwrap().to_owned()
}

/// Actor, reason and previous value of the last change of the percentage.
fn last_change(fixture: &Fixture) -> (String, String, String) {
    let rollout = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    let changes = rollout["changes"].as_array().unwrap();
    let last = changes.iter().find(|change| change["parameter"] == "rollout-percentage").expect("a change");
    let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
    (text("who"), text("reason"), text("old"))
}
