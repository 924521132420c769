//! Tokens that Cognito would not issue: its own tokens, changed in one respect and signed again with the pool's key,
//! which the local Cognito keeps in a file. So that one change is the only possible reason for a refusal.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::stack::Stack;

/// The signing keys of the pool.
pub struct Tokens<'a> {
    stack: &'a Stack,
    access: RsaKeyPair,
    /// A valid key that is not the pool's.
    other: RsaKeyPair,
}

impl<'a> Tokens<'a> {
    pub fn of(stack: &'a Stack) -> Self {
        let state = PathBuf::from(std::env::var("STACK_JSON").unwrap()).parent().unwrap().join("tmp/state");
        let pool = stack.text("/outputs/UserPoolId");
        // The pool creates its key with the first token.
        let _ = stack.token("ops");
        let (access, other) = (format!("cognito-pool-keys/{pool}-access.pem"), "cognito-rsa-key.pem");
        Self { stack, access: key(&state.join(access)), other: key(&state.join(other)) }
    }

    /// The token of the client for `scope`, with changed claims and the pool's signature.
    pub fn with(&self, scope: &'static str, change: impl FnOnce(&mut Value)) -> String {
        self.signed_by(&self.access, scope, change)
    }

    /// Tokens that must be refused: description and token.
    pub fn refused(&self, scope: &'static str) -> Vec<(&'static str, String)> {
        let now = Timestamp::now().as_second();
        let genuine = self.stack.token(scope);
        let (signed, _) = genuine.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        vec![
            ("no token at all", "nonsense".to_owned()),
            ("a signature that is none", format!("{signed}.AAAA")),
            ("no signature", format!("{signed}.")),
            ("the algorithm none", format!("{unsigned}.{claims}.")),
            ("another key's signature", self.signed_by(&self.other, scope, |_| ())),
            ("an hour past its time", self.with(scope, |claims| claims["exp"] = json!(now - 3_600))),
            ("a second past its time", self.with(scope, |claims| claims["exp"] = json!(now - 1))),
            ("not yet valid", self.with(scope, |claims| claims["nbf"] = json!(now + 3_600))),
            ("another client's audience", self.with(scope, |claims| claims["client_id"] = json!("another-client"))),
            ("another audience", self.with(scope, |claims| claims["aud"] = json!("another-api"))),
            ("another issuer", self.with(scope, |claims| claims["iss"] = json!("https://issuer.example.com"))),
            (
                "another pool",
                self.with(scope, |claims| claims["iss"] = json!(format!("{}x", claims["iss"].as_str().unwrap()))),
            ),
        ]
    }

    fn signed_by(&self, key: &RsaKeyPair, scope: &'static str, change: impl FnOnce(&mut Value)) -> String {
        let genuine = self.stack.token(scope);
        let mut parts = genuine.split('.');
        let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        change(&mut claims);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn key(file: &Path) -> RsaKeyPair {
    let pem = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}
