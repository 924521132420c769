//! Quiet hours and time zone of recipients who set none.

use serde::{Deserialize, Serialize};

use crate::NotificationClass;
use crate::quiet_hours::{QuietHoursError, QuietWindow, check_quiet_windows};
use crate::time_zone;
use platform::problem::FieldError;

/// Windows of quiet hours by class. They apply in addition to the recipient's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassQuietHours {
    /// Windows of transactional types.
    pub transactional: Vec<QuietWindow>,
    /// Windows of marketing types.
    pub marketing: Vec<QuietWindow>,
}

/// Settings of the organisation that sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Time zone of recipients whose profile has none, as an IANA name.
    pub time_zone: Option<String>,
}

impl ClassQuietHours {
    /// Returns the windows of a class. A critical type that respects quiet hours has only the recipient's own.
    #[must_use]
    pub fn of(&self, class: NotificationClass) -> &[QuietWindow] {
        match class {
            NotificationClass::Critical => &[],
            NotificationClass::Transactional => &self.transactional,
            NotificationClass::Marketing => &self.marketing,
        }
    }

    /// Checks that each class has windows that end.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        for (class, windows) in [("transactional", &self.transactional), ("marketing", &self.marketing)] {
            let Err(error) = check_quiet_windows(windows.iter().copied()) else { continue };
            let (place, message) = match error {
                QuietHoursError::TooMany => (String::new(), "must be at most 14 windows"),
                QuietHoursError::WholeDay(index) => {
                    (format!("[{index}].end"), "must differ from start: a window is shorter than 24 hours")
                }
                QuietHoursError::WholeWeek => (String::new(), "must leave some time of the week"),
            };
            let field = format!("quiet_hours.{class}{place}");
            return Err(FieldError::new(field, message));
        }
        Ok(())
    }
}

impl Organisation {
    /// Checks that the time zone exists.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        let is_known = |name: &String| time_zone::parse(name).is_some();
        if self.time_zone.as_ref().is_none_or(is_known) {
            return Ok(());
        }
        Err(FieldError::new("organisation.time_zone", "must be an IANA time zone such as Europe/Rome"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::NotificationClass;
    use crate::settings::Settings;

    #[test]
    fn each_class_has_its_own_windows_and_a_critical_one_has_none() {
        let text = r#"{"quiet_hours": {"marketing": [{"start": "21:00", "end": "09:00"},
            {"start": "00:00", "end": "23:59", "days": ["sun"]}]}, "organisation": {"time_zone": "Europe/Rome"}}"#;
        let settings = Settings::parse(text).unwrap();
        let windows = |class| settings.quiet_hours.of(class).len();
        assert_eq!(windows(NotificationClass::Marketing), 2);
        assert_eq!(windows(NotificationClass::Transactional), 0);
        assert_eq!(windows(NotificationClass::Critical), 0);
        assert_eq!(settings.organisation.time_zone.as_deref(), Some("Europe/Rome"));
        assert_eq!(Settings::parse(&serde_json::to_string(&settings).unwrap()), Ok(settings));
    }

    #[test]
    fn windows_without_an_end_and_unknown_zones_are_refused() {
        for (text, why) in [
            (
                r#"{"quiet_hours": {"marketing": [{"start": "21:00", "end": "08:00"}, {"start": "09:00", "end": "09:00"}]}}"#,
                "quiet_hours.marketing[1].end must differ from start: a window is shorter than 24 hours",
            ),
            (
                r#"{"quiet_hours": {"transactional": [{"start": "09:00", "end": "08:00"}, {"start": "08:00", "end": "09:00"}]}}"#,
                "quiet_hours.transactional must leave some time of the week",
            ),
            (
                r#"{"organisation": {"time_zone": "Mars/Base"}}"#,
                "organisation.time_zone must be an IANA time zone such as Europe/Rome",
            ),
        ] {
            assert_eq!(Settings::parse(text).unwrap_err().to_string(), why);
        }
        assert!(Settings::parse(r#"{"quiet_hours": {"critical": []}}"#).is_err());
    }
}
