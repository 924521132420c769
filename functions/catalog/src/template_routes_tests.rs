#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::caller::Caller;
use platform::http::{Request, Response};
use platform::private::Private;
use serde_json::{Value, json};
use store::testing_tables::tables;

use super::CatalogApi;
use super::testing::api;

const DETAIL: &str = "/v1/templates/{name}";

/// The API on an empty table.
struct Editor {
    api: CatalogApi,
    now: Timestamp,
}

/// A response: status, body and entity tag.
struct Answer {
    status: u16,
    body: Value,
    tag: Option<String>,
}

impl Answer {
    fn of(response: &Response) -> Self {
        let tag = response.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.clone());
        let body = serde_json::from_str(response.body.expose()).unwrap_or(Value::Null);
        Self { status: response.status, body, tag }
    }

    fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|error| error["field"].as_str().unwrap()).collect()
    }
}

impl Editor {
    async fn new() -> Self {
        let client = tables().await.client();
        Self { api: api(&client), now: "2027-01-10T12:00:00Z".parse().unwrap() }
    }

    async fn ask(&self, route: &str, body: Value, if_match: Option<&str>, query: &[(&str, &str)]) -> Answer {
        self.ask_of("welcome", route, body, if_match, query).await
    }

    async fn ask_of(
        &self,
        name: &str,
        route: &str,
        body: Value,
        if_match: Option<&str>,
        query: &[(&str, &str)],
    ) -> Answer {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), Private::new(value.to_owned()));
        let version = query.iter().find(|(name, _)| *name == "version").map_or("", |(_, value)| value);
        let request = Request {
            route: route.to_owned(),
            path: BTreeMap::from([owned(("name", name)), owned(("version", version))]),
            query: query.iter().filter(|(name, _)| *name != "version").map(|pair| owned(*pair)).collect(),
            if_match: if_match.map(str::to_owned),
            body: Private::new(body.to_string().into_bytes()),
            caller: Caller { id: "ops".to_owned(), ..Caller::default() },
            ..Request::default()
        };
        Answer::of(&self.api.answer(&request, self.now).await)
    }

    async fn put(&self, draft: Value) -> Answer {
        self.ask(&format!("PUT {DETAIL}"), draft, None, &[]).await
    }

    async fn publish(&self) -> Answer {
        self.ask(&format!("POST {DETAIL}/versions"), Value::Null, None, &[]).await
    }
}

fn welcome(text: &str) -> Value {
    json!({
        "title": "Welcome", "default_locale": "en",
        "variables": {"required": ["name"], "properties": {"name": {"type": "string", "example": "Ada"}}},
        "parts": {"en": {"sms": {"text": text}}, "it": {"sms": {"text": "Ciao {{ name }}"}}},
    })
}

#[tokio::test]
async fn a_draft_is_saved_published_made_live_and_rolled_back() {
    let editor = Editor::new().await;
    let saved = editor.put(welcome("Hi {{ name }}")).await;
    assert_eq!((saved.status, &saved.body["findings"], &saved.body["live_version"]), (201, &json!([]), &Value::Null));
    let published = editor.publish().await;
    assert_eq!(
        (published.status, &published.body["version"], &published.body["name"]),
        (201, &json!(1), &json!("ops"))
    );
    assert_eq!(editor.put(welcome("Hello {{ name }}")).await.status, 200);
    assert_eq!(editor.publish().await.body["version"], 2);
    let live = |version: u32| editor.ask("PUT /v1/templates/{name}/live", json!({"version": version}), None, &[]);
    let too_high = live(3).await;
    assert_eq!((too_high.status, too_high.fields()), (422, vec!["version"]));
    assert_eq!(live(2).await.body["live_version"], 2);
    assert_eq!(live(1).await.body["live_version"], 1, "a rollback");
    let versions = editor.ask(&format!("GET {DETAIL}/versions"), Value::Null, None, &[]).await;
    let numbers: Vec<_> =
        versions.body["items"].as_array().unwrap().iter().map(|item| item["version"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let old = editor.ask(&format!("GET {DETAIL}/versions/{{version}}"), Value::Null, None, &[("version", "1")]).await;
    assert_eq!(old.body["template"], welcome("Hi {{ name }}"), "a version never changes");
    let diff = editor.ask(&format!("GET {DETAIL}/diff"), Value::Null, None, &[("from", "1"), ("to", "2")]).await;
    let change = json!({"path": "parts.en.sms.text", "from": "Hi {{ name }}", "to": "Hello {{ name }}"});
    assert_eq!(diff.body["changes"], json!([change]));
}

#[tokio::test]
async fn a_stale_tag_writes_nothing_and_an_equal_draft_neither() {
    let editor = Editor::new().await;
    let first = editor.put(welcome("a")).await;
    assert_eq!(editor.put(welcome("a")).await.body["revision"], 1);
    editor.put(welcome("b")).await;
    let put = format!("PUT {DETAIL}");
    assert_eq!(editor.ask(&put, welcome("c"), first.tag.as_deref(), &[]).await.status, 412);
    let publish = format!("POST {DETAIL}/versions");
    assert_eq!(editor.ask(&publish, Value::Null, first.tag.as_deref(), &[]).await.status, 412);
    let now = editor.ask(&format!("GET {DETAIL}"), Value::Null, None, &[]).await;
    assert_eq!((&now.body["draft"], &now.body["latest_version"]), (&welcome("b"), &json!(0)));
    assert_eq!(editor.ask(&put, welcome("c"), now.tag.as_deref(), &[]).await.status, 200);
}

#[tokio::test]
async fn a_draft_is_marked_if_it_was_saved_after_the_newest_version() {
    let editor = Editor::new().await;
    let mark = async || editor.ask(&format!("GET {DETAIL}"), Value::Null, None, &[]).await.body["has_changes"].clone();
    editor.put(welcome("a")).await;
    assert_eq!(mark().await, true, "nothing is published");
    assert_eq!(editor.ask(&format!("POST {DETAIL}/versions"), Value::Null, None, &[]).await.status, 201);
    assert_eq!(mark().await, false);
    editor.put(welcome("b")).await;
    assert_eq!(mark().await, true);
}

#[tokio::test]
async fn a_draft_with_findings_is_saved_and_not_published() {
    let editor = Editor::new().await;
    let saved = editor.put(welcome("a\nb\n{{ other }} {{ name | shout }}")).await;
    assert_eq!((saved.status, saved.body["findings"].as_array().unwrap().len()), (201, 1));
    let finding = &saved.body["findings"][0];
    assert_eq!((&finding["path"], &finding["line"]), (&json!("parts.en.sms.text"), &json!(3)), "{finding}");
    let refused = editor.publish().await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["parts.en.sms.text"]));
    assert!(refused.body["detail"].as_str().unwrap().contains("line 3"));
    let shape = editor.put(json!({"title": "", "parts": {}})).await;
    assert_eq!((shape.status, shape.fields()), (422, vec!["title", "parts", "default_locale"]));
}

#[tokio::test]
async fn a_version_that_no_send_could_send_is_not_published() {
    let editor = Editor::new().await;
    let long = |sms: usize, push: usize| {
        let mut draft = welcome(&format!("{} {{{{ name }}}}", "x".repeat(sms)));
        draft["parts"]["it"]["push"] = json!({"title": "t", "body": "x".repeat(push)});
        draft["parts"]["en"]["push"] = json!({"title": "t", "body": "x".repeat(push)});
        draft
    };
    // A push in another locale than the default one is sent without links if they do not fit.
    for (sms, push, fields) in [
        (10, 10, &[][..]),
        (2_000, 10, &["parts.en.sms.text"]),
        (10, 3_700, &["parts.en.push"]),
        (10, 4_000, &["parts.en.push", "parts.it.push"]),
    ] {
        let saved = editor.put(long(sms, push)).await;
        let found: Vec<_> = saved.body["findings"].as_array().unwrap().iter().map(|one| one["path"].clone()).collect();
        assert_eq!(found, fields, "{sms} {push}");
        let published = editor.publish().await;
        let status = if fields.is_empty() { 201 } else { 422 };
        assert_eq!((published.status, published.fields()), (status, fields.to_vec()), "{sms} {push}");
    }
}

#[tokio::test]
async fn mjml_becomes_html_when_a_version_is_published() {
    let editor = Editor::new().await;
    let draft = |mjml: &str| {
        let mut draft = welcome("Hi");
        draft["parts"]["en"]["email"] = json!({"subject": "s", "text": "t", "mjml": mjml});
        draft
    };
    editor.put(draft("<p>x</p>")).await;
    assert_eq!(editor.publish().await.fields(), ["parts.en.email.mjml"]);
    let mjml =
        "<mjml><mj-body><mj-section><mj-column><mj-text>{{ name }}</mj-text></mj-column></mj-section></mj-body></mjml>";
    assert_eq!(editor.put(draft(mjml)).await.body["findings"], json!([]));
    assert_eq!(editor.publish().await.status, 201);
    let version =
        editor.ask(&format!("GET {DETAIL}/versions/{{version}}"), Value::Null, None, &[("version", "1")]).await;
    let email = &version.body["template"]["parts"]["en"]["email"];
    assert!(email["mjml"] == mjml && email["html"].as_str().unwrap().contains("{{ name }}"));
}

#[tokio::test]
async fn a_template_of_a_type_is_not_archived_and_not_broken() {
    let editor = Editor::new().await;
    editor.put(welcome("Hi {{ name }}")).await;
    editor.publish().await;
    editor.ask("PUT /v1/templates/{name}/live", json!({"version": 1}), None, &[]).await;
    let archived = editor.ask(&format!("DELETE {DETAIL}"), Value::Null, None, &[]).await;
    assert_eq!((archived.status, &archived.body["state"]), (200, &json!("archived")));
    assert_eq!(editor.put(welcome("Hi {{ name }}")).await.body["state"], "active");
    let missing = editor.ask_of("other", &format!("DELETE {DETAIL}"), Value::Null, None, &[]).await;
    assert_eq!(missing.status, 404);
    let bad = editor.ask_of("Bad Name", &format!("GET {DETAIL}"), Value::Null, None, &[]).await;
    assert_eq!((bad.status, bad.fields()), (422, vec!["name"]));
}

#[tokio::test]
async fn the_built_in_templates_are_live_from_the_first_read() {
    let editor = Editor::new().await;
    let list = editor.ask("GET /v1/templates", Value::Null, None, &[]).await;
    let names: Vec<_> =
        list.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!((list.status, names), (200, vec!["certificate-expiring", "payment-due"]));
    assert!(list.body["items"].as_array().unwrap().iter().all(|item| item["live_version"] == 1));
    let shown = editor.ask_of("payment-due", &format!("GET {DETAIL}"), Value::Null, None, &[]).await;
    assert_eq!(shown.body["findings"], json!([]));
    assert!(shown.body["draft"]["parts"]["it"]["email"].get("html").is_none(), "an editor writes MJML");
}

#[tokio::test]
async fn a_preview_shows_every_channel_or_names_what_is_missing() {
    let editor = Editor::new().await;
    let route = format!("POST {DETAIL}/preview");
    let preview = |body: Value| editor.ask_of("certificate-expiring", &route, body, None, &[]);
    let shown = preview(json!({"version": 1, "locale": "it-CH", "time_zone": "Europe/Zurich"})).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let locales = ["push", "email", "sms"].map(|channel| shown.body[channel]["locale"].clone());
    assert_eq!(locales, ["it", "it", "it"]);
    assert_eq!(shown.body["email"]["subject"], "Il certificato shop.example.com scade tra 7 giorni");
    assert_eq!((&shown.body["sms"]["encoding"], &shown.body["sms"]["parts"]), (&json!("gsm7"), &json!(1)));
    assert_eq!(preview(json!({})).await.body["email"]["locale"], "en", "the draft, in its default locale");
    let missing = preview(json!({"variables": {"days": 1, "url": "ftp://a.example/"}})).await;
    let expected = vec!["variables.certificate", "variables.expires_on", "variables.url"];
    assert_eq!((missing.status, missing.fields()), (422, expected));
    for (body, field) in [
        (json!({"version": 2}), "version"),
        (json!({"locale": "italiano!"}), "locale"),
        (json!({"time_zone": "Rome"}), "time_zone"),
        (json!({"template": {}}), "template"),
    ] {
        assert_eq!(preview(body).await.fields(), [field]);
    }
    let unsaved = |body: Value| editor.ask("POST /v1/templates/preview", body, None, &[]);
    let shown =
        unsaved(json!({"template": welcome("Hi {{ name }}"), "locale": "it", "variables": {"name": "Eva"}})).await;
    assert_eq!((&shown.body["sms"]["text"], &shown.body["push"]), (&json!("Ciao Eva"), &Value::Null));
    let broken = unsaved(json!({"template": welcome("{{ 'x' * 100000000 }}")})).await;
    assert_eq!((broken.status, broken.fields()), (422, vec!["template.parts.en.sms.text"]));
    assert_eq!(unsaved(json!({"template": {}})).await.fields()[0], "template.title");
}

#[tokio::test]
async fn each_error_of_a_preview_names_the_field_of_its_request() {
    let editor = Editor::new().await;
    let with = |path: &str, source: Value| {
        let mut draft = welcome("Hi");
        draft["parts"]["en"]["push"] = json!({"title": "t", "body": "b"});
        draft["parts"]["en"]["email"] =
            json!({"subject": "s", "text": "t", "mjml": "<mjml><mj-body><mj-raw>x</mj-raw></mj-body></mjml>"});
        *draft.pointer_mut(path).unwrap() = source;
        draft
    };
    for (draft, field) in [
        (with("/parts/en/sms/text", json!("{{ name")), "parts.en.sms.text"),
        (with("/parts/en/sms/text", json!("x".repeat(2_000))), "parts.en.sms.text"),
        (with("/parts/en/push/body", json!("x".repeat(4_000))), "parts.en.push"),
        (with("/parts/en/email/mjml", json!("<p></p>")), "parts.en.email.mjml"),
        (with("/parts/en/email/mjml", json!("<mjml><mj-body>{{ x")), "parts.en.email.mjml"),
        (with("/title", json!(5)), "title"),
    ] {
        let unsaved = editor.ask("POST /v1/templates/preview", json!({"template": draft}), None, &[]).await;
        assert_eq!((unsaved.status, unsaved.fields()), (422, vec![format!("template.{field}").as_str()]), "{draft}");
        if editor.put(draft.clone()).await.status < 300 {
            let stored = editor.ask(&format!("POST {DETAIL}/preview"), json!({}), None, &[]).await;
            assert_eq!((stored.status, stored.fields()), (422, vec![field]), "{draft}");
        }
    }
    let variables = json!({"template": welcome("{{ name }}"), "variables": {"name": 5}});
    let wrong = editor.ask("POST /v1/templates/preview", variables, None, &[]).await;
    assert_eq!(wrong.fields(), ["variables.name"]);
}
