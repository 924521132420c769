//! Templates in the web console: written, previewed, published, made live, rolled back and tested by forms.

use console::site::{PageReply, Role};
use serde_json::{Value, json};
use world::World;

type Form<'a> = &'a [(&'a str, &'a str)];

const SMS: [(&str, &str); 4] = [("name", "reminder"), ("view", "text"), ("locale", "en"), ("channel", "sms")];

async fn act(world: &World, role: Role, action: &str, more: Form<'_>) -> PageReply {
    let form = [&[("action", action)], more].concat();
    world.send_form(&world.person(role), "template", &form).await
}

async fn page(world: &World, query: Form<'_>) -> String {
    let query = [&[("name", "reminder")], query].concat();
    let reply = world.open_page(&world.person(Role::Approver), "template", &query).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains("style=\""));
    reply.text().to_owned()
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part}: {html}");
    }
}

/// Value of a hidden field of a page.
fn hidden(html: &str, name: &str) -> String {
    let rest = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {html}")).1;
    rest.split('"').next().unwrap().replace("&#34;", "\"")
}

async fn stored(world: &World) -> Value {
    world.template("GET", "", Value::Null).await.body
}

/// Adds a type that uses a built-in template.
async fn bill(world: &World) {
    let bill = json!({"title": "Bill", "class": "transactional", "channels": ["email"], "template": "payment-due"});
    assert_eq!(world.put_type("BILL", bill).await.status, 201);
}

/// Saves a text of the template `reminder` as the form of its page does.
async fn save(world: &World, locale: &str, channel: &str, fields: Form<'_>) -> PageReply {
    let place = [("locale", locale), ("channel", channel)];
    let tag = hidden(&page(world, &place).await, "if_match");
    let form = [&[("name", "reminder"), ("if_match", tag.as_str())], &place[..], fields].concat();
    act(world, Role::Editor, "save", &form).await
}

#[tokio::test]
async fn a_template_is_written_in_two_languages_published_and_made_live() {
    let world = World::start().await;
    bill(&world).await;
    let list = world.open_page(&world.person(Role::Editor), "templates", &[]).await;
    has(list.text(), &["payment-due", "version 1", "type BILL", "Write it"]);
    has(&page(&world, &[]).await, &["does not exist yet", "missing"]);
    assert_eq!(save(&world, "en", "sms", &[("part.text", "Two days left")]).await.status, 303);
    let saved =
        save(&world, "it", "push", &[("part.title", "Promemoria"), ("part.body", "Mancano\r\ndue giorni")]).await;
    assert_eq!(saved.header("location").unwrap(), "/console/template?name=reminder&locale=it&channel=push&done=saved");
    let draft = stored(&world).await["draft"].clone();
    assert_eq!((&draft["title"], &draft["default_locale"]), (&json!("reminder"), &json!("en")));
    assert_eq!(draft["parts"]["it"]["push"]["body"], "Mancano\ndue giorni");
    let html = page(&world, &[("locale", "en"), ("channel", "sms")]).await;
    has(&html, &["complete", "missing", "Two days left", "1 part, GSM 7-bit", "no version is live"]);

    let tag = hidden(&page(&world, &[("view", "versions")]).await, "if_match");
    let versions = [("name", "reminder"), ("view", "versions"), ("if_match", tag.as_str())];
    assert_eq!(act(&world, Role::Editor, "publish", &versions).await.status, 303);
    let live = |tag: String, version: &'static str, role| {
        let world = &world;
        async move {
            let form = [("name", "reminder"), ("view", "versions"), ("if_match", &tag), ("version", version)];
            act(world, role, "live", &form).await.status
        }
    };
    let tag = hidden(&page(&world, &[("view", "versions")]).await, "if_match");
    assert_eq!(live(tag.clone(), "1", Role::Editor).await, 403);
    assert_eq!(live(tag.clone(), "7", Role::Approver).await, 422);
    assert_eq!(live(tag, "1", Role::Approver).await, 303);
    save(&world, "en", "sms", &[("part.text", "One day left")]).await;
    let html = page(&world, &[("view", "versions")]).await;
    has(&html, &["The draft against version 1, which is live", "1: Two days left", "1: One day left"]);
    let tag = hidden(&html, "if_match");
    act(&world, Role::Editor, "publish", &[&versions[..2], &[("if_match", &tag)]].concat()).await;
    let html = page(&world, &[("view", "versions"), ("from", "1"), ("to", "2")]).await;
    has(&html, &["Version 2 against version 1", "1: One day left", "Make 2 live"]);
    assert_eq!(live(hidden(&html, "if_match"), "2", Role::Approver).await, 303);
    let html = page(&world, &[("view", "versions")]).await;
    has(&html, &["Roll back to 1", "There is no difference."]);
    assert_eq!(live(hidden(&html, "if_match"), "1", Role::Approver).await, 303);
    assert_eq!(stored(&world).await["live_version"], 1);
}

#[tokio::test]
async fn a_version_that_may_refuse_messages_is_made_live_with_a_tick() {
    let world = World::start().await;
    let act_on_versions = async |role, action, more: Form<'_>| {
        let tag = hidden(&page(&world, &[("view", "versions")]).await, "if_match");
        let form = [&[("name", "reminder"), ("view", "versions"), ("if_match", tag.as_str())], more].concat();
        act(&world, role, action, &form).await
    };
    save(&world, "en", "sms", &[("part.text", "Two days left")]).await;
    assert_eq!(act_on_versions(Role::Editor, "publish", &[]).await.status, 303);
    assert_eq!(act_on_versions(Role::Approver, "live", &[("version", "1")]).await.status, 303);
    let about = r#"{"required": ["days"], "properties": {"days": {"type": "number"}}}"#;
    let tag = hidden(&page(&world, &[("view", "about")]).await, "if_match");
    let form = [("name", "reminder"), ("view", "about"), ("if_match", tag.as_str()), ("part.title", "Reminder")];
    let form = [&form[..], &[("part.default_locale", "en"), ("part.variables", about)]].concat();
    assert_eq!(act(&world, Role::Editor, "save", &form).await.status, 303);
    assert_eq!(act_on_versions(Role::Editor, "publish", &[]).await.status, 303);
    let kind = json!({"title": "Bill", "class": "transactional", "channels": ["sms"], "template": "reminder"});
    assert_eq!(world.put_type("BILL", kind).await.status, 201);
    let refused = act_on_versions(Role::Approver, "live", &[("version", "2")]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    has(refused.text(), &["although it may refuse messages"]);
    let ticked = [("version", "2"), ("confirm", "true")];
    assert_eq!(act_on_versions(Role::Approver, "live", &ticked).await.status, 303);
    assert_eq!(stored(&world).await["live_version"], 2);
}

#[tokio::test]
async fn a_finding_leads_to_its_place_and_prevents_publishing() {
    let world = World::start().await;
    save(&world, "en", "sms", &[("part.text", "one\ntwo {{ days | shout }}")]).await;
    let html = page(&world, &[("locale", "en"), ("channel", "push")]).await;
    let link =
        "href=\"/console/template?name=reminder&#38;locale=en&#38;channel=sms&#38;line=2#field-parts.en.sms.text\"";
    has(&html, &[link, "line 2, column", "2: two {{ days | shout }}", "1 finding"]);
    let html = page(&world, &[("locale", "en"), ("channel", "sms")]).await;
    has(
        &html,
        &[
            "data-lines id=\"field-parts.en.sms.text\"",
            "class=\"field-error\"",
            "Dark mode",
            "name=\"email\" sandbox=\"\"",
        ],
    );
    let tag = hidden(&html, "if_match");
    let refused = act(&world, Role::Editor, "publish", &[&SMS[..], &[("if_match", &tag)]].concat()).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["The findings below prevent it.", link]);
    let refused = save(&world, "en", "push", &[("part.title", ""), ("part.body", "typed before")]).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["field-parts.en.push.title", "typed before"]);
}

#[tokio::test]
async fn what_is_typed_is_previewed_and_not_saved() {
    let world = World::start().await;
    save(&world, "en", "sms", &[("part.text", "Stored")]).await;
    let about =
        r#"{"required": ["days"], "properties": {"days": {"type": "number", "example": 2, "description": "left"}}}"#;
    let tag = hidden(&page(&world, &[("view", "about")]).await, "if_match");
    let form = [
        ("name", "reminder"),
        ("view", "about"),
        ("if_match", tag.as_str()),
        ("part.title", "Reminder"),
        ("part.default_locale", "en"),
        ("part.variables", about),
    ];
    assert_eq!(act(&world, Role::Editor, "save", &form).await.status, 303);
    let html = page(&world, &[("locale", "en"), ("channel", "sms")]).await;
    has(&html, &["<code>days</code>", "number, required", "data-preview=\"preview\"", "formtarget=\"email\""]);
    let typed = [&SMS[..], &[("part.text", "{{ days }} days {{ '<b>' }}"), ("values", "{\"days\": 5}")]].concat();
    let shown = act(&world, Role::Editor, "preview", &typed).await;
    assert_eq!(shown.status, 200);
    has(shown.text(), &["5 days &#60;b&#62;", "1 part", "{{ days }} days"]);
    let broken = [&SMS[..], &[("part.text", "{{ unknown }}")]].concat();
    has(act(&world, Role::Editor, "preview", &broken).await.text(), &["class=\"problem\"", "{{ unknown }}"]);
    world.put_profile("ada", json!({"locale": "fr", "phone": "+33612345678"})).await;
    let to_ada = [&SMS[..], &[("part.text", "a"), ("recipient", "ada")]].concat();
    has(act(&world, Role::Editor, "preview", &to_ada).await.text(), &["1 part", "value=\"ada\""]);
    let sample = [&SMS[..], &[("part.text", "a"), ("values", "{")]].concat();
    has(act(&world, Role::Editor, "preview", &sample).await.text(), &["must be JSON"]);
    assert_eq!(stored(&world).await["draft"]["parts"]["en"]["sms"]["text"], "Stored");
    let email = [
        ("name", "reminder"),
        ("locale", "en"),
        ("channel", "email"),
        ("part.subject", "Hi"),
        ("part.html", "<p>Days: {{ days }}</p>"),
        ("part.text", "Days: {{ days }}"),
    ];
    let frame = act(&world, Role::Editor, "frame", &email).await;
    has(frame.text(), &["Days: 2"]);
    assert!(frame.header("content-security-policy").unwrap().contains("sandbox"));
    has(
        act(&world, Role::Editor, "frame", &broken).await.text(),
        &["A field is not valid", "uses a value that may be missing"],
    );
}

#[tokio::test]
async fn a_stale_form_shows_what_was_stored_meanwhile() {
    let world = World::start().await;
    save(&world, "en", "sms", &[("part.text", "First")]).await;
    let tag = hidden(&page(&world, &[("locale", "en"), ("channel", "sms")]).await, "if_match");
    save(&world, "en", "sms", &[("part.text", "Theirs")]).await;
    let mine = [&SMS[..], &[("part.text", "Mine"), ("if_match", tag.as_str())]].concat();
    let refused = act(&world, Role::Editor, "save", &mine).await;
    assert_eq!(refused.status, 412);
    assert!(refused.text().contains("Who changed it"), "{}", refused.text());
    has(refused.text(), &["Present value", "Theirs</td>", "Mine</td>", "Mine</textarea>"]);
    let tag = hidden(refused.text(), "if_match");
    let mine = [&SMS[..], &[("part.text", "Mine"), ("if_match", tag.as_str())]].concat();
    assert_eq!(act(&world, Role::Editor, "save", &mine).await.status, 303);
    // Two people who create the same template do not overwrite one another.
    let new = [&SMS[1..], &[("name", "welcome"), ("part.text", "A"), ("if_match", "")]].concat();
    assert_eq!(act(&world, Role::Editor, "save", &new).await.status, 303);
    assert_eq!(act(&world, Role::Editor, "save", &[&new[..], &[("part.text", "B")]].concat()).await.status, 412);
}

#[tokio::test]
async fn a_draft_is_tested_a_text_removed_and_the_template_archived() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    save(&world, "en", "push", &[("part.title", "Hi"), ("part.body", "There")]).await;
    save(&world, "en", "sms", &[("part.text", "Hi")]).await;
    let sent = act(&world, Role::Editor, "test", &[&SMS[..], &[("to", "ada")]].concat()).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    assert!(sent.header("location").unwrap().starts_with("/console/notification?id="));
    assert_eq!(world.push.total(), 1);
    let long = "<b>".repeat(100);
    let refused = act(&world, Role::Editor, "test", &[&SMS[..], &[("to", long.as_str())]].concat()).await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["#field-to", "value=\"&#60;b&#62;"]);

    let tag = hidden(&page(&world, &[("locale", "en"), ("channel", "sms")]).await, "if_match");
    let removed = act(&world, Role::Editor, "remove", &[&SMS[..], &[("if_match", &tag)]].concat()).await;
    assert_eq!(removed.status, 303, "{}", removed.text());
    assert_eq!(stored(&world).await["draft"]["parts"]["en"].as_object().unwrap().len(), 1);
    let tag = hidden(&page(&world, &[("view", "versions")]).await, "if_match");
    let archive = [("name", "reminder"), ("view", "versions"), ("if_match", tag.as_str())];
    assert_eq!(act(&world, Role::Editor, "archive", &archive).await.status, 303);
    has(&page(&world, &[]).await, &["archived", "makes it active again"]);
    bill(&world).await;
    let used = [("name", "payment-due"), ("view", "versions")];
    let refused = act(&world, Role::Editor, "archive", &used).await;
    assert_eq!(refused.status, 409);
    has(refused.text(), &["A type uses this template"]);
}

#[tokio::test]
async fn hostile_texts_of_a_template_are_shown_as_text() {
    let world = World::start().await;
    let evil = "</textarea><script>x</script>\u{202e}{{ 7*7 }}";
    save(&world, "en", "sms", &[("part.text", evil)]).await;
    let html = page(&world, &[("locale", "en"), ("channel", "sms")]).await;
    assert!(!html.contains("<script>x"), "{html}");
    has(&html, &["&#60;/textarea&#62;", "{{ 7*7 }}"]);
    for query in [("locale", "\"><script>x"), ("channel", "<script>x"), ("view", "<script>x")] {
        assert!(!page(&world, &[query]).await.contains("<script>x"), "{query:?}");
    }
    let bad = world.open_page(&world.person(Role::Viewer), "template", &[("name", "<script>x")]).await;
    assert!(bad.status == 422 && !bad.text().contains("<script>x"), "{}", bad.text());
}

#[tokio::test]
async fn saved_sample_data_fill_previews_and_tests_and_no_version_has_them() {
    let world = World::start().await;
    let phone = world.subscribe("ada", "phone").await;
    let schema = r#"{"required": ["name"], "properties": {"name": {"type": "string", "example": "Ada"}}}"#;
    save(&world, "en", "push", &[("part.title", "Hello"), ("part.body", "Plain")]).await;
    let about = async |sample: &str| {
        let tag = hidden(&page(&world, &[("view", "about")]).await, "if_match");
        let form = [
            ("name", "reminder"),
            ("view", "about"),
            ("if_match", tag.as_str()),
            ("part.title", "Reminder"),
            ("part.default_locale", "en"),
            ("part.variables", schema),
            ("part.sample", sample),
        ];
        act(&world, Role::Editor, "save", &form).await
    };
    assert_eq!(about(r#"{"name": "Bob <b>"}"#).await.status, 303);
    let text = [("part.title", "Hello"), ("part.body", "For {{ name }}")];
    assert_eq!(save(&world, "en", "push", &text).await.status, 303);
    has(&page(&world, &[("locale", "en"), ("channel", "push")]).await, &["<p class=\"lines\">For Bob &#60;b&#62;</p>"]);
    has(&page(&world, &[("view", "about")]).await, &["Bob &#60;b&#62;", "Sample data of previews and tests"]);
    // Values for one preview replace the saved ones.
    let place = [("name", "reminder"), ("view", "text"), ("locale", "en"), ("channel", "push")];
    let once = [&place[..], &text, &[("values", r#"{"name": "Eve"}"#)]].concat();
    has(act(&world, Role::Editor, "preview", &once).await.text(), &["<p class=\"lines\">For Eve</p>"]);
    assert_eq!(act(&world, Role::Editor, "test", &[&place[..], &[("to", "ada")]].concat()).await.status, 303);
    assert_eq!(world.push.opened("phone", &phone).1["body"], "For Bob <b>");
    let refused = about("[1]").await;
    assert_eq!(refused.status, 422);
    has(refused.text(), &["#field-sample", "must be an object"]);
    let tag = hidden(&page(&world, &[]).await, "if_match");
    let publish = [("name", "reminder"), ("if_match", tag.as_str())];
    assert_eq!(act(&world, Role::Editor, "publish", &publish).await.status, 303);
    let bodies = world.items("settings").into_iter().filter(|item| item["pk"]["S"] == "template#reminder");
    let versions: Vec<_> = bodies.filter(|item| item["sk"]["S"].as_str().unwrap().starts_with("version#")).collect();
    let text = json!(versions).to_string();
    assert!(text.contains("For {{ name }}") && !text.contains("Bob") && !text.contains("written_at"), "{text}");
    // A sample that the schema does not allow is named where it stands.
    assert_eq!(about(r#"{"name": 5}"#).await.status, 303);
    let html = page(&world, &[("locale", "en"), ("channel", "push")]).await;
    has(&html, &["view=about#field-sample", "sample.name"]);
}

#[tokio::test]
async fn a_text_is_outdated_when_the_default_locale_changed_after_it() {
    let world = World::start().await;
    for locale in ["en", "it"] {
        save(&world, locale, "sms", &[("part.text", "One")]).await;
        world.advance(60);
    }
    assert!(!page(&world, &[]).await.contains(">outdated<"));
    save(&world, "en", "sms", &[("part.text", "Two")]).await;
    assert_eq!(stored(&world).await["outdated"], json!([{"locale": "it", "channel": "sms"}]));
    let html = page(&world, &[("locale", "it"), ("channel", "sms")]).await;
    has(&html, &[">outdated</span>", "This text is still right"]);
    let form = [("name", "reminder"), ("if_match", &hidden(&html, "if_match")), ("locale", "it"), ("channel", "sms")];
    world.advance(60);
    assert_eq!(act(&world, Role::Editor, "reviewed", &form).await.status, 303);
    assert_eq!(stored(&world).await["outdated"], json!([]));
    save(&world, "en", "sms", &[("part.text", "Three")]).await;
    world.advance(60);
    save(&world, "it", "sms", &[("part.text", "Tre")]).await;
    assert_eq!(stored(&world).await["outdated"], json!([]), "a new text is up to date");
    let wrong = [("name", "reminder"), ("if_match", "*"), ("locale", "de"), ("channel", "sms")];
    assert_eq!(act(&world, Role::Editor, "reviewed", &wrong).await.status, 422);
}

#[tokio::test]
async fn the_list_shows_the_draft_the_fallbacks_and_50_templates_a_page() {
    let world = World::start().await;
    bill(&world).await;
    let list = async |role, query: Form<'_>| {
        let page = world.open_page(&world.person(role), "templates", query).await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text().to_owned()
    };
    let html = list(Role::Editor, &[]).await;
    has(&html, &["as published", "Write it"]);
    assert!(!html.contains("Next 50"), "{html}");
    assert!(!list(Role::Viewer, &[]).await.contains("Write it"));
    save(&world, "en", "sms", &[("part.text", "Two days left")]).await;
    has(&list(Role::Editor, &[]).await, &["not published"]);
    let versions = async || hidden(&page(&world, &[("view", "versions")]).await, "if_match");
    let publish = [("name", "reminder"), ("view", "versions"), ("if_match", &versions().await)];
    assert_eq!(act(&world, Role::Editor, "publish", &publish).await.status, 303);
    assert_eq!(stored(&world).await["has_changes"], false);
    save(&world, "en", "sms", &[("part.text", "One day left")]).await;
    assert_eq!(stored(&world).await["has_changes"], true);
    has(&list(Role::Editor, &[]).await, &["changed since"]);

    world.put_profile("bob", json!({"email": "bob@example.com", "locale": "is"})).await;
    let bill = json!({"type": "BILL", "template": {"name": "payment-due"}, "variables": {}});
    world.send("bob", bill).await;
    for number in 0..50 {
        let form = [("name", format!("more-{number:02}")), ("locale", "en".into()), ("channel", "sms".into())];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let saved = act(&world, Role::Editor, "save", &[&form[..], &[("part.text", "Hi")]].concat()).await;
        assert_eq!(saved.status, 303, "{}", saved.text());
    }
    let html = list(Role::Viewer, &[]).await;
    has(&html, &["Next 50", "more-00", "more-47"]);
    assert!(!html.contains("payment-due</a>"), "{html}");
    let last = html.split_once("templates?after=").unwrap().1.split('"').next().unwrap();
    let rest = list(Role::Viewer, &[("after", last)]).await;
    has(&rest, &["payment-due</a>", "reminder</a>"]);
    assert!(!rest.contains("more-00</a>") && !rest.contains("Next 50"));
}
