//! Forms of the console that are not acted on: what was typed stays on the page, and every error leads to its field.

use futures_util::future::join_all;

use super::campaigns::{campaign, crowd};
use console::site::{PageReply, Role};
use serde_json::json;
use world::World;
use world::console_pages::{ConsolePerson, event};

type Form<'a> = &'a [(&'a str, &'a str)];

const OUTAGE: &str = "ProvisionedThroughputExceededException";
/// Text that must survive, in the form in which a page shows it.
const TYPED: &str = "typed & kept";
const SHOWN: &str = "typed &#38; kept";

/// Forms with a text, one of each page.
const FORMS: [(&str, Form<'static>); 10] = [
    ("send", &[("action", "send"), ("to", "ada"), ("title", TYPED), ("body", "b"), ("key", "k-1")]),
    ("send", &[("action", "preview"), ("to", "ada"), ("title", "t"), ("body", TYPED)]),
    ("rollout", &[("action", "percentage"), ("percentage", "50"), ("reason", TYPED)]),
    ("settings", &[("action", "save"), ("document", TYPED), ("if_match", "\"1\"")]),
    (
        "template",
        &[("action", "save"), ("name", "reminder"), ("locale", "en"), ("channel", "sms"), ("part.text", TYPED)],
    ),
    ("template", &[("action", "test"), ("name", "reminder"), ("to", TYPED)]),
    (
        "type",
        &[("action", "check"), ("new_name", "NEWS"), ("title", TYPED), ("class", "marketing"), ("channels", "email")],
    ),
    ("segment", &[("action", "save"), ("new_id", "gold"), ("title", TYPED), ("json", "{\"all\": []}")]),
    ("campaign", &[("action", "create"), ("title", TYPED), ("audience", "filter"), ("filter", "{\"all\": []}")]),
    ("recipient", &[("action", "erase"), ("id", "ada"), ("confirm", TYPED)]),
];

fn keeps(page: &PageReply, what: &str) {
    assert!(page.text().contains(SHOWN), "{what}: {}", page.text());
}

/// `true` if the page offers to send the form once more.
fn offers_again(page: &PageReply) -> bool {
    page.text().contains("data-again")
}

/// Zone links, "Next 50" and the login of a page that answers a form lead to the same thing.
#[tokio::test]
async fn a_page_that_answers_a_form_keeps_its_address() {
    let world = crowd(1).await;
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    let editor = world.person(Role::Editor);
    let step = world.open_page(&editor, "campaign", &[("id", id), ("step", "time")]).await;
    let action = format!("action=\"/console/campaign?id={id}&amp;step=time\"");
    assert!(step.text().contains(&action), "{}", step.text());
    let form = [("action", "save"), ("id", id), ("step", "time"), ("rate_per_second", "junk"), ("csrf", editor.csrf())];
    let query = [("id", id), ("step", "time")];
    let refused = world.console_event(event("POST", "campaign", &query, &form, Some(&editor), "same-origin")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let zones = refused.text().split_once("Times in:").unwrap().1.split_once("</p>").unwrap().0;
    for zone in ["mine", "organisation", "utc"] {
        let link = format!("/console/campaign?id={id}&#38;step=time&#38;zone={zone}\"");
        assert!(zones.contains(&link), "{zone}: {zones}");
    }
    // A form that was not acted on at all is sent to the same address once more.
    let foreign =
        world.console_event(event("POST", "campaign", &query, &form[..4], Some(&editor), "same-origin")).await;
    assert_eq!(foreign.status, 409);
    let again = format!("action=\"/console/campaign?id={id}&#38;step=time\" data-again");
    assert!(foreign.text().contains(&again), "{}", foreign.text());
}

/// Every form about one thing names the thing in its address.
#[tokio::test]
async fn every_form_about_one_thing_names_it_in_its_address() {
    let world = crowd(1).await;
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let campaign = created.body["id"].as_str().unwrap();
    world.subscribe("ada", "phone").await;
    let sent = world.send("ada", json!({"send_at": "2026-11-23T12:00:00Z"})).await;
    let notification = sent.body["id"].as_str().unwrap();
    let admin = world.person(Role::Admin);
    let mut forms = 0;
    for (page, name, value, query) in [
        ("campaign", "id", campaign, &[("step", "audience")][..]),
        ("campaign", "id", campaign, &[("step", "plan")]),
        ("notification", "id", notification, &[]),
        ("recipient", "id", "ada", &[]),
        ("template", "name", "payment-due", &[("locale", "it"), ("channel", "email")]),
        ("template", "name", "payment-due", &[("view", "versions")]),
        ("type", "name", "DEFAULT", &[]),
    ] {
        let shown = world.open_page(&admin, page, &[&[(name, value)], query].concat()).await;
        assert_eq!(shown.status, 200, "{page}: {}", shown.text());
        let named = format!("/console/{page}?{name}={value}");
        for form in shown.text().split("<form").skip(1).map(|rest| rest.split_once('>').unwrap().0) {
            if form.contains("method=\"post\"") && !form.contains("/console/logout") {
                forms += 1;
                assert!(form.contains(&format!("action=\"{named}")), "{page}: {form}");
            }
        }
    }
    assert!(forms >= 12, "{forms}");
}

#[tokio::test]
async fn an_outage_keeps_what_was_typed() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    assert_eq!(world.open_page(&admin, "types", &[]).await.status, 200);
    world.aws.fails(None, 0, OUTAGE);
    let answers = join_all(FORMS.map(|(page, form)| world.send_form(&admin, page, form))).await;
    for ((page, form), refused) in FORMS.into_iter().zip(answers) {
        let what = format!("{page} {form:?}");
        assert_eq!(refused.status, 503, "{what}: {}", refused.text());
        keeps(&refused, &what);
        let facts = "<code class=\"copy\">urn:notifications:problem:unavailable</code>, request <code class=\"copy\">r-1</code>";
        assert!(refused.text().contains(facts), "{what}: {}", refused.text());
    }
}

#[tokio::test]
async fn a_form_goes_on_after_an_outage_and_acts_once() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let sender = world.person(Role::Sender);
    world.aws.state.lock().unwrap().ssm_is_down = true;
    let (page, form) = FORMS[0];
    let refused = world.send_form(&sender, page, form).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    keeps(&refused, "without the console's keys");
    assert!(offers_again(&refused) && refused.text().contains("name=\"key\" value=\"k-1\""), "{}", refused.text());
    world.aws.state.lock().unwrap().ssm_is_down = false;
    let sent = world.send_form(&sender, page, form).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    assert_eq!(world.send_form(&sender, page, form).await.header("location"), sent.header("location"));
}

#[tokio::test]
async fn unreadable_marks_of_ended_sessions_keep_what_was_typed() {
    let world = World::start().await;
    let sender = world.person(Role::Sender);
    world.aws.fails(Some("Query"), 0, OUTAGE);
    let refused = world.send_form(&sender, FORMS[0].0, FORMS[0].1).await;
    assert_eq!(refused.status, 503);
    keeps(&refused, "marks");
    assert!(refused.text().contains(&format!("name=\"csrf\" value=\"{}\"", sender.csrf())), "{}", refused.text());
}

#[tokio::test]
async fn a_role_that_lacks_the_right_keeps_what_was_typed() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for (page, form) in FORMS {
        let refused = world.send_form(&viewer, page, form).await;
        let what = format!("{page} {form:?}");
        assert_eq!(refused.status, 403, "{what}");
        keeps(&refused, &what);
        assert!(offers_again(&refused), "{what}");
        for part in ["Sign in (in a new tab)", "urn:notifications:console:forbidden", "This needs the role"] {
            assert!(refused.text().contains(part), "{what}: {part}");
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_can_be_read_and_not_sent_again() {
    let world = World::start().await;
    let admin = world.person(Role::Admin);
    let form = [FORMS[2].1, &[("csrf", admin.csrf())]].concat();
    for person in [Some(&admin), None] {
        let refused = world.console_event(event("POST", "rollout", &[], &form, person, "cross-site")).await;
        assert_eq!(refused.status, if person.is_some() { 403 } else { 401 });
        keeps(&refused, "cross-site");
        assert!(!offers_again(&refused), "{}", refused.text());
    }
    world.aws.state.lock().unwrap().ssm_is_down = true;
    let fresh = World::start().await;
    fresh.aws.state.lock().unwrap().ssm_is_down = true;
    let refused = fresh.console_event(event("POST", "rollout", &[], &form, None, "cross-site")).await;
    assert_eq!((refused.status, offers_again(&refused)), (503, false));
    assert_eq!(world.parameter("rollout-percentage"), "100");
}

#[tokio::test]
async fn a_form_that_is_too_large_can_be_copied() {
    let world = World::start().await;
    let editor = world.person(Role::Editor);
    let long = "a".repeat(1024 * 1024);
    let form = [("action", "save"), ("name", "reminder"), ("part.text", TYPED), ("part.html", &long)];
    let refused = world.send_form(&editor, "template", &form).await;
    assert_eq!(refused.status, 413);
    keeps(&refused, "413");
    assert!(!offers_again(&refused) && refused.text().contains("larger than 1 MB"));
    let most = "<".repeat(1_500_000);
    let refused = world.send_form(&editor, "template", &[("action", "save"), ("part.html", &most)]).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text().len() < 5_000_000, "Lambda returns at most 6 MB: {}", refused.text().len());
}

#[tokio::test]
async fn a_frame_that_cannot_be_filled_says_why() {
    let world = World::start().await;
    let form = [("action", "frame"), ("to", "ada"), ("title", "t"), ("body", "b")];
    let refused = world.send_form(&world.person(Role::Viewer), "send", &form).await;
    assert!(refused.header("content-security-policy").unwrap().contains("frame-ancestors 'self'"));
    assert!(refused.text().contains("This needs the role sender"), "{}", refused.text());
    let broken = [("action", "frame"), ("to", "ada"), ("template", "x"), ("variables", "{")];
    let refused = world.send_form(&world.person(Role::Sender), "send", &broken).await;
    assert!(refused.header("content-security-policy").unwrap().contains("frame-ancestors 'self'"));
    assert!(refused.text().contains("must be a JSON object"), "{}", refused.text());
}

#[tokio::test]
async fn another_site_cannot_sign_a_person_out() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let form = [("csrf", viewer.csrf())];
    // A form of another site comes without the cookie of the session, which is SameSite=Lax.
    for (person, site) in [(None, "cross-site"), (None, ""), (Some(&viewer), "cross-site"), (Some(&viewer), "none")] {
        let mut sent = event("POST", "logout", &[], &form, person, site);
        if site.is_empty() {
            sent["headers"] = json!({"origin": "https://evil.example"});
        }
        let page = world.console_event(sent).await;
        assert_eq!((page.status, page.cookies().count()), (403, 0), "{site}");
        assert!(page.text().contains("Not signed out"), "{}", page.text());
    }
    let other_token =
        world.console_event(event("POST", "logout", &[], &[("csrf", "x")], Some(&viewer), "same-origin")).await;
    assert_eq!((other_token.status, other_token.cookies().count()), (403, 0));
    for person in [Some(&viewer), None] {
        let page = world.console_event(event("POST", "logout", &[], &form, person, "same-origin")).await;
        assert_eq!((page.status, page.cookies().count()), (200, 2));
    }
}

/// Texts between two marks.
fn between<'a>(html: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    html.split(begin).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

async fn refused(world: &World, person: &ConsolePerson, page: &str, form: Form<'_>) -> String {
    let refused = world.send_form(person, page, form).await;
    assert_eq!(refused.status, 422, "{page} {form:?}: {}", refused.text());
    refused.text().to_owned()
}

/// Forms with one wrong field, and the field that the error names.
const WRONG: [(&str, Form<'static>, &str); 29] = [
    ("send", &[("action", "send"), ("to", ""), ("title", "t"), ("body", "b")], "to"),
    ("send", &[("action", "send"), ("to", "ada"), ("title", ""), ("body", "b")], "content.title"),
    ("send", &[("action", "preview"), ("to", "ada"), ("title", "t"), ("body", "")], "content.body"),
    ("send", &[("action", "send"), ("to", "ada"), ("title", "t"), ("body", "b"), ("url", "no url")], "content.url"),
    ("send", &[("action", "send"), ("to", "ada"), ("title", "t"), ("body", "b"), ("type", "NONE")], "type"),
    ("send", &[("action", "send"), ("to", "ada"), ("title", "t"), ("body", "b"), ("channels", "pigeon")], "channels"),
    (
        "send",
        &[("action", "send"), ("to", "ada"), ("title", "t"), ("body", "b"), ("send_at", "2020-01-01T00:00")],
        "send_at",
    ),
    ("send", &[("action", "send"), ("to", "ada"), ("title", "t"), ("body", "b"), ("channels_of", "these")], "channels"),
    ("send", &[("action", "send"), ("to", "ada"), ("template", "payment-due"), ("body", "typed too")], "content.body"),
    (
        "send",
        &[("action", "preview"), ("to", "ada"), ("title", "t"), ("body", "b"), ("variables", "{\"a\": 1}")],
        "variables",
    ),
    ("send", &[("action", "send"), ("to", "ada"), ("template", "none")], "template"),
    ("send", &[("action", "send"), ("to", "ada"), ("template", "payment-due"), ("version", "x")], "template.version"),
    ("send", &[("action", "send"), ("to", "ada"), ("template", "payment-due"), ("variables", "[]")], "variables"),
    ("send", &[("action", "self"), ("me", ""), ("to", ""), ("title", "t"), ("body", "b")], "me"),
    ("rollout", &[("action", "percentage"), ("percentage", "101")], "percentage"),
    ("rollout", &[("action", "plan"), ("steps", "10")], "plan.steps"),
    ("rollout", &[("action", "plan"), ("steps", "50 for 10\n20 for 10")], "plan.steps"),
    (
        "rollout",
        &[("action", "plan"), ("steps", "10 for 10"), ("plan.criteria.error_below_percent", "0")],
        "plan.criteria.error_below_percent",
    ),
    ("rollout", &[("action", "plan"), ("steps", "10 for 10"), ("plan.criteria.sample", "few")], "plan.criteria.sample"),
    ("settings", &[("action", "save"), ("document", "{"), ("if_match", "\"1\"")], "body"),
    ("sessions", &[("action", "end"), ("who", "person"), ("person", "")], "person"),
    ("recipient", &[("action", "erase"), ("id", "ada"), ("confirm", "bob")], "confirm"),
    ("template", &[("action", "test"), ("to", ""), ("name", "payment-due"), ("channel", "push")], "to"),
    ("template", &[("action", "test"), ("to", "ada"), ("values", "{"), ("name", "payment-due")], "values"),
    ("type", &[("action", "check"), ("new_name", "news"), ("title", "News")], "type"),
    ("segment", &[("action", "save"), ("new_id", "G!"), ("title", "G"), ("json", "{\"all\": []}")], "id"),
    ("segment", &[("action", "save"), ("new_id", "g"), ("title", "G"), ("json", "{")], "filter"),
    (
        "campaign",
        &[
            ("action", "create"),
            ("title", ""),
            ("type", "NEWS"),
            ("audience", "filter"),
            ("filter", "{\"all\": []}"),
            ("message", "content"),
            ("content.title", "t"),
            ("content.body", "b"),
        ],
        "title",
    ),
    (
        "caps",
        &[("action", "check"), ("rules[0].id", "daily"), ("rules[0].max", "many"), ("rules[0].per", "day")],
        "rules[0].max",
    ),
];

#[tokio::test]
async fn every_error_leads_to_an_input_of_its_page() {
    let world = World::start().await;
    let kind = json!({"title": "News", "class": "marketing", "channels": ["email"]});
    assert_eq!(world.put_type("NEWS", kind).await.status, 201);
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let admin = world.person(Role::Admin);
    for (page, form, field) in WRONG {
        let html = refused(&world, &admin, page, form).await;
        let links = between(&html, "href=\"#field-", "\"");
        assert!(links.contains(&field), "{page} {form:?}: {field} is not among {links:?}: {html}");
        for link in links {
            let ids = between(&html, &format!("id=\"field-{link}\""), ">");
            assert_eq!(ids.len(), 1, "{page} {form:?}: {link} leads to one input");
        }
        let is_group = ["channels"].contains(&field);
        assert!(is_group || html.contains("aria-invalid=\"true\""), "{page} {form:?}: the input is marked: {html}");
    }
    let days = world.open_page(&admin, "analytics", &[("range", "custom"), ("from", "x"), ("to", "y")]).await;
    for link in between(days.text(), "href=\"#field-", "\"") {
        assert!(days.text().contains(&format!("id=\"field-{link}\"")), "{link}: {}", days.text());
    }
}

#[tokio::test]
async fn a_campaign_test_keeps_its_recipients() {
    let world = crowd(1).await;
    let editor = world.person(Role::Editor);
    let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let id = created.body["id"].as_str().unwrap();
    let too_many = "typed & kept\n".repeat(11);
    let form = [("action", "test"), ("id", id), ("step", "plan"), ("to", &too_many)];
    let html = refused(&world, &editor, "campaign", &form).await;
    assert!(html.contains(&format!("{SHOWN}\n{SHOWN}\n")), "{html}");
}
