//! Facts about a notification after it was sent: receipts, clicks and providers' reports. They arrive late, twice or
//! out of order.
//!
//! Of repeated facts, the earliest time is kept. [`Notification::recompute_status`] recomputes the status from all
//! facts each time, so the order of arrival does not matter.
//!
//! [`Notification::recompute_status`]: crate::notification::Notification::recompute_status

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FailureReason;
use crate::channel::Channel;

/// Facts from receipts, clicks and providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Engagement {
    /// Reports on each channel.
    pub reports: Reports,
    /// Time at which the recipient opened the message.
    pub opened_at: Option<Timestamp>,
    /// Time at which the recipient clicked the message.
    pub clicked_at: Option<Timestamp>,
    /// Time at which the recipient dismissed the message.
    pub dismissed_at: Option<Timestamp>,
    /// Time of the conversion.
    pub converted_at: Option<Timestamp>,
    /// Value of the conversion in micro-euro, as the page reported it.
    pub conversion_value_micros: Option<i64>,
    /// Number of facts that were stored while a function held the lease. The lease holder's next write has this number
    /// as a condition, so neither write overwrites the other.
    pub noted: u32,
}

impl Engagement {
    /// Returns time and channel of the earliest proof of delivery.
    ///
    /// The recipient's own action counts, whatever the provider reports. If a provider reports both a delivery and a
    /// failure, the failure counts, except if [`FailureReason::yields_to_delivery`] holds. A mailbox may accept a
    /// message and return it later.
    #[must_use]
    pub fn delivered(&self) -> Option<(Timestamp, Channel)> {
        let on = |channel: Channel| Some((self.reports.on(channel).proof()?, channel));
        Channel::ALL.into_iter().filter_map(on).chain(self.reports.seen).min()
    }

    /// Returns `true` if there is proof of delivery.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivered().is_some()
    }
}

/// Facts from the recipient's side, and each provider's report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reports {
    /// Time and channel of the first action of the recipient or the device that shows the message arrived.
    #[serde(with = "millis_on", skip_serializing_if = "Option::is_none")]
    pub seen: Option<(Timestamp, Channel)>,
    /// Time at which the recipient opted out by a link of this message.
    #[serde(rename = "o", with = "millis", skip_serializing_if = "Option::is_none")]
    pub opted_out_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "ProviderReport::is_empty")]
    push: ProviderReport,
    #[serde(skip_serializing_if = "ProviderReport::is_empty")]
    email: ProviderReport,
    #[serde(skip_serializing_if = "ProviderReport::is_empty")]
    sms: ProviderReport,
}

impl Reports {
    /// Returns the report on one channel.
    #[must_use]
    pub const fn on(&self, channel: Channel) -> &ProviderReport {
        match channel {
            Channel::Push => &self.push,
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    /// Returns the report on one channel, for changes.
    pub const fn on_mut(&mut self, channel: Channel) -> &mut ProviderReport {
        match channel {
            Channel::Push => &mut self.push,
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }

    /// Builds reports without any report of a provider.
    #[must_use]
    pub fn of_the_person(seen: Option<(Timestamp, Channel)>) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Returns `true` if the recipient complained about the message.
    #[must_use]
    pub fn is_complaint(&self) -> bool {
        let complains =
            |report: &ProviderReport| [report.failed, report.noted].contains(&Some(FailureReason::Complaint));
        Channel::ALL.into_iter().any(|channel| complains(self.on(channel)))
    }

    /// Adds an action of the recipient or the device; the earliest is kept.
    pub fn see(&mut self, at: Timestamp, channel: Channel) {
        let seen = (at, channel);
        self.seen = Some(self.seen.map_or(seen, |known| known.min(seen)));
    }
}

/// Provider's report on a message that it had accepted. The stored field names are short because the size of a
/// notification determines the cost of each write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderReport {
    /// Time at which the provider delivered the message, as it reported.
    #[serde(rename = "c", with = "millis", skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// Reason why the provider did not deliver the message, or why the message bounced.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailureReason>,
    /// Reported finding that has no effect on the status.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub noted: Option<FailureReason>,
}

impl ProviderReport {
    /// Returns the time of delivery, if there is no failure that counts.
    #[must_use]
    pub fn proof(&self) -> Option<Timestamp> {
        self.confirmed_at.filter(|_| self.failure().is_none())
    }

    /// Returns the failure that counts. A reported delivery outweighs some failures
    /// ([`FailureReason::yields_to_delivery`]).
    #[must_use]
    pub fn failure(&self) -> Option<FailureReason> {
        self.failed.filter(|why| self.confirmed_at.is_none() || !why.yields_to_delivery())
    }

    /// Returns the reported failure that the delivery outweighs.
    #[must_use]
    pub fn outweighed(&self) -> Option<FailureReason> {
        self.failed.filter(|_| self.failure().is_none())
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Keeps the earlier of two times.
pub fn earliest(known: &mut Option<Timestamp>, at: Timestamp) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}

/// Serializes a time as milliseconds since the epoch.
mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // the signature that serde requires
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millisecond).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let millis = Option::<i64>::deserialize(deserializer)?;
        let time = |millis| Timestamp::from_millisecond(millis).map_err(|_| de::Error::custom("no time"));
        millis.map(time).transpose()
    }
}

/// Serializes a time with a channel: `[1764000000000, "push"]`.
mod millis_on {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::channel::Channel;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // the signature that serde requires
    pub fn serialize<S: Serializer>(seen: &Option<(Timestamp, Channel)>, serializer: S) -> Result<S::Ok, S::Error> {
        seen.map(|(at, channel)| (at.as_millisecond(), channel)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(Timestamp, Channel)>, D::Error> {
        let seen = Option::<(i64, Channel)>::deserialize(deserializer)?;
        let time = |millis| Timestamp::from_millisecond(millis).map_err(|_| de::Error::custom("no time"));
        seen.map(|(millis, channel)| Ok((time(millis)?, channel))).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    #[test]
    fn a_confirmed_mail_is_stored_in_under_40_bytes() {
        let mut reports = Reports::default();
        reports.on_mut(Channel::Email).confirmed_at = Some(at(0));
        let text = serde_json::to_string(&reports).unwrap();
        assert_eq!(text, r#"{"email":{"c":1764000000000}}"#);
        assert_eq!(serde_json::from_str::<Reports>(&text).unwrap(), reports);
    }

    #[test]
    fn what_the_person_showed_reads_back_beside_it() {
        let mut reports = Reports { seen: Some((at(1), Channel::Push)), ..Reports::default() };
        reports.on_mut(Channel::Sms).failed = Some(FailureReason::Unreachable);
        let text = serde_json::to_string(&reports).unwrap();
        assert_eq!(text, r#"{"seen":[1764000001000,"push"],"sms":{"f":"unreachable"}}"#);
        assert_eq!(serde_json::from_str::<Reports>(&text).unwrap(), reports);
    }

    #[test]
    fn the_persons_word_goes_before_a_bounce_and_a_bounce_before_a_delivery() {
        let mut facts = Engagement::default();
        facts.reports.on_mut(Channel::Email).confirmed_at = Some(at(5));
        assert_eq!(facts.delivered(), Some((at(5), Channel::Email)));
        facts.reports.on_mut(Channel::Email).failed = Some(FailureReason::MailboxUnknown);
        assert_eq!(facts.delivered(), None);
        facts.reports.see(at(9), Channel::Email);
        assert_eq!(facts.delivered(), Some((at(9), Channel::Email)));
    }

    #[test]
    fn the_channel_that_reached_the_person_first_is_the_one() {
        let mut facts = Engagement::default();
        facts.reports.see(at(9), Channel::Push);
        facts.reports.see(at(7), Channel::Sms);
        facts.reports.see(at(8), Channel::Push);
        assert_eq!(facts.delivered(), Some((at(7), Channel::Sms)));
        facts.reports.on_mut(Channel::Email).confirmed_at = Some(at(7));
        assert_eq!(facts.delivered(), Some((at(7), Channel::Email)));
    }
}
