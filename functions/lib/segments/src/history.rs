//! Outcomes of a recipient's notifications of earlier campaigns.

use std::collections::BTreeMap;

use domain::CampaignId;
use domain::notification::{Notification, Status};
use jiff::Timestamp;

/// Maximum number of campaigns that a filter names, with all segments that it names. Each costs a read for each person.
pub const MAX_CAMPAIGNS: usize = 5;

/// Times of the launches of campaigns that a filter names. The id of a notification depends on them.
pub type CampaignLaunches = BTreeMap<CampaignId, Timestamp>;

/// Fact about the notification of a campaign. Several may hold at once: who clicked was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignFact {
    /// A provider accepted a message.
    Sent,
    /// A device or a provider confirmed it.
    Delivered,
    /// The recipient opened its link.
    Clicked,
    /// The page behind the link reported a conversion.
    Converted,
    /// No provider accepted a message, or it came back.
    Failed,
    /// Nothing was sent, for a reason.
    Skipped,
}

/// Facts about the notifications of one recipient, by campaign. A campaign that has none for the recipient is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignHistory(BTreeMap<CampaignId, Vec<CampaignFact>>);

impl CampaignFact {
    const ALL: [Self; 6] = [Self::Sent, Self::Delivered, Self::Clicked, Self::Converted, Self::Failed, Self::Skipped];
    /// Names of all facts, as a problem lists them.
    pub(crate) const NAMES: [&'static str; 6] = ["sent", "delivered", "clicked", "converted", "failed", "skipped"];

    /// Returns the name in a filter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Clicked => "clicked",
            Self::Converted => "converted",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Returns the fact with this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.as_str() == name)
    }

    /// Returns `true` if the fact holds for a notification.
    fn holds_for(self, notification: &Notification) -> bool {
        let (status, engagement) = (notification.status(), notification.engagement());
        match self {
            Self::Sent => matches!(status, Status::Accepted | Status::Delivered),
            Self::Delivered => status == Status::Delivered,
            Self::Clicked => engagement.clicked_at.is_some(),
            Self::Converted => engagement.converted_at.is_some(),
            Self::Failed => matches!(status, Status::Failed | Status::Expired | Status::Uncertain),
            Self::Skipped => matches!(status, Status::Skipped | Status::Cancelled),
        }
    }
}

impl CampaignHistory {
    /// Adds the notification of a campaign.
    pub fn add(&mut self, campaign: &CampaignId, notification: &Notification) {
        let facts = CampaignFact::ALL.into_iter().filter(|fact| fact.holds_for(notification)).collect();
        self.0.insert(campaign.clone(), facts);
    }

    /// Returns the facts about the notification of a campaign; `None` if there is no notification.
    pub(crate) fn facts(&self, campaign: &CampaignId) -> Option<&[CampaignFact]> {
        self.0.get(campaign).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        assert_eq!(CampaignFact::ALL.map(CampaignFact::as_str), CampaignFact::NAMES);
        assert_eq!(CampaignFact::parse("skipped"), Some(CampaignFact::Skipped));
        assert_eq!(CampaignFact::parse("opened"), None);
    }
}
