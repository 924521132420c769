//! JSON form of a type: the body of `PUT /v1/types/{type}`, its response, and the stored row.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    CapMode, DEFAULT_RULES, DEFAULT_TTL_SECONDS, DefaultOpt, MAX_BUDGET_MICROS, MAX_TTL_SECONDS, NotificationClass,
    NotificationType, OnCap, OnUncertain, QuietHoursMode, TypeBudgets, TypeId, TypeRules, TypeState,
};
use crate::channel::Channel;
use crate::text::one_line;
use platform::json::shaped;
use platform::problem::{FieldError, Problem};

/// Allowed number of tries.
pub const TRIES_RANGE: std::ops::RangeInclusive<u32> = 1..=10;
/// Maximum of `wait_for_push_seconds`: one day.
pub const MAX_WAIT_FOR_PUSH_SECONDS: u32 = 86_400;
/// Allowed values of `escalate_after_seconds`. A later step has the precision of a minute.
const ESCALATE_AFTER_SECONDS: std::ops::RangeInclusive<u32> = 60..=MAX_TTL_SECONDS;
/// Maximum length of a template's name.
const MAX_TEMPLATE_NAME_BYTES: usize = 64;
/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 100;

/// Definition of a type with every field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeView {
    /// Id.
    pub name: TypeId,
    /// Name that recipients see.
    pub title: String,
    /// Class.
    pub class: NotificationClass,
    /// Order in which channels are tried.
    pub channels: Vec<Channel>,
    /// Default lifetime from the due time.
    pub ttl_seconds: u32,
    /// Maximum number of attempts on one channel while the provider answers "later".
    pub tries: u32,
    /// Action after a paid attempt with an uncertain outcome.
    pub on_uncertain: OnUncertain,
    /// Time to wait for a failing push service before a paid channel is tried; 0 does not wait.
    pub wait_for_push_seconds: u32,
    /// Time without proof of delivery before the next channel is tried; `None` requires no proof.
    pub escalate_after_seconds: Option<u32>,
    /// Treatment during quiet hours.
    pub quiet_hours: QuietHoursMode,
    /// Treatment by the frequency caps.
    pub cap: CapMode,
    /// Treatment while a frequency cap is reached.
    pub on_cap: OnCap,
    /// Budgets of the type itself.
    pub budget: BudgetView,
    /// `true` if the preference page shows the type.
    pub visible_in_preferences: bool,
    /// Treatment of recipients who have not chosen about the type.
    pub default_opt: DefaultOpt,
    /// Name of the template of a message that names neither a template nor a content.
    pub template: Option<String>,
    /// State.
    pub state: TypeState,
}

/// Budgets of a type, in micro-euro; `None` means no budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetView {
    /// Budget of one notification.
    pub message_micros: Option<u64>,
    /// Budget of a UTC day.
    pub day_micros: Option<u64>,
}

/// Body of a request. A field that is absent has the default of the class.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: Option<String>,
    title: String,
    class: NotificationClass,
    channels: Vec<Channel>,
    ttl_seconds: Option<u32>,
    tries: Option<u32>,
    on_uncertain: Option<OnUncertain>,
    wait_for_push_seconds: Option<u32>,
    escalate_after_seconds: Option<u32>,
    quiet_hours: Option<QuietHoursMode>,
    cap: Option<CapMode>,
    on_cap: Option<OnCap>,
    budget: Option<BudgetView>,
    visible_in_preferences: Option<bool>,
    default_opt: Option<DefaultOpt>,
    template: Option<String>,
    state: Option<TypeState>,
}

/// Fields of [`Body`], for rows that another release wrote with more fields.
const FIELDS: [&str; 17] = [
    "name",
    "title",
    "class",
    "channels",
    "ttl_seconds",
    "tries",
    "on_uncertain",
    "wait_for_push_seconds",
    "escalate_after_seconds",
    "quiet_hours",
    "cap",
    "on_cap",
    "budget",
    "visible_in_preferences",
    "default_opt",
    "template",
    "state",
];

impl NotificationClass {
    /// Returns the rules of a type of this class that sets none.
    #[must_use]
    pub const fn default_rules(self) -> TypeRules {
        let (quiet_hours, cap, on_cap) = match self {
            Self::Critical => (QuietHoursMode::Bypass, CapMode::Bypass, OnCap::Hold),
            Self::Transactional => (QuietHoursMode::Respect, CapMode::CountOnly, OnCap::Hold),
            Self::Marketing => (QuietHoursMode::Respect, CapMode::Respect, OnCap::Skip),
        };
        TypeRules { class: self, quiet_hours, cap, on_cap, ..DEFAULT_RULES }
    }
}

impl NotificationType {
    /// Parses the definition of the type `id` from a request.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn parse(id: TypeId, body: Value) -> Result<Self, Problem> {
        let body: Body = shaped(body, "")?;
        let mut errors = body.errors(&id);
        let kind = body.into_type(id);
        errors
            .extend(kind.check_order(&kind.channels).err().map(|wrong| FieldError::new("channels", wrong.to_string())));
        if errors.is_empty() { Ok(kind) } else { Err(Problem::invalid(errors)) }
    }

    /// Parses a stored definition. Fields of a later release are ignored.
    #[must_use]
    pub fn from_stored(id: TypeId, mut definition: Map<String, Value>) -> Option<Self> {
        definition.retain(|field, _| FIELDS.contains(&field.as_str()));
        Self::parse(id, Value::Object(definition)).ok()
    }

    /// Returns the definition with every field.
    #[must_use]
    pub fn view(&self) -> TypeView {
        let seconds = |time: Option<SignedDuration>| time.and_then(|time| u32::try_from(time.as_secs()).ok());
        let TypeRules { tries, on_uncertain, wait_for_push, escalate_after, .. } = self.rules;
        let TypeRules { class, quiet_hours, cap, on_cap, default_opt, state, .. } = self.rules;
        let TypeBudgets { message_micros, day_micros } = self.budgets;
        TypeView {
            name: self.id.clone(),
            title: self.title.clone(),
            class,
            channels: self.channels.clone(),
            ttl_seconds: self.default_ttl_seconds,
            tries,
            on_uncertain,
            wait_for_push_seconds: seconds(wait_for_push).unwrap_or(0),
            escalate_after_seconds: seconds(escalate_after),
            quiet_hours,
            cap,
            on_cap,
            budget: BudgetView { message_micros, day_micros },
            visible_in_preferences: self.visible_in_preferences,
            default_opt,
            template: self.template.clone(),
            state,
        }
    }
}

impl Body {
    /// Returns the fields that are out of range.
    fn errors(&self, id: &TypeId) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut require = |holds: bool, field: &str, message: &str| {
            if !holds {
                errors.push(FieldError::new(field, message));
            }
        };
        let is_same = self.name.as_deref().is_none_or(|name| name == id.as_str());
        require(is_same, "name", "must be the name in the path: a type cannot be renamed");
        require(!one_line(&self.title).is_empty(), "title", "must contain a visible character");
        require(self.title.chars().count() <= MAX_TITLE_CHARS, "title", "must be at most 100 characters");
        let ttl = self.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS);
        require((1..=MAX_TTL_SECONDS).contains(&ttl), "ttl_seconds", "must be from 1 to 2,419,200 (28 days)");
        require(self.tries.is_none_or(|tries| TRIES_RANGE.contains(&tries)), "tries", "must be from 1 to 10");
        let wait = self.wait_for_push_seconds.unwrap_or(0);
        require(wait <= MAX_WAIT_FOR_PUSH_SECONDS, "wait_for_push_seconds", "must be from 0 to 86,400 (1 day)");
        let is_allowed = self.escalate_after_seconds.is_none_or(|after| ESCALATE_AFTER_SECONDS.contains(&after));
        require(is_allowed, "escalate_after_seconds", "must be from 60 to 2,419,200 (28 days)");
        let BudgetView { message_micros, day_micros } = self.budget.unwrap_or_default();
        for (field, micros) in [("budget.message_micros", message_micros), ("budget.day_micros", day_micros)] {
            require(micros <= Some(MAX_BUDGET_MICROS), field, "must be at most 1,000,000,000,000,000 micro-euro");
        }
        let is_name = self.template.as_ref().is_none_or(|name| (1..=MAX_TEMPLATE_NAME_BYTES).contains(&name.len()));
        require(is_name, "template", "must be the name of a template");
        let is_archived_default = self.state == Some(TypeState::Archived) && id.as_str() == NotificationType::DEFAULT;
        require(!is_archived_default, "state", "must not be archived: a request that names no type has this type");
        errors
    }

    fn into_type(self, id: TypeId) -> NotificationType {
        let preset = self.class.default_rules();
        let time = |seconds: u32| (seconds > 0).then(|| SignedDuration::from_secs(seconds.into()));
        let BudgetView { message_micros, day_micros } = self.budget.unwrap_or_default();
        NotificationType {
            id,
            title: one_line(&self.title),
            channels: self.channels,
            default_ttl_seconds: self.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS),
            rules: TypeRules {
                tries: self.tries.unwrap_or(preset.tries),
                on_uncertain: self.on_uncertain.unwrap_or(preset.on_uncertain),
                wait_for_push: self.wait_for_push_seconds.and_then(time),
                escalate_after: self.escalate_after_seconds.and_then(time),
                class: self.class,
                quiet_hours: self.quiet_hours.unwrap_or(preset.quiet_hours),
                cap: self.cap.unwrap_or(preset.cap),
                on_cap: self.on_cap.unwrap_or(preset.on_cap),
                default_opt: self.default_opt.unwrap_or(preset.default_opt),
                state: self.state.unwrap_or(preset.state),
            },
            budgets: TypeBudgets { message_micros, day_micros },
            visible_in_preferences: self.visible_in_preferences.unwrap_or(self.class != NotificationClass::Critical),
            template: self.template,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn id(name: &str) -> TypeId {
        TypeId::parse(name).unwrap()
    }

    fn least() -> Value {
        json!({"title": "Offers", "class": "marketing", "channels": ["push"]})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = least();
        body[field] = value;
        body
    }

    fn stored(kind: &NotificationType) -> Map<String, Value> {
        let Value::Object(view) = serde_json::to_value(kind.view()).unwrap() else { unreachable!() };
        view
    }

    #[test]
    fn the_class_sets_what_the_definition_leaves_out() {
        for (class, expected) in [
            ("critical", (QuietHoursMode::Bypass, CapMode::Bypass, OnCap::Hold)),
            ("transactional", (QuietHoursMode::Respect, CapMode::CountOnly, OnCap::Hold)),
            ("marketing", (QuietHoursMode::Respect, CapMode::Respect, OnCap::Skip)),
        ] {
            let kind = NotificationType::parse(id("OFFER"), with("class", json!(class))).unwrap();
            assert_eq!((kind.rules.quiet_hours, kind.rules.cap, kind.rules.on_cap), expected);
            assert_eq!((kind.rules.tries, kind.default_ttl_seconds, kind.rules.state), (4, 86_400, TypeState::Active));
        }
        for (class, is_visible) in [("critical", false), ("transactional", true), ("marketing", true)] {
            let kind = NotificationType::parse(id("OFFER"), with("class", json!(class))).unwrap();
            assert_eq!((kind.visible_in_preferences, kind.rules.default_opt), (is_visible, DefaultOpt::In), "{class}");
        }
        let own = NotificationType::parse(id("OFFER"), with("quiet_hours", json!("bypass"))).unwrap();
        assert_eq!((own.rules.quiet_hours, own.rules.cap), (QuietHoursMode::Bypass, CapMode::Respect));
    }

    #[test]
    fn each_wrong_field_is_named() {
        for (field, value, named) in [
            ("title", json!(" \u{200b}"), "title"),
            ("title", json!("x".repeat(101)), "title"),
            ("class", json!("urgent"), "class"),
            ("channels", json!([]), "channels"),
            ("channels", json!(["push", "push"]), "channels"),
            ("channels", json!(["fax"]), "channels[0]"),
            ("ttl_seconds", json!(0), "ttl_seconds"),
            ("ttl_seconds", json!(2_419_201), "ttl_seconds"),
            ("tries", json!(11), "tries"),
            ("tries", json!("4"), "tries"),
            ("wait_for_push_seconds", json!(86_401), "wait_for_push_seconds"),
            ("escalate_after_seconds", json!(59), "escalate_after_seconds"),
            ("budget", json!({"day_micros": 1_000_000_000_000_001_u64}), "budget.day_micros"),
            ("budget", json!({"day": 1}), "budget.day"),
            ("visible_in_preferences", json!("yes"), "visible_in_preferences"),
            ("default_opt", json!("maybe"), "default_opt"),
            ("state", json!("deleted"), "state"),
            ("name", json!("OTHER"), "name"),
            ("colour", json!("red"), "colour"),
        ] {
            let problem = NotificationType::parse(id("OFFER"), with(field, value)).unwrap_err();
            assert_eq!(problem.errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [named]);
        }
        for field in ["title", "class", "channels"] {
            let mut body = least();
            body.as_object_mut().unwrap().remove(field);
            let problem = NotificationType::parse(id("OFFER"), body).unwrap_err();
            assert_eq!(problem.errors[0].field, field, "an omitted list of channels never means all");
        }
    }

    #[test]
    fn default_is_never_archived_and_payment_due_keeps_email_before_sms() {
        let archived = with("state", json!("archived"));
        assert!(NotificationType::parse(id("OFFER"), archived.clone()).is_ok());
        assert_eq!(NotificationType::parse(id("DEFAULT"), archived).unwrap_err().errors[0].field, "state");
        let sms = with("channels", json!(["push", "sms"]));
        assert!(NotificationType::parse(id("OFFER"), sms.clone()).is_ok());
        assert_eq!(NotificationType::parse(id("PAYMENT_DUE"), sms).unwrap_err().errors[0].field, "channels");
    }

    #[test]
    fn a_row_of_a_later_release_is_read() {
        let kind = NotificationType::parse(id("OFFER"), least()).unwrap();
        let mut row = stored(&kind);
        row.insert("colour".to_owned(), json!("red"));
        assert_eq!(NotificationType::from_stored(id("OFFER"), row), Some(kind));
        assert_eq!(NotificationType::from_stored(id("OFFER"), Map::new()), None);
    }

    #[test]
    fn a_built_in_type_reads_back() {
        for kind in NotificationType::built_in() {
            assert_eq!(NotificationType::from_stored(kind.id.clone(), stored(&kind)), Some(kind));
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(
            class in prop::sample::select(vec!["critical", "transactional", "marketing"]),
            tries in 1u32..=10,
            wait in 0u32..=86_400,
            after in prop::option::of(60u32..=2_419_200),
            day in prop::option::of(0u64..=1_000_000_000_000_000),
            state in prop::sample::select(vec!["active", "paused", "archived"]),
            visible in any::<bool>(),
            opt in prop::sample::select(vec!["in", "out"]),
        ) {
            let body = json!({"title": "Offers", "class": class, "channels": ["sms", "push"], "tries": tries,
                "wait_for_push_seconds": wait, "escalate_after_seconds": after, "budget": {"day_micros": day},
                "visible_in_preferences": visible, "default_opt": opt, "state": state});
            let kind = NotificationType::parse(id("OFFER"), body).unwrap();
            prop_assert_eq!(NotificationType::from_stored(id("OFFER"), stored(&kind)), Some(kind));
        }
    }
}
