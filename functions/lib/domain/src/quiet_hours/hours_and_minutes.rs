//! Time of day as `HH:MM`, the format of HTML forms.

use jiff::civil::Time;
use serde::{Deserialize, Deserializer, Serializer, de};

pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:02}:{:02}", time.hour(), time.minute()))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom("must be a time of day as HH:MM, from 00:00 to 23:59"))
}

fn parse(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    Time::new(two_digits(hours)?, two_digits(minutes)?, 0, 0).ok()
}

fn two_digits(text: &str) -> Option<i8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
