//! Several warm processes of one function, most of them idle while a parameter gets a value and then an invalid one:
//! each decides by the last valid version that Parameter Store held. This module runs after the others in alphabetical
//! order, because it changes the recipients of version 2.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{Fixture, eventually, fixture, message, tried};
use crate::push_service::BrowserDevice;

/// Number of processes of the send function.
const PROCESSES: usize = 5;
/// Maximum time after a change until every decision follows it.
const FOLLOWED: Duration = Duration::from_secs(30);
/// Maximum age of a value in use while a newer one can be read.
const CACHED: Duration = Duration::from_secs(10);

/// A recipient with a device that is gone and a number.
struct Person {
    id: String,
    phone: String,
    device: BrowserDevice,
}

fn people(fixture: &Fixture) -> Vec<Person> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let person = |_| {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (id, phone) = (format!("warm-{number}"), format!("+39333666{number:04}"));
        assert_eq!(fixture.put_recipient(&id, &json!({"phone": phone})), 201);
        let (device, _) = fixture.register(&id);
        device.goes_away();
        Person { id, phone, device }
    };
    (0..PROCESSES).map(person).collect()
}

/// The final notification of each process, and the number of paid SMS. The push service responds only once it has a
/// message from each process.
fn one_of_each_process(fixture: &Fixture) -> (Vec<Value>, usize) {
    eventually(60, || {
        let people = people(fixture);
        let devices: Vec<_> = people.iter().map(|person| &person.device).collect();
        BrowserDevice::meet(&devices);
        let sent: Vec<_> = scope(|threads| {
            let send = |person: &Person| {
                let asked = message(&person.id, "By which version?");
                threads.spawn(move || fixture.send(&asked))
            };
            let running: Vec<_> = people.iter().map(send).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // A process that has just started may be late.
        let have_met = devices.iter().all(|device| device.has_met());
        have_met.then(|| {
            // If several processes reserve money at the same moment, one of them waits for cascade.
            let ended = sent.iter().map(|sent| fixture.end_of(sent["id"].as_str().unwrap())).collect();
            (ended, people.iter().map(|person| fixture.stack.sms_to(&person.phone).len()).sum())
        })
    })
}

fn versions(sent: &[Value]) -> Vec<&str> {
    sent.iter().map(|one| one["version"].as_str().unwrap()).collect()
}

/// Calls one process repeatedly, while the others are idle, until it decides by this version.
fn one_process_follows(fixture: &Fixture, version: &str) {
    eventually(FOLLOWED.as_secs(), || {
        let explained =
            fixture.expect(200, "send", "POST", "/v1/notifications/explain", &message("warm-0", "Which version?"));
        (explained["version"] == version).then_some(())
    });
}

/// Percentage in force and its source, from the console.
fn in_force(fixture: &Fixture) -> (f64, String) {
    let rollout = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    (rollout["percentage"].as_f64().unwrap(), rollout["source"].as_str().unwrap().to_owned())
}

#[test]
#[ignore = "needs the local stack: make test"]
fn all_decide_by_the_last_valid_version_of_percentage_and_settings() {
    let fixture = fixture();
    let set = |parameter: &str, value: &str| fixture.stack.put_parameter(parameter, value);
    let (percentage, settings) = ("RolloutPercentageParameter", "SettingsParameter");

    set(settings, "{}");
    set(percentage, "100");
    one_process_follows(fixture, "v2");
    let (sent, paid) = eventually(FOLLOWED.as_secs(), || {
        Some(one_of_each_process(fixture)).filter(|(sent, _)| versions(sent) == ["v2"; PROCESSES])
    });
    assert!(sent.iter().all(|one| tried(one) == ["push: gone", "sms: accepted"]), "{sent:#?}");
    assert_eq!(paid, PROCESSES);

    // The kill switch, read by one busy process, followed by an invalid value.
    set(percentage, "0");
    one_process_follows(fixture, "v1");
    set(percentage, "0%");
    let invalid = Instant::now();
    let mut planned = message("warm-0", "In a moment");
    planned["send_at"] = json!((Timestamp::now() + SignedDuration::from_secs(2)).to_string());
    let planned = fixture.send(&planned);
    sleep(CACHED.saturating_sub(invalid.elapsed()));
    let (sent, paid) = one_of_each_process(fixture);
    assert_eq!((versions(&sent), paid), (vec!["v1"; PROCESSES], 0));
    let taken_up = eventually(20, || {
        assert_eq!(fixture.stack.invoke("CascadeFunctionName", &json!({"task": "cascade"})).status, 200);
        Some(fixture.notification(planned["id"].as_str().unwrap())).filter(|now| now["status"] != "scheduled")
    });
    assert_eq!(taken_up["version"], "v1");
    assert_eq!(in_force(fixture), (0.0, "last good".to_owned()));
    assert!(invalid.elapsed() < FOLLOWED, "{:?}", invalid.elapsed());

    // Back to everybody and without SMS, each followed by an invalid value.
    set(settings, r#"{"sms": {"per_recipient_per_day": 0}}"#);
    set(percentage, "100");
    one_process_follows(fixture, "v2");
    set(percentage, "one hundred");
    set(settings, r#"{"sms": {"per_recipient_per_day": 0,}}"#);
    let invalid = Instant::now();
    sleep(CACHED);
    let (sent, paid) = one_of_each_process(fixture);
    assert_eq!((versions(&sent), paid), (vec!["v2"; PROCESSES], 0), "{sent:#?}");
    assert!(sent.iter().all(|one| tried(one) == ["push: gone"]), "{sent:#?}");
    assert_eq!(in_force(fixture), (100.0, "last good".to_owned()));
    assert!(invalid.elapsed() < FOLLOWED, "{:?}", invalid.elapsed());

    set(settings, "{}");
    set(percentage, "10");
}
