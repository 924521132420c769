//! Changes of a paused campaign. It may take newer versions of templates, for people who have no message yet.

use serde_json::{Map, Value};

use crate::model::{Campaign, Launch, LaunchedMessage};
use crate::operator_kind::OperatorKind;
use domain::notification::TemplateUse;
use platform::problem::Problem;

/// Fields that may change while a campaign is paused. None of them affects the selection of people.
const CHANGED_WHILE_PAUSED: [&str; 3] = ["rate_per_second", "guards", "not_after"];
/// Fields that may change in the versions of their templates.
const VERSIONED: [&str; 2] = ["template", "variants"];

impl Campaign {
    /// Changes a paused campaign: its rate, its end, and the versions of its templates. `messages` are those of the
    /// changed definition if it changes templates. `by` is the client, and `kind` its kind.
    ///
    /// # Errors
    /// 422 with the field that can no longer be changed.
    pub fn change_while_paused(
        &mut self,
        definition: Map<String, Value>,
        messages: Option<Vec<LaunchedMessage>>,
        (by, kind): (&str, OperatorKind),
    ) -> Result<(), Problem> {
        let names = definition.keys().chain(self.definition.keys());
        let changed = names.filter(|name| definition.get(*name) != self.definition.get(*name));
        let is_versioned = |name: &str| messages.is_some() && VERSIONED.contains(&name);
        let refused = |name: &str| !CHANGED_WHILE_PAUSED.contains(&name) && !is_versioned(name);
        if let Some(name) = changed.map(String::as_str).find(|name| refused(name)) {
            let message = "cannot be changed after the launch: only rate_per_second, guards, not_after and the versions of \
                           templates can";
            return Err(Problem::invalid_field(name, message));
        }
        let mut has_new_version = false;
        if let (Some(messages), Some(launch)) = (messages, &mut self.launch) {
            for (place, message) in messages.iter().enumerate() {
                let launched = launch.messages.iter_mut().filter(|one| one.is_of(&message.variant));
                for one in launched.filter(|one| one.template != message.template) {
                    if !one.take_version(message) {
                        let field = match message.variant.as_str() {
                            "" => "template".to_owned(),
                            _ => format!("variants[{place}]"),
                        };
                        let message = "may differ from the launched one in template.version alone";
                        return Err(Problem::invalid_field(field, message));
                    }
                    has_new_version = true;
                }
            }
            if messages.iter().any(|message| !launch.messages.iter().any(|one| one.is_like(message))) {
                return Err(Problem::invalid_field(
                    "variants",
                    "cannot be changed after the launch, except for versions",
                ));
            }
        }
        if let Some(launch) = self.launch.as_mut().filter(|_| has_new_version || self.definition != definition) {
            launch.add_reviser(by, kind);
        }
        self.definition = definition;
        Ok(())
    }
}

impl Launch {
    fn add_reviser(&mut self, by: &str, kind: OperatorKind) {
        self.revisers.insert(by.to_owned());
        self.reviser_kinds.insert(kind);
    }
}

impl LaunchedMessage {
    /// Returns `true` if this is the message of the variant, also for people after a test phase.
    fn is_of(&self, variant: &str) -> bool {
        self.base_variant() == variant
    }

    /// Takes the template version of another message. Returns `false` if the messages differ in anything else.
    fn take_version(&mut self, other: &Self) -> bool {
        let (Some(own), Some(new)) = (&self.template, &other.template) else { return false };
        // The names of sensitive variables are those of the version.
        let newer = TemplateUse { version: new.version, sensitive: new.sensitive.clone(), ..own.clone() };
        let is_same = newer == *new;
        if is_same {
            self.template = Some(newer);
        }
        is_same
    }

    /// Returns `true` if the two messages are the same variant with the same text.
    fn is_like(&self, other: &Self) -> bool {
        let Self { variant, weight_bp, content, template, from_attributes } = other;
        self.variant == *variant
            && (self.weight_bp, &self.content) == (*weight_bp, content)
            && (&self.template, &self.from_attributes) == (template, from_attributes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use platform::private::Private;
    use serde_json::json;

    use super::*;

    const ADA: (&str, OperatorKind) = ("ada", OperatorKind::Person);

    fn message(variant: &str, name: &str, version: u32) -> LaunchedMessage {
        let template = TemplateUse {
            name: name.to_owned(),
            version,
            locale: None,
            variables: Private::new(Map::new()),
            sensitive: Vec::new(),
        };
        LaunchedMessage {
            variant: variant.to_owned(),
            weight_bp: 10_000,
            content: None,
            template: Some(template),
            from_attributes: std::collections::BTreeMap::new(),
        }
    }

    fn paused() -> Campaign {
        let definition =
            json!({"title": "A", "type": "NEWS", "template": {"name": "news", "version": 1}, "segment": "all"});
        let mut campaign = Campaign::draft(definition.as_object().unwrap().clone(), "ops".to_owned().into());
        campaign.launch = Some(Launch { messages: vec![message("", "news", 1)], ..Launch::default() });
        campaign
    }

    fn changed(name: &str, value: Value) -> Map<String, Value> {
        let mut definition = paused().definition;
        definition.insert(name.to_owned(), value);
        definition
    }

    #[test]
    fn a_paused_campaign_takes_a_version_and_nothing_else_of_a_message() {
        let newer = changed("template", json!({"name": "news", "version": 2}));
        let mut campaign = paused();
        campaign.change_while_paused(newer.clone(), Some(vec![message("", "news", 2)]), ADA).unwrap();
        let launch = campaign.launch.unwrap();
        assert_eq!(launch.messages[0].template.as_ref().map(|used| used.version), Some(2));
        assert_eq!((campaign.definition, launch.revisers), (newer.clone(), ["ada".to_owned()].into()));
        let refused = |definition: &Map<String, Value>, messages| {
            let problem = paused().change_while_paused(definition.clone(), messages, ADA).unwrap_err();
            problem.errors[0].field.clone()
        };
        assert_eq!(refused(&newer, Some(vec![message("", "other", 2)])), "template");
        assert_eq!(refused(&newer, Some(vec![message("b", "news", 2)])), "variants");
        assert_eq!(refused(&changed("title", json!("B")), None), "title");
    }

    #[test]
    fn a_client_that_changes_anything_in_a_pause_is_recorded() {
        for (name, value) in [
            ("guards", json!({"max_failed_percent": 100})),
            ("not_after", json!("2027-01-01T00:00:00Z")),
            ("rate_per_second", json!(5_000)),
        ] {
            let mut campaign = paused();
            campaign.change_while_paused(campaign.definition.clone(), None, ("bob", OperatorKind::Person)).unwrap();
            campaign.change_while_paused(changed(name, value), None, ADA).unwrap();
            assert_eq!(campaign.launch.unwrap().revisers, ["ada".to_owned()].into(), "{name}");
        }
    }
}
