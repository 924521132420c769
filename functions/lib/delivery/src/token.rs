//! Signed tokens of links: the permitted action, its subject and its expiry, short enough for an SMS.
//!
//! ```text
//! version 1 | purpose, channel 1 | notification 32 (+ device's mark 3, or type), or recipient 16 (+ type) | expiry 4 | tag 16
//! ```
//!
//! The numbers are bytes. All is encoded in base64url without padding. The tag is HMAC-SHA-256 over everything before
//! it, cut to 128 bits (RFC 2104 section 5), under `.../link-signing-key`. A token is not secret: its holder is
//! treated as the recipient of the message.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;

use aws::secrets::{Key, LinkSigningKeys};
use domain::channel::Channel;
use domain::notification::NotificationId;
use domain::recipient::{DeviceMark, RecipientKey};

/// First byte of every token.
const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
const EXPIRY_BYTES: usize = 4;
const HEAD_BYTES: usize = 2;
/// Maximum length of a type's name in bytes: 64 characters.
const MAX_TYPE_BYTES: usize = 256;
const MAX_BYTES: usize = HEAD_BYTES + 32 + MAX_TYPE_BYTES + EXPIRY_BYTES + TAG_BYTES;

/// Length of a click's token, in characters.
pub const TOKEN_CHARS: usize = 72;

/// Action that a token permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAction {
    /// Report what became of this notification, sent on this channel.
    Receipt(NotificationId, Channel),
    /// Report what became of this notification on the device with this mark.
    DeviceReceipt(NotificationId, DeviceMark),
    /// Follow this notification's own link, sent on this channel.
    Click(NotificationId, Channel),
    /// Opt this recipient out of this type. The token names the type itself, so that it works after the notification
    /// is deleted.
    Unsubscribe(RecipientKey, String),
    /// The same from a message of a campaign, whose opt-outs are counted.
    UnsubscribeFrom(NotificationId, String),
    /// Choose what this recipient receives.
    Preferences(RecipientKey),
    /// The same from a message of a campaign, whose opt-outs are counted.
    PreferencesFrom(NotificationId),
}

/// Reason why a token permits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token was not signed by this service, or does not have a valid form.
    #[error("this token is not one of this service")]
    Invalid,
    /// The token has expired.
    #[error("this token has expired")]
    Expired,
}

/// Signs tokens with the current key, and verifies them with the current and the previous key.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    current: hmac::Key,
    previous: Option<hmac::Key>,
}

impl TokenKeys {
    /// Creates the keys from these secrets.
    #[must_use]
    pub fn new(keys: &LinkSigningKeys) -> Self {
        let key = |key: &Key| hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        Self { current: key(&keys.current), previous: keys.previous.as_ref().map(key) }
    }

    /// Creates keys whose tokens have the right form but permit nothing, to show how a message would look.
    #[must_use]
    pub fn dummy() -> Self {
        Self { current: hmac::Key::new(hmac::HMAC_SHA256, b"shown, not sent"), previous: None }
    }

    /// Signs a token for `permit` that expires after the second of `expires_at`.
    ///
    /// The same permit, expiry and key give the same token.
    #[must_use]
    pub fn sign(&self, permit: &LinkAction, expires_at: Timestamp) -> String {
        let mut bytes = permit.to_bytes();
        bytes.extend(u32::try_from(expires_at.as_second()).unwrap_or(u32::MAX).to_be_bytes());
        let tag = hmac::sign(&self.current, &bytes);
        bytes.extend(&tag.as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the action that a token permits at `now`.
    ///
    /// # Errors
    /// If this service did not sign the token, or the token has expired.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<LinkAction, TokenError> {
        if token.len() > MAX_BYTES.div_ceil(3) * 4 {
            return Err(TokenError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Invalid)?;
        let (signed, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(TokenError::Invalid)?;
        let is_ours = |key: &hmac::Key| is_tag_of(key, signed, tag);
        if !is_ours(&self.current) && !self.previous.as_ref().is_some_and(is_ours) {
            return Err(TokenError::Invalid);
        }
        let (permit, expiry) = signed.split_last_chunk::<EXPIRY_BYTES>().ok_or(TokenError::Invalid)?;
        let permit = LinkAction::from_bytes(permit).ok_or(TokenError::Invalid)?;
        if now.as_second() > i64::from(u32::from_be_bytes(*expiry)) {
            return Err(TokenError::Expired);
        }
        Ok(permit)
    }
}

/// Compares in constant time. ring compares whole tags only, so the tags of both truncated tags are compared.
fn is_tag_of(key: &hmac::Key, signed: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
    let expected = hmac::sign(key, signed);
    let given = hmac::sign(key, tag);
    hmac::verify(key, &expected.as_ref()[..TAG_BYTES], given.as_ref()).is_ok()
}

impl LinkAction {
    const RECEIPT: u8 = 1;
    const CLICK: u8 = 2;
    const UNSUBSCRIBE: u8 = 3;
    const DEVICE_RECEIPT: u8 = 4;
    const PREFERENCES: u8 = 5;
    const UNSUBSCRIBE_FROM: u8 = 6;
    const PREFERENCES_FROM: u8 = 7;

    fn to_bytes(&self) -> Vec<u8> {
        let of_notification = |purpose: u8, id: &NotificationId, channel: Channel| {
            let mut bytes = vec![VERSION, purpose << 4 | channel_number(channel)];
            bytes.extend(id.to_bytes());
            bytes
        };
        match self {
            Self::Receipt(id, channel) => of_notification(Self::RECEIPT, id, *channel),
            Self::DeviceReceipt(id, device) => {
                let mut bytes = of_notification(Self::DEVICE_RECEIPT, id, Channel::Push);
                bytes.extend(device.to_bytes());
                bytes
            }
            Self::Click(id, channel) => of_notification(Self::CLICK, id, *channel),
            Self::Unsubscribe(recipient, kind) => {
                let mut bytes = vec![VERSION, Self::UNSUBSCRIBE << 4];
                bytes.extend(recipient.to_bytes());
                bytes.extend(kind.as_bytes());
                bytes
            }
            Self::UnsubscribeFrom(id, kind) => {
                let mut bytes = vec![VERSION, Self::UNSUBSCRIBE_FROM << 4];
                bytes.extend(id.to_bytes());
                bytes.extend(kind.as_bytes());
                bytes
            }
            Self::Preferences(recipient) => {
                let mut bytes = vec![VERSION, Self::PREFERENCES << 4];
                bytes.extend(recipient.to_bytes());
                bytes
            }
            Self::PreferencesFrom(id) => {
                let mut bytes = vec![VERSION, Self::PREFERENCES_FROM << 4];
                bytes.extend(id.to_bytes());
                bytes
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[version, purpose_and_channel], subject) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (purpose, number) = (purpose_and_channel >> 4, purpose_and_channel & 0xf);
        let of_notification = || Some((NotificationId::from_bytes(subject.try_into().ok()?), channel_of(number)?));
        match (version, purpose) {
            (VERSION, Self::RECEIPT) => of_notification().map(|(id, channel)| Self::Receipt(id, channel)),
            (VERSION, Self::CLICK) => of_notification().map(|(id, channel)| Self::Click(id, channel)),
            (VERSION, Self::DEVICE_RECEIPT) => {
                let (id, device) = subject.split_last_chunk::<{ DeviceMark::BYTES }>()?;
                let id = NotificationId::from_bytes(id.try_into().ok()?);
                channel_of(number).filter(|channel| *channel == Channel::Push)?;
                Some(Self::DeviceReceipt(id, DeviceMark::from_bytes(*device)))
            }
            (VERSION, Self::UNSUBSCRIBE) => {
                let (recipient, kind) = subject.split_first_chunk::<16>()?;
                let kind = std::str::from_utf8(kind).ok()?.to_owned();
                Some(Self::Unsubscribe(RecipientKey::from_bytes(*recipient), kind))
            }
            (VERSION, Self::UNSUBSCRIBE_FROM) => {
                let (id, kind) = subject.split_first_chunk::<32>()?;
                let kind = std::str::from_utf8(kind).ok()?.to_owned();
                Some(Self::UnsubscribeFrom(NotificationId::from_bytes(*id), kind))
            }
            (VERSION, Self::PREFERENCES) => Some(Self::Preferences(RecipientKey::from_bytes(subject.try_into().ok()?))),
            (VERSION, Self::PREFERENCES_FROM) => {
                Some(Self::PreferencesFrom(NotificationId::from_bytes(subject.try_into().ok()?)))
            }
            _ => None,
        }
    }
}

fn channel_number(channel: Channel) -> u8 {
    match channel {
        Channel::Push => 1,
        Channel::Email => 2,
        Channel::Sms => 3,
    }
}

fn channel_of(number: u8) -> Option<Channel> {
    Channel::ALL.into_iter().find(|channel| channel_number(*channel) == number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::{any, proptest};

    use super::*;
    use channels::push::RECEIPT_TOKEN_CHARS;
    use domain::notification::sample;
    use platform::private::Private;

    const ENDS: i64 = 1_800_000_000;

    fn keys(current: u8, previous: Option<u8>) -> TokenKeys {
        let key = |byte| Private::new([byte; 32]);
        TokenKeys::new(&LinkSigningKeys { current: key(current), previous: previous.map(key) })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn permits() -> [LinkAction; 7] {
        let id = sample("DEFAULT", at(1_790_000_000)).id().clone();
        let recipient = id.recipient().clone();
        [
            LinkAction::Receipt(id.clone(), Channel::Push),
            LinkAction::DeviceReceipt(id.clone(), DeviceMark::of("d1")),
            LinkAction::Click(id.clone(), Channel::Email),
            LinkAction::UnsubscribeFrom(id.clone(), "NEWS".to_owned()),
            LinkAction::Unsubscribe(recipient.clone(), "PAYMENT_DUE".to_owned()),
            LinkAction::Preferences(recipient),
            LinkAction::PreferencesFrom(id),
        ]
    }

    #[test]
    fn a_token_returns_what_was_signed_until_its_last_second() {
        for permit in permits() {
            let token = keys(1, None).sign(&permit, at(ENDS));
            assert_eq!(keys(1, None).open(&token, at(ENDS)), Ok(permit));
            assert_eq!(keys(1, None).open(&token, at(ENDS + 1)), Err(TokenError::Expired));
        }
    }

    #[test]
    fn a_link_costs_an_sms_72_characters() {
        let [receipt, of_device, click, ..] = permits().map(|permit| keys(1, None).sign(&permit, at(ENDS)).len());
        assert_eq!([receipt, of_device, click], [TOKEN_CHARS, RECEIPT_TOKEN_CHARS, TOKEN_CHARS]);
    }

    #[test]
    fn both_keys_verify_while_they_rotate_and_the_old_one_no_longer_afterwards() {
        let [permit, ..] = permits();
        let old = keys(1, None).sign(&permit, at(ENDS));
        assert_eq!(keys(2, Some(1)).open(&old, at(ENDS)), Ok(permit.clone()));
        assert_eq!(keys(2, None).open(&old, at(ENDS)), Err(TokenError::Invalid));
        assert_eq!(keys(2, Some(1)).sign(&permit, at(ENDS)), keys(2, None).sign(&permit, at(ENDS)));
    }

    #[test]
    fn text_of_any_kind_is_no_token() {
        let huge = "A".repeat(1_000_000);
        for text in ["", "A", "====", "not base64!", &"A".repeat(72), &huge] {
            assert_eq!(keys(1, None).open(text, at(0)), Err(TokenError::Invalid));
        }
    }

    proptest! {
        #[test]
        fn a_token_with_any_bit_flipped_is_refused(which in 0..7usize, bit in any::<proptest::sample::Index>()) {
            let token = keys(1, Some(9)).sign(&permits()[which], at(ENDS));
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(bytes);
            assert_eq!(keys(1, Some(9)).open(&forged, at(0)), Err(TokenError::Invalid));
        }

        #[test]
        fn a_token_with_anything_added_or_cut_off_is_refused(which in 0..7usize, more in any::<String>(), cut in 1..40usize) {
            let token = keys(1, None).sign(&permits()[which], at(ENDS));
            if !more.is_empty() {
                assert_eq!(keys(1, None).open(&format!("{token}{more}"), at(0)), Err(TokenError::Invalid));
            }
            assert_eq!(keys(1, None).open(&token[..token.len() - cut], at(0)), Err(TokenError::Invalid));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            assert_eq!(keys(1, None).open(&URL_SAFE_NO_PAD.encode(bytes), at(0)), Err(TokenError::Invalid));
        }

        #[test]
        fn whatever_is_signed_and_names_nothing_is_invalid(bytes in any::<Vec<u8>>()) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
            let mut token = bytes;
            let tag = hmac::sign(&key, &token);
            token.extend(&tag.as_ref()[..TAG_BYTES]);
            let opened = keys(1, None).open(&URL_SAFE_NO_PAD.encode(&token), at(0));
            assert!(opened == Err(TokenError::Invalid) || token[0] == VERSION);
        }
    }
}
