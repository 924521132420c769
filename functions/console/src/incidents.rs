//! Incidents of a window, for the report: changes of the parameters, and alerts.

use super::ConsoleApi;
use super::report::Incident;
use domain::{Actor, AuditRecord, PublishedAlert, raised};
use metrics::Window;
use platform::caller::Author;
use platform::problem::Problem;

impl ConsoleApi {
    /// Returns the incidents, oldest first.
    pub(super) async fn incidents(&self, window: Window) -> Result<Vec<Incident>, Problem> {
        let (from, to) = (window.from(), window.to());
        let (changes, published) =
            tokio::try_join!(self.controller.audit.between(from, to), self.alert_history.between(from, to))?;
        let mut all: Vec<_> = changes.iter().map(of_change).chain(published.iter().map(of_alert)).collect();
        all.sort_by_key(|incident| incident.at);
        Ok(all)
    }
}

fn of_change(record: &AuditRecord) -> Incident {
    let by = match &record.by {
        Actor::Operator { name } if name.expose().is_empty() => "an operator".to_owned(),
        Actor::Operator { name } => format!("operator {}", name.expose()),
        Actor::Api(author) if author.name.is_empty() => "the API".to_owned(),
        Actor::Api(Author { name, sub: Some(_) }) => name.clone(),
        Actor::Api(Author { name, sub: None }) => format!("API client {name}"),
        Actor::Guard => "guard".to_owned(),
        Actor::Ramp => "ramp".to_owned(),
        Actor::Service => "service".to_owned(),
    };
    let old = record.old.as_deref().unwrap_or("(unknown)");
    Incident {
        at: record.at,
        by,
        what: format!("{} {old} -> {}", record.parameter, record.new),
        reason: record.reason.clone().unwrap_or_default(),
        alert: None,
    }
}

fn of_alert(published: &PublishedAlert) -> Incident {
    let PublishedAlert { at, alert, times, is_over } = published;
    let state = if *is_over { "resolved: " } else { "" };
    Incident {
        at: *at,
        by: format!("alert {}", alert.severity),
        what: format!("{state}{}", alert.title),
        reason: format!("{}; threshold {}; {}; done: {}", alert.number, alert.threshold, raised(*times), alert.done),
        alert: Some(alert.key.as_str()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::{Alert, AlertKey, ManagedParameter, Severity};

    fn record(by: Actor) -> AuditRecord {
        AuditRecord {
            at: "2026-11-20T14:03:00Z".parse().unwrap(),
            parameter: ManagedParameter::RolloutPercentage,
            version: 8,
            by,
            old: Some("50".to_owned()),
            new: "0".to_owned(),
            reason: Some("61.00 % of 240 first pushes failed; threshold 20 %".to_owned()),
            numbers: None,
            fields: None,
        }
    }

    #[test]
    fn a_change_has_its_actor_values_and_reason() {
        let incident = of_change(&record(Actor::Guard));
        assert_eq!((incident.by.as_str(), incident.what.as_str()), ("guard", "rollout-percentage 50 -> 0"));
        assert!(incident.reason.contains("61.00 %"));
        let who = |by| of_change(&record(by)).by;
        assert_eq!(who(Actor::Operator { name: "arn:x".to_owned().into() }), "operator arn:x");
        assert_eq!(who(Actor::Operator { name: String::new().into() }), "an operator");
        assert_eq!(who(Actor::Api(Author::of_id("ops"))), "API client ops");
        let login = Author { name: "ada@example.com".to_owned(), sub: Some("s-1".to_owned()) };
        assert_eq!(who(Actor::Api(login)), "ada@example.com");
        assert_eq!(who(Actor::Ramp), "ramp");
        let unknown = AuditRecord { old: None, reason: None, ..record(Actor::Ramp) };
        assert_eq!(of_change(&unknown).what, "rollout-percentage (unknown) -> 0");
    }

    #[test]
    fn an_alert_has_its_figure_threshold_and_end() {
        let text = str::to_owned;
        let alert = Alert {
            key: AlertKey::ErrorRate,
            subject: String::new(),
            severity: Severity::P1,
            title: text("error rate above 15 %"),
            number: text("16.00 % of 100"),
            threshold: text("15 %"),
            done: text("nothing"),
        };
        let published = PublishedAlert { at: "2026-11-20T14:03:00Z".parse().unwrap(), alert, times: 1, is_over: true };
        assert_eq!(of_alert(&published).reason, "16.00 % of 100; threshold 15 %; raised once; done: nothing");
        let incident = of_alert(&PublishedAlert { times: 3, ..published });
        assert_eq!((incident.by.as_str(), incident.what.as_str()), ("alert P1", "resolved: error rate above 15 %"));
        assert_eq!(incident.reason, "16.00 % of 100; threshold 15 %; raised 3 times; done: nothing");
        assert_eq!(incident.alert, Some("error-rate"));
    }
}
