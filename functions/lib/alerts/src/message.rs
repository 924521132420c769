//! Formats of an alert: e-mail, Slack, PagerDuty and Sentry.

use serde_json::{Value, json};

use super::deduplication::AlertTimeline;
use domain::{Alert, Severity, raised};

/// Maximum length of an e-mail's subject at SNS, in ASCII characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const MAX_SUBJECT_CHARS: usize = 100;

/// Maximum length of PagerDuty's deduplication key, in characters.
const MAX_DEDUP_KEY_CHARS: usize = 255;

/// Alert to be formatted.
#[derive(Debug, Clone, Copy)]
pub struct AlertMessage<'a> {
    /// Name of the deployment.
    pub stage: &'a str,
    /// The alert.
    pub alert: &'a Alert,
    /// Occurrences, including the present one.
    pub timeline: &'a AlertTimeline,
    /// `true` if the message reports the end of the alert.
    pub is_over: bool,
    /// URL of docs/operations.md.
    pub runbook: &'a str,
}

impl AlertMessage<'_> {
    /// Returns the subject of an e-mail.
    pub fn subject(&self) -> String {
        let state = if self.is_over { "resolved: " } else { "" };
        let line = format!("[{}] {} {state}{}", self.timeline.severity, self.stage, self.alert.title);
        line.chars()
            .map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' })
            .take(MAX_SUBJECT_CHARS)
            .collect()
    }

    /// Returns the URL of the alert's section in docs/operations.md.
    fn runbook(&self) -> String {
        format!("{}#alert-{}", self.runbook, self.alert.key.as_str())
    }

    /// Returns the message as text.
    pub fn body(&self) -> String {
        let (severity, Alert { key, title, number, threshold, done, .. }) = (self.timeline.severity, self.alert);
        let since = jiff::Timestamp::from_millisecond(self.timeline.began_at_ms).unwrap_or_default();
        let state = match (self.is_over, key.is_state()) {
            (true, _) => "; resolved",
            (false, true) => "; ongoing",
            (false, false) => "",
        };
        format!(
            "{severity} on {stage}: {title}\n\nnumber:    {number}\nthreshold: {threshold}\ndone:      {done}\nsince:     {since}, \
             {raised}{state}\nrunbook:   {runbook}\n",
            stage = self.stage,
            raised = raised(self.timeline.times),
            runbook = self.runbook(),
        )
    }

    /// Returns the body for a Slack incoming webhook.
    /// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    pub fn slack(&self) -> Value {
        // Slack interprets these three characters as markup.
        let text = self.body().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({"text": text})
    }

    /// Returns an event for PagerDuty's Events API v2.
    /// <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>
    pub fn pagerduty(&self, routing_key: &str) -> Value {
        let Alert { key, number, threshold, done, .. } = self.alert;
        let dedup_key = format!("push-notifications-{}-{}", self.stage, self.alert.id());
        let dedup_key: String = dedup_key.chars().take(MAX_DEDUP_KEY_CHARS).collect();
        if self.is_over {
            return json!({"routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key});
        }
        let severity = match self.timeline.severity {
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
                "custom_details": {"number": number, "threshold": threshold, "done": done, "times": self.timeline.times, "runbook": self.runbook()},
            },
        })
    }

    /// Returns the link to the runbook. PagerDuty accepts only URLs.
    fn link(&self) -> Vec<Value> {
        let link = self.runbook();
        link.starts_with("https://").then(|| json!({"href": link, "text": "Runbook"})).into_iter().collect()
    }

    /// Returns an event for Sentry. It contains no user, no request and no environment variables.
    /// <https://develop.sentry.dev/sdk/data-model/event-payloads/>
    pub fn sentry(&self, event_id: &str) -> Value {
        let level = match self.timeline.severity {
            Severity::P0 => "fatal",
            Severity::P1 => "error",
            Severity::P2 => "warning",
        };
        json!({
            "event_id": event_id,
            "timestamp": jiff::Timestamp::from_millisecond(self.timeline.last_at_ms).unwrap_or_default().to_string(),
            "platform": "other",
            "level": level,
            "logger": "alerts",
            "environment": self.stage,
            "message": {"formatted": self.body()},
            "fingerprint": [self.alert.key.as_str()],
            "tags": {"alert": self.alert.key.as_str(), "severity": self.timeline.severity.as_str()},
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
            title: "version 2 switched off by the guard".to_owned(),
            number: "61.00 % of 240 first pushes failed in 2 minutes; version 1: 1.20 % of 82".to_owned(),
            threshold: "20 %".to_owned(),
            done: "rollout-percentage 50 -> 0".to_owned(),
        }
    }

    const TIMELINE: AlertTimeline = AlertTimeline {
        began_at_ms: 1_795_428_300_000,
        last_at_ms: 1_795_428_360_000,
        published_at_ms: 1_795_428_360_000,
        times: 2,
        severity: Severity::P1,
    };

    fn message(alert: &Alert, is_over: bool) -> AlertMessage<'_> {
        let runbook = "https://wiki.example.com/docs/operations.md";
        AlertMessage { stage: "staging", alert, timeline: &TIMELINE, is_over, runbook }
    }

    #[test]
    fn each_destination_gets_the_text_of_its_golden_file() {
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
    fn the_end_is_reported_and_closes_the_incident() {
        let alert = alert();
        let over = message(&alert, true);
        assert!(
            over.subject().starts_with("[P1] staging resolved: ") && over.body().contains("raised 2 times; resolved")
        );
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
