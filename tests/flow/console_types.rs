//! Types of notification in the web console: the list, a new type, a change that is checked before it is saved, another
//! writer, and the end of a type.

use console::site::{PageReply, Role};
use serde_json::{Value, json};

use world::World;

/// Fields of a form for the type OFFERS.
const OFFERS: [(&str, &str); 6] = [
    ("new_name", "OFFERS"),
    ("title", "Offers & <i>more</i>"),
    ("class", "marketing"),
    ("channels", "email"),
    ("channels", "push"),
    ("ttl_seconds", "600"),
];

/// Value of a hidden field.
fn hidden(page: &PageReply, name: &str) -> String {
    let text = page.text();
    let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {text}"));
    rest.split('"')
        .next()
        .unwrap()
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

/// Checks a form, and saves what was checked.
async fn save(world: &World, fields: &[(&str, &str)]) -> PageReply {
    let editor = world.person(Role::Editor);
    let checked = world.send_form(&editor, "type", &[fields, &[("action", "check")]].concat()).await;
    assert_eq!(checked.status, 200, "{}", checked.text());
    assert!(checked.text().contains("What would change"));
    let body = hidden(&checked, "checked");
    world.send_form(&editor, "type", &[fields, &[("checked", body.as_str()), ("action", "save")]].concat()).await
}

async fn stored(world: &World, name: &str) -> Value {
    world.type_request("GET", name, Value::Null).await.body
}

#[tokio::test]
async fn the_list_has_every_type_with_its_volume_and_links() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    world.fold().await;
    let page = world.open_page(&world.person(Role::Viewer), "types", &[]).await;
    assert_eq!(page.status, 200);
    let row = page.text().split("<tr>").find(|row| row.contains("name=PAYMENT_DUE")).unwrap().to_owned();
    assert!(row.contains("transactional") && row.contains("<td class=\"number\">1</td>"), "{row}");
    assert!(!page.text().contains("New type"), "a viewer changes nothing");
    for number in 0..60 {
        let kind = json!({"title": "T", "class": "marketing", "channels": ["push"]});
        assert_eq!(world.put_type(&format!("T{number:02}"), kind).await.status, 201);
    }
    let page = world.open_page(&world.person(Role::Editor), "types", &[]).await;
    assert!(page.text().contains("after=T46\">Next 50") && page.text().contains("New type"), "{}", page.text());
    let next = world.open_page(&world.person(Role::Editor), "types", &[("after", "T46")]).await;
    assert!(
        next.text().contains("name=T59") && !next.text().contains("name=T46\"") && !next.text().contains("Next 50")
    );
}

#[tokio::test]
async fn a_new_type_is_checked_with_a_dry_run_and_then_saved() {
    let world = World::start().await;
    let editor = world.person(Role::Editor);
    let empty = world.open_page(&editor, "type", &[("preset", "marketing")]).await;
    assert!(empty.text().contains("<option value=\"marketing\" selected>"), "{}", empty.text());
    let checked = world.send_form(&editor, "type", &[&OFFERS[..], &[("action", "check")]].concat()).await;
    assert!(checked.text().contains("Offers &#38; &#60;i&#62;more"), "{}", checked.text());
    assert!(checked.text().contains("<td class=\"typed\"><bdi>email, push</bdi></td>"));
    assert_eq!(world.type_request("GET", "OFFERS", Value::Null).await.status, 404, "a check writes nothing");

    let unchecked = world.send_form(&editor, "type", &[&OFFERS[..], &[("action", "save")]].concat()).await;
    assert!(unchecked.text().contains("was not checked yet"), "{}", unchecked.text());
    assert_eq!(world.type_request("GET", "OFFERS", Value::Null).await.status, 404);

    let saved = save(&world, &OFFERS).await;
    assert_eq!((saved.status, saved.header("location")), (303, Some("/console/type?name=OFFERS&done=saved")));
    let kind = stored(&world, "OFFERS").await;
    assert_eq!(
        (&kind["channels"], &kind["ttl_seconds"], &kind["on_cap"]),
        (&json!(["email", "push"]), &json!(600), &json!("skip"))
    );
    let again = world.send_form(&editor, "type", &[&OFFERS[..], &[("action", "check")]].concat()).await;
    assert_eq!(again.status, 422, "a new type replaces none");
    assert!(again.text().contains("href=\"#field-type\"") && again.text().contains("value=\"OFFERS\""));
}

#[tokio::test]
async fn a_refused_type_names_the_field_and_keeps_what_was_typed() {
    let world = World::start().await;
    let typed = [
        ("new_name", "OFFERS"),
        ("title", "Offers"),
        ("class", "marketing"),
        ("channels", "push"),
        ("tries", "ma\"ny"),
        ("action", "check"),
    ];
    let page = world.send_form(&world.person(Role::Editor), "type", &typed).await;
    assert_eq!(page.status, 422);
    for part in
        ["href=\"#field-tries\"", "id=\"field-tries\"", "value=\"ma&#34;ny\"", "value=\"Offers\"", "aria-invalid"]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}

#[tokio::test]
async fn a_change_of_another_writer_is_shown_beside_what_was_typed() {
    let world = World::start().await;
    save(&world, &OFFERS).await;
    let editor = world.person(Role::Editor);
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    let tag = hidden(&page, "if_match");
    let mut other = stored(&world, "OFFERS").await;
    other["tries"] = json!(9);
    assert_eq!(world.put_type("OFFERS", other).await.status, 200);

    let mut fields =
        vec![("name", "OFFERS"), ("title", "Offers of today"), ("class", "marketing"), ("channels", "push")];
    let stale = [&fields[..], &[("if_match", tag.as_str()), ("action", "check")]].concat();
    let conflict = world.send_form(&editor, "type", &stale).await;
    assert_eq!(conflict.status, 412);
    assert_eq!(conflict.text().matches("Another person changed").count(), 1, "one heading: {}", conflict.text());
    for part in [
        "Another person changed this meanwhile",
        "beside what you typed",
        "Who changed it",
        "<td class=\"typed\">9</td>",
        "value=\"Offers of today\"",
        "tries: ",
    ] {
        assert!(conflict.text().contains(part), "{part}: {}", conflict.text());
    }
    let tag = hidden(&conflict, "if_match");
    fields.push(("if_match", tag.as_str()));
    assert_eq!(save(&world, &fields).await.status, 303);
    let kind = stored(&world, "OFFERS").await;
    assert_eq!((&kind["title"], &kind["tries"], &kind["revision"]), (&json!("Offers of today"), &json!(4), &json!(3)));
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    assert!(page.text().contains("<bdi>editor@example.com</bdi>"), "the history names who: {}", page.text());
}

#[tokio::test]
async fn a_viewer_sees_the_form_and_cannot_fill_it() {
    let world = World::start().await;
    let page = world.open_page(&world.person(Role::Viewer), "type", &[("name", "DEFAULT")]).await;
    assert!(page.text().contains("<fieldset disabled>") && page.text().contains("needs the role editor"));
    assert!(!page.text().contains("value=\"archive\""));
    let missing = world.open_page(&world.person(Role::Viewer), "type", &[("name", "<NONE>")]).await;
    assert_eq!(missing.status, 422);
}

#[tokio::test]
async fn a_type_is_archived_and_removed_when_no_notification_is_left() {
    let world = World::start().await;
    save(&world, &OFFERS).await;
    let editor = world.person(Role::Editor);
    let tag = hidden(&world.open_page(&editor, "type", &[("name", "OFFERS")]).await, "if_match");
    let form = |tag: &'static str| [("action", "archive"), ("name", "OFFERS"), ("if_match", tag)];
    assert_eq!(world.send_form(&editor, "type", &form("\"0-1\"")).await.status, 412);
    let form = [("action", "archive"), ("name", "OFFERS"), ("if_match", tag.as_str())];
    assert_eq!(world.send_form(&editor, "type", &form).await.status, 303);
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    assert!(page.text().contains("It can be removed from") && !page.text().contains("Archive this type"));
    world.advance(900 * 86_400);
    let editor = world.person(Role::Editor);
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    assert!(page.text().contains("Remove this type"), "{}", page.text());
    let tag = hidden(&page, "if_match");
    let form = [("action", "archive"), ("name", "OFFERS"), ("if_match", tag.as_str())];
    let removed = world.send_form(&editor, "type", &form).await;
    assert_eq!(removed.header("location"), Some("/console/types?done=deleted"));
    assert_eq!(world.type_request("GET", "OFFERS", Value::Null).await.status, 404);
    let refused = world.send_form(&editor, "type", &[("action", "archive"), ("name", "DEFAULT")]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("cannot be archived"), "{}", refused.text());
}
