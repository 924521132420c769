//! Audience of a campaign: a segment, a filter or a list of recipients, and those who are left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use domain::CampaignId;
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

/// End of a notification, as `retry` names it.
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

/// An earlier campaign, of which only people who ended in certain ways are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryOf {
    /// The earlier campaign.
    pub campaign: CampaignId,
    /// Ways in which a notification of the earlier campaign ended.
    pub outcomes: Vec<OutcomeName>,
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
