//! Decisions about a running campaign: its end, a pause of its own, and the winner of its test phase.

use campaign::{
    Campaign, CampaignDefinition, CampaignTotals, GuardCounts, Launch, OutcomeCounts, PauseReason, PeopleTally,
    ReleaseInput, TaskRelease, finished_step, guard_violation, last_moment, pick_winner,
};
use jiff::Timestamp;

use super::variants::{Variants, test_results};

/// Returns `true` while a notification of the campaign has not ended. The tally has the first attempts, and the metrics
/// have the notifications that ended since.
pub fn is_open(tally: &PeopleTally, variants: &Variants) -> bool {
    let ended = |figures: &metrics::figures::Notifications| {
        figures.closed + figures.cancelled + figures.skipped.values().sum::<i64>()
    };
    let ended = u64::try_from(variants.values().map(ended).sum::<i64>()).unwrap_or(0);
    tally.waiting + tally.held > 0 && ended < tally.with_notification()
}

/// Returns how the notifications of all variants ended.
pub fn outcome_counts(variants: &Variants) -> OutcomeCounts {
    let mut outcome_counts = OutcomeCounts::default();
    for figures in variants.values() {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        outcome_counts.closed += count(figures.closed);
        outcome_counts.failed += count(figures.not_reached());
        outcome_counts.reached += count(figures.reached());
        outcome_counts.complained += count(figures.complained);
        outcome_counts.opted_out += count(figures.opted_out);
        outcome_counts.delivered += count(figures.delivered);
        outcome_counts.clicked += count(figures.clicked);
        outcome_counts.converted += count(figures.converted);
    }
    outcome_counts
}

/// Returns the position of the winner with its explanation, once the time of the test phase is over and every person of
/// it has a result.
pub fn winner(
    definition: &CampaignDefinition,
    launch: &Launch,
    totals: &CampaignTotals,
    variants: &Variants,
    now: Timestamp,
) -> Option<(usize, String)> {
    let test = definition.test.filter(|test| launch.awaits_winner(Some(test)))?;
    let is_over = launch.slots.get(1).is_some_and(|at| *at <= now);
    // No task of the second slot is released before.
    let is_done = totals.tasks_done >= launch.segments;
    (is_over && is_done).then(|| pick_winner(test.metric, &test_results(launch, test.metric, variants)))
}

/// Returns the reason for which a running campaign must pause itself, with an explanation. A pause stops nothing once
/// every task is done and no message is open.
pub fn must_pause(
    definition: &CampaignDefinition,
    launch: &Launch,
    totals: &CampaignTotals,
    (counts, is_open): (GuardCounts, bool),
    now: Timestamp,
) -> Option<(PauseReason, String)> {
    if totals.is_complete() && !is_open {
        return None;
    }
    if let Some(violation) = guard_violation(&definition.guards, counts) {
        return Some((PauseReason::Guard, violation));
    }
    if totals.is_complete() {
        return None;
    }
    too_late(definition, launch, now).map(|detail| (PauseReason::TooLate, detail))
}

/// Returns the position of a step that is over and whose people did not meet the criteria, with the explanation.
pub fn criteria_violation(
    definition: &CampaignDefinition,
    campaign: &Campaign,
    input: ReleaseInput<'_>,
    release: &TaskRelease,
    counts: &GuardCounts,
    now: Timestamp,
) -> Option<(usize, String)> {
    let step = finished_step(input, release, now).filter(|step| campaign.failed_step != Some(*step))?;
    let violation = definition.criteria.violation(input.steps.get(step)?, counts, definition.guards.min_people)?;
    Some((step, violation))
}

/// Returns the explanation if no further person may be sent to.
pub fn too_late(definition: &CampaignDefinition, launch: &Launch, now: Timestamp) -> Option<String> {
    if let Some(not_after) = definition.not_after.filter(|not_after| now > *not_after) {
        return Some(format!("not_after, {not_after}, has passed"));
    }
    (now > last_moment(launch.at)).then(|| "the launch is more than 13 days ago".to_owned())
}
