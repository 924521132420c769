//! An explanation of the API as pages show it: the verdict in one sentence, every gate, and each channel's message.

use jiff::Timestamp;
use serde_json::Value;

use crate::site::{count, euro, number_of};

/// Explanation of a send.
#[derive(Debug)]
pub struct ExplainedSend {
    /// Verdict.
    pub verdict: &'static str,
    /// End of the hold.
    pub held_until: Option<Timestamp>,
    /// Reason, which ends the sentence; empty if it would be sent.
    pub reason: String,
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
    /// Gates in order: name, result, inputs.
    pub gates: Vec<ExplainedGate>,
    /// Channels in order.
    pub channels: Vec<ExplainedChannel>,
    /// Estimated cost.
    pub cost: String,
}

/// Gate.
#[derive(Debug)]
pub struct ExplainedGate {
    /// Name.
    pub name: String,
    /// `true` if the notification may pass.
    pub passed: bool,
    /// Inputs.
    pub inputs: Vec<GateInput>,
}

/// Input of a gate.
#[derive(Debug, PartialEq, Eq)]
pub struct GateInput {
    /// Name.
    pub name: String,
    /// Value; empty if it is a time alone.
    pub text: String,
    /// Time.
    pub at: Option<Timestamp>,
}

/// Channel of the plan.
#[derive(Debug)]
pub struct ExplainedChannel {
    /// Name.
    pub name: String,
    /// Reason why the channel is passed over; empty if it is possible.
    pub obstacle: String,
    /// The choice that refuses the channel.
    pub refusal: Option<GateInput>,
    /// Cost of one message.
    pub cost: String,
    /// Size of the message; empty if there is none.
    pub size: String,
    /// Message as the provider would receive it.
    pub message: Option<ShownMessage>,
}

/// Message of one channel.
#[derive(Debug)]
pub struct ShownMessage {
    /// Lines of text with their labels.
    pub lines: Vec<(String, String)>,
    /// HTML of an e-mail, shown in a frame without scripts; empty if there is none.
    pub html: String,
    /// The whole payload of a push as JSON; empty for other channels.
    pub payload: String,
}

/// Reads an answer of `POST /v1/notifications/explain`.
#[must_use]
pub fn read_explanation(answer: &Value) -> ExplainedSend {
    let reason = answer["reason"].as_str().unwrap_or_default().replace('_', " ");
    let (verdict, reason, class) = match answer["verdict"].as_str().unwrap_or_default() {
        "send" => ("It would be sent now.", String::new(), "good"),
        "held" => ("It would be held", format!(", reason: {reason}."), "warn"),
        _ => ("It would be skipped", format!(", reason: {reason}."), "bad"),
    };
    let list = |name: &str| answer[name].as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
    let cost = &answer["cost_estimate_micros"];
    let micros = |name: &str| euro(cost[name].as_i64().unwrap_or_default());
    ExplainedSend {
        verdict,
        held_until: answer["held_until"].as_str().and_then(|until| until.parse().ok()),
        reason,
        class,
        gates: list("gates").iter().map(gate).collect(),
        channels: list("plan").iter().map(channel).collect(),
        cost: format!("{} for the first channel, {} at most", micros("first"), micros("at_most")),
    }
}

fn gate(gate: &Value) -> ExplainedGate {
    let inputs = gate["inputs"]
        .as_object()
        .map(|inputs| inputs.iter().filter_map(|(name, value)| gate_input(name, value)).collect());
    ExplainedGate {
        name: gate["gate"].as_str().unwrap_or_default().replace('_', " "),
        passed: gate["passed"].as_bool().unwrap_or_default(),
        inputs: inputs.unwrap_or_default(),
    }
}

/// Returns an input of a gate; `None` if it is empty.
fn gate_input(name: &str, value: &Value) -> Option<GateInput> {
    let at = value.as_str().or_else(|| value["at"].as_str()).and_then(|text| text.parse().ok());
    let text = match value {
        Value::String(_) if at.is_some() => String::new(),
        Value::Object(choice) if choice.contains_key("wants") => choice_in_words(value),
        value => in_words(value),
    };
    let is_empty = text.is_empty() && at.is_none();
    (!is_empty).then(|| GateInput { name: name.replace('_', " "), text, at })
}

/// Returns a choice such as `refused by the person, channel email`.
fn choice_in_words(choice: &Value) -> String {
    let verb = if choice["wants"] == true { "wished for" } else { "refused" };
    let by = choice["by"].as_str().unwrap_or("somebody").replace('_', " ");
    let scope = ["type", "channel"].into_iter().filter_map(|part| Some(format!(", {part} {}", choice[part].as_str()?)));
    format!("{verb} by {by}{}", scope.collect::<String>())
}

/// Returns a value without the marks of JSON. Empty parts are left out.
#[must_use]
pub fn in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(in_words).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            let filled =
                fields.iter().map(|(name, value)| (name, in_words(value))).filter(|(_, text)| !text.is_empty());
            filled.map(|(name, text)| format!("{} {text}", name.replace('_', " "))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Largest payload of a push, in bytes.
pub const MAX_PUSH_BYTES: i64 = 3_993;

/// Returns the size of a message as the provider would receive it; empty for an SMS, whose parts are shown.
fn size(name: &str, rendered: &Value) -> String {
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    match (name, rendered) {
        (_, Value::Null) => String::new(),
        ("push", payload) => format!("{} of {} bytes", count(length(&payload.to_string())), count(MAX_PUSH_BYTES)),
        ("email", parts) => {
            let parts = ["subject", "text", "html"].map(|part| length(parts[part].as_str().unwrap_or_default()));
            number_of(parts.iter().sum::<i64>(), "byte", "bytes")
        }
        _ => String::new(),
    }
}

fn channel(planned: &Value) -> ExplainedChannel {
    let text = |name: &str| planned[name].as_str().map(|text| text.replace('_', " "));
    let obstacle = [("impossible_because", ""), ("not_composable", "no message: "), ("over_budget", "over budget: ")]
        .into_iter()
        .find_map(|(name, label)| text(name).map(|text| format!("{label}{text}")));
    ExplainedChannel {
        name: text("channel").unwrap_or_default(),
        obstacle: obstacle.unwrap_or_default(),
        refusal: gate_input("choice", &planned["refused_by"]),
        size: size(planned["channel"].as_str().unwrap_or_default(), &planned["rendered"]),
        cost: euro(planned["cost_micros"].as_i64().unwrap_or_default()),
        message: message(&planned["rendered"]),
    }
}

/// Returns the lines of a push that a person sees.
fn push_lines(push: &Value) -> Vec<(String, String)> {
    let text = |name: &str| push[name].as_str().unwrap_or_default().to_owned();
    let buttons = push["actions"].as_array().into_iter().flatten().filter_map(|button| button["title"].as_str());
    let buttons = buttons.collect::<Vec<_>>().join(", ");
    let lines = [("title", text("title")), ("text", text("body")), ("link", text("url")), ("buttons", buttons)];
    let filled = lines.into_iter().filter(|(_, text)| !text.is_empty());
    filled.map(|(name, text)| (name.to_owned(), text)).collect()
}

/// Returns a message of the API as lines. The HTML of an e-mail is shown in a frame, the payload of a push on demand.
#[must_use]
pub fn message(rendered: &Value) -> Option<ShownMessage> {
    let fields = rendered.as_object()?;
    let html = fields.get("html").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    if fields.contains_key("body") {
        let payload = serde_json::to_string_pretty(rendered).unwrap_or_default();
        return Some(ShownMessage { lines: push_lines(rendered), html, payload });
    }
    let lines = fields
        .iter()
        .filter(|(name, value)| name.as_str() != "html" && !value.is_null())
        .map(|(name, value)| (name.replace('_', " "), shown(value)))
        .collect();
    Some(ShownMessage { lines, html, payload: String::new() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_golden_explanation_is_one_sentence_and_every_gate() {
        let answer = serde_json::from_str(include_str!("../../../send/src/golden/explanation.json")).unwrap();
        let shown = read_explanation(&answer);
        assert_eq!(format!("{}{}", shown.verdict, shown.reason), "It would be skipped, reason: no channel.");
        assert_eq!((shown.gates.len(), shown.gates[3].passed, shown.channels.len()), (7, false, 3));
        assert_eq!(shown.channels[0].obstacle, "no device");
        let refusal = shown.channels[1].refusal.as_ref().map(|refusal| (refusal.text.as_str(), refusal.at));
        assert_eq!(refusal, Some(("refused by caller, channel email", "2026-11-23T10:00:00Z".parse().ok())));
        let texts =
            shown.gates.iter().flat_map(|gate| &gate.inputs).map(|input| format!("{}{}", input.name, input.text));
        let texts: String = texts.collect();
        assert!(!texts.contains(['{', '[']) && !texts.contains("null") && !texts.contains("suppressed"), "{texts}");
    }

    #[test]
    fn times_of_an_explanation_are_times() {
        let answer = serde_json::json!({"verdict": "held", "reason": "quiet_hours", "held_until": "2026-12-01T07:30:00Z",
            "gates": [{"gate": "quiet_hours", "passed": false, "inputs": {"until": "2026-12-01T07:30:00Z", "zone": "UTC"}}]});
        let shown = read_explanation(&answer);
        let until = "2026-12-01T07:30:00Z".parse().ok();
        assert_eq!((shown.verdict, shown.held_until), ("It would be held", until));
        assert_eq!(shown.reason, ", reason: quiet hours.");
        assert_eq!(shown.gates[0].inputs.iter().map(|input| input.at).collect::<Vec<_>>(), [until, None]);
    }

    #[test]
    fn a_push_is_what_a_person_sees_and_its_payload_is_closed() {
        let push = serde_json::json!({"title": "Bill", "body": "Due\ntoday", "url": "https://example.com", "ttl": 60,
            "actions": [{"action": "pay", "title": "Pay"}, {"action": "later", "title": "Later"}]});
        let shown = message(&push).unwrap();
        let lines =
            [("title", "Bill"), ("text", "Due\ntoday"), ("link", "https://example.com"), ("buttons", "Pay, Later")];
        assert_eq!(shown.lines, lines.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(shown.payload.contains("\"ttl\": 60"));
        assert_eq!(size("push", &serde_json::json!({"title": "é"})), "14 of 3,993 bytes");
        assert_eq!(size("email", &serde_json::json!({"subject": "1", "text": "23", "html": "456"})), "6 bytes");
        let rules = serde_json::json!([{"rule": "day", "used": 1, "max": 3, "next_slot_at": null}]);
        assert_eq!(in_words(&rules), "max 3, rule day, used 1");
    }
}
