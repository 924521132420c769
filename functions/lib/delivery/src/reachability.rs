//! Recipients whom paid messages may reach. [`domain::budget`] limits the cost.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use domain::channel::country::CountryCode;
use domain::channel::{Channel, PhoneNumber};
use domain::recipient::{ChoiceView, Recipient};
use domain::rollout::Version;
use domain::settings::SmsSettings;

/// Reason why a recipient cannot be reached on a channel, as `explain` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreachableReason {
    /// No device is registered, or the subscriptions of all devices have ended.
    NoDevice,
    /// The profile has no address for the channel.
    NoAddress,
    /// A choice refuses the channel for every type.
    OptedOutChannel,
    /// A choice refuses the notification's type on the channel.
    OptedOutTypeOnChannel,
    /// The address is suppressed.
    Suppressed,
    /// The number cannot be a mobile number of its country.
    InvalidNumber,
    /// SMS may not go to the number's country.
    CountryNotAllowed,
    /// Version 1 uses push alone.
    #[serde(rename = "version_1")]
    Version1,
    /// No recipient has this id.
    UnknownRecipient,
}

/// Returns the reason why a channel cannot reach this recipient, for whom `refusal` is the choice against the channel.
/// Of several reasons, returns the one that the caller can remove first.
#[must_use]
pub fn unreachable_reason(
    channel: Channel,
    recipient: Option<&Recipient>,
    version: Version,
    refusal: Option<&ChoiceView<'_>>,
    sms: &SmsSettings,
    home_country: CountryCode,
    now: Timestamp,
) -> Option<UnreachableReason> {
    let Some(recipient) = recipient else { return Some(UnreachableReason::UnknownRecipient) };
    if version == Version::V1 && channel != Channel::Push {
        return Some(UnreachableReason::Version1);
    }
    let missing = match channel {
        Channel::Push => (!has_live_device(recipient, now)).then_some(UnreachableReason::NoDevice),
        Channel::Email => recipient.email.is_none().then_some(UnreachableReason::NoAddress),
        Channel::Sms => recipient.phone.is_none().then_some(UnreachableReason::NoAddress),
    };
    let opted_out = || {
        refusal.map(|choice| match choice.kind {
            None => UnreachableReason::OptedOutChannel,
            Some(_) => UnreachableReason::OptedOutTypeOnChannel,
        })
    };
    let suppressed = || recipient.suppressed.contains(&channel).then_some(UnreachableReason::Suppressed);
    let phone = || recipient.phone.as_ref().filter(|_| channel == Channel::Sms);
    missing.or_else(opted_out).or_else(suppressed).or_else(|| unreachable_phone(phone()?, sms, home_country))
}

fn unreachable_phone(phone: &PhoneNumber, sms: &SmsSettings, home_country: CountryCode) -> Option<UnreachableReason> {
    if phone.check_mobile().is_err() {
        return Some(UnreachableReason::InvalidNumber);
    }
    let allowed = |country: &str| match &sms.allowed_countries {
        Some(countries) => countries.iter().any(|allowed| allowed.as_str() == country),
        None => home_country.as_str() == country,
    };
    (!phone.country().is_some_and(allowed)).then_some(UnreachableReason::CountryNotAllowed)
}

fn has_live_device(recipient: &Recipient, now: Timestamp) -> bool {
    recipient.devices.iter().any(|device| device.is_live(now))
}

/// Returns the channels that cannot reach this recipient. Push is one if no subscription is live. SMS is one if the
/// phone is not a mobile, or its country is not allowed.
#[must_use]
pub fn unreachable_channels(
    recipient: Option<&Recipient>,
    sms: &SmsSettings,
    home_country: CountryCode,
    now: Timestamp,
) -> BTreeSet<Channel> {
    let Some(recipient) = recipient else { return BTreeSet::new() };
    let unreachable = recipient.phone.as_ref().and_then(|phone| unreachable_phone(phone, sms, home_country));
    let push = (!has_live_device(recipient, now)).then_some(Channel::Push);
    push.into_iter().chain(unreachable.map(|_| Channel::Sms)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::NotificationTypes;
    use domain::recipient::sample::with_everything;
    use domain::recipient::{Choice, ChoiceAuthor, ChoiceScope};

    const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

    #[test]
    fn each_reason_has_its_name_and_those_of_the_caller_come_first() {
        let home = CountryCode::parse("IT").unwrap();
        let because = |channel, version, change: &dyn Fn(&mut Recipient)| {
            let mut recipient = with_everything(1);
            change(&mut recipient);
            let types = NotificationTypes::default();
            let kind = types.get("DEFAULT").unwrap();
            let refusal = recipient.preferences.choices.refusal_of_channel(channel, &kind.id, &kind.rules);
            let sms = SmsSettings::default();
            let found = unreachable_reason(channel, Some(&recipient), version, refusal.as_ref(), &sms, home, NOW);
            let impossible = unreachable_channels(Some(&recipient), &sms, home, NOW);
            if version == Version::V2 {
                let open = recipient.reachable_on(channel, &kind.id, &kind.rules) && !impossible.contains(&channel);
                assert_eq!(found.is_none(), open, "explain and the gates agree");
            }
            serde_json::json!(found)
        };
        let phone = |number: &'static str| move |one: &mut Recipient| one.phone = PhoneNumber::parse(number).ok();
        let suppress = |channel| move |one: &mut Recipient| _ = one.suppressed.insert(channel);
        let refuse = |one: &mut Recipient, scope| {
            one.preferences.choices.set(scope, Choice::refusal(ChoiceAuthor::Caller, Timestamp::UNIX_EPOCH));
        };
        let opt_out = |channel| move |one: &mut Recipient| refuse(one, ChoiceScope::Channel(channel));
        let cell = |one: &mut Recipient| refuse(one, ChoiceScope::Cell("DEFAULT".to_owned(), Channel::Email));
        let both = |one: &mut Recipient| {
            opt_out(Channel::Sms)(one);
            phone("+999123456789")(one);
        };
        let expire = |one: &mut Recipient| one.devices.iter_mut().for_each(|device| device.expires_at = Some(NOW));
        let (push, email, sms) = (Channel::Push, Channel::Email, Channel::Sms);
        type Change<'a> = &'a dyn Fn(&mut Recipient);
        let table: [(Channel, Version, Change<'_>, Option<&str>); 18] = [
            (push, Version::V2, &|_| {}, None),
            (email, Version::V2, &|_| {}, None),
            (sms, Version::V2, &|_| {}, None),
            (push, Version::V1, &|_| {}, None),
            (sms, Version::V1, &|_| {}, Some("version_1")),
            (push, Version::V2, &|one| one.devices.clear(), Some("no_device")),
            (push, Version::V2, &expire, Some("no_device")),
            (push, Version::V1, &expire, Some("no_device")),
            (email, Version::V2, &|one| one.email = None, Some("no_address")),
            (sms, Version::V2, &|one| one.phone = None, Some("no_address")),
            (email, Version::V2, &suppress(email), Some("suppressed")),
            (push, Version::V2, &opt_out(push), Some("opted_out_channel")),
            (email, Version::V2, &cell, Some("opted_out_type_on_channel")),
            (sms, Version::V2, &cell, None),
            (sms, Version::V2, &phone("+4915112345678"), Some("country_not_allowed")),
            (sms, Version::V2, &phone("+881612345678"), Some("country_not_allowed")),
            (sms, Version::V2, &phone("+39800123456"), Some("invalid_number")),
            (sms, Version::V2, &both, Some("opted_out_channel")),
        ];
        for (channel, version, change, why) in table {
            assert_eq!(because(channel, version, change), serde_json::json!(why), "{channel} {version:?}");
        }
        let unknown = unreachable_reason(push, None, Version::V2, None, &SmsSettings::default(), home, NOW);
        assert_eq!(unknown, Some(UnreachableReason::UnknownRecipient));
    }
}
