//! State of the alerts: active alerts and pending deliveries. It is one small record in the table `control`. A minute
//! without alerts costs one read and no write.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::deduplication::{AlertTimeline, Deduplication, deduplicate, milliseconds};
use super::destinations::Destination;
use domain::{Alert, Severity};

/// Lease of a delivery. It is longer than a delivery takes, and shorter than the time until the next scheduled run.
const DELIVERY_LEASE: SignedDuration = SignedDuration::from_secs(40);
/// Time for which a failed delivery is retried.
const RETRY_PERIOD: SignedDuration = SignedDuration::from_hours(6);
/// Maximum number of pending deliveries. Beyond it, the oldest are removed.
const MAX_PENDING: usize = 40;

/// Alert with its occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedAlert {
    /// Alert as it occurred last.
    pub alert: Alert,
    /// Times and number of its occurrences.
    // Stored name; kept for compatibility.
    #[serde(rename = "told")]
    pub timeline: AlertTimeline,
}

/// Begin, repetition or end of an alert, to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertTransition {
    /// The alert.
    #[serde(flatten)]
    pub tracked: TrackedAlert,
    /// `true` if the alert has ended.
    pub is_over: bool,
}

impl AlertTransition {
    /// Returns the destinations. P2 goes neither to PagerDuty nor to Sentry. The end of an alert does not go to Sentry,
    /// where a person closes the issue.
    pub fn destinations(&self) -> Vec<Destination> {
        let is_minor = self.tracked.timeline.severity == Severity::P2;
        match (is_minor, self.is_over) {
            (true, _) => vec![Destination::Topic, Destination::Slack],
            (false, true) => vec![Destination::Topic, Destination::Slack, Destination::PagerDuty],
            (false, false) => {
                vec![Destination::Topic, Destination::Slack, Destination::PagerDuty, Destination::Sentry]
            }
        }
    }
}

/// Transition that some destinations have not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingDelivery {
    /// The transition.
    // Stored name; kept for compatibility.
    #[serde(rename = "news")]
    pub transition: AlertTransition,
    /// Destinations that remain.
    // Stored name; kept for compatibility.
    #[serde(rename = "places")]
    pub destinations: Vec<Destination>,
    /// Time of the transition.
    pub since_ms: i64,
    /// End of the lease of the process that delivers.
    pub leased_until_ms: i64,
}

/// Stored record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertState {
    /// Alerts that have not ended, by their ids.
    // Stored name; kept for compatibility.
    #[serde(rename = "posted")]
    active: BTreeMap<String, TrackedAlert>,
    /// Pending deliveries, oldest first.
    // Stored name; kept for compatibility.
    #[serde(rename = "owed")]
    pending: Vec<PendingDelivery>,
}

impl AlertState {
    /// Adds the alerts of this minute. New, worse, repeated and ended alerts become pending deliveries. Returns the
    /// pending deliveries without a lease, and leases them to the caller.
    pub fn update(&mut self, raised: Vec<Alert>, now: Timestamp) -> Vec<PendingDelivery> {
        let mut transitions = self.remove_ended(&raised, now);
        for alert in raised {
            let earlier = self.active.get(&alert.id());
            // A state continues although its figures change. A different event is a new alert.
            let is_same = |tracked: &&TrackedAlert| alert.key.is_state() || tracked.alert == alert;
            let earlier = earlier.filter(is_same).map(|tracked| tracked.timeline);
            let (publishes, timeline) = match deduplicate(earlier, alert.severity, now) {
                Deduplication::Publish(timeline) => (true, timeline),
                Deduplication::Count(timeline) => (false, timeline),
            };
            let tracked = TrackedAlert { alert, timeline };
            if publishes {
                transitions.push(AlertTransition { tracked: tracked.clone(), is_over: false });
            }
            self.active.insert(tracked.alert.id(), tracked);
        }
        self.enqueue(transitions, now);
        self.lease(now)
    }

    /// Stores the results of deliveries that [`Self::update`] returned.
    pub fn record_results(&mut self, tried: &[PendingDelivery]) {
        for tried in tried {
            let is_same = |pending: &&mut PendingDelivery| {
                (&pending.transition, pending.since_ms) == (&tried.transition, tried.since_ms)
            };
            if let Some(pending) = self.pending.iter_mut().find(is_same) {
                pending.destinations.clone_from(&tried.destinations);
                pending.leased_until_ms = 0;
            }
        }
        self.pending.retain(|pending| !pending.destinations.is_empty());
    }

    /// Adds pending deliveries. A transition of a state replaces an earlier pending one with the same id.
    fn enqueue(&mut self, transitions: Vec<AlertTransition>, now: Timestamp) {
        let alerts = transitions.iter().map(|transition| &transition.tracked.alert);
        let superseded: Vec<_> = alerts.filter(|alert| alert.key.is_state()).map(Alert::id).collect();
        self.pending.retain(|pending| !superseded.contains(&pending.transition.tracked.alert.id()));
        let since_ms = now.as_millisecond();
        self.pending.extend(transitions.into_iter().map(|transition| PendingDelivery {
            destinations: transition.destinations(),
            transition,
            since_ms,
            leased_until_ms: 0,
        }));
        self.pending.retain(|pending| since_ms.saturating_sub(pending.since_ms) < milliseconds(RETRY_PERIOD));
        self.pending.drain(..self.pending.len().saturating_sub(MAX_PENDING));
    }

    fn lease(&mut self, now: Timestamp) -> Vec<PendingDelivery> {
        let now_ms = now.as_millisecond();
        let free = self.pending.iter_mut().filter(|pending| pending.leased_until_ms <= now_ms);
        let lease = |pending: &mut PendingDelivery| {
            pending.leased_until_ms = now_ms.saturating_add(milliseconds(DELIVERY_LEASE));
            pending.clone()
        };
        free.map(lease).collect()
    }

    /// Removes the alerts that have ended, and returns their transitions. The end of an event is not published.
    fn remove_ended(&mut self, raised: &[Alert], now: Timestamp) -> Vec<AlertTransition> {
        let is_raised = |id: &str| raised.iter().any(|alert| alert.id() == id);
        let is_ended = |tracked: &TrackedAlert| tracked.timeline.has_ended(now) && !is_raised(&tracked.alert.id());
        let ended: Vec<_> = self.active.values().filter(|tracked| is_ended(tracked)).cloned().collect();
        self.active.retain(|_, tracked| !is_ended(tracked));
        let states = ended.into_iter().filter(|tracked| tracked.alert.key.is_state());
        states.map(|tracked| AlertTransition { tracked, is_over: true }).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::{AlertKey, Severity};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn alert(key: AlertKey, severity: Severity) -> Alert {
        let text = String::from;
        let (title, number, threshold, done) = (text("t"), text("n"), text("h"), text("d"));
        Alert { key, subject: String::new(), severity, title, number, threshold, done }
    }

    fn about(subject: &str) -> Alert {
        Alert { subject: subject.to_owned(), ..alert(AlertKey::Parameter, Severity::P2) }
    }

    /// Updates the state, and delivers to all destinations.
    fn publish(state: &mut AlertState, raised: Vec<Alert>, minutes: i64) -> Vec<(AlertKey, bool)> {
        let mut pending = state.update(raised, at(minutes));
        pending.iter_mut().for_each(|pending| pending.destinations.clear());
        state.record_results(&pending);
        pending.iter().map(|pending| (pending.transition.tracked.alert.key, pending.transition.is_over)).collect()
    }

    #[test]
    fn a_state_is_published_when_it_begins_and_when_it_ends() {
        let mut state = AlertState::default();
        for minute in 0..5 {
            let published = publish(&mut state, vec![alert(AlertKey::ErrorRate, Severity::P1)], minute);
            assert_eq!(published.len(), usize::from(minute == 0));
        }
        assert!(publish(&mut state, vec![], 13).is_empty());
        assert_eq!(publish(&mut state, vec![], 14), [(AlertKey::ErrorRate, true)]);
        assert_eq!(state, AlertState::default());
    }

    #[test]
    fn an_event_is_published_once_and_removed() {
        let mut state = AlertState::default();
        assert_eq!(publish(&mut state, vec![alert(AlertKey::GuardActed, Severity::P1)], 0).len(), 1);
        assert!(publish(&mut state, vec![], 60).is_empty());
        assert_eq!(state, AlertState::default());
    }

    #[test]
    fn each_subject_is_published_and_ends_separately() {
        let mut state = AlertState::default();
        let ids = |state: &mut AlertState, raised: &[&str], minutes| {
            let mut pending = state.update(raised.iter().map(|subject| about(subject)).collect(), at(minutes));
            pending.iter_mut().for_each(|pending| pending.destinations.clear());
            state.record_results(&pending);
            pending
                .iter()
                .map(|pending| (pending.transition.tracked.alert.id(), pending.transition.is_over))
                .collect::<Vec<_>>()
        };
        let (settings, percentage) = ("parameter-settings".to_owned(), "parameter-rollout-percentage".to_owned());
        assert_eq!(ids(&mut state, &["settings"], 0), [(settings.clone(), false)]);
        assert_eq!(ids(&mut state, &["settings", "rollout-percentage"], 1), [(percentage.clone(), false)]);
        for minute in 2..12 {
            assert_eq!(ids(&mut state, &["rollout-percentage"], minute).len(), usize::from(minute == 11), "{minute}");
        }
        let over = ids(&mut state, &[], 21);
        assert_eq!(over, [(percentage, true)], "the end of {settings} was minute 11's");
    }

    #[test]
    fn the_end_of_one_subject_keeps_the_pending_delivery_of_another() {
        let mut state = AlertState::default();
        let pending = state.update(vec![about("settings"), about("rollout-users")], at(0));
        state.record_results(&pending);
        state.update(vec![about("rollout-users")], at(5));
        let again = state.update(vec![about("rollout-users")], at(10));
        let published: Vec<_> = again
            .iter()
            .map(|pending| (pending.transition.tracked.alert.subject.as_str(), pending.transition.is_over))
            .collect();
        assert_eq!(published, [("rollout-users", false), ("settings", true)]);
    }

    #[test]
    fn a_different_event_soon_after_is_published_too() {
        let mut state = AlertState::default();
        let step = |to: &str| vec![Alert { done: to.to_owned(), ..alert(AlertKey::GuardActed, Severity::P1) }];
        let published =
            [(0, "50 -> 10"), (1, "50 -> 10"), (2, "10 -> 0")].map(|(at, to)| publish(&mut state, step(to), at).len());
        assert_eq!(published, [1, 0, 1]);
    }

    #[test]
    fn an_end_replaces_a_beginning_that_was_not_published() {
        let mut state = AlertState::default();
        let mut pending = state.update(vec![alert(AlertKey::ErrorRate, Severity::P1)], at(0));
        pending[0].destinations = vec![Destination::PagerDuty];
        state.record_results(&pending);
        let over = state.update(vec![], at(11));
        assert_eq!(
            (over.len(), over[0].transition.is_over),
            (1, true),
            "or the incident would open after it was closed"
        );
    }

    #[test]
    fn without_alerts_nothing_changes() {
        let mut state = AlertState::default();
        assert!(publish(&mut state, vec![], 0).is_empty());
        assert_eq!(state, AlertState::default());
    }

    #[test]
    fn a_record_of_an_earlier_release_is_read() {
        let alert =
            r#"{"key": "budget", "severity": "P2", "title": "t", "number": "n", "threshold": "h", "done": "d"}"#;
        let told = r#"{"began_at_ms": 1, "last_at_ms": 2, "said_at_ms": 3, "times": 4, "severity": "P2"}"#;
        let news = format!(r#"{{"alert": {alert}, "told": {told}, "is_over": false}}"#);
        let owed = format!(r#"{{"news": {news}, "places": ["slack"], "since_ms": 5, "leased_until_ms": 6}}"#);
        let text = format!(r#"{{"posted": {{"budget": {{"alert": {alert}, "told": {told}}}}}, "owed": [{owed}]}}"#);
        let state: AlertState = serde_json::from_str(&text).unwrap();
        assert_eq!(state.active["budget"].timeline.published_at_ms, 3);
        let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&state).unwrap(), stored);
    }

    #[test]
    fn it_reads_back_from_its_record() {
        let mut state = AlertState::default();
        state.update(vec![alert(AlertKey::Budget, Severity::P2), alert(AlertKey::Ramp, Severity::P2)], at(0));
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<AlertState>(&text).unwrap(), state);
    }

    #[test]
    fn a_failed_destination_is_retried_and_no_other() {
        let mut state = AlertState::default();
        let mut pending = state.update(vec![alert(AlertKey::ErrorRate, Severity::P1)], at(0));
        assert_eq!(pending[0].destinations.len(), 4);
        assert_eq!(state.update(vec![], at(0)), [], "the lease is not over");
        pending[0].destinations = vec![Destination::PagerDuty];
        state.record_results(&pending);
        let again = state.update(vec![], at(1));
        assert_eq!((again.len(), again[0].destinations.as_slice()), (1, &[Destination::PagerDuty][..]));
        // The process that had the lease crashed: the next run delivers.
        assert_eq!(state.update(vec![], at(2)).len(), 1);
        let late = state.update(vec![], at(6 * 60));
        assert!(late.iter().all(|pending| pending.transition.is_over), "only the end is pending");
    }

    #[test]
    fn p2_opens_no_incident_and_an_end_closes_it() {
        let mut state = AlertState::default();
        let destinations = |pending: &[PendingDelivery]| pending[0].destinations.clone();
        let minor = state.update(vec![alert(AlertKey::Budget, Severity::P2)], at(0));
        assert_eq!(destinations(&minor), [Destination::Topic, Destination::Slack]);
        state.record_results(&[PendingDelivery { destinations: vec![], ..minor[0].clone() }]);
        let worse = state.update(vec![alert(AlertKey::Budget, Severity::P1)], at(1));
        assert_eq!(destinations(&worse).len(), 4);
        state.record_results(&[PendingDelivery { destinations: vec![], ..worse[0].clone() }]);
        let over = state.update(vec![], at(20));
        assert_eq!(destinations(&over), [Destination::Topic, Destination::Slack, Destination::PagerDuty]);
    }

    #[test]
    fn the_state_does_not_grow_without_limit() {
        let mut state = AlertState::default();
        for minute in 0..200 {
            state.update(vec![alert(AlertKey::GuardActed, Severity::P1), about(&minute.to_string())], at(minute * 2));
        }
        assert!(state.active.len() <= 8, "ended alerts are removed");
        assert!(state.pending.len() <= MAX_PENDING);
    }
}
