//! `rollout-users`: a JSON list of ids, read as a whole or not at all.

use std::collections::BTreeSet;

use delivery::config::ParameterTexts;
use delivery::config::parameter_snapshot::ParsedConfig;
use domain::rollout::{ListedUsers, Version, VersionKey, bucket};
use store::ParameterText;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let listed = ListedUsers::parse(text);
    let ids: Option<BTreeSet<String>> = serde_json::from_str(text).ok();
    let Ok(users) = listed else { return check_config(text, &BTreeSet::new()) };
    let ids = ids.expect("a list of ids is a JSON array of strings");
    assert!(ids.iter().all(|id| (1..=128).contains(&id.chars().count()) && !id.chars().any(char::is_control)));
    assert_eq!(users.len(), ids.len());
    assert!(ids.iter().all(|id| users.contains(id)));
    let again = serde_json::to_string(&ids).unwrap();
    // Expanded escapes may be shorter than their source, and SSM's limit is in bytes.
    assert!(ListedUsers::parse(&again) == Ok(users) || again.len() > 8 * 1024);
    check_config(text, &ids);
}

/// Checks that at the smallest percentage only listed users and bucket 0 are in v2, and that at 0 nobody is.
fn check_config(text: &str, ids: &BTreeSet<String>) {
    let texts = |percentage: &str| ParameterTexts {
        percentage: stored(percentage),
        users: stored(text),
        ..ParameterTexts::default()
    };
    let mut known = ParsedConfig::default();
    known.take(texts("0.01"), false);
    let rollout = known.snapshot().rollout;
    for id in ids.iter().map(String::as_str).chain(["nobody-listed-\u{7}"]) {
        let expected = ids.contains(id) || bucket(id) == 0;
        assert_eq!(rollout.decide(id) == Version::V2, expected);
    }
    known.take(texts("0"), false);
    let rollout = known.snapshot().rollout;
    assert!(ids.iter().all(|id| rollout.decide(id) == Version::V1));
}

fn stored(text: &str) -> Option<ParameterText> {
    Some(ParameterText { key: VersionKey::default(), text: text.to_owned().into() })
}
