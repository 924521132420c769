//! `rollout-percentage`: read exactly, or not at all. Junk never means 100.

use delivery::config::ParameterTexts;
use delivery::config::parameter_snapshot::ParsedConfig;
use domain::rollout::{Percentage, VersionKey};
use store::ParameterText;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let plain = text.trim_ascii();
    let read = text.parse::<Percentage>();
    assert_eq!(read.is_ok(), is_percentage(plain), "{text:?}");
    assert_eq!(read == Ok(Percentage::HUNDRED), matches!(plain, "100" | "100.0" | "100.00"), "{text:?}");
    assert_eq!(read == Ok(Percentage::ZERO), matches!(plain, "0" | "0.0" | "0.00"), "{text:?}");
    if let Ok(percentage) = read {
        assert_eq!(percentage.to_string().parse(), Ok(percentage));
        assert_eq!(f64::from(percentage.hundredths()), (plain.parse::<f64>().unwrap() * 100.0).round());
    }
    check_config(text, read.ok());
}

/// Checks the percentage in force: the valid parameter, else the last known good one, else 0.
fn check_config(text: &str, read: Option<Percentage>) {
    let texts = |percentage: &str| ParameterTexts { percentage: stored(percentage), ..ParameterTexts::default() };
    let mut fresh = ParsedConfig::default();
    fresh.take(texts(text), false);
    assert_eq!(fresh.snapshot().rollout.percentage, read.unwrap_or(Percentage::ZERO));
    let mut known = ParsedConfig::default();
    known.take(texts("12.5"), false);
    known.take(texts(text), false);
    assert_eq!(known.snapshot().rollout.percentage, read.unwrap_or("12.5".parse().unwrap()));
}

/// The `AllowedPattern` of the SSM parameter, by hand: `(0|[1-9][0-9]?)(\.[0-9]{1,2})?|100(\.0{1,2})?`.
fn is_percentage(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, decimals)| (whole, Some(decimals)));
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let of_a_hundred = whole == "100" && decimals.is_none_or(|decimals| decimals.bytes().all(|b| b == b'0'));
    let below = digits(whole, 2) && (whole.len() == 1 || !whole.starts_with('0'));
    (below || of_a_hundred) && decimals.is_none_or(|decimals| digits(decimals, 2))
}

fn stored(text: &str) -> Option<ParameterText> {
    Some(ParameterText { key: VersionKey::default(), text: text.to_owned().into() })
}
