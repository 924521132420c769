//! A sealed message as an HTTP request: everything but the sending.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use web_push::request_builder::build_request;
use web_push::{ContentEncoding, WebPushMessage, WebPushPayload};

use super::message::PushMessage;
use domain::channel::push::Subscription;
use domain::notification::Urgency;

/// Why there is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The subscription's keys or the message cannot be sealed, or randomness failed.
    #[error("sealing failed: {0}")]
    Seal(#[from] ece::Error),
    /// A header of the message cannot be written.
    #[error("a header cannot be written")]
    Header,
}

/// The request that brings `message` to one device, signed by `authorization` (from
/// [`VapidCache::authorization`](super::VapidCache::authorization)).
///
/// # Errors
///
/// [`SealError`]; parsed subscriptions and messages give none unless the system has no randomness.
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

/// The headers as `web-push` names them. It speaks an older `http`, so they are carried over; the URL stays our own,
/// which is the one that was checked.
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

/// The urgency as the library names it.
const fn urgency(urgency: Urgency) -> web_push::Urgency {
    match urgency {
        Urgency::VeryLow => web_push::Urgency::VeryLow,
        Urgency::Low => web_push::Urgency::Low,
        Urgency::Normal => web_push::Urgency::Normal,
        Urgency::High => web_push::Urgency::High,
    }
}
