//! Browser's push subscription: the endpoint and the keys.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::endpoint::{EndpointError, PushEndpoint};
use super::keys::{SubscriptionKeyError, SubscriptionKeys};
use super::origins::ExtraOrigins;

/// Device that can receive pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// URL to which messages are sent.
    pub endpoint: PushEndpoint,
    /// Keys for the encryption of messages.
    pub keys: SubscriptionKeys,
    /// Expiry set by the browser, in milliseconds since 1970. Most browsers set none.
    pub expires_at_ms: Option<i64>,
}

/// Error in a subscription, for a response with status 422: the JSON path of the field, and the requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct SubscriptionError {
    /// `endpoint`, `keys.p256dh` or `keys.auth`; `old_endpoint` from [`BrowserSubscription::replaced`].
    pub field: &'static str,
    /// Requirement; it follows the field's name in a sentence and never repeats the value.
    pub message: Cow<'static, str>,
}

impl Subscription {
    /// Parses the three texts of a subscription, from a browser or from the table.
    ///
    /// # Errors
    ///
    /// Returns the first field that is wrong.
    pub fn parse(endpoint: &str, p256dh: &str, auth: &str, extra: &ExtraOrigins) -> Result<Self, SubscriptionError> {
        let endpoint = PushEndpoint::parse(endpoint, extra).map_err(|problem| match problem {
            EndpointError::UnknownHost => {
                let message = format!("must be at a known push service: {}", extra.hosts().all());
                SubscriptionError { field: "endpoint", message: message.into() }
            }
            other => other.into(),
        })?;
        let keys = SubscriptionKeys::parse(p256dh, auth)?;
        Ok(Self { endpoint, keys, expires_at_ms: None })
    }
}

/// Result of `JSON.stringify(subscription)` in a browser (W3C Push API, `PushSubscriptionJSON`), and `old_endpoint`.
/// Values are not checked yet. Browsers define the structure and may add members; those are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserSubscription {
    endpoint: String,
    expiration_time: Option<f64>,
    keys: BrowserKeys,
    /// Endpoint that this subscription replaces.
    #[serde(rename = "old_endpoint", default)]
    old_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct BrowserKeys {
    p256dh: String,
    auth: String,
}

impl BrowserSubscription {
    /// Parses every part of the subscription.
    ///
    /// # Errors
    ///
    /// Returns the first field that is wrong.
    pub fn parse(&self, extra: &ExtraOrigins) -> Result<Subscription, SubscriptionError> {
        let subscription = Subscription::parse(&self.endpoint, &self.keys.p256dh, &self.keys.auth, extra)?;
        // JavaScript numbers may have a fraction. A value beyond the largest `Timestamp` is set to the largest one.
        #[allow(clippy::cast_possible_truncation)]
        let expires_at_ms = self.expiration_time.map(|ms| (ms as i64).min(Timestamp::MAX.as_second() * 1_000));
        Ok(Subscription { expires_at_ms, ..subscription })
    }

    /// Returns the normalized URL of the endpoint that this subscription replaces, if it names one. Devices are
    /// stored under this form. A text that is no endpoint belongs to no device, and gives `None`.
    #[must_use]
    pub fn replaced(&self) -> Option<String> {
        PushEndpoint::normalized(self.old_endpoint.as_deref()?).ok()
    }
}

impl From<EndpointError> for SubscriptionError {
    fn from(problem: EndpointError) -> Self {
        let message = match problem {
            EndpointError::TooLong => "must be at most 2,048 bytes",
            EndpointError::NotAUrl => "must be a URL",
            EndpointError::NoScheme => "must begin with https://",
            EndpointError::NotHttps => "must be https",
            EndpointError::UserInfo => "must have no user name",
            EndpointError::Fragment => "must have no fragment",
            EndpointError::Port => "must use port 443",
            EndpointError::AddressLiteral => "must name a host, not an IP address",
            EndpointError::UnknownHost => "must be at a known push service",
        };
        Self { field: "endpoint", message: message.into() }
    }
}

impl From<SubscriptionKeyError> for SubscriptionError {
    fn from(problem: SubscriptionKeyError) -> Self {
        match problem {
            SubscriptionKeyError::P256dh => {
                Self { field: "keys.p256dh", message: "must be an uncompressed P-256 point in base64url".into() }
            }
            SubscriptionKeyError::Auth => Self { field: "keys.auth", message: "must be 16 bytes in base64url".into() },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    fn written_by_a_browser() -> Value {
        json!({
            "endpoint": "https://fcm.googleapis.com/fcm/send/secret",
            "expirationTime": null,
            "keys": {
                "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "auth": "BTBZMqHH6r4Tts7J_aSIgg"
            }
        })
    }

    fn read(value: Value) -> Result<Subscription, SubscriptionError> {
        let written: BrowserSubscription = serde_json::from_value(value).unwrap();
        written.parse(&ExtraOrigins::default())
    }

    #[test]
    fn what_a_browser_writes_is_read_with_its_expiry_if_any() {
        assert_eq!(read(written_by_a_browser()).unwrap().expires_at_ms, None);
        let mut with_expiry = written_by_a_browser();
        with_expiry["expirationTime"] = json!(1_800_000_000_000_u64);
        assert_eq!(read(with_expiry).unwrap().expires_at_ms, Some(1_800_000_000_000));
        let mut without = written_by_a_browser();
        without.as_object_mut().unwrap().remove("expirationTime");
        assert!(read(without).is_ok());
    }

    #[test]
    fn what_storage_gives_back_is_the_same_subscription() {
        let first = read(written_by_a_browser()).unwrap();
        let (p256dh, auth) = (first.keys.p256dh_base64url(), first.keys.auth_base64url());
        let again = Subscription::parse(first.endpoint.as_url(), &p256dh, &auth, &ExtraOrigins::default());
        assert_eq!(again, Ok(first));
    }

    #[test]
    fn the_field_that_is_wrong_is_named_without_its_value() {
        for (path, value, field) in [
            ("/endpoint", "http://fcm.googleapis.com/secret", "endpoint"),
            ("/endpoint", "fcm.googleapis.com/secret", "endpoint"),
            ("/keys/p256dh", "secret", "keys.p256dh"),
            ("/keys/auth", "secret", "keys.auth"),
        ] {
            let mut written = written_by_a_browser();
            *written.pointer_mut(path).unwrap() = json!(value);
            let problem = read(written).unwrap_err();
            assert_eq!(problem.field, field);
            assert!(problem.message.starts_with("must ") && !problem.to_string().contains("secret"));
        }
    }

    #[test]
    fn what_a_browser_adds_is_ignored() {
        let mut written = written_by_a_browser();
        written["contentEncoding"] = json!("aes128gcm");
        written["options"] = json!({"userVisibleOnly": true, "applicationServerKey": [4, 1]});
        written["expirationTime"] = json!(1_900_000_000_000.0);
        written["keys"]["x25519"] = json!(null);
        let expected = Subscription { expires_at_ms: Some(1_900_000_000_000), ..read(written_by_a_browser()).unwrap() };
        assert_eq!(read(written), Ok(expected));
    }

    #[test]
    fn an_expiry_beyond_all_times_is_a_late_one() {
        for ms in [json!(8_640_000_000_000_000_u64), json!(1e300)] {
            let mut written = written_by_a_browser();
            written["expirationTime"] = ms;
            let expires_at_ms = read(written).unwrap().expires_at_ms.unwrap();
            assert!(Timestamp::from_millisecond(expires_at_ms).is_ok_and(|at| at > Timestamp::UNIX_EPOCH));
        }
    }

    #[test]
    fn keys_in_standard_base64_are_the_same_keys() {
        let mut written = written_by_a_browser();
        for (key, padding) in [("p256dh", "="), ("auth", "==")] {
            let standard = written["keys"][key].as_str().unwrap().replace('-', "+").replace('_', "/") + padding;
            written["keys"][key] = json!(standard);
        }
        assert_eq!(read(written), read(written_by_a_browser()));
    }

    #[test]
    fn a_host_that_is_not_allowed_is_answered_with_those_that_are() {
        let mut written = written_by_a_browser();
        written["endpoint"] = json!("https://secret.example.com/secret");
        let hosts = crate::channel::push::ExtraHosts::parse("*.up.example.org").unwrap();
        let written: BrowserSubscription = serde_json::from_value(written).unwrap();
        let problem = written.parse(&ExtraOrigins::default().with_hosts(hosts)).unwrap_err();
        for host in crate::channel::push::PUSH_HOSTS.into_iter().chain(["*.up.example.org"]) {
            assert!(problem.message.contains(host), "{host}: {problem}");
        }
        assert!(!problem.message.contains("secret"));
    }

    #[test]
    fn the_endpoint_that_it_replaces_is_read_in_its_spelling_and_may_be_absent() {
        let replaced = |old: Value| {
            let mut written = written_by_a_browser();
            written["old_endpoint"] = old;
            serde_json::from_value::<BrowserSubscription>(written).unwrap().replaced()
        };
        assert_eq!(replaced(json!(null)), None);
        assert_eq!(replaced(json!("https://Gone.Example.com:443/x")), Some("https://gone.example.com/x".to_owned()));
        for wrong in ["", "secret", "https://secret@fcm.googleapis.com/x"] {
            assert_eq!(replaced(json!(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn debug_shows_neither_token_nor_keys() {
        let shown = format!("{:?}", read(written_by_a_browser()).unwrap());
        assert!(
            shown.contains("fcm.googleapis.com") && !shown.contains("secret") && !shown.contains("BCVx"),
            "{shown}"
        );
    }
}
