//! Selection of the due notifications that a sweep resumes, and their order.

use jiff::Timestamp;

use domain::notification::NotificationId;
use store::{DUE_SHARDS, DueNotification};

/// Returns the waiting time of the notification that came due first, given the first one of each shard.
pub(super) fn waited_ms<'a>(firsts: impl Iterator<Item = &'a DueNotification>, now: Timestamp) -> i64 {
    firsts.map(|one| now.as_millisecond() - one.at.as_millisecond()).max().unwrap_or(0).max(0)
}

/// Selects up to `limit` ids, urgent ones first and those of campaigns last.
///
/// Within a class, ids are taken from each shard in turn. So a long shard does not starve the others.
pub(super) fn interleave_by_urgency(shards: Vec<Vec<NotificationId>>, limit: usize) -> Vec<NotificationId> {
    let per_class = usize::try_from(DUE_SHARDS).unwrap_or(1);
    let (urgent, others) = shards.split_at(per_class.min(shards.len()));
    let (normal, bulk) = others.split_at(per_class.min(others.len()));
    let mut chosen = Vec::new();
    for class in [urgent, normal, bulk] {
        let longest = class.iter().map(Vec::len).max().unwrap_or(0);
        let in_turn = (0..longest).flat_map(|position| class.iter().filter_map(move |shard| shard.get(position)));
        chosen.extend(in_turn.take(limit - chosen.len()).cloned());
    }
    chosen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::notification::sample;
    use store::due_shards;

    fn ids(how_many: usize) -> Vec<NotificationId> {
        (0..how_many).map(|_| sample("DEFAULT", Timestamp::UNIX_EPOCH).id().clone()).collect()
    }

    #[test]
    fn the_urgent_come_first_and_no_shard_starves() {
        let mut shards: Vec<_> = (0..16).map(|_| Vec::new()).collect();
        (shards[1], shards[8], shards[15]) = (ids(2), ids(50), ids(3));
        let chosen = interleave_by_urgency(shards.clone(), 8);
        assert_eq!(chosen[..2], shards[1][..]);
        assert_eq!(chosen.iter().filter(|id| shards[15].contains(id)).count(), 3);
        assert_eq!(chosen.len(), 8);
        assert_eq!(interleave_by_urgency(shards, 100).len(), 55);
    }

    #[test]
    fn campaigns_come_after_all_others_and_none_of_their_shards_starves() {
        let mut shards: Vec<_> = due_shards().map(|_| Vec::new()).collect();
        assert_eq!(due_shards().skip(16).filter(|shard| shard.starts_with("bulk#")).count(), 16);
        (shards[7], shards[8], shards[16], shards[31]) = (ids(2), ids(3), ids(50), ids(50));
        let chosen = interleave_by_urgency(shards.clone(), 25);
        assert_eq!(chosen[..5], [shards[7].as_slice(), &shards[8]].concat());
        assert_eq!(chosen.iter().filter(|id| shards[31].contains(id)).count(), 10);
    }

    #[test]
    fn the_oldest_is_the_one_that_came_due_first_of_any_shard() {
        let now = Timestamp::from_second(1_000).unwrap();
        let due = |second| DueNotification { id: ids(1).remove(0), at: Timestamp::from_second(second).unwrap() };
        let firsts = [due(990), due(400), due(1_000)];
        assert_eq!((waited_ms(firsts.iter(), now), waited_ms([].iter(), now)), (600_000, 0));
    }
}
