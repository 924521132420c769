#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use platform::private::Private;

fn stored(version: i64, text: &str) -> Option<ParameterText> {
    let key = VersionKey { modified_ms: 1_000 * version, version };
    Some(ParameterText { key, text: Private::new(text.to_owned()) })
}

fn texts(percentage: &str, users: &str, settings: &str) -> ParameterTexts {
    let (percentage, users, settings) = (stored(1, percentage), stored(1, users), stored(1, settings));
    ParameterTexts { percentage, users, settings, public_base_url: None }
}

#[test]
fn a_base_for_links_may_never_have_been_there_and_stays_when_it_goes_missing() {
    let mut known = ParsedConfig::default();
    let with = |base: Option<&str>| ParameterTexts {
        public_base_url: base.and_then(|base| stored(1, base)),
        ..texts("10", "[]", "{}")
    };
    let base_of = |known: &ParsedConfig| known.snapshot().public_base_url.map(|base| base.to_string());
    assert_eq!((known.take(with(None), false), base_of(&known)), (vec![], None));
    assert_eq!(known.take(with(Some("https://a.example")), false), []);
    assert!(matches!(
        &known.take(with(Some("malformed")), false)[..],
        [ReadabilityChange::Unreadable { parameter: "public-base-url", .. }]
    ));
    assert_eq!(base_of(&known).as_deref(), Some("https://a.example"));
    assert!(matches!(&known.take(with(None), false)[..], [ReadabilityChange::Unreadable { .. }]));
    assert_eq!(base_of(&known).as_deref(), Some("https://a.example"));
    assert!(matches!(&known.take(with(Some("https://b.example")), false)[..], [ReadabilityChange::Readable { .. }]));
    assert_eq!(base_of(&known).as_deref(), Some("https://b.example"));
}

fn percentage_of(known: &ParsedConfig) -> String {
    known.snapshot().rollout.percentage.to_string()
}

#[test]
fn junk_keeps_the_last_valid_value_and_is_reported_once_per_change() {
    let mut known = ParsedConfig::default();
    assert_eq!(known.take(texts("10", "[]", "{}"), false), []);
    let unreadable = |why: &str| ReadabilityChange::Unreadable { parameter: "rollout-percentage", why: why.to_owned() };
    let changes = known.take(texts("101", "[]", "{}"), false);
    assert_eq!(changes, [unreadable("it is above 100")]);
    assert_eq!(known.take(texts("101", "[]", "{}"), false), []);
    let other_junk = known.take(texts("", "[]", "{}"), false);
    assert_eq!(other_junk, [unreadable("it is empty")]);
    assert_eq!(percentage_of(&known), "10");
    let back = known.take(texts("10", "[]", "{}"), false);
    assert_eq!(back, [ReadabilityChange::Readable { parameter: "rollout-percentage" }]);
}

#[test]
fn one_unreadable_value_does_not_hold_back_the_others() {
    let mut known = ParsedConfig::default();
    known.take(texts("10", "[]", "{}"), false);
    let changes = known.take(texts("0", "alice", r#"{"sms": {"max_parts": 1}}"#), false);
    assert_eq!(changes.len(), 1);
    assert!(known.snapshot().rollout.is_killed());
    assert_eq!(known.snapshot().settings.sms.max_parts, 1);
}

#[test]
fn a_parameter_that_is_gone_keeps_its_last_good_value() {
    let mut known = ParsedConfig::default();
    known.take(texts("10", r#"["alice"]"#, "{}"), false);
    let changes = known.take(ParameterTexts::default(), false);
    assert_eq!(changes.len(), 3);
    assert!(
        changes
            .iter()
            .all(|change| matches!(change, ReadabilityChange::Unreadable { why, .. } if why == "it does not exist"))
    );
    assert_eq!(percentage_of(&known), "10");
    assert!(known.snapshot().rollout.users.contains("alice"));
}

#[test]
fn without_any_version_v2_is_off_and_the_settings_are_the_defaults() {
    let known = ParsedConfig::default();
    assert!(known.snapshot().rollout.is_killed() && known.doubtful(false, false).is_empty());
    assert_eq!(*known.snapshot().settings, Settings::default());
}

fn entry(valid: Option<ParameterText>, up_to: i64) -> RecordEntry {
    RecordEntry { valid, newest_up_to: Some(VersionKey { modified_ms: 1_000 * up_to, version: up_to }) }
}

#[test]
fn the_record_is_heeded_where_there_is_a_doubt_and_its_own_junk_is_ignored() {
    let mut known = ParsedConfig::default();
    known.take(texts("malformed", r#"["alice"]"#, "{}"), false);
    let doubtful = known.doubtful(false, false);
    assert_eq!((doubtful.as_slice(), known.needs_history(false)), (&["rollout-percentage"][..], doubtful.clone()));
    let record = ParameterRecord::from([
        ("rollout-percentage", entry(stored(0, "25"), 0)),
        ("rollout-users", entry(stored(9, r#"["bob"]"#), 9)),
        ("settings", entry(stored(9, "malformed"), 9)),
    ]);
    known.apply_record(&record, &doubtful);
    let rollout = known.snapshot().rollout;
    assert_eq!(rollout.percentage.to_string(), "25");
    assert!(rollout.users.contains("alice") && !rollout.users.contains("bob"));
    assert_eq!(
        known.needs_history(false),
        ["rollout-percentage"],
        "nothing says that 25 was the last before the invalid one"
    );

    let mut nothing = ParsedConfig::default();
    nothing.take(ParameterTexts::default(), false);
    nothing.apply_record(&record, &["settings"]);
    assert_eq!(nothing.snapshot(), ConfigSnapshot::default());
}

#[test]
fn a_record_that_goes_up_to_the_junk_spares_the_history() {
    let mut known = ParsedConfig::default();
    known.take(ParameterTexts { percentage: stored(5, "100"), ..texts("", "[]", "{}") }, false);
    known.take(ParameterTexts { percentage: stored(7, "0%"), ..texts("", "[]", "{}") }, false);
    known.apply_record(
        &ParameterRecord::from([("rollout-percentage", entry(stored(6, "0"), 7))]),
        &["rollout-percentage"],
    );
    assert!(known.snapshot().rollout.is_killed() && known.needs_history(false).is_empty());
    assert!(known.doubtful(false, false).is_empty() && known.doubtful(false, true).len() == 4);
}

#[test]
fn a_history_without_a_valid_version_is_read_once_and_the_newest_known_stays() {
    let mut known = ParsedConfig::default();
    known.take(ParameterTexts { percentage: stored(5, "25"), ..texts("", "[]", "{}") }, false);
    known.take(ParameterTexts { percentage: stored(200, "x"), ..texts("", "[]", "{}") }, false);
    let invalid =
        ParameterVersion { version: 200, modified_ms: 200_000, value: Private::new("x".to_owned()), written: None };
    known.apply_history("rollout-percentage", vec![invalid]);
    assert_eq!((percentage_of(&known).as_str(), known.needs_history(false).len()), ("25", 0));
    let older = ParameterRecord::from([("rollout-percentage", entry(stored(4, "100"), 4))]);
    known.apply_record(&older, &known.doubtful(false, false));
    assert_eq!(percentage_of(&known), "25");
    let newer = ParameterRecord::from([("rollout-percentage", entry(stored(9, "0"), 9))]);
    known.apply_record(&newer, &known.doubtful(false, false));
    assert_eq!(percentage_of(&known), "0");
}

#[test]
fn with_settings_only_the_rollout_is_not_missed() {
    let mut known = ParsedConfig::default();
    assert_eq!(known.take(ParameterTexts { settings: stored(1, "{}"), ..ParameterTexts::default() }, true), []);
    assert!(known.doubtful(true, false).is_empty());
    assert_eq!(known.doubtful(true, true), ["settings"]);
}

#[test]
fn the_good_texts_are_those_the_values_came_from() {
    let mut known = ParsedConfig::default();
    known.take(texts("10", "[]", "{}"), false);
    known.take(texts("malformed", "[\"alice\"]", "{}"), false);
    assert_eq!(known.valid_texts(), texts("10", "[\"alice\"]", "{}"));
}
