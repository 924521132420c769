//! Who changed a parameter, when, from what to what, and why.

use std::fmt;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rollout::{ListedUsers, ParameterVersion, Percentage};
use crate::settings::Settings;
use platform::private::Private;

/// A parameter whose changes are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watched {
    /// Who gets version 2, in percent.
    RolloutPercentage,
    /// Who gets version 2 by name.
    RolloutUsers,
    /// Everything else that ops may set.
    Settings,
}

impl Watched {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RolloutPercentage, Self::RolloutUsers, Self::Settings];

    /// The last part of its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RolloutPercentage => "rollout-percentage",
            Self::RolloutUsers => "rollout-users",
            Self::Settings => "settings",
        }
    }

    /// Why a text, or its absence, cannot be used; without the text.
    #[must_use]
    pub fn fault(self, text: Option<&str>) -> Option<String> {
        let Some(text) = text else { return Some("it does not exist".to_owned()) };
        match self {
            Self::RolloutPercentage => text.parse::<Percentage>().err().map(|why| why.to_string()),
            Self::RolloutUsers => ListedUsers::parse(text).err().map(|why| why.to_string()),
            Self::Settings => Settings::parse(text).err().map(|why| why.to_string()),
        }
    }

    /// What may be kept of a value: a percentage as it is; of the others, which may name people, their length and a hash
    /// that tells two of them apart.
    #[must_use]
    pub fn shown(self, value: &Private<String>) -> String {
        let text = value.expose();
        let percentage = (self == Self::RolloutPercentage).then(|| text.parse::<Percentage>().ok()).flatten();
        match percentage {
            Some(percentage) => percentage.to_string(),
            None => {
                let hash: String = format!("{:?}", digest(&SHA256, text.as_bytes())).chars().skip(7).take(8).collect();
                let junk = if self == Self::RolloutPercentage { "not a percentage, " } else { "" };
                format!("({junk}{} bytes, hash {hash})", text.len())
            }
        }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", content = "name")]
pub enum By {
    /// Somebody with the console or the CLI: the ARN that SSM gives. It may name a person, so it is kept here and in the
    /// answers to ops, and goes into no log.
    Operator(String),
    /// A caller of `PUT /v1/rollout`: its client id.
    Api(String),
    /// The guard.
    Guard,
    /// A ramp.
    Ramp,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Which parameter.
    pub parameter: Watched,
    /// Its version since then.
    pub version: i64,
    /// Who.
    #[serde(flatten)]
    pub by: By,
    /// What it was before; `None` when that is not known any more.
    pub old: Option<String>,
    /// What it is since then.
    pub new: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The numbers that made the guard or a ramp act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Value>,
}

impl AuditRecord {
    /// What SSM's history tells of a version, as an operator's.
    #[must_use]
    pub fn of_history(parameter: Watched, found: &ParameterVersion, before: Option<&ParameterVersion>) -> Self {
        let (at, by) = match &found.written {
            Some(written) => (written.at, By::Operator(written.by.expose().clone())),
            None => (Timestamp::UNIX_EPOCH, By::Operator(String::new())),
        };
        let old = before.map(|before| parameter.shown(&before.value));
        let new = parameter.shown(&found.value);
        Self { at, parameter, version: found.version, by, old, new, reason: None, numbers: None }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_percentage_is_kept_as_it_is_and_what_may_name_people_is_not() {
        let shown = |parameter: Watched, text: &str| parameter.shown(&Private::new(text.to_owned()));
        assert_eq!(shown(Watched::RolloutPercentage, " 12.50 "), "12.5");
        for (parameter, text) in [
            (Watched::RolloutPercentage, "ada@example.com"),
            (Watched::RolloutUsers, "[\"ada\"]"),
            (Watched::Settings, "{\"ada\": 1}"),
        ] {
            let shown = shown(parameter, text);
            assert!(!shown.contains("ada") && shown.contains(&format!("{} bytes", text.len())), "{shown}");
        }
        let hash = |text| shown(Watched::RolloutUsers, text);
        assert!(hash("[\"a\"]") == hash("[\"a\"]") && hash("[\"a\"]") != hash("[\"b\"]"));
    }

    #[test]
    fn a_record_is_plain_json() {
        let record = AuditRecord {
            at: Timestamp::UNIX_EPOCH,
            parameter: Watched::RolloutPercentage,
            version: 7,
            by: By::Api("ops-client".to_owned()),
            old: Some("10".to_owned()),
            new: "50".to_owned(),
            reason: Some("looks well".to_owned()),
            numbers: None,
        };
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "at": "1970-01-01T00:00:00Z", "parameter": "rollout-percentage", "version": 7, "who": "api",
                "name": "ops-client", "old": "10", "new": "50", "reason": "looks well",
            })
        );
        assert_eq!(serde_json::from_value::<AuditRecord>(json).unwrap(), record);
    }
}
