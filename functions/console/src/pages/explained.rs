//! An explanation of the API as pages show it: the verdict in one sentence, every gate, and each channel's message.

use jiff::Timestamp;
use serde_json::Value;

use crate::site::euro;

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

/// Value that a gate looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct GateInput {
    /// Name.
    pub name: String,
    /// Value.
    pub text: String,
    /// The value, if it is a time.
    pub at: Option<Timestamp>,
}

/// Channel of the plan.
#[derive(Debug)]
pub struct ExplainedChannel {
    /// Name.
    pub name: String,
    /// Reason why the channel is passed over; empty if it is possible.
    pub obstacle: String,
    /// Cost of one message.
    pub cost: String,
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
}

/// Reads an answer of `POST /v1/notifications/explain`.
#[must_use]
pub fn explained(answer: &Value) -> ExplainedSend {
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
    let inputs = gate["inputs"].as_object().map(|inputs| {
        let input = |(name, value): (&String, &Value)| GateInput {
            name: name.replace('_', " "),
            text: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            at: value.as_str().and_then(|text| text.parse().ok()),
        };
        inputs.iter().map(input).collect()
    });
    ExplainedGate {
        name: gate["gate"].as_str().unwrap_or_default().replace('_', " "),
        passed: gate["passed"].as_bool().unwrap_or_default(),
        inputs: inputs.unwrap_or_default(),
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
        cost: euro(planned["cost_micros"].as_i64().unwrap_or_default()),
        message: message(&planned["rendered"]),
    }
}

/// Returns a message of the API as lines. The HTML of an e-mail is shown in a frame.
#[must_use]
pub fn message(rendered: &Value) -> Option<ShownMessage> {
    let fields = rendered.as_object()?;
    let html = fields.get("html").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    let lines = fields
        .iter()
        .filter(|(name, value)| name.as_str() != "html" && !value.is_null())
        .map(|(name, value)| (name.replace('_', " "), shown(value)))
        .collect();
    Some(ShownMessage { lines, html })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_golden_explanation_is_one_sentence_and_every_gate() {
        let answer = serde_json::from_str(include_str!("../../../send/src/golden/explanation.json")).unwrap();
        let shown = explained(&answer);
        assert_eq!(format!("{}{}", shown.verdict, shown.reason), "It would be skipped, reason: no channel.");
        assert_eq!((shown.gates.len(), shown.gates[3].passed, shown.channels.len()), (6, false, 3));
        assert_eq!(shown.channels[0].obstacle, "no device");
    }

    #[test]
    fn times_of_an_explanation_are_times() {
        let answer = serde_json::json!({"verdict": "held", "reason": "quiet_hours", "held_until": "2026-12-01T07:30:00Z",
            "gates": [{"gate": "quiet_hours", "passed": false, "inputs": {"until": "2026-12-01T07:30:00Z", "zone": "UTC"}}]});
        let shown = explained(&answer);
        let until = "2026-12-01T07:30:00Z".parse().ok();
        assert_eq!((shown.verdict, shown.held_until), ("It would be held", until));
        assert_eq!(shown.reason, ", reason: quiet hours.");
        assert_eq!(shown.gates[0].inputs.iter().map(|input| input.at).collect::<Vec<_>>(), [until, None]);
    }
}
