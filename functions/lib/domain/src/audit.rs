//! Audit records of parameter changes: time, author, old and new value, and reason.

use std::fmt;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rollout::{ListedUsers, ParameterVersion, Percentage};
use crate::settings::{ChangedSettings, Settings};
use platform::caller::Author;
use platform::counted_noun::counted_noun;
use platform::private::Private;

/// Parameter whose changes are recorded in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagedParameter {
    /// Percentage of recipients who get version 2.
    RolloutPercentage,
    /// Recipients who get version 2 because their ids are listed.
    RolloutUsers,
    /// All other settings that an operator may change.
    Settings,
}

impl ManagedParameter {
    /// All audited parameters.
    pub const ALL: [Self; 3] = [Self::RolloutPercentage, Self::RolloutUsers, Self::Settings];

    /// Last part of the parameter's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RolloutPercentage => "rollout-percentage",
            Self::RolloutUsers => "rollout-users",
            Self::Settings => "settings",
        }
    }

    /// Returns the reason why `text` is not a valid value of this parameter; `None` if the value is valid. A missing
    /// value is not valid. The reason does not contain the value.
    #[must_use]
    pub fn invalid_reason(self, text: Option<&str>) -> Option<String> {
        let Some(text) = text else { return Some("it does not exist".to_owned()) };
        match self {
            Self::RolloutPercentage => text.parse::<Percentage>().err().map(|why| why.to_string()),
            Self::RolloutUsers => ListedUsers::parse(text).err().map(|why| why.to_string()),
            Self::Settings => Settings::parse(text).err().map(|why| why.to_string()),
        }
    }

    /// Returns the form of a value that the audit may store. A valid percentage is stored as it is. The other
    /// parameters may contain recipient ids, so only their length and a short hash are stored. The hash shows whether
    /// two values differ.
    #[must_use]
    pub fn redacted(self, value: &Private<String>) -> String {
        let text = value.expose();
        let percentage = (self == Self::RolloutPercentage).then(|| text.parse::<Percentage>().ok()).flatten();
        match percentage {
            Some(percentage) => percentage.to_string(),
            None => {
                let hash: String = format!("{:?}", digest(&SHA256, text.as_bytes())).chars().skip(7).take(8).collect();
                let label = if self == Self::RolloutPercentage { "not a percentage, " } else { "" };
                format!("({label}{}, hash {hash})", counted_noun(text.len(), "byte", "bytes"))
            }
        }
    }
}

impl fmt::Display for ManagedParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Origin of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who")]
pub enum Actor {
    /// An operator with the AWS console or CLI. The ARN may contain a person's name.
    Operator {
        /// ARN that SSM reports.
        name: Private<String>,
    },
    /// A caller of the API, or a person with a login of the web console.
    Api(Author),
    /// The guard.
    Guard,
    /// A ramp.
    Ramp,
    /// The service, which creates the rows of the built-in types.
    Service,
}

/// One change of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Time of the change.
    pub at: Timestamp,
    /// Changed parameter.
    pub parameter: ManagedParameter,
    /// Version number that the change created.
    pub version: i64,
    /// Author of the change.
    #[serde(flatten)]
    pub by: Actor,
    /// Value before the change, as [`ManagedParameter::redacted`] returns it; `None` if the earlier version is not
    /// available.
    pub old: Option<String>,
    /// Value after the change, as [`ManagedParameter::redacted`] returns it.
    pub new: String,
    /// Reason, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Figures that made the guard or a ramp act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Value>,
    /// Fields that changed, if both values are valid settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<ChangedSettings>,
}

impl AuditRecord {
    /// Returns the record of a version in SSM's history, with an operator as its author. Without
    /// [`ParameterVersion::written`], the time is the epoch and the ARN is empty.
    #[must_use]
    pub fn of_history(
        parameter: ManagedParameter,
        found: &ParameterVersion,
        before: Option<&ParameterVersion>,
    ) -> Self {
        let (at, by) = match &found.written {
            Some(written) => (written.at, Actor::Operator { name: written.by.clone() }),
            None => (Timestamp::UNIX_EPOCH, Actor::Operator { name: Private::default() }),
        };
        let old = before.map(|before| parameter.redacted(&before.value));
        let new = parameter.redacted(&found.value);
        let is_settings = parameter == ManagedParameter::Settings;
        let fields = before
            .filter(|_| is_settings)
            .and_then(|before| ChangedSettings::between(before.value.expose(), found.value.expose()));
        Self { at, parameter, version: found.version, by, old, new, reason: None, numbers: None, fields }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_percentage_is_kept_as_it_is_and_personal_data_is_not() {
        let shown = |parameter: ManagedParameter, text: &str| parameter.redacted(&Private::new(text.to_owned()));
        assert_eq!(shown(ManagedParameter::RolloutPercentage, " 12.50 "), "12.5");
        for (parameter, text) in [
            (ManagedParameter::RolloutPercentage, "ada@example.com"),
            (ManagedParameter::RolloutUsers, "[\"ada\"]"),
            (ManagedParameter::Settings, "{\"ada\": 1}"),
        ] {
            let shown = shown(parameter, text);
            assert!(!shown.contains("ada") && shown.contains(&format!("{} bytes", text.len())), "{shown}");
        }
        let hash = |text| shown(ManagedParameter::RolloutUsers, text);
        assert!(hash("[\"a\"]") == hash("[\"a\"]") && hash("[\"a\"]") != hash("[\"b\"]"));
    }

    #[test]
    fn a_record_is_plain_json() {
        let record = AuditRecord {
            at: Timestamp::UNIX_EPOCH,
            parameter: ManagedParameter::RolloutPercentage,
            version: 7,
            by: Actor::Api(Author::of_id("ops-client")),
            old: Some("10".to_owned()),
            new: "50".to_owned(),
            reason: Some("figures are good".to_owned()),
            numbers: None,
            fields: None,
        };
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(
            json,
            json!({
                "at": "1970-01-01T00:00:00Z", "parameter": "rollout-percentage", "version": 7, "who": "api",
                "name": "ops-client", "old": "10", "new": "50", "reason": "figures are good",
            })
        );
        assert_eq!(serde_json::from_value::<AuditRecord>(json).unwrap(), record);
    }

    #[test]
    fn an_actor_is_read_as_every_release_wrote_it() {
        let login = Author { name: "ada@example.com".to_owned(), sub: Some("s-1".to_owned()) };
        for (actor, stored) in [
            (Actor::Api(Author::of_id("ops")), json!({"who": "api", "name": "ops"})),
            (Actor::Api(login), json!({"who": "api", "name": "ada@example.com", "sub": "s-1"})),
            (Actor::Operator { name: "arn:x".to_owned().into() }, json!({"who": "operator", "name": "arn:x"})),
            (Actor::Guard, json!({"who": "guard"})),
        ] {
            assert_eq!(json!(actor), stored);
            assert_eq!(serde_json::from_value::<Actor>(stored).unwrap(), actor);
        }
    }
}
