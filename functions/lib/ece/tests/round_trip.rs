//! Round trip: a receiver that uses another library decrypts the messages of this crate.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use ece::{Error, MAX_PLAINTEXT_BYTES, encrypt};
use tests::browser::{Browser, SealedBodyError};
use tests::rfc8291;

const RFC_8291_RECEIVER_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const AUTH: &[u8; 16] = b"sixteen secrets!";

fn browser() -> Browser {
    Browser::new(&[0x42; 32], *AUTH)
}

#[test]
fn the_receiver_itself_follows_rfc_8291_appendix_a() {
    let browser = Browser::new(&rfc8291::decode(RFC_8291_RECEIVER_PRIVATE), rfc8291::bytes(rfc8291::AUTH_SECRET));
    assert_eq!(browser.p256dh(), rfc8291::RECEIVER_PUBLIC);
    assert_eq!(browser.auth(), rfc8291::AUTH_SECRET);
    assert_eq!(browser.open(&rfc8291::decode(rfc8291::BODY)).unwrap(), rfc8291::PLAINTEXT);
}

#[test]
fn every_length_from_nothing_to_the_limit_is_opened_again() {
    let browser = browser();
    for length in [0, 1, 15, 16, 17, 200, 3_052, 3_053, MAX_PLAINTEXT_BYTES] {
        let plaintext: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let body = encrypt(&browser.public_key(), AUTH, &plaintext).unwrap();
        assert_eq!(browser.open(&body).unwrap(), plaintext, "{length} bytes");
        assert!(body.len() <= 4_096);
    }
}

#[test]
fn the_same_text_never_gives_the_same_key_salt_or_ciphertext() {
    let browser = browser();
    let bodies = [(); 2].map(|()| encrypt(&browser.public_key(), AUTH, b"text").unwrap());
    let parts = |body: &Vec<u8>| (body[..16].to_vec(), body[21..86].to_vec(), body[86..].to_vec());
    let (first, second) = (parts(&bodies[0]), parts(&bodies[1]));
    assert!(first.0 != second.0 && first.1 != second.1 && first.2 != second.2);
}

#[test]
fn one_changed_bit_or_another_auth_secret_is_noticed() {
    let browser = browser();
    let body = encrypt(&browser.public_key(), AUTH, b"text").unwrap();
    for at in [0, 90, body.len() - 1] {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert_eq!(browser.open(&changed), Err(SealedBodyError("the tag does not match")));
    }
    let foreign = encrypt(&browser.public_key(), b"another secret!!", b"text").unwrap();
    assert_eq!(browser.open(&foreign), Err(SealedBodyError("the tag does not match")));
}

#[test]
fn a_bad_key_secret_or_length_is_named() {
    let good = browser().public_key();
    let mut off_curve = good.clone();
    off_curve[64] ^= 1;
    let mut hybrid = good.clone();
    hybrid[0] = 6;
    for key in [&[][..], &good[..64], &[good.as_slice(), &[0]].concat(), &off_curve, &hybrid, &[0; 65], &[4; 65]] {
        assert_eq!(encrypt(key, &[0; 16], b"text"), Err(Error::InvalidPublicKey));
    }
    for auth in [&[][..], &[0; 15], &[0; 17]] {
        assert_eq!(encrypt(&good, auth, b"text"), Err(Error::InvalidAuthSecret));
    }
    assert_eq!(encrypt(&good, &[0; 16], &[0; MAX_PLAINTEXT_BYTES + 1]), Err(Error::PlaintextTooLong));
}
