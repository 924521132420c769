//! Pages that say why something was not done: they keep what was typed.

use askama::Template;

use super::api_call::ApiProblem;
use super::frame::Frame;
use super::page_request::Fields;

/// Name of the field with the session's token.
pub const CSRF_FIELD: &str = "csrf";

/// Page about a problem.
#[derive(Debug, Template)]
#[template(path = "fault.html")]
pub struct FaultPage {
    /// Frame.
    pub frame: Frame,
    /// The problem.
    pub problem: ApiProblem,
}

/// Page that asks a person to sign in (again), or to confirm a form, without losing what was typed.
#[derive(Debug, Template)]
#[template(path = "again.html")]
pub struct AgainPage {
    /// Frame.
    pub frame: Frame,
    /// Reason in one sentence.
    pub reason: &'static str,
    /// Address of the login; empty if the person needs only to confirm.
    pub login: String,
    /// Page that the form is sent to.
    pub page: String,
    /// Fields as they were typed, without the token.
    pub fields: Vec<(String, String)>,
}

/// Returns the fields that a page keeps.
#[must_use]
pub fn kept(form: &Fields) -> Vec<(String, String)> {
    let typed = form.iter().filter(|(name, _)| *name != CSRF_FIELD);
    typed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
