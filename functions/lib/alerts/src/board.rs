//! What has been said and is not over, and what is still to be said: one small record, so that a minute costs one read and,
//! while all is well, no write.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fold::ms;
use super::place::Place;
use super::{Fold, Told, fold, is_over};
use domain::{Alert, Severity};

/// Whoever says something has it for this long: longer than saying takes, and shorter than the next minute.
const LEASE: SignedDuration = SignedDuration::from_secs(40);
/// How long a place is tried again.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// The most that is kept for places that take nothing.
const MOST_OWED: usize = 40;

/// An alert and how often it was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// As it was raised last.
    pub alert: Alert,
    /// What was told of it.
    pub told: Told,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What.
    #[serde(flatten)]
    pub posted: Posted,
    /// Whether it is that this is over.
    pub is_over: bool,
}

impl News {
    /// Where news are for: nobody is woken by what is minor, and an issue at Sentry is closed by a person.
    pub fn places(&self) -> Vec<Place> {
        let is_minor = self.posted.told.severity == Severity::P2;
        match (is_minor, self.is_over) {
            (true, _) => vec![Place::Topic, Place::Slack],
            (false, true) => vec![Place::Topic, Place::Slack, Place::PagerDuty],
            (false, false) => vec![Place::Topic, Place::Slack, Place::PagerDuty, Place::Sentry],
        }
    }
}

/// Something that was not said everywhere yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// What.
    pub news: News,
    /// Where it is still to be said.
    pub places: Vec<Place>,
    /// Since when.
    pub since_ms: i64,
    /// Until when somebody is at it.
    pub leased_until_ms: i64,
}

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Board {
    /// Every alert that is not over, by its id.
    posted: BTreeMap<String, Posted>,
    /// What is to be said, oldest first.
    owed: Vec<Owed>,
}

impl Board {
    /// Takes what was raised now: new alerts, worse ones, those that go on for another hour, and states that are over are
    /// owed from here on. Gives what is to be said now, in this caller's name, with what an earlier one left unsaid.
    pub fn take(&mut self, raised: Vec<Alert>, now: Timestamp) -> Vec<Owed> {
        let mut news = self.ends(&raised, now);
        for alert in raised {
            let before = self.posted.get(&alert.id());
            // The same state goes on; something else that happened is news.
            let is_same = |posted: &&Posted| alert.key.is_state() || posted.alert == alert;
            let told = before.filter(is_same).map(|posted| posted.told);
            let (says, told) = match fold(told, alert.severity, now) {
                Fold::Say(told) => (true, told),
                Fold::Count(told) => (false, told),
            };
            let posted = Posted { alert, told };
            if says {
                news.push(News { posted: posted.clone(), is_over: false });
            }
            self.posted.insert(posted.alert.id(), posted);
        }
        let states = news.iter().map(|news| &news.posted.alert).filter(|alert| alert.key.is_state());
        let superseded: Vec<_> = states.map(Alert::id).collect();
        self.owed.retain(|owed| !superseded.contains(&owed.news.posted.alert.id()));
        let (since_ms, until) = (now.as_millisecond(), now.as_millisecond().saturating_add(ms(LEASE)));
        let owed = news.into_iter().map(|news| Owed { places: news.places(), news, since_ms, leased_until_ms: 0 });
        self.owed.extend(owed);
        self.owed.retain(|owed| since_ms.saturating_sub(owed.since_ms) < ms(GIVEN_UP_AFTER));
        self.owed.drain(..self.owed.len().saturating_sub(MOST_OWED));
        let mut mine = Vec::new();
        for owed in self.owed.iter_mut().filter(|owed| owed.leased_until_ms <= since_ms) {
            owed.leased_until_ms = until;
            mine.push(owed.clone());
        }
        mine
    }

    /// Takes back what was given out by [`Self::take`], with the places that remain.
    pub fn settle(&mut self, tried: &[Owed]) {
        for tried in tried {
            let same = |owed: &&mut Owed| (&owed.news, owed.since_ms) == (&tried.news, tried.since_ms);
            if let Some(owed) = self.owed.iter_mut().find(same) {
                owed.places.clone_from(&tried.places);
                owed.leased_until_ms = 0;
            }
        }
        self.owed.retain(|owed| !owed.places.is_empty());
    }

    /// Something that only happened has no end that anybody would want to hear of.
    fn ends(&mut self, raised: &[Alert], now: Timestamp) -> Vec<News> {
        let is_raised = |id: &str| raised.iter().any(|alert| alert.id() == id);
        let is_ended = |posted: &Posted| is_over(&posted.told, now) && !is_raised(&posted.alert.id());
        let ended: Vec<_> = self.posted.values().filter(|posted| is_ended(posted)).cloned().collect();
        self.posted.retain(|_, posted| !is_ended(posted));
        let states = ended.into_iter().filter(|posted| posted.alert.key.is_state());
        states.map(|posted| News { posted, is_over: true }).collect()
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

    /// Takes, and says everything everywhere.
    fn say(board: &mut Board, raised: Vec<Alert>, minutes: i64) -> Vec<(AlertKey, bool)> {
        let mut owed = board.take(raised, at(minutes));
        owed.iter_mut().for_each(|owed| owed.places.clear());
        board.settle(&owed);
        owed.iter().map(|owed| (owed.news.posted.alert.key, owed.news.is_over)).collect()
    }

    #[test]
    fn a_state_is_said_when_it_begins_and_when_it_is_over() {
        let mut board = Board::default();
        for minute in 0..5 {
            let said = say(&mut board, vec![alert(AlertKey::ErrorRate, Severity::P1)], minute);
            assert_eq!(said.len(), usize::from(minute == 0));
        }
        assert!(say(&mut board, vec![], 13).is_empty());
        assert_eq!(say(&mut board, vec![], 14), [(AlertKey::ErrorRate, true)]);
        assert_eq!(board, Board::default());
    }

    #[test]
    fn what_only_happened_is_said_once_and_forgotten() {
        let mut board = Board::default();
        assert_eq!(say(&mut board, vec![alert(AlertKey::GuardActed, Severity::P1)], 0).len(), 1);
        assert!(say(&mut board, vec![], 60).is_empty());
        assert_eq!(board, Board::default());
    }

    #[test]
    fn each_subject_is_said_and_ends_by_itself() {
        let mut board = Board::default();
        let ids = |board: &mut Board, raised: &[&str], minutes| {
            let mut owed = board.take(raised.iter().map(|subject| about(subject)).collect(), at(minutes));
            owed.iter_mut().for_each(|owed| owed.places.clear());
            board.settle(&owed);
            owed.iter().map(|owed| (owed.news.posted.alert.id(), owed.news.is_over)).collect::<Vec<_>>()
        };
        let (settings, percentage) = ("parameter-settings".to_owned(), "parameter-rollout-percentage".to_owned());
        assert_eq!(ids(&mut board, &["settings"], 0), [(settings.clone(), false)]);
        assert_eq!(ids(&mut board, &["settings", "rollout-percentage"], 1), [(percentage.clone(), false)]);
        for minute in 2..12 {
            assert_eq!(ids(&mut board, &["rollout-percentage"], minute).len(), usize::from(minute == 11), "{minute}");
        }
        let over = ids(&mut board, &[], 21);
        assert_eq!(over, [(percentage, true)], "the end of {settings} was minute 11's");
    }

    #[test]
    fn the_end_of_one_subject_leaves_what_is_owed_of_another() {
        let mut board = Board::default();
        let owed = board.take(vec![about("settings"), about("rollout-users")], at(0));
        board.settle(&owed);
        board.take(vec![about("rollout-users")], at(5));
        let again = board.take(vec![about("rollout-users")], at(10));
        let said: Vec<_> =
            again.iter().map(|owed| (owed.news.posted.alert.subject.as_str(), owed.news.is_over)).collect();
        assert_eq!(said, [("rollout-users", false), ("settings", true)]);
    }

    #[test]
    fn something_else_that_happened_soon_after_is_said_too() {
        let mut board = Board::default();
        let step = |to: &str| vec![Alert { done: to.to_owned(), ..alert(AlertKey::GuardActed, Severity::P1) }];
        let said =
            [(0, "50 -> 10"), (1, "50 -> 10"), (2, "10 -> 0")].map(|(at, to)| say(&mut board, step(to), at).len());
        assert_eq!(said, [1, 0, 1]);
    }

    #[test]
    fn an_end_takes_the_place_of_a_beginning_that_was_not_said() {
        let mut board = Board::default();
        let mut owed = board.take(vec![alert(AlertKey::ErrorRate, Severity::P1)], at(0));
        owed[0].places = vec![Place::PagerDuty];
        board.settle(&owed);
        let over = board.take(vec![], at(11));
        assert_eq!((over.len(), over[0].news.is_over), (1, true), "or the incident would open after it was closed");
    }

    #[test]
    fn while_all_is_well_nothing_changes() {
        let mut board = Board::default();
        assert!(say(&mut board, vec![], 0).is_empty());
        assert_eq!(board, Board::default());
    }

    #[test]
    fn it_reads_back_from_its_record() {
        let mut board = Board::default();
        board.take(vec![alert(AlertKey::Budget, Severity::P2), alert(AlertKey::Ramp, Severity::P2)], at(0));
        let text = serde_json::to_string(&board).unwrap();
        assert_eq!(serde_json::from_str::<Board>(&text).unwrap(), board);
    }

    #[test]
    fn what_a_place_did_not_take_is_said_there_again_and_nowhere_else() {
        let mut board = Board::default();
        let mut owed = board.take(vec![alert(AlertKey::ErrorRate, Severity::P1)], at(0));
        assert_eq!(owed[0].places.len(), 4);
        assert_eq!(board.take(vec![], at(0)), [], "somebody is at it");
        owed[0].places = vec![Place::PagerDuty];
        board.settle(&owed);
        let again = board.take(vec![], at(1));
        assert_eq!((again.len(), again[0].places.as_slice()), (1, &[Place::PagerDuty][..]));
        // Whoever had it died: the next minute has it.
        assert_eq!(board.take(vec![], at(2)).len(), 1);
        let late = board.take(vec![], at(6 * 60));
        assert!(late.iter().all(|owed| owed.news.is_over), "the end of it is news");
    }

    #[test]
    fn minor_things_wake_nobody_and_an_end_closes_the_incident() {
        let mut board = Board::default();
        let places = |owed: &[Owed]| owed[0].places.clone();
        let minor = board.take(vec![alert(AlertKey::Budget, Severity::P2)], at(0));
        assert_eq!(places(&minor), [Place::Topic, Place::Slack]);
        board.settle(&[Owed { places: vec![], ..minor[0].clone() }]);
        let worse = board.take(vec![alert(AlertKey::Budget, Severity::P1)], at(1));
        assert_eq!(places(&worse).len(), 4);
        board.settle(&[Owed { places: vec![], ..worse[0].clone() }]);
        let over = board.take(vec![], at(20));
        assert_eq!(places(&over), [Place::Topic, Place::Slack, Place::PagerDuty]);
    }

    #[test]
    fn a_board_does_not_grow_without_end() {
        let mut board = Board::default();
        for minute in 0..200 {
            board.take(vec![alert(AlertKey::GuardActed, Severity::P1), about(&minute.to_string())], at(minute * 2));
        }
        assert!(board.posted.len() <= 8, "what is over is forgotten");
        assert!(board.owed.len() <= MOST_OWED);
    }
}
