//! Filter of a segment: it is read as it was written, decides for any recipient, and an error names a place in it.

use domain::recipient::sample::with_everything;
use jiff::Timestamp;
use platform::private::Private;
use segments::{CampaignHistory, Filter, MAX_LEAVES, Person};
use serde_json::Value;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let Ok(input) = serde_json::from_str::<Value>(text) else { return };
    match Filter::parse(&input["filter"], "filter") {
        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|error| error.field.starts_with("filter"))),
        Ok(filter) => {
            assert_eq!(Filter::parse(&filter.to_json(), "filter"), Ok(filter.clone()));
            assert!(filter.conditions("filter").len() <= MAX_LEAVES);
            let mut recipient = with_everything(2);
            if let Value::Object(attributes) = &input["attributes"] {
                recipient.attributes = Private::new(attributes.clone());
            }
            let history = CampaignHistory::default();
            let person = Person { recipient: &recipient, now: Timestamp::UNIX_EPOCH, history: Some(&history) };
            let explained = filter.explain(person);
            if let [one] = explained.as_slice()
                && one.path == "filter"
            {
                assert_eq!(one.matches, filter.matches(person));
            }
            assert_ne!(Filter::Not(Box::new(filter.clone())).matches(person), filter.matches(person));
        }
    }
}
