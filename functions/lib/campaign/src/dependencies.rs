//! Budgets and providers on which a running campaign depends. The reconciler pauses the campaign if a budget is spent,
//! or if a provider has not responded for long. Otherwise people would be skipped, or would get their messages late.

use jiff::{SignedDuration, Timestamp};
use platform::counted_noun::counted_noun;

use crate::state::PauseReason;
use crate::tally::PeopleTally;
use crate::task::CampaignTask;
use domain::breaker::{Breaker, Host};
use domain::budget::Ceiling;
use domain::channel::Channel;

/// Time for which a circuit breaker must be open.
const MIN_BREAKER_OPEN_TIME: SignedDuration = SignedDuration::from_mins(10);
/// Share of people for whom a later attempt is due, in percent of those that were attempted.
const WAITING_PERCENT: u64 = 20;

/// Facts about the budgets and providers that a campaign depends on.
#[derive(Debug, Clone, Copy)]
pub struct DependencyFacts<'a> {
    /// Channels of the campaign's type.
    pub channels: &'a [Channel],
    /// Circuit breakers that are not closed, or were not for a while.
    pub breakers: &'a [(Host, Breaker)],
    /// Start of the current run. A resume overrules earlier findings.
    pub runs_since: Timestamp,
    /// Minimum number of people for a comparison of shares.
    pub min_people: u64,
}

/// Returns the first ceiling that is spent for all recipients. `excluded` are the ceilings that excluded channels of a
/// notification.
#[must_use]
pub fn spent_for_all_people(excluded: impl IntoIterator<Item = Ceiling>) -> Option<Ceiling> {
    let is_shared = |ceiling: &Ceiling| ceiling.period().is_some() && *ceiling != Ceiling::SmsRecipient;
    excluded.into_iter().find(is_shared)
}

/// Returns `true` if people wait for a later attempt, so that the breakers matter.
#[must_use]
pub const fn needs_breakers(tally: &PeopleTally) -> bool {
    tally.waiting > 0
}

/// Returns the reason for which a campaign must pause, with an explanation for its operators.
#[must_use]
pub fn dependency_failure<'a>(
    dependencies: DependencyFacts<'_>,
    tally: &PeopleTally,
    tasks: impl IntoIterator<Item = &'a CampaignTask>,
    now: Timestamp,
) -> Option<(PauseReason, String)> {
    let spent = tasks.into_iter().filter_map(|task| task.spent).filter(|spent| spent.at >= dependencies.runs_since);
    if let Some(spent) = spent.max_by_key(|spent| spent.at) {
        return Some((PauseReason::Budget, format!("the budget {} is spent", spent.ceiling.as_str())));
    }
    let attempted = tally.sent + tally.waiting + tally.failed;
    if attempted < dependencies.min_people.max(1) || tally.waiting * 100 < attempted * WAITING_PERCENT {
        return None;
    }
    let stuck = dependencies.breakers.iter().filter(|(host, _)| dependencies.channels.contains(&host.channel));
    let (host, minutes) =
        stuck.filter_map(|(host, breaker)| Some((host, open_for(breaker, dependencies, now)?))).next()?;
    let minutes = counted_noun(minutes, "minute", "minutes");
    let people = counted_noun(attempted, "person waits", "people wait");
    let detail =
        format!("the circuit breaker of {host} has been open for {minutes}, and {} of {people}", tally.waiting);
    Some((PauseReason::Provider, detail))
}

/// Returns the number of minutes for which a breaker has been open while the campaign runs, if the campaign must pause
/// for it.
fn open_for(breaker: &Breaker, dependencies: DependencyFacts<'_>, now: Timestamp) -> Option<i64> {
    let opened_at = Timestamp::from_millisecond(breaker.opened_at_ms?).ok()?;
    let open = now.duration_since(opened_at.max(dependencies.runs_since));
    (open >= MIN_BREAKER_OPEN_TIME).then(|| open.as_mins())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::task::SpentBudget;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const CHANNELS: [Channel; 1] = [Channel::Push];

    fn dependencies(breakers: &[(Host, Breaker)], runs_since: i64) -> DependencyFacts<'_> {
        DependencyFacts { channels: &CHANNELS, breakers, runs_since: at(runs_since), min_people: 10 }
    }

    #[test]
    fn a_budget_that_a_worker_found_spent_pauses_the_campaign_until_it_is_resumed() {
        let spent =
            CampaignTask { spent: Some(SpentBudget { ceiling: Ceiling::Day, at: at(50) }), ..CampaignTask::default() };
        let failure =
            |runs_since| dependency_failure(dependencies(&[], runs_since), &PeopleTally::default(), [&spent], at(60));
        assert_eq!(failure(0), Some((PauseReason::Budget, "the budget day is spent".to_owned())));
        assert_eq!(failure(51), None, "an operator resumed it since");
        assert_eq!(spent_for_all_people([Ceiling::SmsRecipient, Ceiling::Message]), None, "of one person alone");
        assert_eq!(spent_for_all_people([Ceiling::Message, Ceiling::TypeDay]), Some(Ceiling::TypeDay));
        let stored = serde_json::to_value(&spent).unwrap();
        assert_eq!(serde_json::from_value::<CampaignTask>(stored).unwrap(), spent);
    }

    #[test]
    fn a_breaker_that_stands_open_for_ten_minutes_pauses_a_campaign_whose_people_wait() {
        let open = |channel: Host, second: i64| {
            (channel, Breaker { opened_at_ms: Some(second * 1_000), ..Breaker::default() })
        };
        let push = [open(Host::push("fcm.googleapis.com"), 100)];
        let waiting = |waiting: u64| PeopleTally { sent: 100 - waiting, waiting, ..PeopleTally::default() };
        let failure = |breakers: &[(Host, Breaker)], tally: &PeopleTally, runs_since, second| {
            dependency_failure(dependencies(breakers, runs_since), tally, [], at(second))
        };
        let found = failure(&push, &waiting(30), 0, 700).unwrap();
        let detail =
            "the circuit breaker of push at fcm.googleapis.com has been open for 10 minutes, and 30 of 100 people wait";
        assert_eq!(found, (PauseReason::Provider, detail.to_owned()));
        let one = PeopleTally { waiting: 1, ..PeopleTally::default() };
        let of_one = dependency_failure(DependencyFacts { min_people: 1, ..dependencies(&push, 0) }, &one, [], at(700));
        assert!(of_one.unwrap().1.ends_with("and 1 of 1 person waits"), "the noun and its verb");
        assert_eq!(failure(&push, &waiting(30), 0, 699), None, "not for long");
        assert_eq!(failure(&push, &waiting(30), 200, 700), None, "an operator resumed it since");
        assert_eq!(failure(&push, &waiting(19), 0, 700), None, "few people wait");
        assert_eq!(
            failure(&[open(Host::paid(Channel::Email), 0)], &waiting(30), 0, 700),
            None,
            "a channel of other types"
        );
        assert_eq!(failure(&[(Host::push("a"), Breaker::default())], &waiting(30), 0, 700), None, "it is closed");
    }
}
