//! One request of a signed-in person: what a page may use.

use std::sync::{Mutex, PoisonError};

use super::api_call::{ApiAnswer, ApiCall, ApiProblem, RequestTime};
use super::error_links::link_errors_to_fields;
use super::first_steps_cache::FirstStepsCache;
use super::format::ZoneChoice;
use super::frame::{self, Frame, FrameLink};
use super::handlers::ApiHandlers;
use super::page_reply::PageReply;
use super::page_request::{Fields, PageRequest};
use super::routes;
use super::session::Session;
use crate::ConsoleApi;
use askama::Template;
use platform::caller::Caller;

/// Cookie with the chosen zone, which the console's script may read and write.
pub const ZONE_COOKIE: &str = "console-zone";
/// Cookie with the browser's zone, which the console's script writes.
pub const MY_ZONE_COOKIE: &str = "console-my-zone";

/// Cookie with the name of the notice that the next page shows, so that an old address does not show it again.
pub const NOTICE_COOKIE: &str = "console-notice";
/// Parameters of one request: the name of its notice, and what a button of the builder of filters does.
const ONCE: [&str; 3] = ["done", "do", "at"];
/// Parameter with the place in a list from which a page goes on.
const CURSOR: &str = "after";
/// Time within which a redirection is followed.
const NOTICE_S: i64 = 60;

/// Messages about actions that have been done. A redirection names one; no text of a request is shown.
const NOTICES: [(&str, &str); 29] = [
    ("sent", "The notification was handed over. This page shows what became of it."),
    ("cancelled", "Cancelled. Nothing more will be sent."),
    ("saved", "Saved."),
    ("deleted", "Deleted."),
    ("published", "Published as a new version."),
    ("live", "The version is live. Messages use it within 10 seconds."),
    ("approved", "Approved."),
    ("launched", "Launched. The first messages are sent within a minute of its time."),
    ("paused", "Paused. No further messages are sent."),
    ("resumed", "Resumed."),
    ("planned", "The plan is being counted."),
    ("rollout", "The rollout was changed. It is in force everywhere within 30 seconds."),
    ("settings", "The settings were changed. They are in force everywhere within 30 seconds."),
    ("sessions", "The sessions are ended. No process accepts them after 30 seconds."),
    ("erased", "Everything about this person was erased."),
    ("tested", "The test was sent."),
    ("lifted", "The suppression is lifted. Later messages may use this channel again."),
    ("device", "The device is removed. It receives no more pushes."),
    ("archived", "Archived."),
    ("reviewed", "The text is marked as still right."),
    ("removed", "The text is removed from the draft. Published versions keep theirs."),
    ("pace", "The rate and the guards are changed. They count once the campaign is resumed."),
    ("versions", "The live versions are taken for people who are not sent to yet."),
    ("retried", "This is a new draft, for people of the earlier campaign. Nothing is sent before its launch."),
    ("count_cancelled", "The count is cancelled."),
    ("plan", "The plan is started. Its first percentage is in force everywhere within 30 seconds."),
    ("plan_stopped", "The plan is stopped. The percentage stays as it is."),
    ("zero", "Back to 0 %. Every recipient gets version 1 within 30 seconds."),
    ("created", "The draft is created. Nothing is sent before the launch."),
];

/// Request of a signed-in person.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The request.
    pub request: &'a PageRequest,
    /// The session.
    pub session: &'a Session,
    /// Moment and limit.
    pub time: RequestTime,
    /// Address of the API from outside.
    pub api_url: &'a str,
    /// Path of the console.
    pub base: &'a str,
    /// Stage.
    pub stage: &'a str,
    /// Zone of times.
    pub zone: ZoneChoice,
    /// `true` if the organisation's zone is chosen, and none is set.
    pub lacks_organisation_zone: bool,
    /// First steps that this process has seen done.
    pub first_steps_cache: &'a FirstStepsCache,
    pub(super) handlers: &'a ApiHandlers,
    pub(super) console: &'a ConsoleApi,
    pub(super) curls: Mutex<Vec<String>>,
    pub(super) offers: Mutex<Vec<String>>,
}

impl Visit<'_> {
    /// Returns the query.
    #[must_use]
    pub fn query(&self) -> &Fields {
        &self.request.query
    }

    /// Returns the form.
    #[must_use]
    pub fn form(&self) -> &Fields {
        &self.request.form
    }

    /// Returns `true` if the person may do an action.
    #[must_use]
    pub fn may(&self, page: &str, action: &str) -> bool {
        routes::may(self.session.role, page, action)
    }

    /// Calls the API as the person. The call is shown on the page.
    pub async fn call(&self, call: ApiCall) -> ApiAnswer {
        let scopes = ["send", "recipients", "ops"].map(|scope| format!("notifications/{scope}"));
        let (id, name) = (self.session.subject.clone(), Some(self.session.name.clone()));
        let caller = Caller { id, name, is_subject: true, scopes: scopes.to_vec() };
        self.curls.lock().unwrap_or_else(PoisonError::into_inner).push(call.curl(self.api_url));
        let request = call.request(caller, &self.request.request_id);
        // Boxed, so that a page that makes several calls at once stays small on the stack.
        ApiAnswer::of(&Box::pin(self.handlers.answer(self.console, &request, self.time)).await)
    }

    /// Shows a call that a form of the page makes, without making it.
    pub fn show_call(&self, call: ApiCall) {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner).push(call.curl(self.api_url));
    }

    /// Returns the frame of a page in a section of the navigation.
    #[must_use]
    pub fn frame(&self, section: &str, title: impl Into<String>) -> Frame {
        let title = title.into();
        let label = frame::label_of(section);
        let crumb = |page: &str, label: &str| FrameLink {
            href: frame::href(self.base, page),
            label: label.to_owned(),
            is_current: false,
        };
        let mut crumbs = Vec::new();
        if !section.is_empty() {
            crumbs.push(crumb("", "Overview"));
            if label != title {
                crumbs.push(crumb(section, label));
            }
        }
        let done = self.query().get("done");
        let notice = if self.request.cookie(NOTICE_COOKIE) == done { done } else { "" };
        Frame {
            base: self.base.to_owned(),
            stage: self.stage.to_owned(),
            sections: frame::sections(self.base, section),
            crumbs,
            person: self.session.name.clone(),
            person_key: self.session.person_key(),
            role: self.session.role,
            csrf: self.session.csrf.clone(),
            zones: self.zone_links(),
            zone: self.zone.clone(),
            lacks_organisation_zone: self.lacks_organisation_zone,
            notice: NOTICES.iter().find(|(name, _)| *name == notice).map(|(_, text)| *text),
            is_answer: self.request.is_post,
            curls: self.curls.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            offers: self.offers.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            request_id: self.request.request_id.clone(),
            now: self.time.now,
            title,
        }
    }

    /// Returns the address of this page with another filter. It begins at the first page: a cursor belongs to the list
    /// that it came from.
    #[must_use]
    pub fn with_filter(&self, name: &str, value: &str) -> String {
        self.with_query_but(name, value, &[CURSOR])
    }

    /// Returns the address of the first page of this list; `None` on the first page.
    #[must_use]
    pub fn first_page(&self) -> Option<String> {
        self.query().optional(CURSOR).map(|_| self.with_query(CURSOR, ""))
    }

    /// Returns the address of this page with one parameter of its query changed; an empty value removes it.
    #[must_use]
    pub fn with_query(&self, name: &str, value: &str) -> String {
        self.with_query_but(name, value, &[])
    }

    fn with_query_but(&self, name: &str, value: &str, removed: &[&str]) -> String {
        let kept = self.query().iter().filter(|(own, _)| *own != name && !removed.contains(own) && !ONCE.contains(own));
        let all = kept.chain(Some((name, value)).filter(|(_, value)| !value.is_empty()));
        let pairs: Vec<_> = all
            .map(|(name, value)| format!("{}={}", super::api_call::encoded(name), super::api_call::encoded(value)))
            .collect();
        let page = frame::href(self.base, &self.request.page);
        if pairs.is_empty() { page } else { format!("{page}?{}", pairs.join("&")) }
    }

    /// Returns a redirection to a page, with a message about what was done.
    #[must_use]
    pub fn redirect(&self, page_and_query: &str, done: &str) -> PageReply {
        let separator = if page_and_query.contains('?') { '&' } else { '?' };
        let location = format!("{}{separator}done={done}", frame::href(self.base, page_and_query));
        PageReply::redirect(location).with_cookie(NOTICE_COOKIE, done, NOTICE_S)
    }

    /// Removes the notice that a page has shown.
    pub(super) fn clear_notice(&self, reply: PageReply) -> PageReply {
        let is_shown = !self.request.is_post && self.query().optional("done").is_some();
        if is_shown && !self.request.cookie(NOTICE_COOKIE).is_empty() {
            return reply.with_cookie(NOTICE_COOKIE, "", 0);
        }
        reply
    }

    fn zone_links(&self) -> Vec<FrameLink> {
        let link = |(name, label): (&str, &str)| FrameLink {
            href: self.with_query("zone", name),
            label: label.to_owned(),
            is_current: self.zone.name == name,
        };
        let organisation = if self.lacks_organisation_zone { "Organisation (not set)" } else { "Organisation" };
        [("mine", "My time"), ("organisation", organisation), ("utc", "UTC")].map(link).to_vec()
    }
}

/// Renders a page. A template cannot fail except for memory.
///
/// # Errors
/// As said.
pub fn rendered(status: u16, page: &impl Template) -> Result<PageReply, ApiProblem> {
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "failed to render a page");
        ApiProblem::own(500, "The page could not be shown.")
    })?;
    Ok(PageReply::html(status, link_errors_to_fields(html)))
}
