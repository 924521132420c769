//! Sessions of the console: a login that is renewed, and sessions that are ended before their time.

use console::site::{PageReply, Role};
use serde_json::{Value, json};

use world::World;
use world::console_pages::event;

/// Browser with its cookies.
#[derive(Default)]
struct BrowserCookies(Vec<(String, String)>);

impl BrowserCookies {
    fn take(&mut self, reply: &PageReply) {
        for cookie in reply.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(own, _)| own != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    async fn open(&mut self, world: &World, page: &str, query: &[(&str, &str)]) -> PageReply {
        self.sends(world, event("GET", page, query, &[], None, "same-origin")).await
    }

    async fn sends(&mut self, world: &World, mut event: Value) -> PageReply {
        event["cookies"] = self.0.iter().map(|(name, value)| json!(format!("{name}={value}"))).collect();
        let reply = world.console_event(event).await;
        self.take(&reply);
        reply
    }
}

/// Claims of a person; the nonce is that of the login in progress.
fn claims(world: &World, groups: Value, nonce: &str) -> Value {
    json!({"iss": "https://cognito-idp.eu-south-1.amazonaws.com/pool", "aud": "console-client", "sub": "s-1", "nonce": nonce,
        "exp": world.clock.now().as_second() + 3_600, "email": "ada@example.com", "cognito:groups": groups})
}

fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').unwrap().1;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("{name}: {address}")).to_owned()
}

/// Signs in as an editor.
async fn signed_in(world: &World) -> BrowserCookies {
    let mut browser = BrowserCookies::default();
    signs_in(world, &mut browser, &[("to", "rollout")], claims(world, json!(["editor"]), "")).await;
    browser
}

/// Signs in with these claims. Returns the address of the login and its answer.
async fn signs_in(
    world: &World,
    browser: &mut BrowserCookies,
    query: &[(&str, &str)],
    mut claims: Value,
) -> (String, PageReply) {
    let login = browser.open(world, "login", query).await;
    let address = login.header("location").unwrap().to_owned();
    claims["nonce"] = json!(parameter(&address, "nonce"));
    world.aws.state.lock().unwrap().login = Some(claims);
    let back = browser.open(world, "callback", &[("code", "c-1"), ("state", &parameter(&address, "state"))]).await;
    if back.status < 400 {
        assert_eq!((back.status, back.header("location")), (303, Some("/console/rollout")), "{}", back.text());
    }
    (address, back)
}

fn csrf_of(page: &PageReply) -> String {
    page.text().split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

/// The issuer may know the person from before, and not ask for the password.
#[tokio::test]
async fn a_login_without_a_new_proof_erases_nobody() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let claims_of_age = |age_s: i64| {
        let mut claims = claims(&world, json!(["admin"]), "");
        claims["auth_time"] = json!(world.clock.now().as_second() - age_s);
        claims
    };
    let mut browser = BrowserCookies::default();
    let (address, _) = signs_in(&world, &mut browser, &[("to", "rollout")], claims_of_age(901)).await;
    assert!(!address.contains("prompt="), "{address}");
    let csrf = csrf_of(&browser.open(&world, "rollout", &[]).await);
    let form = [("action", "erase"), ("id", "ada"), ("confirm", "ada"), ("csrf", &csrf)];
    let refused = browser.sends(&world, event("POST", "recipient", &[], &form, None, "same-origin")).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let link = "/console/login?to=recipient&#38;again=1";
    assert!(refused.text().contains(link), "{}", refused.text());

    let (address, _) = signs_in(&world, &mut browser, &[("to", "rollout"), ("again", "1")], claims_of_age(0)).await;
    assert!(address.contains("&prompt=login&max_age=0"), "{address}");
    let csrf = csrf_of(&browser.open(&world, "rollout", &[]).await);
    let form = [("action", "erase"), ("id", "ada"), ("confirm", "ada"), ("csrf", &csrf)];
    let erased = browser.sends(&world, event("POST", "recipient", &[], &form, None, "same-origin")).await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    // A person whom the issuer asked yesterday still has a session of 8 hours.
    let mut browser = BrowserCookies::default();
    signs_in(&world, &mut browser, &[("to", "rollout")], claims_of_age(86_400)).await;
    assert_eq!(browser.open(&world, "rollout", &[]).await.status, 200);
}

/// The login service would sign the same person in again without a question.
#[tokio::test]
async fn a_person_of_the_wrong_account_can_get_out() {
    let world = World::start().await;
    let mut browser = BrowserCookies::default();
    let without_role = claims(&world, json!(["staff"]), "");
    let (_, refused) = signs_in(&world, &mut browser, &[("to", "rollout")], without_role).await;
    assert_eq!(refused.status, 403);
    let mut browser = signed_in(&world).await;
    let csrf = csrf_of(&browser.open(&world, "rollout", &[]).await);
    let out = browser.sends(&world, event("POST", "logout", &[], &[("csrf", &csrf)], None, "same-origin")).await;
    assert_eq!(out.status, 200, "{}", out.text());
    for page in [refused, out] {
        assert!(
            page.text().contains("href=\"/console/login?again=1\">Sign in as another person</a>"),
            "{}",
            page.text()
        );
        let end = "/pool/logout?client_id=console-client&#38;logout_uri=http";
        assert!(
            page.text().contains(end) && page.text().contains("Sign out of the login service too"),
            "{}",
            page.text()
        );
    }
    let again = browser.open(&world, "login", &[("again", "1")]).await;
    assert!(again.header("location").unwrap().contains("&prompt=login&max_age=0"));
}

#[tokio::test]
async fn a_session_is_renewed_each_hour_with_the_present_role() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    let forms = || world.aws.state.lock().unwrap().login_forms.clone();
    assert_eq!(forms()[0]["grant_type"], "authorization_code");
    assert!(browser.open(&world, "rollout", &[]).await.text().contains("<bdi>ada@example.com</bdi> (editor)"));
    world.advance(3_599);
    assert_eq!(browser.open(&world, "rollout", &[]).await.status, 200);
    assert_eq!(forms().len(), 1, "nothing is due before an hour");

    world.advance(1);
    world.aws.state.lock().unwrap().login = Some(claims(&world, json!(["viewer"]), ""));
    assert!(browser.open(&world, "rollout", &[]).await.text().contains("<bdi>ada@example.com</bdi> (viewer)"));
    assert_eq!(
        (forms()[1]["grant_type"].as_str(), forms()[1]["refresh_token"].as_str()),
        ("refresh_token", "refresh-1")
    );
    world.advance(3_600);
    world.aws.state.lock().unwrap().login = Some(Value::Null);
    assert!(browser.open(&world, "rollout", &[]).await.text().contains("(viewer)"), "an ID token may be missing");
    assert_eq!(forms()[2]["refresh_token"], "refresh-2", "the token of the renewal before");

    world.advance(3_600);
    world.aws.state.lock().unwrap().login = None;
    let refused = browser.open(&world, "rollout", &[]).await;
    assert_eq!((refused.status, refused.header("location")), (303, Some("/console/login?to=rollout")));
}

/// The role is asked for once an hour, maybe just when a form is sent.
#[tokio::test]
async fn a_role_that_changed_meanwhile_keeps_what_was_typed() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    let page = browser.open(&world, "template", &[("name", "reminder")]).await;
    let csrf = csrf_of(&page);
    world.advance(3_600);
    world.aws.state.lock().unwrap().login = Some(claims(&world, json!(["viewer"]), ""));
    let form = [("action", "save"), ("name", "reminder"), ("part.text", "long & typed"), ("csrf", &csrf)];
    let refused = browser.sends(&world, event("POST", "template", &[], &form, None, "same-origin")).await;
    assert_eq!(refused.status, 403);
    for part in ["yours is viewer", "long &#38; typed", "data-again", "Sign in (in a new tab)"] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
}

/// Browsers apply `form-action` to the redirections of a form: once the session has ended, the search leads to the
/// login.
#[tokio::test]
async fn a_form_may_be_redirected_to_the_login_of_another_origin() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    let login = browser.open(&world, "login", &[]).await.header("location").unwrap().to_owned();
    let origin = login.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    assert!(!world.parameter("public-base-url").starts_with(&origin), "{origin} is another origin");
    for (page, query) in [("rollout", &[][..]), ("notification", &[("id", "gone")]), ("nowhere", &[])] {
        let shown = browser.open(&world, page, query).await;
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains(&format!("form-action 'self' {origin};")), "{page}: {policy}");
    }
    let of_nobody = world.open_page(&world.person(Role::Viewer), "rollout", &[]).await;
    assert!(of_nobody.header("content-security-policy").unwrap().contains("form-action 'self';"));
}

#[tokio::test]
async fn a_person_without_a_role_any_more_is_out_within_an_hour() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    world.advance(3_600);
    world.aws.state.lock().unwrap().login = Some(claims(&world, json!(["staff"]), ""));
    assert_eq!(browser.open(&world, "rollout", &[]).await.status, 303);
    // Another person's token changes nothing, and is asked for again after five minutes.
    let mut browser = signed_in(&world).await;
    world.advance(3_600);
    let mut of_another = claims(&world, json!(["admin"]), "");
    of_another["sub"] = json!("s-2");
    world.aws.state.lock().unwrap().login = Some(of_another);
    assert!(browser.open(&world, "rollout", &[]).await.text().contains("(editor)"));
    let asked = world.aws.state.lock().unwrap().login_forms.len();
    world.advance(299);
    browser.open(&world, "rollout", &[]).await;
    assert_eq!(world.aws.state.lock().unwrap().login_forms.len(), asked);
    world.advance(1);
    browser.open(&world, "rollout", &[]).await;
    assert_eq!(world.aws.state.lock().unwrap().login_forms.len(), asked + 1);
}

#[tokio::test]
async fn all_sessions_of_a_person_end_at_once_and_what_was_typed_is_kept() {
    let world = World::start().await;
    let (desk, phone) = (world.person(Role::Viewer), world.person(Role::Viewer));
    let other = world.person(Role::Admin);
    world.advance(1);
    assert_eq!(world.open_page(&phone, "sessions", &[]).await.status, 200);
    let ended = world.send_form(&desk, "sessions", &[("action", "end_mine")]).await;
    assert_eq!(ended.status, 303, "{}", ended.text());
    for person in [&desk, &phone] {
        assert_eq!(world.open_page(person, "rollout", &[]).await.status, 303);
    }
    let form = world.send_form(&phone, "notifications", &[("q", "kept <b>")]).await;
    assert_eq!(form.status, 401);
    assert!(form.text().contains("kept &#60;b&#62;"), "{}", form.text());
    assert_eq!(world.open_page(&other, "rollout", &[]).await.status, 200);
    assert_eq!(
        world.open_page(&world.person(Role::Viewer), "rollout", &[]).await.status,
        200,
        "a new login is not ended"
    );
    let audit = world.open_page(&other, "audit", &[("kind", "sessions")]).await;
    assert!(audit.text().contains("viewer@example.com</bdi>") && audit.text().contains("ended_at"), "{}", audit.text());
}

#[tokio::test]
async fn an_administrator_ends_the_sessions_of_everyone() {
    let world = World::start().await;
    let (admin, viewer) = (world.person(Role::Admin), world.person(Role::Viewer));
    world.advance(1);
    for (who, person) in [("person", ""), ("person", "a#b")] {
        let form = [("action", "end"), ("who", who), ("person", person)];
        let refused = world.send_form(&admin, "sessions", &form).await;
        assert_eq!(refused.status, 422, "{person}");
        assert!(refused.text().contains("href=\"#field-person\""), "{}", refused.text());
    }
    assert_eq!(world.send_form(&admin, "sessions", &[("action", "end"), ("who", "everyone")]).await.status, 303);
    for person in [&admin, &viewer] {
        assert_eq!(world.open_page(person, "", &[]).await.status, 303);
    }
    let both = json!({"person": "ada@example.com", "everyone": true});
    for body in [json!({}), both, json!({"person": "", "everyone": false}), json!({"everyone": 1})] {
        assert_eq!(world.end_sessions(body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(world.end_sessions(json!({"person": "ada@example.com"})).await.body["everyone"], false);
}

#[tokio::test]
async fn marks_of_another_process_are_known_after_30_s_and_an_outage_keeps_the_last_ones() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    world.advance(1);
    assert_eq!(world.open_page(&viewer, "types", &[]).await.status, 200);
    let other = world.another_console();
    assert_eq!(world.end_sessions_by(&other, json!({"person": "viewer@example.com"})).await.status, 200);
    world.advance(29);
    assert_eq!(world.open_page(&viewer, "types", &[]).await.status, 200, "the marks are cached");
    world.advance(1);
    assert_eq!(world.open_page(&viewer, "types", &[]).await.status, 303);
    world.aws.fails(Some("Query"), 0, "ProvisionedThroughputExceededException");
    world.advance(60);
    assert_eq!(world.open_page(&viewer, "types", &[]).await.status, 303, "the last marks count");
    let fresh = World::start().await;
    fresh.aws.fails(Some("Query"), 0, "ProvisionedThroughputExceededException");
    let page = fresh.open_page(&fresh.person(Role::Viewer), "sessions", &[]).await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("cannot read at present which sessions were ended"), "{}", page.text());
}
