//! Recipients whom paid messages may reach. [`domain::budget`] limits the cost.

use std::collections::BTreeSet;

use serde::Serialize;

use domain::channel::country::CountryCode;
use domain::channel::{Channel, PhoneNumber};
use domain::recipient::Recipient;
use domain::rollout::Version;
use domain::settings::SmsSettings;

/// Reason why a recipient cannot be reached on a channel, as `explain` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreachableReason {
    /// No device is registered.
    NoDevice,
    /// The profile has no address for the channel.
    NoAddress,
    /// The profile opts out of the channel.
    OptedOutChannel,
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

/// Returns the obstacle between a channel and this recipient. Of several, returns the one that the caller can remove
/// first.
#[must_use]
pub fn unreachable_reason(
    channel: Channel,
    recipient: Option<&Recipient>,
    version: Version,
    sms: &SmsSettings,
    home_country: CountryCode,
) -> Option<UnreachableReason> {
    let Some(recipient) = recipient else { return Some(UnreachableReason::UnknownRecipient) };
    if version == Version::V1 && channel != Channel::Push {
        return Some(UnreachableReason::Version1);
    }
    let missing = match channel {
        Channel::Push => recipient.devices.is_empty().then_some(UnreachableReason::NoDevice),
        Channel::Email => recipient.email.is_none().then_some(UnreachableReason::NoAddress),
        Channel::Sms => recipient.phone.is_none().then_some(UnreachableReason::NoAddress),
    };
    let opted_out = || (!recipient.preferences.wants_channel(channel)).then_some(UnreachableReason::OptedOutChannel);
    let suppressed = || recipient.suppressed.contains(&channel).then_some(UnreachableReason::Suppressed);
    let phone = || recipient.phone.as_ref().filter(|_| channel == Channel::Sms);
    missing.or_else(opted_out).or_else(suppressed).or_else(|| phone_fault(phone()?, sms, home_country))
}

fn phone_fault(phone: &PhoneNumber, sms: &SmsSettings, home_country: CountryCode) -> Option<UnreachableReason> {
    if phone.check_mobile().is_err() {
        return Some(UnreachableReason::InvalidNumber);
    }
    let allowed = |country: &str| match &sms.allowed_countries {
        Some(countries) => countries.iter().any(|allowed| allowed.as_str() == country),
        None => home_country.as_str() == country,
    };
    (!phone.country().is_some_and(allowed)).then_some(UnreachableReason::CountryNotAllowed)
}

/// Returns the channels that cannot reach this recipient: SMS, if the phone is not a mobile or its country is not
/// allowed.
#[must_use]
pub fn unreachable_channels(
    recipient: Option<&Recipient>,
    sms: &SmsSettings,
    home_country: CountryCode,
) -> BTreeSet<Channel> {
    let phone = recipient.and_then(|recipient| recipient.phone.as_ref());
    let obstacle = phone.and_then(|phone| phone_fault(phone, sms, home_country));
    obstacle.map(|_| Channel::Sms).into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::recipient::sample::with_everything;

    #[test]
    fn each_obstacle_has_its_name_and_the_callers_own_faults_come_first() {
        let home = CountryCode::parse("IT").unwrap();
        let because = |channel, version, change: &dyn Fn(&mut Recipient)| {
            let mut recipient = with_everything(1);
            change(&mut recipient);
            let found = unreachable_reason(channel, Some(&recipient), version, &SmsSettings::default(), home);
            let impossible = unreachable_channels(Some(&recipient), &SmsSettings::default(), home);
            if channel == Channel::Sms && version == Version::V2 {
                let open = recipient.reachable_on(channel) && !impossible.contains(&channel);
                assert_eq!(found.is_none(), open, "explain and the gates agree");
            }
            serde_json::json!(found)
        };
        let phone = |number: &'static str| move |one: &mut Recipient| one.phone = PhoneNumber::parse(number).ok();
        let suppress = |channel| move |one: &mut Recipient| _ = one.suppressed.insert(channel);
        let opt_out = |channel| move |one: &mut Recipient| _ = one.preferences.opted_out_channels.insert(channel);
        let both = |one: &mut Recipient| {
            opt_out(Channel::Sms)(one);
            phone("+999123456789")(one);
        };
        let (push, email, sms) = (Channel::Push, Channel::Email, Channel::Sms);
        type Change<'a> = &'a dyn Fn(&mut Recipient);
        let table: [(Channel, Version, Change<'_>, Option<&str>); 14] = [
            (push, Version::V2, &|_| {}, None),
            (email, Version::V2, &|_| {}, None),
            (sms, Version::V2, &|_| {}, None),
            (push, Version::V1, &|_| {}, None),
            (sms, Version::V1, &|_| {}, Some("version_1")),
            (push, Version::V2, &|one| one.devices.clear(), Some("no_device")),
            (email, Version::V2, &|one| one.email = None, Some("no_address")),
            (sms, Version::V2, &|one| one.phone = None, Some("no_address")),
            (email, Version::V2, &suppress(email), Some("suppressed")),
            (push, Version::V2, &opt_out(push), Some("opted_out_channel")),
            (sms, Version::V2, &phone("+4915112345678"), Some("country_not_allowed")),
            (sms, Version::V2, &phone("+881612345678"), Some("country_not_allowed")),
            (sms, Version::V2, &phone("+39800123456"), Some("invalid_number")),
            (sms, Version::V2, &both, Some("opted_out_channel")),
        ];
        for (channel, version, change, why) in table {
            assert_eq!(because(channel, version, change), serde_json::json!(why), "{channel} {version:?}");
        }
        let unknown = unreachable_reason(push, None, Version::V2, &SmsSettings::default(), home);
        assert_eq!(unknown, Some(UnreachableReason::UnknownRecipient));
    }
}
