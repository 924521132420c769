//! Where paid messages may go at all. What they may cost is in [`crate::budget`].

use std::collections::BTreeSet;

use crate::channels::Channel;
use crate::country::CountryCode;
use crate::recipients::Recipient;
use crate::settings::SmsSettings;

/// Channels that can't reach this recipient whatever is tried: a phone in a country that is not allowed.
#[must_use]
pub fn impossible_channels(
    recipient: Option<&Recipient>,
    sms: &SmsSettings,
    home_country: CountryCode,
) -> BTreeSet<Channel> {
    let phone = recipient.and_then(|recipient| recipient.phone.as_ref());
    let allowed = |country: &str| match &sms.allowed_countries {
        Some(countries) => countries.iter().any(|allowed| allowed.as_str() == country),
        None => home_country.as_str() == country,
    };
    match phone {
        Some(phone) if !phone.country().is_some_and(allowed) => BTreeSet::from([Channel::Sms]),
        _ => BTreeSet::new(),
    }
}
