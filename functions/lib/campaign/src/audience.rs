//! Audience of a campaign: a segment, a filter or a list of recipients, and the people who are excluded.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use platform::problem::FieldError;
use segments::{Filter, SegmentId};

/// A segment or a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// The people of a segment.
    Segment(SegmentId),
    /// The people that a filter matches.
    Filter(Filter),
}

/// Audience of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum AudienceKind {
    /// People of the table.
    Selection(Selection),
    /// Recipients by their ids.
    Recipients(RecipientList),
}

/// List of recipients. Their keys are stored beside the campaign; their ids are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientList {
    /// Hash of the list, under which its keys are stored.
    pub list: String,
    /// Number of recipients.
    pub count: u32,
}

/// End of a notification, with its name in the request `retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum OutcomeName {
    /// A provider accepted a message.
    Sent,
    /// An attempt waits for its time.
    Waiting,
    /// A gate holds the notification.
    Held,
    /// No provider accepted a message.
    Failed,
    /// A gate skipped the notification.
    Skipped,
    /// The campaign sent nothing to the person.
    Holdout,
    /// The person was erased.
    Erased,
}

/// Part of a list of recipients that a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListShare {
    /// Part of the list, as it is stored.
    pub part: u32,
    /// Number of the share of this part, from 0.
    pub share: u32,
    /// Number of shares of each part.
    pub shares: u32,
}

impl RecipientList {
    /// Returns the number of stored parts.
    #[must_use]
    pub fn parts(&self, people_per_part: u32) -> u32 {
        self.count.div_ceil(people_per_part.max(1)).max(1)
    }

    /// Returns the number of tasks, at least `least`. Each part has the same number.
    #[must_use]
    pub fn tasks(&self, people_per_part: u32, least: u32) -> u32 {
        let parts = self.parts(people_per_part);
        parts.saturating_mul(least.div_ceil(parts).max(1))
    }

    /// Returns the share of this task, of `tasks` in all.
    #[must_use]
    pub fn share_of(&self, task: u32, tasks: u32, people_per_part: u32) -> ListShare {
        let shares = (tasks / self.parts(people_per_part)).max(1);
        ListShare { part: task / shares, share: task % shares, shares }
    }
}

impl ListShare {
    /// Returns those entries of the part that belong to the share.
    pub fn of<T>(self, part: Vec<T>) -> Vec<T> {
        let is_of_share = |(place, _): &(u32, T)| place % self.shares == self.share;
        (0..).zip(part).filter(is_of_share).map(|(_, one)| one).collect()
    }
}

impl Selection {
    /// Reads the fields `segment` and `filter`, of which exactly one is given.
    pub(crate) fn read(
        segment: Option<&str>,
        filter: Option<&Value>,
        prefix: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Self> {
        match (segment, filter) {
            (Some(id), None) => match SegmentId::parse(id) {
                Some(id) => Some(Self::Segment(id)),
                None => {
                    errors.push(FieldError::new(format!("{prefix}segment"), SegmentId::FORMAT));
                    None
                }
            },
            (None, Some(filter)) => match Filter::parse(filter, &format!("{prefix}filter")) {
                Ok(filter) => Some(Self::Filter(filter)),
                Err(found) => {
                    errors.extend(found);
                    None
                }
            },
            _ => {
                let message = "must be given, or a filter instead of it";
                errors.push(FieldError::new(format!("{prefix}segment"), message));
                None
            }
        }
    }
}

impl OutcomeName {
    /// All names.
    pub const ALL: [Self; 7] =
        [Self::Sent, Self::Waiting, Self::Held, Self::Failed, Self::Skipped, Self::Holdout, Self::Erased];

    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the outcome with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the length of the list: each entry belongs to one task, and no task is larger than its share.
        #[test]
        fn tasks_divide_a_list(count in 1..2_000_u32, least in prop::sample::select(vec![1_u32, 100])) {
            let list = RecipientList { list: String::new(), count };
            let tasks = list.tasks(100, least);
            prop_assert!(tasks >= least && tasks < count.div_ceil(100) + least, "{}", tasks);
            let mut found = Vec::new();
            for task in 0..tasks {
                let share = list.share_of(task, tasks, 100);
                let part: Vec<_> = (share.part * 100..count.min(share.part * 100 + 100)).collect();
                let of_task = share.of(part);
                prop_assert!(of_task.len() <= 100_usize.div_ceil(share.shares as usize));
                found.extend(of_task);
            }
            prop_assert_eq!(found.len(), count as usize);
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), count as usize);
        }
    }
}
