//! Differences from the built-in rules of single types, which an operator can set without a deployment.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{BUDGET_RANGE, is_beyond_reason};
use crate::notification_type::{MAX_WAIT_FOR_PUSH_SECONDS, TRIES_RANGE};
use crate::{NotificationType, OnUncertain, TypeBudgets, TypeId};
use platform::problem::FieldError;

/// Differences from the built-in rules, by type name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TypeOverrides(BTreeMap<TypeId, TypeOverride>);

/// Differences of one type. A field that is not set keeps its built-in value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TypeOverride {
    /// Number of tries on one channel (for push: on one device) while the provider answers "retry later": 1 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Action after a paid send whose outcome is uncertain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_uncertain: Option<OnUncertain>,
    /// Time to wait for a push service in trouble before a paid channel is tried: 0 (no wait) to 86,400 s (one day).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for_push_seconds: Option<u32>,
    /// Maximum cost of one notification of this type, for all its attempts together, in micro-euro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_micros: Option<u64>,
    /// Maximum cost of all notifications of this type on one UTC day, in micro-euro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_micros: Option<u64>,
}

impl TypeOverride {
    /// Checks that every value is within its range.
    ///
    /// # Errors
    /// Returns the field and its range.
    fn check(&self) -> Result<(), FieldError> {
        if self.tries.is_some_and(|tries| !TRIES_RANGE.contains(&tries)) {
            return Err(FieldError::new("tries", "must be from 1 to 10"));
        }
        if self.wait_for_push_seconds > Some(MAX_WAIT_FOR_PUSH_SECONDS) {
            return Err(FieldError::new("wait_for_push_seconds", "must be at most 86400"));
        }
        let budgets = [("message_micros", self.message_micros), ("day_micros", self.day_micros)];
        budgets
            .into_iter()
            .find(|(_, micros)| is_beyond_reason(*micros))
            .map_or(Ok(()), |(field, _)| Err(FieldError::new(field, BUDGET_RANGE)))
    }
}

impl TypeOverrides {
    /// Applies the differences of one type.
    pub(super) fn apply(&self, kind: &mut NotificationType) {
        let Some(own) = self.0.get(&kind.id) else { return };
        let wait = |seconds: u32| (seconds > 0).then(|| SignedDuration::from_secs(seconds.into()));
        let rules = &mut kind.rules;
        rules.tries = own.tries.unwrap_or(rules.tries);
        rules.on_uncertain = own.on_uncertain.unwrap_or(rules.on_uncertain);
        rules.wait_for_push = own.wait_for_push_seconds.map_or(rules.wait_for_push, wait);
        let TypeBudgets { message_micros, day_micros } = kind.budgets;
        kind.budgets = TypeBudgets {
            message_micros: own.message_micros.or(message_micros),
            day_micros: own.day_micros.or(day_micros),
        };
    }

    /// Returns the fields that are set for a type, in the order of a type's definition.
    pub(super) fn fields_of(&self, id: &TypeId) -> Vec<&'static str> {
        let Some(own) = self.0.get(id) else { return Vec::new() };
        let fields = [
            ("tries", own.tries.is_some()),
            ("on_uncertain", own.on_uncertain.is_some()),
            ("wait_for_push_seconds", own.wait_for_push_seconds.is_some()),
            ("budget.message_micros", own.message_micros.is_some()),
            ("budget.day_micros", own.day_micros.is_some()),
        ];
        fields.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| field).collect()
    }

    /// Checks that every value is within its range.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        self.0.iter().try_for_each(|(id, own)| {
            own.check().map_err(|FieldError { field, message }| FieldError::new(format!("types.{id}.{field}"), message))
        })
    }
}

impl<'de> Deserialize<'de> for TypeOverrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByName)
    }
}

/// Visitor that reads the map entry by entry. It refuses a name that is unknown or appears twice.
struct ByName;

impl<'de> Visitor<'de> for ByName {
    type Value = TypeOverrides;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of types")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeOverrides, A::Error> {
        let mut overrides = BTreeMap::new();
        let ids: Vec<TypeId> = NotificationType::built_in().into_iter().map(|kind| kind.id).collect();
        while let Some(name) = map.next_key::<String>()? {
            let id = ids.iter().find(|id| id.as_str() == name).ok_or_else(|| A::Error::custom("not a known type"))?;
            if overrides.insert(id.clone(), map.next_value::<TypeOverride>()?).is_some() {
                return Err(A::Error::custom("a type comes twice"));
            }
        }
        Ok(TypeOverrides(overrides))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::settings::Settings;
    use crate::{NotificationTypes, OnUncertain, TypeId, TypeRules};

    fn in_force(settings: &str, kind: &str) -> TypeRules {
        rules_of(&Settings::parse(settings).unwrap().types, kind)
    }

    fn rules_of(types: &NotificationTypes, kind: &str) -> TypeRules {
        types.rules_of(&TypeId::parse(kind).unwrap())
    }

    #[test]
    fn a_type_keeps_what_ops_do_not_name_and_the_others_keep_all() {
        let settings = r#"{"types": {"PAYMENT_DUE": {"tries": 3, "on_uncertain": "next"}}}"#;
        let built_in = rules_of(&NotificationTypes::default(), "PAYMENT_DUE");
        let rules = in_force(settings, "PAYMENT_DUE");
        assert_eq!(rules, TypeRules { tries: 3, on_uncertain: OnUncertain::Next, ..built_in });
        assert_eq!(in_force(settings, "DEFAULT"), rules_of(&NotificationTypes::default(), "DEFAULT"));
    }

    #[test]
    fn a_wait_is_given_in_seconds_and_0_is_none() {
        let wait = |seconds: u32| {
            let settings = format!(r#"{{"types": {{"PAYMENT_DUE": {{"wait_for_push_seconds": {seconds}}}}}}}"#);
            in_force(&settings, "PAYMENT_DUE").wait_for_push.map(|wait| wait.as_secs())
        };
        assert_eq!((wait(0), wait(120), wait(86_400)), (None, Some(120), Some(86_400)));
        assert_eq!(in_force("{}", "PAYMENT_DUE").wait_for_push.map(|wait| wait.as_mins()), Some(10));
    }

    #[test]
    fn what_is_written_reads_back() {
        let settings = Settings::parse(r#"{"types": {"DEFAULT": {"tries": 10, "on_uncertain": "repeat"}}}"#).unwrap();
        assert_eq!(Settings::parse(&serde_json::to_string(&settings).unwrap()), Ok(settings));
    }
}
