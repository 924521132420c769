//! The form of a type of notification: its fields, the request that it becomes, and what a write would change.

use serde_json::{Map, Value, json};

use super::field_difference::FieldDifference;
use crate::site::{ApiProblem, Fields, euro};

/// Channels that a type may have.
const CHANNELS: [&str; 3] = ["push", "email", "sms"];

/// Kind of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Text,
    Number,
    /// One of some texts. The empty text leaves the field to the API.
    Choice(&'static [&'static str]),
    /// `true`, `false`, or left to the API.
    Flag,
    /// Channels in the order in which they are tried.
    Channels,
}

struct FieldSpec {
    path: &'static str,
    label: &'static str,
    hint: &'static str,
    input: Input,
}

const fn spec(path: &'static str, label: &'static str, input: Input, hint: &'static str) -> FieldSpec {
    FieldSpec { path, label, hint, input }
}

/// Fields of the API, in the order of the form.
const FIELDS: [FieldSpec; 17] = [
    spec("title", "Title", Input::Text, "Name that recipients see: 1 to 100 characters."),
    spec(
        "class",
        "Class",
        Input::Choice(&["critical", "transactional", "marketing"]),
        "Critical is sent before others, during quiet hours, and to people who opted out of the type.",
    ),
    spec("channels", "Channels", Input::Channels, "They are tried in this order."),
    spec("state", "State", Input::Choice(&["active", "paused", "archived"]), "Paused holds notifications."),
    spec("template", "Template", Input::Text, "Used by messages that name neither a template nor a content."),
    spec("ttl_seconds", "Lifetime in seconds", Input::Number, "1 to 2,419,200; empty for 86,400, which is a day."),
    spec("tries", "Tries", Input::Number, "Attempts for each device or channel: 1 to 10; empty for 4."),
    spec(
        "on_uncertain",
        "After a paid send with an unknown outcome",
        Input::Choice(&["stop", "next", "repeat"]),
        "Repeat may send twice.",
    ),
    spec(
        "wait_for_push_seconds",
        "Wait for a failing push service, in seconds",
        Input::Number,
        "Time before a paid channel is used: 0 to 86,400; empty for 0.",
    ),
    spec(
        "escalate_after_seconds",
        "Next channel without proof of delivery after, in seconds",
        Input::Number,
        "60 to 2,419,200; empty if no proof is needed.",
    ),
    spec("quiet_hours", "Quiet hours", Input::Choice(&["respect", "bypass"]), "Respect holds until they end."),
    spec(
        "cap",
        "Frequency caps",
        Input::Choice(&["respect", "count_only", "bypass"]),
        "Count only: it counts and is sent.",
    ),
    spec("on_cap", "At a reached cap", Input::Choice(&["hold", "skip"]), "Hold waits for a slot."),
    spec(
        "visible_in_preferences",
        "Shown on the preference page",
        Input::Flag,
        "People can refuse the types that they see there.",
    ),
    spec("default_opt", "Without a choice", Input::Choice(&["in", "out"]), "Out: only to people who wished for it."),
    spec("budget.message_micros", "Budget of a notification, in micro-euro", Input::Number, "1,000,000 is 1 EUR."),
    spec("budget.day_micros", "Budget of a UTC day, in micro-euro", Input::Number, "1,000,000 is 1 EUR."),
];

/// Values of the form by the paths of the fields, as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeForm(Vec<(&'static str, String)>);

/// Field as the page shows it.
#[derive(Debug)]
pub struct TypeField {
    pub path: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub value: String,
    pub is_number: bool,
    /// Options of a list, and which one is chosen; empty for an input.
    pub options: Vec<TypeOption>,
    /// Lists of the channels: id, label and options of each.
    pub places: Vec<(String, String, Vec<TypeOption>)>,
    pub error: Option<String>,
}

/// Option of a list.
#[derive(Debug)]
pub struct TypeOption {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

impl TypeForm {
    /// Reads a type of the API. Null is the form without values.
    #[must_use]
    pub fn of_type(kind: &Value) -> Self {
        let pointer = |path: &str| format!("/{}", path.replace('.', "/"));
        let text = |spec: &FieldSpec| kind.pointer(&pointer(spec.path)).map(text_of).unwrap_or_default();
        Self(FIELDS.iter().map(|spec| (spec.path, text(spec))).collect())
    }

    /// Reads a form as it was filled.
    #[must_use]
    pub fn of_form(form: &Fields) -> Self {
        let text = |spec: &FieldSpec| match spec.input {
            Input::Channels => {
                form.all(spec.path).into_iter().filter(|channel| !channel.is_empty()).collect::<Vec<_>>().join(", ")
            }
            _ => form.get(spec.path).to_owned(),
        };
        Self(FIELDS.iter().map(|spec| (spec.path, text(spec))).collect())
    }

    /// Replaces the values that a class suggests; the title, the template and the budget stay.
    #[must_use]
    pub fn with_preset(mut self, class: &str) -> Self {
        let suggested: &[(&str, &str)] = match class {
            "critical" => &[
                ("channels", "push, email, sms"),
                ("ttl_seconds", "259200"),
                ("tries", "6"),
                ("escalate_after_seconds", "3600"),
                ("quiet_hours", "bypass"),
                ("cap", "bypass"),
                ("on_cap", "hold"),
                ("visible_in_preferences", "false"),
            ],
            "transactional" => &[
                ("channels", "push, email"),
                ("ttl_seconds", "86400"),
                ("tries", "4"),
                ("escalate_after_seconds", ""),
                ("quiet_hours", "respect"),
                ("cap", "count_only"),
                ("on_cap", "hold"),
                ("visible_in_preferences", "true"),
            ],
            "marketing" => &[
                ("channels", "push, email"),
                ("ttl_seconds", "86400"),
                ("tries", "2"),
                ("escalate_after_seconds", ""),
                ("quiet_hours", "respect"),
                ("cap", "respect"),
                ("on_cap", "skip"),
                ("visible_in_preferences", "true"),
            ],
            _ => return self,
        };
        for (path, text) in suggested.iter().copied().chain([("class", class)]) {
            if let Some((_, own)) = self.0.iter_mut().find(|(own, _)| *own == path) {
                text.clone_into(own);
            }
        }
        self
    }

    fn text(&self, path: &str) -> &str {
        self.0.iter().find(|(own, _)| *own == path).map_or("", |(_, text)| text)
    }

    /// Returns the body of a PUT. Empty fields are left out; a text in a field of numbers is left to the API.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        for spec in FIELDS.iter().filter(|spec| !self.text(spec.path).is_empty()) {
            let value = value_of(spec.input, self.text(spec.path));
            match spec.path.split_once('.') {
                Some((outer, inner)) => {
                    let object = body.entry(outer).or_insert_with(|| json!({}));
                    object[inner] = value;
                }
                None => {
                    body.insert(spec.path.to_owned(), value);
                }
            }
        }
        Value::Object(body)
    }

    /// Returns the fields for the page.
    #[must_use]
    pub fn fields(&self, problem: Option<&ApiProblem>) -> Vec<TypeField> {
        let field = |spec: &FieldSpec| {
            let value = self.text(spec.path).to_owned();
            let options = match spec.input {
                Input::Choice(texts) => options(texts, &value, "as the class or the default says"),
                Input::Flag => options(&["true", "false"], &value, "as the class says"),
                _ => Vec::new(),
            };
            let places = if spec.input == Input::Channels { places(&value) } else { Vec::new() };
            let error = problem.and_then(|problem| problem.of_field(spec.path)).map(str::to_owned);
            let is_number = spec.input == Input::Number;
            let hint = hint_of(spec, &value);
            TypeField { path: spec.path, label: spec.label, hint, value, is_number, options, places, error }
        };
        FIELDS.iter().map(field).collect()
    }

    /// Returns the fields in which two forms differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<FieldDifference> {
        let pairs = FIELDS.iter().map(|spec| (spec.label, self.text(spec.path), other.text(spec.path)));
        let differing = pairs.filter(|(_, own, others)| own != others);
        differing.map(|(label, own, others)| FieldDifference::new(label, own, others)).collect()
    }
}

/// Returns the hint of a field, with an amount in euro too.
fn hint_of(spec: &FieldSpec, value: &str) -> String {
    match value_of(Input::Number, value).as_i64().filter(|_| spec.path.ends_with("_micros")) {
        Some(micros) => format!("{} This is {}.", spec.hint, euro(micros)),
        None => spec.hint.to_owned(),
    }
}

/// Returns the three lists of the channels.
fn places(value: &str) -> Vec<(String, String, Vec<TypeOption>)> {
    let chosen: Vec<&str> = value.split(", ").collect();
    let place = |(place, name): (usize, &str)| {
        let id = if place == 0 { "channels".to_owned() } else { format!("channels[{place}]") };
        (id, format!("{name} channel"), options(&CHANNELS, chosen.get(place).copied().unwrap_or_default(), "none"))
    };
    ["First", "Second", "Third"].into_iter().enumerate().map(place).collect()
}

fn options(texts: &[&str], chosen: &str, empty: &str) -> Vec<TypeOption> {
    let option = |value: &str, label: &str| TypeOption {
        is_chosen: value == chosen,
        value: value.to_owned(),
        label: label.to_owned(),
    };
    let label = |text: &str| match text {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        text => text.replace('_', " "),
    };
    [option("", empty)].into_iter().chain(texts.iter().map(|text| option(text, &label(text)))).collect()
}

fn value_of(input: Input, text: &str) -> Value {
    match input {
        Input::Number => text.replace([',', ' '], "").parse::<i64>().map_or_else(|_| json!(text), Value::from),
        Input::Flag => text.parse::<bool>().map_or_else(|_| json!(text), Value::from),
        Input::Channels => json!(text.split(", ").collect::<Vec<_>>()),
        Input::Text | Input::Choice(_) => json!(text),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_request_and_a_response_becomes_the_form() {
        let form = TypeForm::of_form(&Fields::parse(
            b"title=Offers&class=marketing&channels=email&channels=&channels=push&ttl_seconds=172,800&tries=many\
              &visible_in_preferences=false&budget.day_micros=5000000&template=&state=active",
        ));
        let body = json!({"title": "Offers", "class": "marketing", "channels": ["email", "push"],
            "ttl_seconds": 172_800, "tries": "many", "visible_in_preferences": false, "state": "active",
            "budget": {"day_micros": 5_000_000}});
        assert_eq!(form.body(), body);
        assert_eq!(TypeForm::of_type(&body).body(), body, "back and forth");
        let difference = FieldDifference::new("Lifetime in seconds", "172,800", "172800");
        assert_eq!(form.differences(&TypeForm::of_type(&body)), [difference]);
    }

    #[test]
    fn a_preset_fills_what_its_class_means_and_keeps_the_rest() {
        let form = TypeForm::of_type(&json!({"title": "News", "class": "marketing", "escalate_after_seconds": 60}));
        let critical = form.clone().with_preset("critical");
        assert_eq!((critical.text("title"), critical.text("class")), ("News", "critical"));
        assert_eq!((critical.text("quiet_hours"), critical.text("channels")), ("bypass", "push, email, sms"));
        assert_eq!(form.clone().with_preset("transactional").text("escalate_after_seconds"), "");
        assert_eq!(form.clone().with_preset("<other>"), form);
    }

    #[test]
    fn the_fields_know_their_options_and_errors() {
        let problem = ApiProblem::field("channels[1]", "must differ");
        let fields = TypeForm::of_type(&json!({"channels": ["sms"]})).fields(Some(&problem));
        let channels = &fields[2];
        let budget = TypeForm::of_type(&json!({"budget": {"day_micros": 2_500_000}})).fields(None);
        assert_eq!(budget[16].hint, "1,000,000 is 1 EUR. This is 2.50 EUR.");
        assert_eq!((channels.error.as_deref(), channels.places.len()), (Some("must differ"), 3));
        assert!(channels.places[0].2[3].is_chosen && channels.places[1].2[0].is_chosen);
    }
}
