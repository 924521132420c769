//! The events of this function, distinguished by their shape.

use aws_lambda_events::dynamodb::EventRecord;
use jiff::Timestamp;
use metrics::{Image, NotificationChange, Sequence};
use platform::alarm::AlarmLine;
use serde::Deserialize;
use serde_json::Value;

/// An event of this function.
pub enum RollupEvent {
    /// Changes of notifications, from one shard of the stream.
    Stream(StreamBatch),
    /// The schedule, every minute.
    Schedule,
    /// A parameter was changed. The name of the parameter is ignored, since these events are delivered on best effort:
    /// twice, late or not at all.
    ParameterChange,
}

/// Error for an event of another shape. The text does not repeat the event, which may contain personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEventError(&'static str);

impl std::fmt::Display for UnknownEventError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not an event of this function: {}", self.0)
    }
}

impl std::error::Error for UnknownEventError {}

/// A batch of a DynamoDB stream. The event names its shard only if the mapping has a tumbling window.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamBatch {
    #[serde(rename = "Records")]
    records: Vec<EventRecord>,
    shard_id: Option<String>,
}

impl RollupEvent {
    /// Parses an event.
    ///
    /// # Errors
    /// If the event has another shape.
    pub fn of(event: Value) -> Result<Self, UnknownEventError> {
        if event.get("Records").is_some() {
            serde_json::from_value(event).map(Self::Stream).map_err(|_| UnknownEventError("records of another stream"))
        } else if event["task"] == "rollup" {
            Ok(Self::Schedule)
        } else if event["detail-type"] == "Parameter Store Change" {
            Ok(Self::ParameterChange)
        } else {
            Err(UnknownEventError("neither a stream batch, nor a parameter change, nor a scheduled run"))
        }
    }
}

impl StreamBatch {
    /// Returns the shard id, or `0` if the event names no shard.
    pub fn shard(&self) -> &str {
        self.shard_id.as_deref().unwrap_or("0")
    }

    /// Returns the changes, and the sequence numbers of poison records. Removals are left out, since they change no
    /// counter.
    ///
    /// # Errors
    /// If a record has no sequence number, because it could not be reported as failed.
    pub fn changes(self) -> Result<(Vec<NotificationChange>, Vec<Sequence>), UnknownEventError> {
        let (mut changes, mut poison) = (Vec::new(), Vec::new());
        for record in self.records.into_iter().filter(|record| record.event_name != "REMOVE") {
            let sequence = record.change.sequence_number.as_deref().and_then(Sequence::parse);
            let sequence = sequence.ok_or(UnknownEventError("a record without a sequence number"))?;
            match change(record, sequence.clone()) {
                Ok(change) => changes.push(change),
                Err(error) => {
                    let number = sequence.as_given();
                    tracing::error!(
                        alarm = AlarmLine::PoisonRecord.as_str(),
                        error = why(&error),
                        sequence = number,
                        "failed to parse stream record; it is not counted"
                    );
                    poison.push(sequence);
                }
            }
        }
        Ok((changes, poison))
    }
}

fn change(record: EventRecord, sequence: Sequence) -> Result<NotificationChange, serde_dynamo::Error> {
    let record = record.change;
    let image = |item| serde_dynamo::from_item::<_, Image>(item);
    let old = (!record.old_image.is_empty()).then(|| image(record.old_image)).transpose()?;
    // If a record has no creation time, the deserialized time is the epoch.
    let recorded_ms = Some(record.approximate_creation_date_time.timestamp_millis()).filter(|millis| *millis > 0);
    let recorded_at = recorded_ms.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Ok(NotificationChange { sequence, recorded_at, old, new: image(record.new_image)? })
}

/// Returns the error text if it contains only the name of an attribute or the expected kind. Any other text is
/// replaced, since it could contain the attribute's value.
fn why(error: &serde_dynamo::Error) -> String {
    let text = error.to_string();
    let is_ours = ["the attribute `", "missing field `", "Expected "].iter().any(|start| text.starts_with(start));
    if is_ours { text } else { "an attribute has the wrong type".to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    fn record(name: &str, sequence: Option<&str>, new: Value) -> Value {
        json!({
            "eventID": "1", "eventName": name, "eventSource": "aws:dynamodb", "awsRegion": "eu-south-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_428_300, "SequenceNumber": sequence, "SizeBytes": 10, "NewImage": new,
                "OldImage": {"status": {"S": "sending"}, "type": {"S": "DEFAULT"}, "due_at": {"N": "1"}, "updated_at": {"N": "1"}},
            },
        })
    }

    fn image() -> Value {
        json!({
            "pk": {"S": "r"}, "sk": {"S": "n"}, "status": {"S": "accepted"}, "type": {"S": "DEFAULT"}, "version": {"S": "v2"},
            "attempts": {"S": r#"[{"c":"push","p":"h","o":"accepted","l":143,"t":1795428300000}]"#},
            "due_at": {"N": "1795428299000"}, "updated_at": {"N": "1795428300143"}, "waited_ms": {"NULL": true},
        })
    }

    fn batch(records: Value, shard: Option<&str>) -> StreamBatch {
        match RollupEvent::of(
            json!({"Records": records, "shardId": shard, "state": {}, "isFinalInvokeForWindow": false}),
        )
        .unwrap()
        {
            RollupEvent::Stream(batch) => batch,
            _ => panic!("not a stream event"),
        }
    }

    #[test]
    fn a_record_becomes_a_change_of_its_notification() {
        let batch = batch(json!([record("MODIFY", Some("111"), image())]), Some("shardId-7"));
        assert_eq!(batch.shard(), "shardId-7");
        let (changes, poison) = batch.changes().unwrap();
        assert_eq!((changes.len(), poison.len(), changes[0].sequence.as_given()), (1, 0, "111"));
        assert_eq!(changes[0].new.latency_ms(), Some(1_143));
        assert_eq!(changes[0].minute().to_string(), "2026-11-23T10:05");
    }

    #[test]
    fn a_record_of_unknown_shape_is_reported_and_a_removal_is_ignored() {
        let records = json!([
            record("REMOVE", Some("1"), json!(null)),
            record("MODIFY", Some("2"), json!({"status": {"S": "lost"}})),
            record("INSERT", Some("3"), json!(null)),
        ]);
        let batch = batch(records, None);
        assert_eq!(batch.shard(), "0");
        let (changes, poison) = batch.changes().unwrap();
        assert!(changes.is_empty());
        assert_eq!(poison.iter().map(Sequence::as_given).collect::<Vec<_>>(), ["2", "3"]);
    }

    #[test]
    fn the_error_of_a_record_does_not_contain_its_values() {
        let error = |name: &str, value: Value| {
            let mut image = image();
            image[name] = value;
            let RollupEvent::Stream(batch) =
                RollupEvent::of(json!({"Records": [record("INSERT", Some("1"), image)]})).unwrap()
            else {
                panic!("not a stream event")
            };
            why(&change(batch.records.into_iter().next().unwrap(), Sequence::parse("1").unwrap()).unwrap_err())
        };
        assert_eq!(error("status", json!({"S": "ada"})), "the attribute `status` has an unknown shape");
        assert_eq!(error("status", json!({"L": [{"S": "ada"}]})), "Expected string");
        for (name, value) in [
            ("due_at", json!({"N": "3934.5"})),
            ("due_at", json!({"S": "ada"})),
            ("attempts", json!({"M": {"ada": {"S": "ada"}}})),
        ] {
            let error = error(name, value);
            assert!(!error.contains("ada") && !error.contains("3934"), "{error}");
        }
    }

    #[test]
    fn a_record_that_could_not_be_reported_fails_the_batch() {
        assert!(batch(json!([record("MODIFY", None, image())]), None).changes().is_err());
    }

    #[test]
    fn each_event_is_recognized_and_others_are_refused() {
        let change = json!({
            "version": "0", "detail-type": "Parameter Store Change", "source": "aws.ssm", "region": "eu-south-1",
            "detail": {"operation": "Update", "name": "/push-notifications/prod/rollout-percentage", "type": "String"},
        });
        assert!(matches!(RollupEvent::of(change), Ok(RollupEvent::ParameterChange)));
        assert!(matches!(RollupEvent::of(json!({"task": "rollup"})), Ok(RollupEvent::Schedule)));
        for other in [
            json!({"task": "cleanup"}),
            json!({"Records": 1}),
            json!([]),
            json!("tick"),
            json!({"routeKey": "GET /v1/metrics"}),
        ] {
            assert!(RollupEvent::of(other).is_err());
        }
    }
}
