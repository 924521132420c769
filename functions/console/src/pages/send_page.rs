//! Send: one message to one person, with the preview of each channel and the verdict of every gate before it is sent.

use askama::Template;
use serde_json::{Map, Value, json};

use super::explained::{ExplainedSend, explained};
use crate::site::{ApiCall, ApiProblem, Fields, Frame, PageReply, Visit, encoded, rendered};

/// Channels in the order in which they are tried.
const CHANNELS: [&str; 3] = ["push", "email", "sms"];

#[derive(Debug, Template)]
#[template(path = "send.html")]
struct SendPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    types: Vec<Choice>,
    templates: Vec<Choice>,
    channels: Vec<Choice>,
    typed: TypedSend,
    key: String,
    preview: Option<ExplainedSend>,
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
    if action.is_empty() {
        return show(visit, form, None, None).await;
    }
    let body = match request_of(form) {
        Ok(body) => body,
        Err(problem) => return show(visit, form, Some(problem), None).await,
    };
    if action == "send" {
        let call = ApiCall::post("/v1/notifications", body.clone()).idempotency_key(form.get("key"));
        match visit.call(call).await.ok() {
            Ok(sent) => {
                let id = sent["id"].as_str().unwrap_or_default();
                return Ok(visit.redirect(&format!("notification?id={}", encoded(id)), "sent"));
            }
            Err(problem) => return show(visit, form, Some(problem), None).await,
        }
    }
    match visit.call(ApiCall::post("/v1/notifications/explain", body)).await.ok() {
        Ok(answer) if action == "frame" => Ok(PageReply::preview(html_of_email(&answer))),
        Ok(answer) => show(visit, form, None, Some(explained(&answer))).await,
        Err(problem) => show(visit, form, Some(problem), None).await,
    }
}

/// Returns the HTML of the e-mail of an explanation, or a page that says that there is none.
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
    match form.optional("template") {
        Some(template) => {
            body.insert("template".to_owned(), json!({"name": template}));
            if let Some(text) = form.optional("variables") {
                let variables: Value = serde_json::from_str(text)
                    .map_err(|error| ApiProblem::field("variables", &format!("must be a JSON object: {error}")))?;
                body.insert("variables".to_owned(), variables);
            }
        }
        None => {
            let mut content = json!({"title": form.get("title"), "body": form.get("body")});
            if let Some(url) = form.optional("url") {
                content["url"] = json!(url);
            }
            body.insert("content".to_owned(), content);
        }
    }
    let channels = form.all("channels");
    if !channels.is_empty() && channels.len() < CHANNELS.len() {
        body.insert("channels".to_owned(), json!(channels));
    }
    if let Some(at) = form.optional("send_at") {
        // A field of the kind datetime-local has no zone; the label says that it is UTC.
        let is_local = at.len() == "2026-11-29T12:00".len();
        body.insert("send_at".to_owned(), json!(if is_local { format!("{at}:00Z") } else { at.to_owned() }));
    }
    Ok(Value::Object(body))
}

async fn show(
    visit: &Visit<'_>,
    form: &Fields,
    problem: Option<ApiProblem>,
    preview: Option<ExplainedSend>,
) -> Result<PageReply, ApiProblem> {
    let (types, templates) =
        tokio::join!(visit.call(ApiCall::get("/v1/types")), visit.call(ApiCall::get("/v1/templates")));
    let text = |name: &str| form.raw(name).to_owned();
    let ticked = form.all("channels");
    let key = form.optional("key").map_or_else(crate::site::random_text, str::to_owned);
    let page = SendPage {
        types: choices(&types.ok()?, "name", form.get("type")),
        templates: choices(&templates.ok()?, "name", form.get("template")),
        channels: CHANNELS
            .map(|channel| Choice {
                value: channel.to_owned(),
                label: channel.to_owned(),
                is_chosen: ticked.is_empty() || ticked.contains(&channel),
            })
            .into(),
        typed: TypedSend {
            to: text("to"),
            title: text("title"),
            body: text("body"),
            url: text("url"),
            variables: text("variables"),
            send_at: text("send_at"),
        },
        key,
        preview,
        frame: visit.frame("send", "Send"),
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
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
            request(
                "to=ada&type=PAYMENT_DUE&template=payment-due&variables=%7B%22a%22%3A1%7D&channels=push&channels=email&channels=sms"
            ),
            json!({"to": "ada", "type": "PAYMENT_DUE", "template": {"name": "payment-due"}, "variables": {"a": 1}})
        );
        let broken = request_of(&Fields::parse(b"to=a&template=t&variables=%7B")).unwrap_err();
        assert_eq!(broken.errors[0].0, "variables");
    }
}
