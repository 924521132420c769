//! The parameter `settings`: the read values equal the written ones and are in range, and an invalid value changes
//! nothing.

use delivery::config::ParameterTexts;
use delivery::config::parameter_snapshot::ParsedConfig;
use domain::channel::country::CountryCode;
use domain::rollout::VersionKey;
use domain::settings::Settings;
use serde_json::Value;
use store::ParameterText;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let read = Settings::parse(text);
    followed(text, read.as_ref().ok());
    let Ok(settings) = read else { return };
    assert_eq!(Settings::parse(&serde_json::to_string(&settings).unwrap()), Ok(settings.clone()));
    assert!(settings.retention_days.notifications >= 1 && settings.retention_days.device_unused >= 1);
    assert!(settings.retention_days.of_notifications().as_secs() >= 86_400);
    let countries = settings.sms.allowed_countries.iter().flatten().map(CountryCode::as_str);
    assert!(countries.into_iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
    said_as_written(&serde_json::to_value(&settings).unwrap(), &serde_json::from_str(text).unwrap());
}

/// Every given value is the value in use. A whole number may be written as `2.0`.
fn said_as_written(used: &Value, given: &Value) {
    match given {
        Value::Object(given) => given.iter().for_each(|(name, value)| said_as_written(&used[name], value)),
        Value::Number(given) => assert_eq!(used.as_f64(), given.as_f64()),
        given => assert_eq!(used, given),
    }
}

fn followed(text: &str, read: Option<&Settings>) {
    let texts = |settings: &str| ParameterTexts { settings: stored(settings), ..ParameterTexts::default() };
    let good = r#"{"sms": {"max_parts": 2}}"#;
    let mut known = ParsedConfig::default();
    known.take(texts(good), true);
    known.take(texts(text), true);
    assert_eq!(*known.snapshot().settings, read.cloned().unwrap_or(Settings::parse(good).unwrap()));
}

fn stored(text: &str) -> Option<ParameterText> {
    Some(ParameterText { key: VersionKey::default(), text: text.to_owned().into() })
}
