//! An alert as each place wants to read it.

use serde_json::{Value, json};

use super::Told;
use domain::{Alert, Severity};

/// SNS takes an e-mail's subject of at most 100 ASCII characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const MAX_SUBJECT_CHARS: usize = 100;

/// PagerDuty takes a deduplication key of at most 255 characters.
const MAX_DEDUP_KEY_CHARS: usize = 255;

/// An alert on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The deployment.
    pub stage: &'a str,
    /// The alert.
    pub alert: &'a Alert,
    /// What was told of it before, this time included.
    pub told: &'a Told,
    /// Whether it says that it is over.
    pub is_over: bool,
    /// Where docs/operations.md can be read.
    pub runbook: &'a str,
}

impl Message<'_> {
    /// The subject of an e-mail.
    pub fn subject(&self) -> String {
        let state = if self.is_over { "over: " } else { "" };
        let line = format!("[{}] {} {state}{}", self.told.severity, self.stage, self.alert.title);
        line.chars()
            .map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' })
            .take(MAX_SUBJECT_CHARS)
            .collect()
    }

    /// The section of docs/operations.md that says what to do.
    fn runbook(&self) -> String {
        format!("{}#alert-{}", self.runbook, self.alert.key.as_str())
    }

    /// The whole of it as text.
    pub fn body(&self) -> String {
        let (severity, Alert { key, title, number, threshold, done, .. }) = (self.told.severity, self.alert);
        let since = jiff::Timestamp::from_millisecond(self.told.began_at_ms).unwrap_or_default();
        let state = match (self.is_over, key.is_state()) {
            (true, _) => "; it is over",
            (false, true) => "; it goes on",
            (false, false) => "",
        };
        format!(
            "{severity} on {stage}: {title}\n\nnumber:    {number}\nthreshold: {threshold}\ndone:      {done}\nsince:     {since}, \
             raised {times} times{state}\nrunbook:   {runbook}\n",
            stage = self.stage,
            times = self.told.times,
            runbook = self.runbook(),
        )
    }

    /// The body of a Slack incoming webhook. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    pub fn slack(&self) -> Value {
        // Slack reads these three as markup.
        let text = self.body().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({"text": text})
    }

    /// An event of PagerDuty's Events API v2. <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>
    pub fn pagerduty(&self, routing_key: &str) -> Value {
        let Alert { key, number, threshold, done, .. } = self.alert;
        let dedup_key = format!("push-notifications-{}-{}", self.stage, self.alert.id());
        let dedup_key: String = dedup_key.chars().take(MAX_DEDUP_KEY_CHARS).collect();
        if self.is_over {
            return json!({"routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key});
        }
        let severity = match self.told.severity {
            Severity::P0 => "critical",
            Severity::P1 => "error",
            Severity::P2 => "warning",
        };
        json!({
            "routing_key": routing_key,
            "event_action": "trigger",
            "dedup_key": dedup_key,
            "links": self.link(),
            "payload": {
                "summary": self.subject(),
                "source": format!("push-notifications-{}", self.stage),
                "severity": severity,
                "component": "rollup",
                "class": key.as_str(),
                "custom_details": {"number": number, "threshold": threshold, "done": done, "times": self.told.times, "runbook": self.runbook()},
            },
        })
    }

    /// PagerDuty takes web addresses alone.
    fn link(&self) -> Vec<Value> {
        let link = self.runbook();
        link.starts_with("https://").then(|| json!({"href": link, "text": "Runbook"})).into_iter().collect()
    }

    /// An event of Sentry's. Nothing in it but what stands here: no user, no request, no environment variables.
    /// <https://develop.sentry.dev/sdk/data-model/event-payloads/>
    pub fn sentry(&self, event_id: &str) -> Value {
        let level = match self.told.severity {
            Severity::P0 => "fatal",
            Severity::P1 => "error",
            Severity::P2 => "warning",
        };
        json!({
            "event_id": event_id,
            "timestamp": jiff::Timestamp::from_millisecond(self.told.last_at_ms).unwrap_or_default().to_string(),
            "platform": "other",
            "level": level,
            "logger": "alerts",
            "environment": self.stage,
            "message": {"formatted": self.body()},
            "fingerprint": [self.alert.key.as_str()],
            "tags": {"alert": self.alert.key.as_str(), "severity": self.told.severity.as_str()},
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::AlertKey;

    fn alert() -> Alert {
        Alert {
            key: AlertKey::GuardActed,
            subject: String::new(),
            severity: Severity::P1,
            title: "version 2 was switched off".to_owned(),
            number: "61.00 % of 240 first pushes failed in 2 minutes; version 1: 1.20 % of 82".to_owned(),
            threshold: "20 %".to_owned(),
            done: "rollout-percentage 50 -> 0".to_owned(),
        }
    }

    const TOLD: Told = Told {
        began_at_ms: 1_795_428_300_000,
        last_at_ms: 1_795_428_360_000,
        said_at_ms: 1_795_428_360_000,
        times: 2,
        severity: Severity::P1,
    };

    fn message(alert: &Alert, is_over: bool) -> Message<'_> {
        let runbook = "https://wiki.example.com/docs/operations.md";
        Message { stage: "staging", alert, told: &TOLD, is_over, runbook }
    }

    #[test]
    fn each_place_reads_it_as_the_golden_files_have_it() {
        let alert = alert();
        let message = message(&alert, false);
        let mail = format!("Subject: {}\n\n{}", message.subject(), message.body());
        assert_eq!(mail, include_str!("golden/mail.txt"), "\n{mail}");
        for (name, found, golden) in [
            ("slack", message.slack(), include_str!("golden/slack.json")),
            ("pagerduty", message.pagerduty("routing-key"), include_str!("golden/pagerduty.json")),
            ("sentry", message.sentry("0af7651916cd43dd8448eb211c80319c"), include_str!("golden/sentry.json")),
        ] {
            let text = serde_json::to_string_pretty(&found).unwrap();
            assert_eq!(text.trim(), golden.trim(), "{name}\n{text}");
        }
    }

    #[test]
    fn its_end_is_told_and_closes_the_incident() {
        let alert = alert();
        let over = message(&alert, true);
        assert!(over.subject().starts_with("[P1] staging over: ") && over.body().contains("; it is over"));
        let event = over.pagerduty("k");
        assert_eq!(
            (&event["event_action"], &event["dedup_key"]),
            (&"resolve".into(), &"push-notifications-staging-guard-acted".into())
        );
    }

    #[test]
    fn a_subject_is_short_plain_ascii() {
        let long = Alert { title: "é\n".repeat(90), ..alert() };
        let subject = message(&long, false).subject();
        assert!(subject.len() == 100 && subject.is_ascii() && !subject.contains('\n'), "{subject}");
    }
}
