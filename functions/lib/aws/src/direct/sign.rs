//! Signs direct calls with AWS Signature Version 4. All calls have the same form, and the key of a day is derived once,
//! so a signature takes a sixth of the time of the general library. The tests compare it with that library.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use ring::hmac;

use super::CallError;

const SERVICE: &str = "dynamodb";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Credentials and region of the signatures.
pub(super) struct Signer {
    credentials: Credentials,
    region: String,
    /// Day and its key.
    key: Mutex<Option<(String, hmac::Key)>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) const fn new(credentials: Credentials, region: String) -> Self {
        Self { credentials, region, key: Mutex::new(None) }
    }

    /// Adds the headers of a signature to those of a POST, which are the content type and the target.
    pub(super) fn sign(&self, headers: &mut HeaderMap, uri: &Uri, body: &[u8], at: Timestamp) -> Result<(), CallError> {
        let moment = at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = moment.get(..8).unwrap_or_default();
        let token = self.credentials.session_token();
        let text = |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (Some(kind), Some(target)) = (text(headers.get(CONTENT_TYPE)), text(headers.get(TARGET))) else {
            return Err(CallError::unbuilt("a header is missing"));
        };
        let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let mut canonical = format!("POST\n{}\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{moment}\n", uri.path());
        if let Some(token) = token {
            // Writing to a text cannot fail.
            _ = writeln!(canonical, "x-amz-security-token:{token}");
        }
        let signed = match token {
            Some(_) => "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            None => "content-type;host;x-amz-date;x-amz-target",
        };
        _ = write!(canonical, "x-amz-target:{target}\n\n{signed}\n");
        push_hex(&mut canonical, digest(&SHA256, body).as_ref());
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let mut to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n");
        push_hex(&mut to_sign, digest(&SHA256, canonical.as_bytes()).as_ref());
        let mut authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature=",
            self.credentials.access_key_id()
        );
        push_hex(&mut authorization, hmac::sign(&self.key_of(day), to_sign.as_bytes()).as_ref());
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| CallError::unbuilt("a header is not valid"));
        headers.insert(DATE, value(&moment)?);
        headers.insert(AUTHORIZATION, value(&authorization)?);
        if let Some(token) = token {
            headers.insert(TOKEN, value(token)?);
        }
        Ok(())
    }

    /// Returns the key of a day: a chain of HMACs over the day, the region, the service and a constant.
    fn key_of(&self, day: &str) -> hmac::Key {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.as_ref().filter(|(known, _)| known == day) {
            return key.clone();
        }
        let secret = format!("AWS4{}", self.credentials.secret_access_key());
        let first = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let parts = [day, &self.region, SERVICE, "aws4_request"];
        let key = parts
            .iter()
            .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()));
        *known = Some((day.to_owned(), key.clone()));
        key
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::SystemTime;

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use proptest::prelude::*;

    use super::*;

    const URIS: [&str; 4] = [
        "https://dynamodb.eu-south-1.amazonaws.com/",
        "http://127.0.0.1:4566/",
        "https://dynamodb.cn-north-1.amazonaws.com.cn/",
        "http://localhost:8000/",
    ];

    fn headers(target: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert(TARGET, HeaderValue::from_str(target).unwrap());
        headers
    }

    /// Returns the header `authorization` that the library of the SDK computes.
    fn expected(
        credentials: &Credentials,
        region: &str,
        uri: &str,
        target: &str,
        body: &[u8],
        at: Timestamp,
    ) -> String {
        let identity = credentials.clone().into();
        let params = SigningParams::builder().identity(&identity).region(region).name(SERVICE);
        let params = params.time(SystemTime::from(at)).settings(SigningSettings::default()).build().unwrap().into();
        let headers = headers(target);
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let request = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
    }

    proptest! {
        #[test]
        fn a_signature_is_that_of_the_library(
            body in prop::collection::vec(any::<u8>(), 0..200),
            seconds in prop::collection::vec(0_i64..4_000_000_000, 1..4),
            target in "[A-Za-z]{1,12}_[0-9]{8}\\.[A-Za-z]{1,20}",
            (id, secret, token) in ("[A-Z0-9]{4,20}", "[A-Za-z0-9/+]{4,40}", prop::option::of("[A-Za-z0-9/+=]{4,80}")),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            uri in prop::sample::select(&URIS[..]),
        ) {
            let credentials = Credentials::new(id, secret, token, None, "test");
            let signer = Signer::new(credentials.clone(), region.clone());
            // The same signer over several days.
            for second in seconds {
                let at = Timestamp::from_second(second).unwrap();
                let mut signed = headers(&target);
                signer.sign(&mut signed, &uri.parse().unwrap(), &body, at).unwrap();
                let expected = expected(&credentials, &region, uri, &target, &body, at);
                prop_assert_eq!(signed[AUTHORIZATION].to_str().unwrap(), expected);
                prop_assert_eq!(signed.contains_key(TOKEN), credentials.session_token().is_some());
            }
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let signer = Signer::new(Credentials::new("id", "a-secret", None, None, "test"), "eu-south-1".to_owned());
        assert!(!format!("{signer:?}").contains("a-secret"));
    }
}
