#![allow(clippy::unwrap_used, clippy::expect_used)]
use ring::signature::KeyPair;
use serde_json::json;

use super::*;
use crate::fake_aws;

const ALL: [SecretName; 4] =
    [SecretName::VapidPrivateKey, SecretName::VapidPublicKey, SecretName::RecipientHashKey, SecretName::LinkSigningKey];

// Key pair of the application server in RFC 8291, appendix A.
const PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
const HASH_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (format!("/push/{name}"), (*value).to_owned())).collect()
}

fn complete() -> Vec<(String, String)> {
    parameters(&[
        ("vapid-private-key", PRIVATE),
        ("vapid-public-key", PUBLIC),
        ("recipient-hash-key", HASH_KEY),
        ("link-signing-key", HASH_KEY),
    ])
}

async fn load(held: Vec<(String, String)>, which: &[SecretName]) -> Result<Secrets, SecretsError> {
    let config = fake_aws::config(move |_, asked| {
        assert_eq!(asked["WithDecryption"], true);
        let answer = fake_aws::parameters_answer(&asked, &held);
        async move { (200, answer) }
    });
    Secrets::load(&ParameterStore::new(aws_sdk_ssm::Client::new(&config)), "/push", which).await
}

/// Loads all secrets, with this one value replaced.
async fn load_with(name: &str, value: &str) -> Result<Secrets, SecretsError> {
    let mut held = complete();
    held.retain(|(other, _)| !other.ends_with(name));
    held.extend(parameters(&[(name, value)]));
    load(held, &ALL).await
}

#[tokio::test]
async fn one_call_gives_every_secret_checked_and_decoded() {
    let secrets = load(complete(), &ALL).await.unwrap();
    let expected: [u8; 32] = std::array::from_fn(|place| place as u8);
    assert_eq!(secrets.recipient_hash_key().unwrap().expose(), &expected);
    assert_eq!(secrets.link_signing_keys().unwrap().previous, None);
    let (private, public) = (secrets.vapid_private_key().unwrap(), secrets.vapid_public_key().unwrap());
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private.expose(), public, &SystemRandom::new());
    assert_eq!(pair.unwrap().public_key().as_ref(), public);
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    for name in ALL {
        let mut held = complete();
        held.retain(|(other, _)| !other.ends_with(name.as_str()));
        let error = load(held, &ALL).await.unwrap_err();
        assert_eq!(error, SecretsError::Missing(format!("/push/{}", name.as_str())));
        assert!(matches!(StartError::from(error), StartError::Permanent(text) if text.contains(name.as_str())));
    }
}

#[tokio::test]
async fn a_malformed_secret_is_named_and_not_shown() {
    let short = BASE64URL.encode([7; 31]);
    let compressed = BASE64URL.encode([2; 65]);
    let malformed = [
        ("vapid-private-key", "not base64!"),
        ("vapid-private-key", &short),
        ("vapid-public-key", PRIVATE),
        ("vapid-public-key", &compressed),
        ("recipient-hash-key", ""),
        ("recipient-hash-key", &short),
        ("link-signing-key", &short),
    ];
    for (name, value) in malformed {
        let error = load_with(name, value).await.unwrap_err();
        assert!(matches!(&error, SecretsError::Malformed { parameter, .. } if parameter.ends_with(name)), "{error}");
        assert!(value.is_empty() || !format!("{error} {error:?}").contains(value));
    }
}

#[tokio::test]
async fn every_key_is_read_without_what_a_paste_brings_along() {
    let plain = load(complete(), &ALL).await.unwrap();
    for paste in [" {}", "{}\n", "{}\r\n", "\u{feff}{}", "{}\u{200b}", "\"{}\"", "'{}'\n", "\u{a0}{}\t"] {
        let held = complete().into_iter().map(|(name, value)| (name, paste.replace("{}", &value))).collect();
        assert_eq!(load(held, &ALL).await.unwrap(), plain, "{paste:?}");
    }
    for name in ALL {
        let error = load_with(name.as_str(), "\"\n\"").await.unwrap_err();
        assert_eq!(error.to_string(), format!("parameter /push/{} is malformed: it is empty", name.as_str()));
        assert!(load_with(name.as_str(), &format!("{HASH_KEY} {HASH_KEY}")).await.is_err());
    }
}

#[tokio::test]
async fn a_public_key_of_another_pair_is_refused() {
    // Public key of the user agent in the same appendix: a valid point, but of another pair.
    let other = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let error = load_with("vapid-public-key", other).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter /push/vapid-public-key is malformed: it does not belong to vapid-private-key"
    );
}

#[tokio::test]
async fn two_link_signing_keys_are_valid_while_it_rotates() {
    let secrets = load_with("link-signing-key", &format!("{PRIVATE}, {HASH_KEY}\n")).await.unwrap();
    let keys = secrets.link_signing_keys().unwrap();
    assert_eq!(&keys.current, secrets.vapid_private_key().unwrap());
    assert_eq!(keys.previous.as_ref(), Some(secrets.recipient_hash_key().unwrap()));
    assert!(load_with("link-signing-key", &format!("{PRIVATE},")).await.is_err());
    assert!(load_with("link-signing-key", &format!("{PRIVATE},{PRIVATE},{PRIVATE}")).await.is_err());
}

#[tokio::test]
async fn only_what_was_asked_for_is_there_and_needed() {
    let secrets = load(parameters(&[("recipient-hash-key", HASH_KEY)]), &[SecretName::RecipientHashKey]).await.unwrap();
    assert!(secrets.recipient_hash_key().is_ok());
    assert_eq!(secrets.vapid_private_key(), Err(SecretsError::NotAskedFor("vapid-private-key")));
}

#[tokio::test]
async fn a_throttled_ssm_is_worth_another_try() {
    let throttled = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
    let config = fake_aws::config(move |_, _| std::future::ready((400, throttled.clone())));
    let store = ParameterStore::new(aws_sdk_ssm::Client::new(&config));
    let error = Secrets::load(&store, "/push", &ALL).await.unwrap_err();
    assert!(error.to_string().contains("ThrottlingException"), "{error}");
    assert!(matches!(StartError::from(error), StartError::Transient(_)));
}

#[tokio::test]
async fn secrets_show_nothing() {
    let shown = format!("{:?}", load(complete(), &ALL).await.unwrap());
    let first_bytes = "0, 1, 2, 3";
    assert!(shown.contains("***") && !shown.contains(first_bytes), "{shown}");
}
