//! HTML of the preference page: a form without scripts.

use std::fmt::Write as _;

use super::page_texts::PageTexts;
use super::preference_form::{
    FROM, PreferenceForm, PreferenceFormError, QUIET_SHOWN, REMOVE, SEVERAL, SHOWN, TICKED, UNTIL, is_choosable,
    is_visible, shown_hours,
};
use channels::email::escaped;
use domain::channel::Channel;
use domain::quiet_hours::QuietHours;
use domain::recipient::{ChoiceScope, Preferences};
use domain::{DefaultOpt, NotificationType, NotificationTypes};

/// Attributes of a notice, which gets the focus when the page opens.
const FOCUS: &str = " tabindex=\"-1\" autofocus";

/// Notice above the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// No notice.
    None,
    /// The choices are stored.
    Saved,
    /// Nothing is stored.
    Error(PreferenceFormError),
}

/// Contents of the page.
#[derive(Debug)]
pub struct PreferencePage<'a> {
    /// Texts in the recipient's language.
    pub texts: &'static PageTexts,
    /// Types of notification.
    pub types: &'a NotificationTypes,
    /// Preferences as stored.
    pub preferences: &'a Preferences,
    /// Time zone of the recipient's profile.
    pub time_zone: Option<&'a str>,
    /// URL to which the form is sent; empty for the page's own.
    pub action: String,
    /// Form that is shown again, with what the recipient entered.
    pub submitted: Option<&'a PreferenceForm>,
    /// Notice above the form.
    pub notice: Notice,
}

impl PreferencePage<'_> {
    /// Returns the HTML below the title.
    #[must_use]
    pub fn html(&self) -> String {
        let Self { texts, action, .. } = self;
        let kinds: String = self.types.iter().filter(|kind| is_visible(kind)).map(|kind| self.kind(kind)).collect();
        let (notice, channels, quiet_hours) = (self.notice(), self.channels(), self.quiet_hours());
        format!(
            "{notice}<p>{}</p>\n<form method=\"post\" action=\"{}\">\n{channels}<h2>{}</h2>\n{kinds}{quiet_hours}\
             <p><button>{}</button></p>\n</form>",
            texts.intro,
            escaped(action),
            texts.types,
            texts.save
        )
    }

    fn notice(&self) -> String {
        let texts = self.texts;
        let (message, field) = match self.notice {
            Notice::None => return String::new(),
            Notice::Saved => return format!("<p class=\"notice\"{FOCUS} role=\"status\">{}</p>\n", texts.saved),
            Notice::Error(PreferenceFormError::Outdated) => (texts.outdated, None),
            Notice::Error(PreferenceFormError::BothTimes) => (texts.both_times, Some(FROM)),
            Notice::Error(PreferenceFormError::WrongTime) => (texts.wrong_time, Some(FROM)),
            Notice::Error(PreferenceFormError::SameTimes) => (texts.same_times, Some(UNTIL)),
        };
        let message = match field {
            Some(field) => format!("<a href=\"#{field}\">{message}</a>"),
            None => message.to_owned(),
        };
        let title = texts.not_saved;
        format!(
            "<div class=\"notice\"{FOCUS} role=\"alert\" id=\"error\">\n<h2>{title}</h2>\n<p>{message}</p>\n</div>\n"
        )
    }

    fn channels(&self) -> String {
        let boxes = Channel::ALL.map(|channel| {
            self.checkbox(&ChoiceScope::Channel(channel), self.is_wanted(channel), self.texts.channel(channel))
        });
        let PageTexts { channels, both, .. } = self.texts;
        format!(
            "<fieldset aria-describedby=\"both\">\n<legend>{channels}</legend>\n<p id=\"both\">{both}</p>\n{}</fieldset>\n",
            boxes.concat()
        )
    }

    fn is_wanted(&self, channel: Channel) -> bool {
        self.preferences.choices.wants(&ChoiceScope::Channel(channel))
    }

    /// Returns the choices about a type: the whole type, and each channel if there are several or one is refused.
    fn kind(&self, kind: &NotificationType) -> String {
        let (texts, choices, title) = (self.texts, &self.preferences.choices, escaped(&kind.title));
        let mut html = format!("<fieldset>\n<legend dir=\"auto\">{title}</legend>\n");
        if !is_choosable(kind) {
            let _ = write!(html, "<p>{}</p>\n</fieldset>\n", texts.always);
            return html;
        }
        let name = kind.id.to_string();
        let whole = ChoiceScope::Type(name.clone());
        let is_wanted = choices.wants(&whole) && (kind.rules.default_opt == DefaultOpt::In || choices.wishes(&whole));
        html.push_str(&self.checkbox(&whole, is_wanted, texts.receive));
        let cell = |channel: Channel| ChoiceScope::Cell(name.clone(), channel);
        let is_shown = |channel: &Channel| kind.channels.contains(channel) || !choices.wants(&cell(*channel));
        let shown: Vec<_> = Channel::ALL.into_iter().filter(is_shown).collect();
        // A single channel is shown too if it is refused: the person would see a type that does not come.
        if shown.len() > 1 || shown.iter().any(|channel| !choices.wants(&cell(*channel))) {
            let _ = writeln!(html, "<div class=\"inline\" role=\"group\" aria-label=\"{title}: {}\">", texts.by);
            for channel in shown {
                let scope = cell(channel);
                html.push_str(&self.checkbox(&scope, choices.wants(&scope), texts.channel(channel)));
            }
            html.push_str("</div>\n");
        }
        html.push_str("</fieldset>\n");
        html
    }

    /// Returns a checkbox with its hidden state.
    fn checkbox(&self, scope: &ChoiceScope, is_wanted: bool, label: &str) -> String {
        let submitted = self.submitted.and_then(|form| Some((form.shown(scope)?, form.is_ticked(scope))));
        let (shown, is_ticked) = submitted.unwrap_or((is_wanted, is_wanted));
        let (key, state) = (escaped(&scope.key()), if shown { "y" } else { "n" });
        let checked = if is_ticked { " checked" } else { "" };
        format!(
            "<input type=\"hidden\" name=\"{SHOWN}\" value=\"{key}={state}\">\
             <label><input type=\"checkbox\" name=\"{TICKED}\" value=\"{key}\"{checked}> {label}</label>\n"
        )
    }

    fn quiet_hours(&self) -> String {
        let texts = self.texts;
        let stored = self.preferences.quiet_hours.as_ref().map(|chosen| &chosen.hours);
        let (mut shown, mut from, mut until) = match stored {
            None => (String::new(), String::new(), String::new()),
            Some(hours) if is_daily(hours) => {
                let [from, until] =
                    [hours.start, hours.end].map(|time| format!("{:02}:{:02}", time.hour(), time.minute()));
                (shown_hours(&from, &until), from, until)
            }
            Some(_) => (SEVERAL.to_owned(), String::new(), String::new()),
        };
        if let Some(form) = self.submitted {
            (shown, from, until) = (escaped(&form.quiet_shown), escaped(&form.from), escaped(&form.until));
        }
        let several = if shown == SEVERAL {
            let checked = if self.submitted.is_some_and(|form| form.is_removing) { " checked" } else { "" };
            let input = format!("<input type=\"checkbox\" name=\"{REMOVE}\" value=\"y\"{checked}>");
            format!("<p>{}</p>\n<label>{input} {}</label>\n", texts.several, texts.remove)
        } else {
            String::new()
        };
        let zone = self.time_zone.map_or_else(|| texts.zone_of_sender.to_owned(), |zone| texts.zone(&escaped(zone)));
        let is_invalid = matches!(self.notice, Notice::Error(error) if error != PreferenceFormError::Outdated);
        let described = if is_invalid { " aria-invalid=\"true\" aria-describedby=\"error\"" } else { "" };
        let time = |name: &str, label: &str, value: &str| {
            let input = format!("<input type=\"time\" id=\"{name}\" name=\"{name}\" value=\"{value}\"{described}>");
            format!("<label for=\"{name}\">{label} {input}</label>\n")
        };
        let times = time(FROM, texts.from, &from) + &time(UNTIL, texts.until, &until);
        format!(
            "<fieldset aria-describedby=\"quiet-hint\">\n<legend>{}</legend>\n<p id=\"quiet-hint\">{} {zone}</p>\n{several}\
             <input type=\"hidden\" name=\"{QUIET_SHOWN}\" value=\"{shown}\">\n<div class=\"inline\">\n{times}</div>\n</fieldset>\n",
            texts.quiet, texts.quiet_hint
        )
    }
}

/// Returns `true` if the quiet hours are one window of every day.
fn is_daily(hours: &QuietHours) -> bool {
    hours.also.is_empty() && hours.days.is_every_day()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::recipient::ChoiceAuthor;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_that_is_shown_again_keeps_what_it_showed_first() {
        let mut preferences = Preferences::default();
        let hours = serde_json::from_value(json!({"start": "20:00", "end": "06:00"})).unwrap();
        preferences.set_quiet_hours(Some(hours), ChoiceAuthor::Person, Timestamp::UNIX_EPOCH);
        for (first, is_several) in [("", false), ("21:00-07:00", false), ("several", true)] {
            let body = format!("shown=*|sms=y&quiet={first}&from=22:00&until=");
            let form = PreferenceForm::parse(body.as_bytes()).unwrap();
            let page = PreferencePage {
                texts: PageTexts::of(None),
                types: &NotificationTypes::default(),
                preferences: &preferences,
                time_zone: None,
                action: String::new(),
                submitted: Some(&form),
                notice: Notice::Error(PreferenceFormError::BothTimes),
            };
            let html = page.html();
            assert!(html.contains(&format!("name=\"{QUIET_SHOWN}\" value=\"{first}\"")), "{html}");
            assert!(html.contains("name=\"from\" value=\"22:00\"") && !html.contains("20:00"), "{html}");
            assert_eq!(html.contains(&format!("name=\"{REMOVE}\"")), is_several);
        }
    }
}
