//! Ids, cursors and names from outside: each is read as exactly the value that is written again, or refused.

use domain::notification::NotificationId;
use domain::recipient::{RecipientId, RecipientKey};
use metrics::{Bucket, CounterName, Sequence, Unit};

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    if let Some(id) = NotificationId::parse(text) {
        assert_eq!(id.to_string(), text);
        assert_eq!(NotificationId::from_stored(id.recipient().as_str(), id.ordered()), Some(id));
    }
    if let Some(key) = RecipientKey::from_stored(text) {
        assert_eq!(key.as_str(), text);
        assert!(text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }
    if let Ok(id) = RecipientId::parse(text) {
        assert_eq!(id.expose(), text);
        assert!((1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control));
        assert_eq!(serde_json::from_str::<RecipientId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }
    if let Some(sequence) = Sequence::parse(text) {
        assert_eq!(sequence.as_given(), text);
        assert!(text.ends_with(sequence.digits()) && Sequence::parse(sequence.digits()) == Some(sequence));
    }
    for unit in [Unit::Minute, Unit::Hour, Unit::Day] {
        if let Some(bucket) = Bucket::parse(unit, text) {
            assert_eq!(bucket.to_string(), text);
            assert_eq!(Bucket::containing(unit, bucket.start()), bucket);
            assert!(bucket.partition().len() < 64 && bucket.start() < bucket.end());
        }
    }
    if let Ok(counter) = text.parse::<CounterName>() {
        assert_eq!(counter.to_string().parse(), Ok(counter));
    }
}
