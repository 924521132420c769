//! Send: one message to one person, with the preview of each channel and the verdict of every gate before it is sent.

use askama::Template;
use serde_json::{Map, Value, json};

use super::form_zone::{FormZone, ZONE_FIELD};
use super::send_explanation::{ExplainedSend, read_explanation};
use super::send_recipient::{SendRecipient, send_recipient};
use super::send_variables::{VariableInput, typed_variables, variable_inputs};
use crate::site::{ApiAnswer, ApiCall, ApiProblem, Fields, Frame, PageReply, Visit, empty_frame, encoded, rendered};

/// Channels in the order in which they are tried.
const CHANNELS: [&str; 3] = ["push", "email", "sms"];
/// Choice of the channels that are ticked.
const OWN_CHANNELS: &str = "these";
/// Fields of a text without a template.
const TEXTS: [&str; 3] = ["title", "body", "url"];
/// Cookie with the recipient id of the person at the console.
const MY_RECIPIENT_COOKIE: &str = "console-my-recipient";
const A_YEAR_S: i64 = 31_536_000;

#[derive(Debug, Template)]
#[template(path = "send.html")]
struct SendPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    types: Vec<Choice>,
    templates: Vec<Choice>,
    channels: Vec<Choice>,
    /// `true` if the channels are those that are ticked, and not those of the type.
    has_own_channels: bool,
    variables: Vec<VariableInput>,
    variables_of: String,
    typed: TypedSend,
    /// Zone in which the time is typed.
    zone_name: String,
    key: String,
    preview: Option<ExplainedSend>,
    person: Option<SendRecipient>,
}

impl SendPage {
    /// Returns `true` if there is an e-mail to show in the frame.
    fn has_email(&self) -> bool {
        let channels = self.preview.iter().flat_map(|explained| &explained.channels);
        channels.filter_map(|channel| channel.message.as_ref()).any(|message| !message.html.is_empty())
    }
}

/// Option of a list.
#[derive(Debug)]
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// Fields of the form as they were typed.
#[derive(Debug, Default)]
struct TypedSend {
    to: String,
    me: String,
    version: String,
    title: String,
    body: String,
    url: String,
    variables: String,
    send_at: String,
}

/// Shows the form, previews the message, or sends it.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let form = if action.is_empty() { visit.query() } else { visit.form() };
    match action {
        "" => return show(visit, form, None, None).await,
        "find" => return find(visit).await,
        _ => {}
    }
    let body = match request_of(form) {
        Ok(body) => body,
        Err(problem) if action == "frame" => return Ok(empty_frame(&problem)),
        Err(problem) => return show(visit, form, Some(problem), None).await,
    };
    match action {
        "send" => return send(visit, body, form.get("key").to_owned()).await,
        "self" => return send_to_self(visit, body).await,
        _ => {}
    }
    let key = form.get("key");
    visit.show_call(ApiCall::post("/v1/notifications", body.clone()).idempotency_key(key));
    match visit.call(ApiCall::post("/v1/notifications/explain", body)).await.ok() {
        Ok(answer) if action == "frame" => Ok(PageReply::preview(html_of_email(&answer))),
        Ok(answer) => show(visit, form, None, Some(read_explanation(&answer))).await,
        Err(problem) if action == "frame" => Ok(empty_frame(&problem)),
        Err(problem) => show(visit, form, Some(problem), None).await,
    }
}

/// Shows the recipient of the form. The rest of the form stays as it is, whether it could be sent or not.
async fn find(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let problem = match form.optional("to") {
        Some(_) => None,
        None => Some(ApiProblem::field("to", "must be the id of the recipient who is looked for")),
    };
    show(visit, form, problem, None).await
}

async fn send(visit: &Visit<'_>, body: Value, key: String) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::post("/v1/notifications", body).idempotency_key(&key);
    match visit.call(call).await.ok() {
        Ok(sent) => {
            let id = sent["id"].as_str().unwrap_or_default();
            Ok(visit.redirect(&format!("notification?id={}", encoded(id)), "sent"))
        }
        Err(problem) => show(visit, visit.form(), Some(problem), None).await,
    }
}

/// Sends the message to the person at the console first, and stores their recipient id in this browser. It is a
/// notification like any other: the API has no test of a message that is not the draft of a template or a campaign.
async fn send_to_self(visit: &Visit<'_>, mut body: Value) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let me = form.get("me");
    if me.is_empty() {
        let problem = ApiProblem::field("me", "must be your own recipient id");
        return show(visit, form, Some(problem), None).await;
    }
    body["to"] = json!(me);
    // The form's own key stays free for the send to the recipient.
    let sent = send(visit, body, format!("{}-self", form.get("key"))).await?;
    Ok(if sent.status == 303 { sent.with_cookie(MY_RECIPIENT_COOKIE, &encoded(me), A_YEAR_S) } else { sent })
}

/// Returns the recipient id that the person at the console used last.
fn my_recipient(visit: &Visit<'_>) -> String {
    let stored = visit.request.cookie(MY_RECIPIENT_COOKIE);
    Fields::parse(format!("id={stored}").as_bytes()).get("id").to_owned()
}

/// Returns the HTML of the e-mail of an explanation, or a page with the reason why there is none.
fn html_of_email(answer: &Value) -> String {
    let plan = answer["plan"].as_array().map(Vec::as_slice).unwrap_or_default();
    let html = plan.iter().find_map(|channel| channel["rendered"]["html"].as_str());
    html.unwrap_or("<!DOCTYPE html><title>No e-mail</title><p>There is no e-mail with HTML for this message.</p>")
        .to_owned()
}

/// Builds the request of the form. Fields that are empty are left out.
fn request_of(form: &Fields) -> Result<Value, ApiProblem> {
    let mut body = Map::new();
    body.insert("to".to_owned(), json!(form.get("to")));
    if let Some(kind) = form.optional("type") {
        body.insert("type".to_owned(), json!(kind));
    }
    let has_text = TEXTS.iter().any(|name| form.optional(name).is_some());
    refuse_what_is_not_sent(form, has_text)?;
    match form.optional("template") {
        Some(name) => {
            let mut template = json!({"name": name});
            if let Some(version) = form.optional("version") {
                let number = version.parse::<u32>();
                let refused = |_| ApiProblem::field("template.version", "must be the number of a published version");
                template["version"] = json!(number.map_err(refused)?);
            }
            body.insert("template".to_owned(), template);
        }
        // Without a text, the message has the type's own template.
        None if !has_text && form.optional("type").is_some() => {}
        None => {
            let mut content = json!({"title": form.get("title"), "body": form.get("body")});
            if let Some(url) = form.optional("url") {
                content["url"] = json!(url);
            }
            body.insert("content".to_owned(), content);
        }
    }
    if !body.contains_key("content")
        && let Some(variables) = typed_variables(form)?
    {
        body.insert("variables".to_owned(), variables);
    }
    if let Some(channels) = typed_channels(form)? {
        body.insert("channels".to_owned(), json!(channels));
    }
    if let Some(at) = form.optional("send_at") {
        let at = FormZone::named(form.get(ZONE_FIELD))?.instant("send_at", at)?;
        body.insert("send_at".to_owned(), json!(at.to_string()));
    }
    Ok(Value::Object(body))
}

/// Refuses a text beside a template, and what belongs to a template without one: neither would be sent.
fn refuse_what_is_not_sent(form: &Fields, has_text: bool) -> Result<(), ApiProblem> {
    if form.optional("template").is_some() {
        let unsent = TEXTS.iter().find(|name| form.optional(name).is_some());
        let message = "is not sent with a template: clear it, or choose no template";
        return unsent.map_or(Ok(()), |name| Err(ApiProblem::field(&format!("content.{name}"), message)));
    }
    if form.optional("version").is_some() {
        return Err(ApiProblem::field("template.version", "needs a template: choose one, or clear the version"));
    }
    let has_no_template = has_text || form.optional("type").is_none();
    if has_no_template && typed_variables(form)?.is_some() {
        return Err(ApiProblem::field("variables", "belong to a template: choose one, or clear them"));
    }
    Ok(())
}

/// Returns the channels that are to be tried; `None` for those of the type.
fn typed_channels(form: &Fields) -> Result<Option<Vec<&str>>, ApiProblem> {
    let ticked = form.all("channels");
    match (has_own_channels(form), ticked.is_empty()) {
        (true, true) => Err(ApiProblem::field("channels", "tick at least one, or choose: as the type says")),
        (true, false) => Ok(Some(ticked)),
        (false, true) => Ok(None),
        (false, false) => Err(ApiProblem::field(
            "channels",
            "those that are ticked are not used: choose these, in this order, or untick them",
        )),
    }
}

/// Returns `true` if the form chooses channels of its own. An address without the choice may name them.
fn has_own_channels(form: &Fields) -> bool {
    form.optional("channels_of").map_or_else(|| !form.all("channels").is_empty(), |choice| choice == OWN_CHANNELS)
}

async fn show(
    visit: &Visit<'_>,
    form: &Fields,
    problem: Option<ApiProblem>,
    preview: Option<ExplainedSend>,
) -> Result<PageReply, ApiProblem> {
    let (types, templates) =
        tokio::join!(visit.call(ApiCall::get("/v1/types")), visit.call(ApiCall::get("/v1/templates")));
    let (types, templates) = (types.ok()?, templates.ok()?);
    let used = used_template(form, &types, &templates);
    let (template, profile) = tokio::join!(template_of(visit, used.as_ref()), profile_of(visit, form));
    let variables = variable_inputs(&template["variables"], form);
    let text = |name: &str| form.raw(name).to_owned();
    let zone = zone_of(visit, form);
    let ticked = form.all("channels");
    let key = form.optional("key").map_or_else(crate::site::random_text, str::to_owned);
    let page = SendPage {
        person: profile.map(|profile| send_recipient(form.get("to"), profile, &template)),
        types: choices(&types, "name", form.get("type")),
        templates: choices(&templates, "name", form.get("template")),
        variables,
        variables_of: used.map_or_else(String::new, |(name, version)| format!("{name}, version {version}")),
        channels: CHANNELS
            .map(|channel| Choice {
                value: channel.to_owned(),
                label: channel.to_owned(),
                is_chosen: ticked.contains(&channel),
            })
            .into(),
        has_own_channels: has_own_channels(form),
        typed: TypedSend {
            to: text("to"),
            me: form.optional("me").map_or_else(|| my_recipient(visit), str::to_owned),
            version: text("version"),
            title: text("title"),
            body: text("body"),
            url: text("url"),
            variables: text("variables"),
            send_at: form.get("send_at").parse().map_or_else(|_| text("send_at"), |at| zone.local(at)),
        },
        zone_name: zone.name().to_owned(),
        key,
        preview,
        frame: visit.frame("send", "Send"),
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

/// Returns the zone in which the form was filled. A form that is not filled yet has that of the page.
fn zone_of(visit: &Visit<'_>, form: &Fields) -> FormZone {
    let named = match form.optional(ZONE_FIELD) {
        None if !visit.request.is_post => None,
        name => FormZone::named(name.unwrap_or_default()).ok(),
    };
    named.unwrap_or_else(|| FormZone::of_page(&visit.zone))
}

/// Returns the template that the form or its type names, with the version that would be sent.
fn used_template(form: &Fields, types: &Value, templates: &Value) -> Option<(String, String)> {
    let find = |list: &Value, name: &str| {
        let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().find(|item| item["name"] == name).cloned()
    };
    let of_type = find(types, form.get("type")).and_then(|kind| kind["template"].as_str().map(str::to_owned));
    let name = form.optional("template").map(str::to_owned).or(of_type)?;
    let live = find(templates, &name)?["live_version"].as_u64();
    let version = form.optional("version").map(str::to_owned).or(live.map(|live| live.to_string()))?;
    Some((name, version))
}

/// Returns the version of a template; null if there is none.
async fn template_of(visit: &Visit<'_>, used: Option<&(String, String)>) -> Value {
    let Some((name, version)) = used else { return Value::Null };
    let call = ApiCall::get("/v1/templates/{name}/versions/{version}").path("name", name).path("version", version);
    visit.call(call).await.ok().map_or(Value::Null, |mut version| version["template"].take())
}

/// Returns the answer about the recipient that was typed, for people who may preview a send.
async fn profile_of(visit: &Visit<'_>, form: &Fields) -> Option<ApiAnswer> {
    let to = form.optional("to").filter(|_| visit.may("send", "preview"))?;
    Some(visit.call(ApiCall::get("/v1/recipients/{id}").path("id", to)).await)
}

fn choices(list: &Value, name: &str, chosen: &str) -> Vec<Choice> {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let choice = |item: &Value| {
        let value = item[name].as_str()?.to_owned();
        let label = item["title"].as_str().map_or_else(|| value.clone(), |title| format!("{value} – {title}"));
        Some(Choice { is_chosen: value == chosen, label, value })
    };
    items.iter().filter_map(choice).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(form: &str) -> Value {
        request_of(&Fields::parse(form.as_bytes())).unwrap()
    }

    #[test]
    fn the_form_becomes_the_request_of_the_api() {
        assert_eq!(
            request(
                "to=ada&type=&template=&title=Hello&body=There&url=&channels=push&channels=email&send_at=2026-12-01T09%3A00"
            ),
            json!({"to": "ada", "content": {"title": "Hello", "body": "There"}, "channels": ["push", "email"],
                "send_at": "2026-12-01T09:00:00Z"})
        );
        assert_eq!(
            request("to=ada&type=PAYMENT_DUE&template=payment-due&variables=%7B%22a%22%3A1%7D&channels_of=type"),
            json!({"to": "ada", "type": "PAYMENT_DUE", "template": {"name": "payment-due"}, "variables": {"a": 1}})
        );
        let all = "to=ada&template=t&channels_of=these&channels=push&channels=email&channels=sms";
        assert_eq!(request(all)["channels"], json!(["push", "email", "sms"]), "all of them are a choice too");
        assert_eq!(
            request("to=ada&type=BILL&template=&title=&body=&var.number.days=2"),
            json!({"to": "ada", "type": "BILL", "variables": {"days": 2}}),
            "without a text, the type's own template"
        );
        let in_rome = request("to=ada&title=T&body=B&send_at=2026-12-01T09%3A00%3A05&time_zone=Europe%2FRome");
        assert_eq!(in_rome["send_at"], "2026-12-01T08:00:05Z");
        assert_eq!(request("to=a&template=t&version=3")["template"], json!({"name": "t", "version": 3}));
        let unknown = request_of(&Fields::parse(b"to=a&template=t&version=live")).unwrap_err();
        assert_eq!(unknown.errors[0].0, "template.version");
        let broken = request_of(&Fields::parse(b"to=a&template=t&variables=%7B")).unwrap_err();
        assert_eq!(broken.errors[0].0, "variables");
    }

    #[test]
    fn what_would_not_be_sent_is_refused() {
        for (form, field) in [
            ("title=T&body=B&channels_of=these", "channels"),
            ("title=T&body=B&channels_of=type&channels=sms", "channels"),
            ("template=t&title=T", "content.title"),
            ("template=t&body=B", "content.body"),
            ("template=t&url=https%3A%2F%2Fa.example", "content.url"),
            ("title=T&body=B&variables=%7B%22a%22%3A1%7D", "variables"),
            ("type=BILL&body=B&var.number.days=2", "variables"),
            ("type=BILL&version=2", "template.version"),
            ("title=T&body=B&send_at=2027-03-28T02%3A30&time_zone=Europe%2FRome", "send_at"),
            ("title=T&body=B&send_at=tomorrow", "send_at"),
        ] {
            let problem = request_of(&Fields::parse(format!("to=a&{form}").as_bytes())).unwrap_err();
            assert_eq!(problem.errors[0].0, field, "{form}");
        }
    }
}
