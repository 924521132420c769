//! What has been said and is not over: one small record, so that a minute costs one read and, while all is well, no write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Alert, AlertKey, Fold, Told, fold, is_over};

/// An alert and how often it was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// As it was raised last.
    pub alert: Alert,
    /// What was told of it.
    pub told: Told,
}

/// Every alert that is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Board(BTreeMap<AlertKey, Posted>);

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What.
    pub posted: Posted,
    /// Whether it is that this is over.
    pub is_over: bool,
}

impl Board {
    /// Takes what was raised now, and says what is to be told: new alerts, worse ones, those that go on for another hour,
    /// and states that are over.
    pub fn take(&mut self, raised: Vec<Alert>, now: Timestamp) -> Vec<News> {
        let mut news = self.ends(&raised, now);
        for alert in raised {
            let told = self.0.get(&alert.key).map(|posted| posted.told);
            let (says, told) = match fold(told, alert.severity, now) {
                Fold::Say(told) => (true, told),
                Fold::Count(told) => (false, told),
            };
            let posted = Posted { alert, told };
            if says {
                news.push(News { posted: posted.clone(), is_over: false });
            }
            self.0.insert(posted.alert.key, posted);
        }
        news
    }

    /// Something that only happened has no end that anybody would want to hear of.
    fn ends(&mut self, raised: &[Alert], now: Timestamp) -> Vec<News> {
        let is_raised = |key| raised.iter().any(|alert| alert.key == key);
        let is_ended = |posted: &Posted| is_over(&posted.told, now) && !is_raised(posted.alert.key);
        let ended: Vec<_> = self.0.values().filter(|posted| is_ended(posted)).cloned().collect();
        self.0.retain(|_, posted| !is_ended(posted));
        let states = ended.into_iter().filter(|posted| posted.alert.key.is_state());
        states.map(|posted| News { posted, is_over: true }).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::alerts::Severity;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn alert(key: AlertKey, severity: Severity) -> Alert {
        let text = String::from;
        Alert { key, severity, title: text("t"), number: text("n"), threshold: text("h"), done: text("d") }
    }

    fn told(news: &[News]) -> Vec<(AlertKey, bool)> {
        news.iter().map(|one| (one.posted.alert.key, one.is_over)).collect()
    }

    #[test]
    fn a_state_is_said_when_it_begins_and_when_it_is_over() {
        let mut board = Board::default();
        for minute in 0..5 {
            let news = board.take(vec![alert(AlertKey::ErrorRate, Severity::P1)], at(minute));
            assert_eq!(news.len(), usize::from(minute == 0));
        }
        assert!(board.take(vec![], at(13)).is_empty());
        assert_eq!(told(&board.take(vec![], at(14))), [(AlertKey::ErrorRate, true)]);
        assert_eq!(board, Board::default());
    }

    #[test]
    fn what_only_happened_is_said_once_and_forgotten() {
        let mut board = Board::default();
        assert_eq!(board.take(vec![alert(AlertKey::GuardActed, Severity::P1)], at(0)).len(), 1);
        assert!(board.take(vec![], at(60)).is_empty());
        assert_eq!(board, Board::default());
    }

    #[test]
    fn while_all_is_well_nothing_changes() {
        let mut board = Board::default();
        assert!(board.take(vec![], at(0)).is_empty());
        assert_eq!(board, Board::default());
    }

    #[test]
    fn it_reads_back_from_its_record() {
        let mut board = Board::default();
        board.take(vec![alert(AlertKey::Budget, Severity::P2), alert(AlertKey::Ramp, Severity::P2)], at(0));
        let text = serde_json::to_string(&board).unwrap();
        assert_eq!(serde_json::from_str::<Board>(&text).unwrap(), board);
    }
}
