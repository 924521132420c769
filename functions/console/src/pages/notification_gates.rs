//! Gates and claims of a notification as they were then, as far as what is stored with it shows.
//!
//! Stored are the version, the state with its reason, every attempt with its price, the claim of a call in progress,
//! and the budgets that excluded a channel. The first gate that refuses decides. So the reason shows the verdict of
//! each gate before it. The inputs of the gates are not stored.

use std::collections::BTreeMap;

use domain::notification::Gate;
use jiff::Timestamp;

use super::send_explanation::ExplainedSend;
use crate::site::euro;

/// States that a notification enters after it has passed the gates.
const AFTER_GATES: [&str; 6] = ["sending", "cascading", "accepted", "delivered", "failed", "uncertain"];
/// Channels whose calls are paid.
const PAID: [&str; 2] = ["email", "sms"];

/// Facts that are stored with a notification.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoredOutcome<'a> {
    /// State.
    pub status: &'a str,
    /// Reason of the state.
    pub reason: Option<&'a str>,
    /// Version that was decided when it was first due.
    pub version: Option<&'a str>,
    /// `true` if an attempt was made.
    pub has_attempts: bool,
}

/// Verdict of a gate at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictThen {
    /// It passed.
    Passed,
    /// The gate ended it.
    Stopped,
    /// The gate holds it.
    Held,
    /// An earlier gate had refused.
    NotDecisive,
    /// Version 1 does not have the gate.
    NotEvaluated,
    /// It is evaluated when the notification is due.
    NotYet,
    /// It ended while it waited, and the last verdict was replaced.
    NotStored,
}

/// Gate, as it was then and is now.
#[derive(Debug, PartialEq, Eq)]
pub struct GateThen {
    /// Name.
    pub name: String,
    /// Verdict at that time.
    pub then: VerdictThen,
    /// Present verdict; `None` without an explanation, or if the gate would not be evaluated.
    pub now: Option<bool>,
}

/// Claim before a paid call.
#[derive(Debug, PartialEq, Eq)]
pub struct ClaimThen {
    /// Channel.
    pub channel: String,
    /// Time of the attempt.
    pub at: Option<Timestamp>,
    /// Fate of the claim.
    pub text: String,
}

/// Attempt, as far as its claim is concerned.
#[derive(Debug, Clone, Copy)]
pub struct PaidAttempt<'a> {
    /// Channel.
    pub channel: &'a str,
    /// Outcome.
    pub outcome: &'a str,
    /// Amount that was paid.
    pub cost_micros: i64,
    /// Time.
    pub at: Option<Timestamp>,
}

impl VerdictThen {
    /// Returns the verdict in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Stopped => "stopped it",
            Self::Held => "holds it",
            Self::NotDecisive => "not decisive: an earlier gate had refused",
            Self::NotEvaluated => "not evaluated: version 1 does not have it",
            Self::NotYet => "not evaluated yet: it is not due",
            Self::NotStored => "not stored: it ended while it waited",
        }
    }

    /// Returns the colour.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Passed => "good",
            Self::Stopped => "bad",
            Self::Held => "warn",
            _ => "",
        }
    }
}

impl StoredOutcome<'_> {
    fn verdict(&self, place: usize) -> VerdictThen {
        let is_refusal = ["skipped", "held"].contains(&self.status);
        let place_of = |reason: &str| Gate::ALL.iter().position(|gate| gate.as_str() == reason);
        let refused = self.reason.filter(|_| is_refusal).and_then(place_of);
        match refused {
            Some(at) if place == at && self.status == "held" => VerdictThen::Held,
            Some(at) if place == at => VerdictThen::Stopped,
            _ if Gate::ALL[place].is_of_version_2() && self.version == Some("v1") => VerdictThen::NotEvaluated,
            Some(at) if place < at || self.has_attempts => VerdictThen::Passed,
            Some(_) => VerdictThen::NotDecisive,
            None if self.has_attempts || AFTER_GATES.contains(&self.status) => VerdictThen::Passed,
            None if self.version.is_none() => VerdictThen::NotYet,
            // A budget, a template or a newer message of the topic ended it after the gates.
            None if self.status == "skipped" => VerdictThen::Passed,
            None => VerdictThen::NotStored,
        }
    }
}

/// Returns every gate, as it was then and, with an explanation, as it is now.
#[must_use]
pub fn gates_then(stored: StoredOutcome<'_>, now: Option<&ExplainedSend>) -> Vec<GateThen> {
    let gate = |(place, gate): (usize, &Gate)| {
        let name = gate.as_str().replace('_', " ");
        let found = now.and_then(|now| now.gates.iter().find(|gate| gate.name == name));
        GateThen { then: stored.verdict(place), now: found.map(|gate| gate.passed), name }
    };
    Gate::ALL.iter().enumerate().map(gate).collect()
}

/// Returns the claims of paid calls: of each attempt, of the call in progress, and those that a budget refused.
#[must_use]
pub fn claims_then(
    attempts: &[PaidAttempt<'_>],
    in_progress: Option<(&str, i64)>,
    over_budget: &BTreeMap<String, String>,
) -> Vec<ClaimThen> {
    let of_attempt = |it: &PaidAttempt<'_>| {
        let price = euro(it.cost_micros);
        let text = match it.outcome {
            "accepted" => format!("stored before the call; {price} were paid"),
            "uncertain" => format!("stored before the call; {price} are kept, because it may have been sent"),
            _ if it.cost_micros > 0 => format!("stored before the call; {price} were paid without success"),
            _ => "stored before the call and given back: the provider did not accept it".to_owned(),
        };
        ClaimThen { channel: it.channel.to_owned(), at: it.at, text }
    };
    let made = attempts.iter().filter(|it| PAID.contains(&it.channel)).map(of_attempt);
    let running = in_progress.map(|(channel, price)| ClaimThen {
        channel: channel.to_owned(),
        at: None,
        text: format!("the call is in progress; {} are claimed for it", euro(price)),
    });
    let refused = over_budget.iter().map(|(channel, ceiling)| ClaimThen {
        channel: channel.clone(),
        at: None,
        text: format!("refused: the budget {} was used up", ceiling.replace('_', " ")),
    });
    made.chain(running).chain(refused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(stored: StoredOutcome<'_>) -> Vec<VerdictThen> {
        gates_then(stored, None).into_iter().map(|gate| gate.then).collect()
    }

    #[test]
    fn the_reason_shows_what_each_gate_said() {
        use VerdictThen::{Held, NotDecisive, NotEvaluated, NotStored, NotYet, Passed, Stopped};
        let stored = |status, reason, version| StoredOutcome { status, reason, version, has_attempts: false };
        let opted_out = verdicts(stored("skipped", Some("opted_out"), Some("v2")));
        assert_eq!(opted_out, [Passed, Passed, Stopped, NotDecisive, NotDecisive, NotDecisive, NotDecisive]);
        let quiet = verdicts(stored("held", Some("quiet_hours"), Some("v2")));
        assert_eq!(quiet[4..], [Passed, Held, NotDecisive]);
        assert_eq!(verdicts(stored("delivered", None, Some("v1")))[3..], [Passed, Passed, NotEvaluated, NotEvaluated]);
        assert_eq!(verdicts(stored("skipped", Some("budget"), Some("v2"))), [Passed; 7]);
        assert_eq!(verdicts(stored("scheduled", None, None)), [NotYet; 7]);
        assert_eq!(verdicts(stored("expired", Some("lifetime"), Some("v2"))), [NotStored; 7]);
        let tried = StoredOutcome { has_attempts: true, ..stored("expired", Some("lifetime"), Some("v2")) };
        assert_eq!(verdicts(tried), [Passed; 7]);
    }

    #[test]
    fn a_paid_attempt_had_a_claim() {
        let attempt = |channel, outcome, cost_micros| PaidAttempt { channel, outcome, cost_micros, at: None };
        let attempts = [
            attempt("push", "gone", 0),
            attempt("email", "retry_later", 0),
            attempt("email", "accepted", 92),
            attempt("sms", "uncertain", 70_000),
        ];
        let over_budget = [("sms".to_owned(), "sms_day".to_owned())].into();
        let claims = claims_then(&attempts, Some(("email", 92)), &over_budget);
        let texts: Vec<_> = claims.iter().map(|it| format!("{} {}", it.channel, it.text)).collect();
        assert_eq!(texts.len(), 5, "{texts:?}");
        for (place, part) in
            ["given back", "0.0001 EUR were paid", "may have been sent", "in progress", "budget sms day"]
                .into_iter()
                .enumerate()
        {
            assert!(texts[place].contains(part), "{texts:?}");
        }
    }
}
