#![allow(clippy::unwrap_used)]

use jiff::ToSpan;

use super::super::tests::verified_claims;
use super::*;
use domain::channel::push::ExtraOrigins;

// Key pair from web-push's own documentation.
const PRIVATE_KEY: &str = "IQ9Ur0ykXoHS9gzfYX0aBjy9lvdrjx_PFUXmie9YRcY";
const PUBLIC_KEY: &str = "BMjQIp55pdbU8pfCBKyXcZjlmER_mXt5LqNrN1hrXbdBS5EnhIbMu3Au-RV53iIpztzNXkGI56BFB1udQ8Bq_H4";

fn cache() -> VapidCache {
    let subject = VapidSubject::parse("mailto:push@example.com").unwrap();
    VapidCache::new(VapidKey::parse(PRIVATE_KEY).unwrap(), subject)
}

fn endpoint(url: &str) -> PushEndpoint {
    PushEndpoint::parse(url, &ExtraOrigins::parse("http://127.0.0.1:18082").unwrap()).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

#[test]
fn the_public_key_follows_from_the_private_one() {
    let key = VapidKey::parse(PRIVATE_KEY).unwrap();
    assert_eq!(key.public_key(), PUBLIC_KEY);
    assert_eq!(VapidKey::parse(&format!("{PRIVATE_KEY}=\n")).unwrap().public_key(), PUBLIC_KEY);
}

#[test]
fn what_is_no_private_key_is_refused_and_never_shown() {
    let order = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    for bad in [
        "",
        "!",
        "AAAA",
        &PRIVATE_KEY[1..],
        &BASE64URL.encode([7; 31]),
        &BASE64URL.encode([7; 33]),
        &BASE64URL.encode([0; 32]),
        order,
    ] {
        assert_eq!(VapidKey::parse(bad).err(), Some(VapidError::Key), "{bad:?}");
    }
    assert!(!format!("{:?}", cache()).contains(PRIVATE_KEY));
}

#[test]
fn a_subject_is_an_address_or_a_page_that_others_can_reach() {
    for good in ["mailto:push@example.com", "https://example.com", "https://push.example.com/contact?x=1"] {
        assert!(VapidSubject::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "push@example.com",
        "mailto:",
        "mailto:@example.com",
        "mailto:push",
        "mailto:push@localhost",
        "mailto: push@example.com",
        "mailto:<push@example.com>",
        "http://example.com",
        "Https://example.com",
        "https://localhost",
        "https://localhost:8080/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://",
        "example.com",
    ] {
        assert_eq!(VapidSubject::parse(bad), Err(VapidError::Subject), "{bad}");
    }
}

#[test]
fn the_token_is_for_the_exact_origin_for_twelve_hours_and_from_us() {
    for (url, origin) in [
        ("https://fcm.googleapis.com/fcm/send/x", "https://fcm.googleapis.com"),
        ("https://fcm.googleapis.com:443/fcm/send/x", "https://fcm.googleapis.com"),
        ("http://127.0.0.1:18082/push/x", "http://127.0.0.1:18082"),
    ] {
        let header = cache().authorization(&endpoint(url), now()).unwrap();
        let claims = verified_claims(header.to_str().unwrap(), PUBLIC_KEY);
        assert_eq!(claims["aud"], origin);
        assert_eq!(claims["sub"], "mailto:push@example.com");
        assert_eq!(claims["exp"], now().as_second() + 12 * 3_600);
        assert!(header.is_sensitive());
    }
}

#[test]
fn one_signature_serves_an_origin_until_an_hour_before_it_ends() {
    let cache = cache();
    let at = |url, now| cache.authorization(&endpoint(url), now).unwrap();
    let first = at("https://fcm.googleapis.com/fcm/send/x", now());
    for later in [0.minutes(), 1.minute(), 659.minutes()] {
        assert_eq!(at("https://fcm.googleapis.com/fcm/send/y", now() + later), first);
    }
    assert_ne!(at("https://web.push.apple.com/x", now()), first);
    let renewed = at("https://fcm.googleapis.com/fcm/send/x", now() + 660.minutes());
    assert_ne!(renewed, first);
    let claims = verified_claims(renewed.to_str().unwrap(), PUBLIC_KEY);
    assert_eq!(claims["exp"], now().as_second() + 23 * 3_600);
}

#[test]
fn a_clock_that_was_set_back_gets_its_own_signature() {
    let cache = cache();
    let endpoint = endpoint("https://fcm.googleapis.com/fcm/send/x");
    let ahead = cache.authorization(&endpoint, now() + 48.hours()).unwrap();
    let right = cache.authorization(&endpoint, now()).unwrap();
    assert_ne!(ahead, right);
    assert_eq!(verified_claims(right.to_str().unwrap(), PUBLIC_KEY)["exp"], now().as_second() + 12 * 3_600);
}

#[test]
fn the_cache_does_not_grow_without_end() {
    let cache = cache();
    for host in 0..2 * MOST_ORIGINS {
        cache.authorization(&endpoint(&format!("https://h{host}.push.apple.com/x")), now()).unwrap();
        assert!(cache.signed.lock().unwrap().len() <= MOST_ORIGINS);
    }
}
