//! HTTP request of an encrypted message, up to but not including the sending.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use web_push::request_builder::build_request;
use web_push::{ContentEncoding, WebPushMessage, WebPushPayload};

use super::message::PushMessage;
use domain::channel::push::Subscription;
use domain::notification::Urgency;

/// Reason why a request could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The subscription's keys or the message cannot be encrypted, or no random bytes were available.
    #[error("sealing failed: {0}")]
    Seal(#[from] ece::Error),
    /// A header of the message cannot be written.
    #[error("a header cannot be written")]
    Header,
}

/// Builds the request that carries `message` to one device, with the header `authorization` (from
/// [`VapidCache::authorization`](super::VapidCache::authorization)).
///
/// # Errors
///
/// [`SealError`]. A parsed subscription and message give none unless the system has no random bytes.
pub fn sealed_request(
    subscription: &Subscription,
    message: &PushMessage,
    authorization: HeaderValue,
) -> Result<Request<Full<Bytes>>, SealError> {
    let keys = &subscription.keys;
    let body = ece::encrypt(keys.p256dh(), keys.auth(), message.payload().expose())?;
    let (mut headers, body) = named_headers(message, body)?;
    headers.insert(AUTHORIZATION, authorization);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = subscription.endpoint.uri().clone();
    *request.headers_mut() = headers;
    Ok(request)
}

/// Returns the headers as `web-push` names them.
///
/// That crate uses an older version of `http`, so the headers are copied. The URL is not taken from the crate: the
/// request uses the parsed endpoint.
fn named_headers(message: &PushMessage, body: Vec<u8>) -> Result<(HeaderMap, Vec<u8>), SealError> {
    let sealed =
        WebPushPayload { content: body, crypto_headers: Vec::new(), content_encoding: ContentEncoding::Aes128Gcm };
    let (parts, body) = build_request::<Vec<u8>>(WebPushMessage {
        endpoint: Default::default(),
        ttl: message.ttl_seconds(),
        urgency: Some(urgency(message.urgency())),
        topic: Some(message.topic().as_str().to_owned()),
        payload: Some(sealed),
    })
    .into_parts();
    let mut headers = HeaderMap::with_capacity(parts.headers.len() + 1);
    for (name, value) in &parts.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| SealError::Header)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| SealError::Header)?;
        headers.insert(name, value);
    }
    Ok((headers, body))
}

/// Converts the urgency into the library's type.
const fn urgency(urgency: Urgency) -> web_push::Urgency {
    match urgency {
        Urgency::VeryLow => web_push::Urgency::VeryLow,
        Urgency::Low => web_push::Urgency::Low,
        Urgency::Normal => web_push::Urgency::Normal,
        Urgency::High => web_push::Urgency::High,
    }
}
