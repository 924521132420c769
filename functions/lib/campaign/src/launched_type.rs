//! Type of a campaign as it was at the launch. A campaign sends to nobody else once its type is another one.

use domain::{NotificationType, TypeState};
use serde_json::{Map, Value, json};

use crate::model::Launch;
use crate::state::PauseReason;

/// Fields of a type that do not decide how the messages of a campaign are sent. The state is compared by itself. A
/// budget limits the cost alone, and an operator may raise a spent one.
const NOT_COMPARED: [&str; 6] = ["name", "title", "visible_in_preferences", "template", "budget", "state"];

/// Returns the rules of a type that decide how the messages of a campaign are sent, by their names in the API.
#[must_use]
pub fn rules_at_launch(kind: &NotificationType) -> Map<String, Value> {
    let Value::Object(mut rules) = json!(kind.view()) else { return Map::new() };
    rules.retain(|name, _| !NOT_COMPARED.contains(&name.as_str()));
    rules
}

impl Launch {
    /// Returns the reason for which no further person gets a message while the type is `live`, with an explanation: the
    /// type is paused or archived, or differs from the launched one. A rule of a later release is not compared.
    #[must_use]
    pub fn type_conflict(&self, live: &NotificationType) -> Option<(PauseReason, String)> {
        let name = &live.id;
        match live.rules.state {
            TypeState::Active => {}
            TypeState::Paused => return Some((PauseReason::TypePaused, format!("the type {name} is paused"))),
            TypeState::Archived => return Some((PauseReason::TypeChanged, format!("the type {name} is archived"))),
        }
        let rules = rules_at_launch(live);
        let differs = |(field, launched): &(&String, &Value)| rules.get(*field) != Some(launched);
        let changed: Vec<_> = self.type_rules.iter().filter(differs).map(|(field, _)| field.as_str()).collect();
        let detail = || format!("the type {name} has changed since the launch: {}", changed.join(", "));
        (!changed.is_empty()).then(|| (PauseReason::TypeChanged, detail()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::TypeId;

    use super::*;

    fn kind(changes: &Value) -> NotificationType {
        let mut body = json!({"title": "News", "class": "marketing", "channels": ["push"]});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        NotificationType::parse(TypeId::parse("NEWS").unwrap(), body).unwrap()
    }

    #[test]
    fn a_type_conflicts_with_a_launch_if_it_decides_otherwise_what_is_sent() {
        let launch = Launch { type_rules: rules_at_launch(&kind(&json!({}))), ..Launch::default() };
        let conflict = |changes: Value| launch.type_conflict(&kind(&changes));
        let same = json!({"title": "Offers", "visible_in_preferences": false, "budget": {"day_micros": 5_000}});
        assert_eq!((conflict(json!({})), conflict(same)), (None, None));
        for (changes, detail) in [
            (json!({"channels": ["push", "sms"]}), "the type NEWS has changed since the launch: channels"),
            (json!({"ttl_seconds": 60}), "the type NEWS has changed since the launch: ttl_seconds"),
            (
                json!({"quiet_hours": "bypass", "tries": 9}),
                "the type NEWS has changed since the launch: quiet_hours, tries",
            ),
            (json!({"state": "archived"}), "the type NEWS is archived"),
        ] {
            assert_eq!(conflict(changes), Some((PauseReason::TypeChanged, detail.to_owned())));
        }
        assert!(conflict(json!({"class": "critical"})).unwrap().1.contains("class"));
        let paused = (PauseReason::TypePaused, "the type NEWS is paused".to_owned());
        assert_eq!(conflict(json!({"state": "paused", "ttl_seconds": 60})), Some(paused));
    }

    #[test]
    fn a_launch_of_an_earlier_release_has_no_rules_and_follows_the_type() {
        let changed = kind(&json!({"channels": ["sms"]}));
        assert_eq!(Launch::default().type_conflict(&changed), None);
    }
}
