//! Segments in the web console, as a browser without JavaScript uses them: every button sends the whole form.

use console::site::{PageReply, Role};
use serde_json::{Value, json};

use world::World;
use world::console_pages::{ConsolePerson, event};

/// The editor's form as a browser would send it.
#[derive(Debug, Clone)]
struct EditorForm(Vec<(String, String)>);

impl EditorForm {
    /// Reads the fields of the form with the field `json_was`.
    fn of(page: &PageReply) -> Self {
        let forms = page.text().split("<form").find(|form| form.contains("json_was"));
        let form = forms.unwrap_or_else(|| panic!("{} {}", page.status, page.text()));
        let mut fields = Vec::new();
        for tag in form.split("</form>").next().unwrap().split('<') {
            let attribute = |name: &str| {
                tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| plain(rest.split('"').next().unwrap()))
            };
            let name = attribute("name").unwrap_or_default();
            match tag.split([' ', '>']).next().unwrap() {
                "input" => fields.push((name, attribute("value").unwrap_or_default())),
                "textarea" => fields.push((name, plain(tag.split_once('>').unwrap().1))),
                "select" => fields.push((name, String::new())),
                "option" if tag.contains(" selected") => {
                    fields.last_mut().unwrap().1 = attribute("value").unwrap();
                }
                _ => {}
            }
        }
        Self(fields)
    }

    fn get(&self, name: &str) -> &str {
        &self.0.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("{name}: {self:?}")).1
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        let field = self.0.iter_mut().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no field {name}"));
        field.1 = value.to_owned();
        self
    }

    fn filter(&self) -> Value {
        serde_json::from_str(self.get("json")).unwrap()
    }
}

fn plain(text: &str) -> String {
    ["&#34;:\"", "&#39;:'", "&#60;:<", "&#62;:>", "&#38;:&"].iter().fold(text.to_owned(), |text, pair| {
        let (coded, character) = pair.split_once(":").unwrap();
        text.replace(coded, character)
    })
}

/// Presses a button of the editor; `does` is what an `edit` does, and where.
async fn press(
    world: &World,
    person: &ConsolePerson,
    form: &EditorForm,
    action: &str,
    does: (&str, &str),
) -> PageReply {
    let mut fields: Vec<(&str, &str)> = form.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("action", action));
    let query = [("do", does.0), ("at", does.1)];
    let query = if does.0.is_empty() { &[][..] } else { &query[..] };
    world.console_event(event("POST", "segment", query, &fields, Some(person), "same-origin")).await
}

async fn edit(world: &World, person: &ConsolePerson, form: EditorForm, does: &str, at: &str) -> EditorForm {
    let page = press(world, person, &form, "edit", (does, at)).await;
    assert_eq!(page.status, 200, "{}", page.text());
    EditorForm::of(&page)
}

async fn people() -> World {
    let world = World::start().await;
    for (id, plan) in [("ada", "gold"), ("bob", "gold"), ("eve", "silver")] {
        let profile = json!({"email": format!("{id}@example.com"), "locale": "it", "attributes": {"plan": plan}});
        world.put_profile(id, profile).await;
    }
    world
}

fn gold() -> Value {
    json!({"field": "attributes.plan", "op": "eq", "value": "gold"})
}

async fn put(world: &World, id: &str, filter: Value) -> String {
    let body = json!({"title": "Gold <b>", "filter": filter});
    let answer = world.segment_request("PUT /v1/segments/{id}", id, body, None).await;
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    answer.header("ETag").unwrap().to_owned()
}

async fn stored(world: &World, id: &str) -> Value {
    world.segment_request("GET /v1/segments/{id}", id, Value::Null, None).await.body
}

#[tokio::test]
async fn a_segment_is_built_by_buttons_alone_estimated_and_saved() {
    let world = people().await;
    let editor = world.person(Role::Editor);
    let page = world.open_page(&editor, "segment", &[]).await;
    assert!(page.text().contains("<span class=\"figure\">3</span> people, exact"), "{}", page.text());
    let form = edit(&world, &editor, EditorForm::of(&page), "add_condition", "n").await;
    let form = form.set("n.0.field", "attributes.plan").set("n.0.value", "gold");
    let form = edit(&world, &editor, form, "add_group", "n").await;
    let form =
        form.set("n.1.kind", "not").set("n.1.0.field", "locale").set("n.1.0.op", "in").set("n.1.0.value", "de, fr");
    let form = edit(&world, &editor, form, "wrap", "n.0").await;
    let locales = json!({"field": "locale", "op": "in", "value": ["de", "fr"]});
    assert_eq!(form.filter(), json!({"all": [{"all": [gold()]}, {"not": locales}]}));
    let form = edit(&world, &editor, form, "remove", "n.0.0").await;
    let form = edit(&world, &editor, form, "add_condition", "n.0").await;
    let form = form.set("n.0.0.field", "attributes.plan").set("n.0.0.value", "gold");
    let page = press(&world, &editor, &form, "preview", ("", "")).await;
    assert!(page.text().contains("<span class=\"figure\">2</span> people, exact"), "{}", page.text());
    assert!(page.text().contains("reachable by email</th><td class=\"number\">2</td>"));
    let form = form.set("new_id", "gold").set("title", "Gold & co");
    let saved = press(&world, &editor, &form, "save", ("", "")).await;
    assert_eq!(saved.header("location"), Some("/console/segment?id=gold&done=saved"), "{}", saved.text());
    assert_eq!(stored(&world, "gold").await["filter"], json!({"all": [{"all": [gold()]}, {"not": locales}]}));
    let again = press(&world, &editor, &form, "save", ("", "")).await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("a segment has this one") && again.text().contains("value=\"Gold &#38; co\""));
}

#[tokio::test]
async fn the_list_has_the_filter_in_one_line_and_the_users() {
    let world = people().await;
    let viewer = world.person(Role::Viewer);
    let empty = world.open_page(&viewer, "segments", &[]).await;
    assert!(empty.text().contains("There is no segment here"), "{}", empty.text());
    put(&world, "gold", gold()).await;
    put(&world, "others", json!({"not": {"field": "segment", "op": "eq", "value": "gold"}})).await;
    let page = world.open_page(&viewer, "segments", &[]).await;
    for part in ["attributes.plan = gold", "segment others", "not segment = gold", "Gold &#60;b&#62;"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    assert!(!page.text().contains("New segment"), "a viewer creates none");
}

#[tokio::test]
async fn either_the_form_or_the_json_is_changed_and_nothing_is_lost_if_both_are() {
    let world = people().await;
    put(&world, "gold", gold()).await;
    let editor = world.person(Role::Editor);
    let open = EditorForm::of(&world.open_page(&editor, "segment", &[("id", "gold")]).await);
    let silver = r#"{"field": "attributes.plan", "op": "eq", "value": "silver"}"#;
    let by_json = edit(&world, &editor, open.clone().set("json", silver), "", "").await;
    assert_eq!(by_json.get("n.value"), "silver");
    let both = press(&world, &editor, &open.clone().set("json", silver).set("n.value", "iron"), "save", ("", "")).await;
    assert_eq!(both.status, 422);
    assert!(both.text().contains("Use the JSON") && both.text().contains("href=\"#field-filter\""), "{}", both.text());
    let both = EditorForm::of(&both);
    assert_eq!((both.get("n.value"), &both.filter()["value"]), ("iron", &json!("silver")));
    assert_eq!(edit(&world, &editor, both.clone(), "use_form", "").await.filter()["value"], "iron");
    assert_eq!(edit(&world, &editor, both, "use_json", "").await.get("n.value"), "silver");
    let broken = press(&world, &editor, &open.clone().set("json", "{\"all\": <oops>"), "save", ("", "")).await;
    assert_eq!(broken.status, 422);
    assert_eq!(EditorForm::of(&broken).get("json"), "{\"all\": <oops>");
    let strange = press(&world, &editor, &open.set("json", r#"{"xor": []}"#), "save", ("", "")).await;
    assert_eq!(strange.status, 422);
    assert!(strange.text().contains("cannot be shown as a form") && strange.text().contains("filter.xor"));
    assert_eq!(stored(&world, "gold").await["filter"], gold());
}

#[tokio::test]
async fn a_refused_condition_is_marked_at_its_place() {
    let world = people().await;
    let editor = world.person(Role::Editor);
    let filter = json!({"all": [gold(), {"field": "has.push", "op": "eq", "value": "<maybe>"}]});
    let open = EditorForm::of(&world.open_page(&editor, "segment", &[]).await);
    let form = open.set("json", &filter.to_string()).set("new_id", "x").set("title", "X");
    let form = edit(&world, &editor, form, "", "").await;
    let refused = press(&world, &editor, &form, "save", ("", "")).await;
    assert_eq!(refused.status, 422);
    for part in [
        "href=\"#field-filter.all[1].value\"",
        "id=\"field-filter.all[1].value\"",
        "value=\"&#60;maybe&#62;\"",
        "value: must be true or false",
    ] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
    assert_eq!(world.segment_request("GET /v1/segments/{id}", "x", Value::Null, None).await.status, 404);
}

#[tokio::test]
async fn a_change_of_another_writer_is_shown_beside_what_was_typed() {
    let world = people().await;
    put(&world, "gold", gold()).await;
    let editor = world.person(Role::Editor);
    let form = EditorForm::of(&world.open_page(&editor, "segment", &[("id", "gold")]).await).set("title", "Mine");
    put(&world, "gold", json!({"all": [gold()]})).await;
    let conflict = press(&world, &editor, &form, "save", ("", "")).await;
    assert_eq!(conflict.status, 412);
    assert_eq!(conflict.text().matches("Another person changed").count(), 1, "one heading: {}", conflict.text());
    assert!(conflict.text().contains("Who changed it"), "{}", conflict.text());
    assert!(conflict.text().contains("beside what you typed") && conflict.text().contains(">Mine</td>"));
    let saved = press(&world, &editor, &EditorForm::of(&conflict), "save", ("", "")).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(
        (&stored(&world, "gold").await["title"], &stored(&world, "gold").await["filter"]),
        (&json!("Mine"), &gold())
    );
}

#[tokio::test]
async fn a_sample_is_masked_and_a_person_is_tested_condition_by_condition() {
    let world = people().await;
    put(&world, "gold", json!({"all": [gold(), {"field": "has.email", "op": "eq", "value": true}]})).await;
    let viewer = world.person(Role::Viewer);
    let form = EditorForm::of(&world.open_page(&viewer, "segment", &[("id", "gold")]).await);
    let sample = press(&world, &viewer, &form, "sample", ("", "")).await;
    assert!(
        sample.text().contains("a…@example.com") && sample.text().contains("3 people were read, which is everybody")
    );
    assert!(!sample.text().contains("ada@example.com") && !sample.text().contains("id=eve"), "{}", sample.text());
    for (id, result) in [("ada", "belongs to the segment"), ("eve", "does not belong to it")] {
        let tested = press(&world, &viewer, &form.clone().set("recipient", id), "test", ("", "")).await;
        assert!(tested.text().contains(result), "{id}: {}", tested.text());
        assert!(tested.text().contains("<bdi>attributes.plan = gold</bdi>"));
    }
    let tested = press(&world, &viewer, &form.clone().set("recipient", "ada"), "test", ("", "")).await;
    assert!(tested.text().contains("<bdi>…</bdi>") && !tested.text().contains("<bdi>&#34;gold"), "masked for a viewer");
    let editor = world.person(Role::Editor);
    let of_editor = EditorForm::of(&world.open_page(&editor, "segment", &[("id", "gold")]).await);
    let tested = press(&world, &editor, &of_editor.set("recipient", "ada"), "test", ("", "")).await;
    assert!(tested.text().contains("<bdi>&#34;gold&#34;</bdi>"), "{}", tested.text());
    let funnel = press(&world, &viewer, &form, "funnel", ("", "")).await;
    for part in [
        "What each part leaves",
        "everybody</bdi></th><td class=\"number\">3<",
        "gold</bdi></th><td class=\"number\">2<",
    ] {
        assert!(funnel.text().contains(part), "{part}: {}", funnel.text());
    }
    let unknown = press(&world, &viewer, &form.set("recipient", "no\"body"), "test", ("", "")).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(EditorForm::of(&unknown).get("recipient"), "no\"body");
    assert_eq!(press(&world, &viewer, &EditorForm::of(&unknown), "save", ("", "")).await.status, 403);
}

#[tokio::test]
async fn an_exact_count_is_shown_and_one_that_takes_longer_is_continued_or_cancelled() {
    let world = people().await;
    let viewer = world.person(Role::Viewer);
    let form = EditorForm::of(&world.open_page(&viewer, "segment", &[]).await);
    let counted = press(&world, &viewer, &form, "exact", ("", "")).await;
    world.aws.fails(Some("Scan"), 0, "ValidationException");
    let started = press(&world, &viewer, &form, "exact", ("", "")).await;
    world.aws.works();
    let location = started.header("location").unwrap_or_else(|| panic!("{}", started.text())).to_owned();
    let id = location.split_once("id=").unwrap().1.split('&').next().unwrap();
    world.aws.fails(Some("Scan"), 0, "ValidationException");
    let running = world.open_page(&viewer, "segment_count", &[("id", id)]).await;
    world.aws.works();
    for part in ["0 of 64 parts", "Cancel the count", "Continue the count", "data-live"] {
        assert!(running.text().contains(part), "{part}: {}", running.text());
    }
    let finished = world.open_page(&viewer, "segment_count", &[("id", id), ("segment", "gold")]).await;
    assert!(finished.text().contains("<span class=\"figure\">3</span> people, exact"), "{}", finished.text());
    assert!(!finished.text().contains("Cancel the count"));
    let cancel = [("action", "cancel"), ("id", id), ("segment", "gold")];
    let cancelled = world.send_form(&viewer, "segment_count", &cancel).await;
    assert_eq!(cancelled.header("location"), Some("/console/segment?id=gold&done=count_cancelled"));
    assert_eq!(world.open_page(&viewer, "segment_count", &[("id", id)]).await.status, 404);
    assert!(
        counted.text().contains("Exact count")
            && counted.text().contains("<span class=\"figure\">3</span> people, exact")
    );
    let missing = world.open_page(&viewer, "segment_count", &[("id", "0123456789abcdef")]).await;
    assert_eq!(missing.status, 404);
    let cancel = [("action", "cancel"), ("id", "0123456789abcdef"), ("segment", "")];
    let cancelled = world.send_form(&viewer, "segment_count", &cancel).await;
    assert_eq!(cancelled.header("location"), Some("/console/segments?done=count_cancelled"));
}

#[tokio::test]
async fn a_segment_that_another_one_names_is_not_deleted() {
    let world = people().await;
    let tag = put(&world, "gold", gold()).await;
    put(&world, "others", json!({"not": {"field": "segment", "op": "eq", "value": "gold"}})).await;
    let editor = world.person(Role::Editor);
    let form = |tag: &'static str| [("action", "delete"), ("id", "gold"), ("if_match", tag)];
    let refused =
        world.send_form(&editor, "segment", &[("action", "delete"), ("id", "gold"), ("if_match", &tag)]).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("Other segments name this one: others") && refused.text().contains("segment?id=others")
    );
    assert_eq!(world.send_form(&editor, "segment", &form("\"0-1\"")).await.status, 412);
    assert_eq!(world.send_form(&editor, "segment", &[("action", "delete"), ("id", "others")]).await.status, 303);
    let deleted = world.send_form(&editor, "segment", &form("")).await;
    assert_eq!(deleted.header("location"), Some("/console/segments?done=deleted"));
}
