//! The preference page: a recipient opens the link of a message, and chooses without logging in.

use serde_json::{Value, json};

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use world::{ApiResponse, BASE, World, keys};

/// A form as a browser reads it from a page.
#[derive(Debug, Clone)]
pub struct Form {
    pub fields: Vec<(String, String)>,
    /// Values of the checkboxes, ticked or not.
    pub boxes: Vec<String>,
}

impl Form {
    pub fn of(page: &ApiResponse) -> Self {
        let html = page.body.as_str().unwrap();
        let (mut fields, mut boxes) = (Vec::new(), Vec::new());
        for input in html.split("<input ").skip(1).map(|rest| &rest[..rest.find('>').unwrap()]) {
            let attribute = |name: &str| {
                let start = input.find(&format!("{name}=\"")).map(|at| at + name.len() + 2);
                start.map(|start| input[start..].split('"').next().unwrap().to_owned()).unwrap_or_default()
            };
            let (name, value) = (attribute("name"), attribute("value"));
            if attribute("type") == "checkbox" {
                boxes.push(value.clone());
            }
            if name != "List-Unsubscribe" && (attribute("type") != "checkbox" || input.ends_with(" checked")) {
                fields.push((name, value));
            }
        }
        Self { fields, boxes }
    }

    pub fn is_ticked(&self, key: &str) -> bool {
        self.fields.contains(&("yes".to_owned(), key.to_owned()))
    }

    pub fn tick(mut self, key: &str) -> Self {
        assert!(self.boxes.iter().any(|known| known == key), "{key} is none of {:?}", self.boxes);
        self.fields.push(("yes".to_owned(), key.to_owned()));
        self
    }

    pub fn untick(mut self, key: &str) -> Self {
        assert!(self.is_ticked(key), "{key}");
        self.fields.retain(|field| *field != ("yes".to_owned(), key.to_owned()));
        self
    }

    fn enter(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.unwrap().1 = value.to_owned();
        self
    }
}

async fn with_ada(locale: &str) -> (World, String) {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let profile = json!({"email": "lovelace@example.com", "phone": "+393331234567", "locale": locale, "time_zone": "Europe/Rome"});
    world.put_profile("ada", profile).await;
    let link = world.preferences_link("ada");
    (world, link)
}

fn html(page: &ApiResponse) -> &str {
    page.body.as_str().unwrap()
}

async fn choices(world: &World) -> Value {
    let ada = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await;
    ada.body["preferences"].clone()
}

#[tokio::test]
async fn a_person_chooses_without_logging_in_and_the_next_send_follows() {
    let (world, link) = with_ada("it-CH").await;
    let before = world.items("recipients");
    let page = world.follow("GET", &link).await;
    assert_eq!(
        (page.status, page.header("Cache-Control"), page.header("Referrer-Policy")),
        (200, Some("no-store"), Some("no-referrer"))
    );
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(
        html(&page).contains("<html lang=\"it\"") && html(&page).contains("Preferenze dei messaggi"),
        "{}",
        html(&page)
    );
    for personal in ["lovelace", "3331234567", ">ada", "fcm", "127.0.0.1"] {
        assert!(!html(&page).contains(personal), "{personal}");
    }
    assert_eq!(world.items("recipients"), before, "reading changes nothing");
    let form = Form::of(&page);
    assert!(form.is_ticked("PAYMENT_DUE|*") && form.is_ticked("*|sms") && form.is_ticked("DEFAULT|push"));
    world.write_units();
    let form = form
        .untick("PAYMENT_DUE|*")
        .untick("*|sms")
        .untick("DEFAULT|push")
        .enter("from", "22:00")
        .enter("until", "07:30");
    let saved = world.submit(&link, &form.fields).await;
    assert_eq!((saved.status, world.write_units()), (200, 1.0));
    assert!(html(&saved).contains("role=\"status\">Le tue scelte sono salvate."), "{}", html(&saved));
    let stored = choices(&world).await;
    let at = "2026-11-23T10:00:00Z";
    assert_eq!(
        stored["choices"],
        json!([
            {"type": "PAYMENT_DUE", "wants": false, "by": "link", "at": at},
            {"channel": "sms", "wants": false, "by": "link", "at": at},
            {"type": "DEFAULT", "channel": "push", "wants": false, "by": "link", "at": at},
        ])
    );
    assert_eq!(stored["quiet_hours"], json!({"start": "22:00", "end": "07:30"}));
    assert_eq!(world.send("ada", json!({"type": "PAYMENT_DUE"})).await.body["reason"], "opted_out");
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    // The page shows what is stored. The same form again changes nothing, and ticking reverts it.
    let again = Form::of(&world.follow("GET", &link).await);
    assert!(!again.is_ticked("PAYMENT_DUE|*") && again.is_ticked("DEFAULT|*"));
    world.write_units();
    assert_eq!((world.submit(&link, &again.fields).await.status, world.write_units()), (200, 0.0));
    let reverted = again.tick("PAYMENT_DUE|*").enter("from", "").enter("until", "");
    assert_eq!(world.submit(&link, &reverted.fields).await.status, 200);
    assert_eq!(world.send("ada", json!({"type": "PAYMENT_DUE"})).await.attempts(), ["push:accepted"]);
    assert_eq!(choices(&world).await["quiet_hours"], Value::Null);
}

#[tokio::test]
async fn every_field_has_a_label_and_every_description_exists() {
    let (world, link) = with_ada("en").await;
    world.send("ada", json!({})).await;
    let page = world.follow("GET", &link).await;
    let refused = world.submit(&link, &Form::of(&page).enter("from", "22:00").fields).await;
    let unsubscribing = world.follow("GET", &world.unsubscribe_link()).await;
    for page in [&page, &refused, &unsubscribing] {
        let html = html(page);
        let (boxes, times) = (html.matches("type=\"checkbox\"").count(), html.matches("type=\"time\"").count());
        assert_eq!((html.matches("<label").count(), times), (boxes + times, 2));
        assert_eq!(html.matches("<fieldset").count(), html.matches("<legend").count());
        for described in html.split("aria-describedby=\"").skip(1) {
            let id = described.split('"').next().unwrap();
            assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
        }
        assert_eq!(
            (html.matches("<h1").count(), html.matches("<main").count(), html.matches("<script").count()),
            (1, 1, 0)
        );
    }
}

#[tokio::test]
async fn a_page_that_was_open_for_long_reverts_no_later_refusal() {
    let (world, link) = with_ada("en").await;
    let old = Form::of(&world.follow("GET", &link).await);
    world.send("ada", json!({})).await;
    assert_eq!(world.follow("POST", &world.unsubscribe_link()).await.status, 200);
    let saved = world.submit(&link, &old.untick("*|sms").fields).await;
    assert_eq!(saved.status, 200);
    let shown = Form::of(&saved);
    assert!(!shown.is_ticked("DEFAULT|*") && !shown.is_ticked("*|sms"), "{:?}", shown.fields);
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "opted_out");
    world.put_profile("ada", json!({"email": "lovelace@example.com", "preferences": {"opted_out_types": []}})).await;
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "opted_out");
}

#[tokio::test]
async fn a_wrong_form_has_a_message_in_the_persons_language_and_changes_nothing() {
    let (world, link) = with_ada("de-AT").await;
    let before = world.items("recipients");
    let form = || async { Form::of(&world.follow("GET", &link).await).untick("*|push") };
    let with = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let unknown = [with("shown", "OLD_TYPE|*=y"), with("shown", "*|sms=y")].concat();
    let cases = [
        (form().await.enter("from", "22:00").fields, "Geben Sie beide Zeiten"),
        (form().await.enter("from", "ten\"><b>").enter("until", "07:00").fields, "in Stunden und Minuten"),
        (form().await.enter("from", "07:00").enter("until", "07:00").fields, "müssen sich unterscheiden"),
        (unknown, "nicht mehr aktuell"),
        (Vec::new(), "nicht mehr aktuell"),
        (with("shown", "nonsense"), "nicht mehr aktuell"),
        (with("shown", &"x".repeat(300_000)), "nicht mehr aktuell"),
    ];
    world.write_units();
    for (fields, message) in cases {
        let refused = world.submit(&link, &fields).await;
        assert_eq!(refused.status, 422, "{message}");
        let page = html(&refused);
        assert!(
            page.contains("<title>Nichts wurde gespeichert: ")
                && page.contains("role=\"alert\"")
                && page.contains("Nichts wurde gespeichert")
                && page.contains(message),
            "{page}"
        );
        assert!(!page.contains("<b>"), "{page}");
        let shown = Form::of(&refused);
        let is_kept = fields.iter().any(|(name, _)| name == "from");
        assert_eq!(shown.is_ticked("*|push"), !is_kept, "what was entered stays: {message}");
    }
    assert_eq!((world.items("recipients"), world.write_units()), (before, 0.0));
}

#[tokio::test]
async fn list_unsubscribe_opens_the_choices_and_unsubscribes_by_one_click() {
    let (world, _) = with_ada("fr").await;
    world.send("ada", json!({})).await;
    let link = world.unsubscribe_link();
    let page = world.follow("GET", &link).await;
    assert!(
        html(&page).contains("Se désabonner") && html(&page).contains("Préférences des messages"),
        "{}",
        html(&page)
    );
    let (_, token) = link.rsplit_once('/').unwrap();
    assert!(html(&page).contains(&format!("action=\"../preferences/{token}\"")), "{}", html(&page));
    let choices_link = format!("{BASE}/v1/preferences/{token}");
    let saved = world.submit(&choices_link, &Form::of(&page).untick("*|push").fields).await;
    assert_eq!(saved.status, 200);
    world.write_units();
    let done = world.follow("POST", &link).await;
    assert_eq!((done.status, world.write_units()), (200, 1.0));
    assert!(
        html(&done).contains("Vous ne recevrez plus")
            && html(&done).contains(&format!("href=\"../preferences/{token}\""))
    );
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    let erased = world.follow("GET", &link).await;
    assert!(erased.status == 200 && !html(&erased).contains("preferences"), "{}", html(&erased));
    assert_eq!(world.follow("GET", &choices_link).await.status, 404);
}

#[tokio::test]
async fn the_page_shows_the_visible_types_and_a_type_on_a_wish_is_sent_after_it() {
    let (world, link) = with_ada("es").await;
    let kind = |title: &str, more: Value| {
        let mut kind = json!({"title": title, "class": "marketing", "channels": ["email"]});
        kind.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        kind
    };
    world.put_type("NEWSLETTER", kind("Circulares", json!({"default_opt": "out"}))).await;
    world.put_type("INTERNAL", kind("Internos", json!({"visible_in_preferences": false}))).await;
    world.put_type("OLD", kind("Antiguos", json!({"state": "archived"}))).await;
    world.put_type("ALARM", kind("<Alarmas>", json!({"class": "critical", "visible_in_preferences": true}))).await;
    world.put_type("SECRET_ALARM", kind("Ocultos", json!({"class": "critical"}))).await;
    world.advance(30);
    assert_eq!(world.send("ada", json!({"type": "NEWSLETTER"})).await.body["reason"], "opted_out");
    let page = world.follow("GET", &link).await;
    let form = Form::of(&page);
    assert!(!form.is_ticked("NEWSLETTER|*") && !form.boxes.iter().any(|key| key.starts_with("ALARM")));
    for (title, is_shown) in
        [("Circulares", true), ("&lt;Alarmas&gt;", true), ("Internos", false), ("Antiguos", false), ("Ocultos", false)]
    {
        assert_eq!(html(&page).contains(title), is_shown, "{title}");
    }
    assert_eq!(world.submit(&link, &form.tick("NEWSLETTER|*").fields).await.status, 200);
    assert_eq!(world.send("ada", json!({"type": "NEWSLETTER"})).await.attempts(), ["email:accepted"]);
    // A type that is archived while the page is open.
    let open = Form::of(&world.follow("GET", &link).await).untick("NEWSLETTER|*");
    world.put_type("NEWSLETTER", kind("Circulares", json!({"state": "archived"}))).await;
    world.advance(30);
    assert_eq!(world.submit(&link, &open.fields).await.status, 422);
}

#[tokio::test]
async fn a_refusal_on_the_only_channel_of_a_type_is_shown_and_can_be_undone() {
    let (world, link) = with_ada("en").await;
    let news = |channels: Value| json!({"title": "News", "class": "marketing", "channels": channels});
    world.put_type("NEWS", news(json!(["push", "email"]))).await;
    world.advance(30);
    let form = Form::of(&world.follow("GET", &link).await).untick("NEWS|push");
    assert_eq!(world.submit(&link, &form.fields).await.status, 200);
    world.put_type("NEWS", news(json!(["push"]))).await;
    world.advance(30);
    assert_eq!(world.send("ada", json!({"type": "NEWS"})).await.body["reason"], "opted_out");
    let form = Form::of(&world.follow("GET", &link).await);
    assert!(form.is_ticked("NEWS|*") && !form.is_ticked("NEWS|push"));
    assert_eq!(world.submit(&link, &form.tick("NEWS|push").fields).await.status, 200);
    assert_eq!(world.send("ada", json!({"type": "NEWS"})).await.attempts(), ["push:accepted"]);
    let again = Form::of(&world.follow("GET", &link).await);
    assert!(!again.boxes.iter().any(|key| key == "NEWS|push"), "one box is enough without a refusal");
}

#[tokio::test]
async fn several_quiet_hours_are_kept_until_they_are_replaced_or_removed() {
    let (world, link) = with_ada("en").await;
    let several =
        json!({"start": "22:00", "end": "07:00", "days": ["mon"], "also": [{"start": "12:00", "end": "13:00"}]});
    let set = async || {
        let body = json!({"quiet_hours": several});
        world.on_recipient("PUT /v1/recipients/{id}/preferences", "ada", body).await;
        Form::of(&world.follow("GET", &link).await)
    };
    let submit = async |form: Form| {
        assert_eq!(world.submit(&link, &form.fields).await.status, 200);
        choices(&world).await["quiet_hours"].clone()
    };
    assert_eq!(submit(set().await.untick("*|sms")).await, several);
    assert_eq!(
        submit(set().await.enter("from", "21:00").enter("until", "08:00")).await,
        json!({"start": "21:00", "end": "08:00"})
    );
    let mut removing = set().await;
    removing.fields.push(("remove".to_owned(), "y".to_owned()));
    assert_eq!(submit(removing).await, Value::Null);
}

#[tokio::test]
async fn a_link_for_another_purpose_opens_no_choices() {
    let (world, link) = with_ada("en").await;
    let sent = world.send("ada", json!({})).await;
    let id = NotificationId::parse(sent.body["id"].as_str().unwrap()).unwrap();
    let later = world.clock.now() + jiff::SignedDuration::from_hours(1);
    let before = world.items("recipients");
    for action in [LinkAction::Receipt(id.clone(), Channel::Push), LinkAction::Click(id, Channel::Email)] {
        let other = format!("{BASE}/v1/preferences/{}", keys().sign(&action, later));
        assert_eq!((world.follow("GET", &other).await.status, world.submit(&other, &[]).await.status), (404, 404));
    }
    let (_, token) = link.rsplit_once('/').unwrap();
    assert_eq!(world.follow("POST", &format!("{BASE}/v1/unsubscribe/{token}")).await.status, 404, "it names no type");
    assert_eq!(world.receipt(token, "delivered", json!({})).await.status, 404);
    world.advance(3_601);
    assert_eq!((world.follow("GET", &link).await.status, world.submit(&link, &[]).await.status), (410, 410));
    assert_eq!(world.items("recipients"), before);
}
