//! Pages with the reason for which a request was not carried out. They keep the typed text.

use askama::Template;

use super::api_call::ApiProblem;
use super::frame::{Frame, FrameLink};
use super::page_reply::PageReply;
use super::page_request::{Fields, PageRequest};
use super::visit::rendered;

/// Name of the field with the session's token.
pub const CSRF_FIELD: &str = "csrf";
/// Button of a form that is sent once more after an outage or a change of the role.
pub const TRY_AGAIN: &str = "Try again";
/// Action of the forms whose answer fills a frame.
const FRAME_ACTION: &str = "frame";
/// Maximum size of a page. Lambda returns at most 6 MB.
const MAX_PAGE_BYTES: usize = 5_000_000;

/// Page about a problem.
#[derive(Debug, Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    problem: ApiProblem,
    links: Vec<FrameLink>,
}

/// Page of a form that was not acted on: the reason, and what was typed.
#[derive(Debug, Template)]
#[template(path = "again.html")]
struct AgainPage {
    frame: Frame,
    problem: ApiProblem,
    login: String,
    button: &'static str,
    page: String,
    fields: Vec<(String, String)>,
}

/// Fields that a page adds to its forms. No person typed them.
const NOT_TYPED: [&str; 11] =
    ["action", "if_match", "key", "was", "checked", "json_was", "filter_was", "hash", "view", "step", "tab"];

impl AgainPage {
    /// Returns what was typed.
    fn typed(&self) -> Vec<&(String, String)> {
        let is_typed = |field: &&(String, String)| !field.1.is_empty() && !NOT_TYPED.contains(&field.0.as_str());
        self.fields.iter().filter(is_typed).collect()
    }
}

/// Content of a frame that could not be filled.
#[derive(Debug, Template)]
#[template(
    ext = "html",
    source = "<!DOCTYPE html><html lang=\"en\"><title>{{ title }}</title><h1>{{ title }}</h1><p>{{ detail }}</p></html>"
)]
struct EmptyFrame<'a> {
    title: &'a str,
    detail: &'a str,
}

/// Ways on from a form that was not acted on.
#[derive(Debug, Default)]
pub struct NextStep {
    /// Address of the login; empty if a login changes nothing.
    pub login: String,
    /// Button that sends the form once more; empty if the form must not be sent again.
    pub button: &'static str,
}

/// Returns a link of the page.
#[must_use]
pub fn link_to(href: String, label: &str) -> FrameLink {
    FrameLink { href, label: label.to_owned(), is_current: false }
}

/// Returns the page about a problem, with links that lead on.
#[must_use]
pub fn error_page(frame: Frame, problem: ApiProblem, links: Vec<FrameLink>) -> PageReply {
    let status = problem.status;
    rendered(status, &ErrorPage { frame, problem, links }).unwrap_or_else(|_| PageReply::html(500, String::new()))
}

/// Returns the page of a form that was not acted on, with what was typed.
#[must_use]
pub fn form_again_page(frame: Frame, request: &PageRequest, problem: ApiProblem, next: NextStep) -> PageReply {
    if request.form.get("action") == FRAME_ACTION {
        return empty_frame(&problem);
    }
    let (status, page) = (problem.status, frame.href(&request.address()));
    let NextStep { login, button } = next;
    let mut page = AgainPage { frame, problem, login, button, page, fields: kept(&request.form) };
    let shown = rendered(status, &page);
    if shown.as_ref().is_ok_and(|reply| reply.text().len() <= MAX_PAGE_BYTES) {
        return shown.unwrap_or_else(|_| PageReply::html(500, String::new()));
    }
    page.fields = Vec::new();
    rendered(status, &page).unwrap_or_else(|_| PageReply::html(500, String::new()))
}

/// Returns the content of a frame that could not be filled, with the reason. The frame allows no page of the console.
#[must_use]
pub fn empty_frame(problem: &ApiProblem) -> PageReply {
    let text = EmptyFrame { title: &problem.title, detail: &problem.detail }.render();
    let mut reply = PageReply::preview(text.unwrap_or_default());
    reply.status = problem.status;
    reply
}

fn kept(form: &Fields) -> Vec<(String, String)> {
    let typed = form.iter().filter(|(name, _)| *name != CSRF_FIELD);
    typed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
