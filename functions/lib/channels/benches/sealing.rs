//! Benchmark of encryption against the cryptography that it cannot avoid.
//!
//! Measures a ready request for a 200-byte payload: cached VAPID signature, headers, URL and encryption. The
//! comparison is bare `ring`, written here without the library: key generation, ECDH, HKDF and AES-GCM. Rounds
//! alternate, so that other load on the machine affects both alike. A round is shorter than a scheduler's time slice,
//! so that the median round was not interrupted.
//!
//! Run it with `cargo bench -p channels --bench sealing`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use channels::push::{PushContent, PushMessage, VapidCache, VapidKey, VapidSubject, sealed_request};
use domain::channel::push::{ExtraOrigins, Subscription, Topic};
use domain::notification::{PushOptions, Urgency};
use jiff::Timestamp;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

const ROUNDS: usize = 1_000;
/// Number of rounds with `SHORT` in the environment: enough to show that the benchmark runs.
const SHORT_ROUNDS: usize = 10;
const MESSAGES_PER_ROUND: u32 = 10;
const PAYLOAD_BYTES: usize = 200;
const RATIO_TARGET: f64 = 0.95;

fn main() {
    let (subscription, message, vapid) = (subscription(), message(), vapid());
    assert_eq!(message.payload().expose().len(), PAYLOAD_BYTES);
    let is_short = std::env::var("SHORT").is_ok_and(|value| !value.is_empty());
    let rounds = if is_short { SHORT_ROUNDS } else { ROUNDS };
    let now = Timestamp::now();
    let sealed = || {
        let authorization = vapid.authorization(&subscription.endpoint, now).unwrap();
        black_box(sealed_request(&subscription, &message, authorization).unwrap());
    };
    let floor = || {
        black_box(bare(subscription.keys.p256dh(), subscription.keys.auth(), message.payload().expose()));
    };
    let _warm = (round(&sealed), round(&floor));
    let (mut sealed_micros, mut floor_micros): (Vec<f64>, Vec<f64>) =
        (0..rounds).map(|_| (round(&sealed), round(&floor))).unzip();
    let (sealed_micros, floor_micros) = (median(&mut sealed_micros), median(&mut floor_micros));
    println!("sealed request   {sealed_micros:8.2} us  {:9.0} messages/s", 1e6 / sealed_micros);
    println!("ring floor       {floor_micros:8.2} us  {:9.0} messages/s", 1e6 / floor_micros);
    println!("floor / sealed   {:8.3}     (target at least {RATIO_TARGET})", floor_micros / sealed_micros);
}

/// Returns the microseconds of one call.
fn round(seal: &impl Fn()) -> f64 {
    let started = Instant::now();
    for _ in 0..MESSAGES_PER_ROUND {
        seal();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(MESSAGES_PER_ROUND)
}

fn median(micros: &mut [f64]) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// Runs the cryptography of RFC 8291 alone, without headers and request.
fn bare(receiver: &[u8; 65], auth: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let sender = EphemeralPrivateKey::generate(&ECDH_P256, &random).unwrap();
    let public = sender.compute_public_key().unwrap();
    let (mut salt, mut material, mut key, mut nonce) = ([0; 16], [0; 32], [0; 16], [0; 12]);
    random.fill(&mut salt).unwrap();
    agree_ephemeral(sender, &UnparsedPublicKey::new(&ECDH_P256, receiver), |shared| {
        let info = [b"WebPush: info\0".as_slice(), receiver, public.as_ref()];
        Salt::new(HKDF_SHA256, auth).extract(shared).expand(&info, Bytes(32)).unwrap().fill(&mut material).unwrap();
    })
    .unwrap();
    let content = Salt::new(HKDF_SHA256, &salt).extract(&material);
    content.expand(&[b"Content-Encoding: aes128gcm\0"], Bytes(16)).unwrap().fill(&mut key).unwrap();
    content.expand(&[b"Content-Encoding: nonce\0"], Bytes(12)).unwrap().fill(&mut nonce).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
    let mut sealed = Vec::with_capacity(plaintext.len() + 17);
    sealed.extend_from_slice(plaintext);
    sealed.push(2);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap();
    sealed
}

fn subscription() -> Subscription {
    let endpoint =
        "https://fcm.googleapis.com/fcm/send/eKClHsXFm9E:APA91bH2x3gNOMv4dF1lQfCgIfOet8EngqKCAUS5DncLOd5hzfSUxcjigI";
    let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    Subscription::parse(endpoint, p256dh, "BTBZMqHH6r4Tts7J_aSIgg", &ExtraOrigins::default()).unwrap()
}

/// Creates a message whose JSON has exactly [`PAYLOAD_BYTES`].
fn message() -> PushMessage {
    let message = |body: String| {
        let content = PushContent {
            notification_id: "ntf_0123456789".to_owned(),
            title: "Invoice 7 is due".to_owned().into(),
            body: body.into(),
            url: None,
            icon: None,
            data: None,
            options: PushOptions::default(),
            receipt: None,
        };
        PushMessage::new(content, 3_600, Urgency::Normal, Topic::of_caller("invoice-7")).unwrap()
    };
    let around = message(String::new()).payload().expose().len();
    message("x".repeat(PAYLOAD_BYTES - around))
}

fn vapid() -> VapidCache {
    let key = VapidKey::parse("IQ9Ur0ykXoHS9gzfYX0aBjy9lvdrjx_PFUXmie9YRcY").unwrap();
    VapidCache::new(key, VapidSubject::parse("mailto:push@example.com").unwrap())
}
