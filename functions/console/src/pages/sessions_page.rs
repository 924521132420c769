//! Sessions: the person's own one, and the end of those of others.

use askama::Template;
use jiff::Timestamp;
use serde_json::json;

use crate::site::{ApiCall, ApiProblem, Frame, PageReply, SESSION_LIFETIME, Visit, rendered};

#[derive(Debug, Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    began_at: Timestamp,
    renewed_at: Timestamp,
    ends_at: Timestamp,
    person: String,
}

/// Shows the session, or ends sessions.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let body = match action {
        "" => return show(visit, None),
        "end_mine" => json!({"person": visit.session.subject}),
        _ if visit.form().get("who") == "everyone" => json!({"everyone": true}),
        _ => json!({"person": visit.form().get("person")}),
    };
    match visit.call(ApiCall::post("/v1/console/sessions/end", body)).await.ok() {
        // If the own session was among them, this leads to the login.
        Ok(_) => Ok(visit.redirect("sessions", "sessions")),
        Err(problem) => show(visit, Some(problem)),
    }
}

fn show(visit: &Visit<'_>, problem: Option<ApiProblem>) -> Result<PageReply, ApiProblem> {
    let session = visit.session;
    let mut bodies = vec![json!({"person": session.subject})];
    if visit.may("sessions", "end") {
        bodies.extend(visit.form().optional("person").map(|person| json!({"person": person})));
        bodies.push(json!({"everyone": true}));
    }
    for body in bodies {
        visit.show_call(ApiCall::post("/v1/console/sessions/end", body));
    }
    let status = problem.as_ref().map_or(200, |problem| problem.status);
    let page = SessionsPage {
        began_at: session.signed_in_at,
        renewed_at: session.renewed_at,
        ends_at: session.signed_in_at + SESSION_LIFETIME,
        person: visit.form().raw("person").to_owned(),
        frame: visit.frame("settings", "Sessions"),
        problem,
    };
    rendered(status, &page)
}
