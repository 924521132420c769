//! Definition of a campaign: what is accepted reads back, and its times and lots are decided for anybody; an error
//! names a field.

use campaign::{Campaign, CampaignAudience, CampaignDefinition, CampaignId, Launch, Timing};
use domain::recipient::sample::with_everything;
use jiff::Timestamp;
use serde_json::Value;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let Ok(input) = serde_json::from_str::<Value>(text) else { return };
    let definition = match CampaignDefinition::parse(input.clone()) {
        Err(problem) => return assert!(problem.errors.iter().all(|error| !error.field.is_empty())),
        Ok(definition) => definition,
    };
    let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let _ = definition.check_times(now);
    let Value::Object(fields) = input else { panic!("a definition is an object") };
    assert_eq!(Campaign::draft(fields, String::new().into()).parsed(), Ok(definition.clone()));
    assert_eq!(definition.variants.iter().map(|variant| variant.weight_bp).sum::<u32>(), 10_000);
    let slot = match &definition.timing {
        Timing::AtLocal(local) => {
            let slot = local.slot(Some("America/New_York"), now);
            assert!(slot.is_none_or(|slot| slot >= now), "nobody is sent to in the past");
            slot.unwrap_or(now)
        }
        Timing::Now | Timing::At(_) => now,
    };
    let launch = Launch {
        at: now,
        by: String::new().into(),
        segments: 1,
        expected_people: 1,
        filter: None,
        exclude: None,
        messages: Vec::new(),
        slots: vec![slot],
        ..Launch::default()
    };
    let id = CampaignId::random(now);
    let people = CampaignAudience::all(&id, &definition, &launch).unwrap();
    let recipient = with_everything(1);
    assert_eq!(people.select(&recipient, None), people.select(&recipient, None), "a lot stays the same");
}
