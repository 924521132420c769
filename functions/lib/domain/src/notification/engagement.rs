//! What became of a notification on the person's side: facts that arrive after it was sent, late, twice or out of order.
//!
//! Each fact only grows: of what is told twice the earliest time stays. What follows from them all is worked out anew each
//! time ([`crate::notification::hindsight`]), so it does not matter in which order they came.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::channel::Channel;

/// Facts from receipts, clicks and providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Engagement {
    /// What was told of each channel.
    pub reports: Reports,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was clicked.
    pub clicked_at: Option<Timestamp>,
    /// When it was put away unread.
    pub dismissed_at: Option<Timestamp>,
    /// When it did what it was sent for.
    pub converted_at: Option<Timestamp>,
    /// What that was worth, in micro-euro, as the page said it.
    pub conversion_value_micros: Option<i64>,
    /// How often something was noted while a function held the notification: what that function's next write asks for, so
    /// that neither loses what the other knows.
    pub noted: u32,
}

impl Engagement {
    /// When and on which channel it reached the person: of all that is confirmed, the one that is said to have been the first.
    /// Whoever opens a message has it, whatever its provider says; of a provider's own two words the bad one counts, since a
    /// mailbox may take a message and send it back later.
    #[must_use]
    pub fn delivered(&self) -> Option<(Timestamp, Channel)> {
        let on = |channel: Channel| Some((self.reports.on(channel).proof()?, channel));
        Channel::ALL.into_iter().filter_map(on).chain(self.reports.seen).min()
    }

    /// Whether somebody confirmed that it arrived.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivered().is_some()
    }
}

/// What the person's side showed, and what each provider told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reports {
    /// When, and on which channel, the person or their device first showed that it is there.
    #[serde(with = "millis_on", skip_serializing_if = "Option::is_none")]
    pub seen: Option<(Timestamp, Channel)>,
    #[serde(skip_serializing_if = "Report::is_empty")]
    push: Report,
    #[serde(skip_serializing_if = "Report::is_empty")]
    email: Report,
    #[serde(skip_serializing_if = "Report::is_empty")]
    sms: Report,
}

impl Reports {
    /// What was told of one channel.
    #[must_use]
    pub const fn on(&self, channel: Channel) -> &Report {
        match channel {
            Channel::Push => &self.push,
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    /// The same, to add to it.
    pub const fn on_mut(&mut self, channel: Channel) -> &mut Report {
        match channel {
            Channel::Push => &mut self.push,
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }

    /// That no provider told of anything.
    #[must_use]
    pub fn of_the_person(seen: Option<(Timestamp, Channel)>) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Adds that the person's side showed it.
    pub fn see(&mut self, at: Timestamp, channel: Channel) {
        let seen = (at, channel);
        self.seen = Some(self.seen.map_or(seen, |known| known.min(seen)));
    }
}

/// What a provider told of a message that it had taken. The field names are short because every write of a notification pays
/// for its whole size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// When the provider said that it was handed over.
    #[serde(rename = "c", with = "millis", skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// Why the provider said that it will not be handed over, or came back.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    pub failed: Option<Finding>,
    /// What the provider said that decides nothing.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub noted: Option<Finding>,
}

impl Report {
    /// When it was handed over, unless it came back.
    #[must_use]
    pub fn proof(&self) -> Option<Timestamp> {
        self.confirmed_at.filter(|_| self.failure().is_none())
    }

    /// Why it did not arrive, as far as both of the provider's words show.
    #[must_use]
    pub fn failure(&self) -> Option<Finding> {
        self.failed.filter(|why| self.confirmed_at.is_none() || !why.yields_to_delivery())
    }

    /// Returns the reported failure that the delivery outweighs.
    #[must_use]
    pub fn outweighed(&self) -> Option<Finding> {
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

/// Times as milliseconds since the epoch.
mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // the shape serde asks for
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millisecond).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let millis = Option::<i64>::deserialize(deserializer)?;
        let time = |millis| Timestamp::from_millisecond(millis).map_err(|_| de::Error::custom("no time"));
        millis.map(time).transpose()
    }
}

/// The same with a channel: `[1764000000000, "push"]`.
mod millis_on {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::channel::Channel;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // the shape serde asks for
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
        reports.on_mut(Channel::Sms).failed = Some(Finding::Unreachable);
        let text = serde_json::to_string(&reports).unwrap();
        assert_eq!(text, r#"{"seen":[1764000001000,"push"],"sms":{"f":"unreachable"}}"#);
        assert_eq!(serde_json::from_str::<Reports>(&text).unwrap(), reports);
    }

    #[test]
    fn the_persons_word_goes_before_a_bounce_and_a_bounce_before_a_delivery() {
        let mut facts = Engagement::default();
        facts.reports.on_mut(Channel::Email).confirmed_at = Some(at(5));
        assert_eq!(facts.delivered(), Some((at(5), Channel::Email)));
        facts.reports.on_mut(Channel::Email).failed = Some(Finding::MailboxUnknown);
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
