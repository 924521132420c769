#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

const ISSUER: &str = "https://cognito-idp.eu-south-1.amazonaws.com/eu-south-1_pool";
const NOW: &str = "2026-11-29T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn pending() -> PendingLogin {
    PendingLogin { nonce: "n-1".into(), ..PendingLogin::new(String::new(), now()) }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "client", "sub": "s-1", "exp": now().as_second() + 3600, "nonce": "n-1",
        "email": "ada@example.com", "cognito:groups": ["viewer", "editor"],
    })
}

fn session(claims: &Value) -> Result<Session, LoginError> {
    let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
    Issuer::new(ISSUER, None).session_of(&token, "client", &pending(), now())
}

#[test]
fn a_token_of_the_issuer_gives_a_session_with_the_highest_role() {
    let session = session(&claims()).unwrap();
    assert_eq!((session.name.as_str(), session.role, session.signed_in_at), ("ada@example.com", Role::Editor, now()));
}

#[test]
fn a_token_for_another_or_of_another_or_without_a_role_gives_none() {
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        session(&claims).unwrap_err()
    };
    assert_eq!(with("iss", json!("https://evil.example")), LoginError::Invalid("another issuer"));
    assert_eq!(with("aud", json!(["other"])), LoginError::Invalid("another audience"));
    assert_eq!(with("nonce", json!("n-2")), LoginError::Invalid("another nonce"));
    assert_eq!(with("exp", json!(now().as_second() - 61)), LoginError::Invalid("an expired token"));
    assert_eq!(with("cognito:groups", json!(["staff"])), LoginError::NoRole);
    assert!(Issuer::new(ISSUER, None).session_of("malformed", "client", &pending(), now()).is_err());
}

#[test]
fn other_issuers_name_the_groups_in_other_claims() {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("cognito:groups");
    claims["groups"] = json!("approver");
    assert_eq!(session(&claims).unwrap().role, Role::Approver);
    claims["groups"] = Value::Null;
    claims["roles"] = json!(["x", "admin"]);
    assert_eq!(session(&claims).unwrap().role, Role::Admin);
}

#[test]
fn a_person_whom_the_issuer_knew_is_as_recent_as_the_last_proof() {
    let at = |claim: Value| {
        let mut claims = claims();
        claims["auth_time"] = claim;
        let session = session(&claims).unwrap();
        assert_eq!(session.signed_in_at, now(), "the session begins now all the same");
        now().duration_since(session.authenticated_at).as_secs()
    };
    let second = now().as_second();
    assert_eq!(at(json!(second - 901)), 901);
    #[allow(clippy::cast_precision_loss)] // a second
    let fraction = second as f64 - 0.5;
    assert_eq!(at(json!(fraction)), 1);
    assert_eq!(at(json!((second - 901).to_string())), 901);
    for now in [json!(second + 5), Value::Null] {
        assert_eq!(at(now.clone()), 0, "{now}");
    }
    for unreadable in [json!("yesterday"), json!(1e300), json!([])] {
        assert!(at(unreadable.clone()) > 1_000_000, "{unreadable} is no proof of now");
    }
}

#[tokio::test]
async fn the_login_has_a_challenge_and_returns_to_the_console() {
    let issuer = Issuer::new(ISSUER, None);
    let endpoints = Endpoints {
        authorization_endpoint: "https://login.example/oauth2/authorize".into(),
        token_endpoint: String::new(),
        end_session_endpoint: Some("https://login.example/logout".into()),
    };
    issuer.endpoints.set(endpoints).unwrap();
    let pending = PendingLogin {
        state: "st".into(),
        verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        ..pending()
    };
    let url = issuer.login_url("client", "https://api.example/console/callback", &pending).await.unwrap();
    // The challenge of this verifier stands in RFC 7636, appendix B.
    for part in [
        "https://login.example/oauth2/authorize?response_type=code&client_id=client",
        "redirect_uri=https%3A%2F%2Fapi.example%2Fconsole%2Fcallback",
        "state=st&nonce=n-1",
        "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
    ] {
        assert!(url.contains(part), "{part} in {url}");
    }
    assert!(!url.contains("prompt"), "{url}");
    let again = PendingLogin { is_again: true, ..pending };
    let url = issuer.login_url("client", "https://api.example/console/callback", &again).await.unwrap();
    assert!(url.ends_with("&prompt=login&max_age=0"), "{url}");
}

#[tokio::test]
async fn the_session_of_the_issuer_can_be_ended_if_it_names_a_page_for_it() {
    let endpoints = |logout: Option<&str>| Endpoints {
        authorization_endpoint: String::new(),
        token_endpoint: String::new(),
        end_session_endpoint: logout.map(str::to_owned),
    };
    let url = async |logout: Option<&str>| {
        let issuer = Issuer::new(ISSUER, None);
        issuer.endpoints.set(endpoints(logout)).unwrap();
        issuer.logout_url("client", "https://api.example/console").await
    };
    assert_eq!(url(None).await, None);
    let back = "https%3A%2F%2Fapi.example%2Fconsole";
    let expected =
        format!("https://login.example/logout?client_id=client&logout_uri={back}&post_logout_redirect_uri={back}");
    assert_eq!(url(Some("https://login.example/logout")).await, Some(expected));
}

#[test]
fn a_local_aws_describes_its_user_pools_itself() {
    let local = Issuer::new(ISSUER, Some("http://127.0.0.1:4566/"));
    assert_eq!(local.described_at, "http://127.0.0.1:4566/eu-south-1_pool");
    assert_eq!(Issuer::new(ISSUER, None).described_at, ISSUER);
    assert_eq!(Issuer::new("https://id.example/", Some("http://127.0.0.1:1")).described_at, "https://id.example");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_named() {
    let issuer = Issuer::new(ISSUER, Some("http://127.0.0.1:9"));
    assert_eq!(issuer.login_url("c", "r", &pending()).await, Err(LoginError::NoAnswer));
}

#[test]
fn the_origin_of_the_login_has_neither_path_nor_name() {
    for (address, origin) in [
        ("https://login.example/oauth2/authorize?x=1", "https://login.example"),
        ("http://127.0.0.1:4566/pool/authorize", "http://127.0.0.1:4566"),
        ("https://ada:secret@login.example:8443/", "https://login.example:8443"),
        ("https://login.example;script-src/", ""),
        ("/authorize", ""),
        ("", ""),
    ] {
        assert_eq!(origin_of(address), origin, "{address}");
    }
}
