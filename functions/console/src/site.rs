//! Web console: login, sessions, rights, and the way from a request to a page.
//!
//! [`Site::answer`] checks in this order: the session, the route, the origin of a form, its token, the role, the age of
//! the login. Only then a page's own code runs.

mod api_call;
mod assets;
mod chart;
mod csv_text;
mod fault_page;
mod format;
mod frame;
mod handlers;
mod interval_chart;
mod oidc;
mod page_reply;
mod page_request;
mod renewal;
mod role;
mod routes;
mod session;
mod sign_in;
mod site_keys;
mod visit;

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

pub use api_call::{ApiAnswer, ApiCall, ApiProblem, ChangeNote, VisitTime, encoded};
pub use chart::{ChartLine, ChartPoint, LineChart};
pub use csv_text::csv_text;
pub use format::{count, euro, millis, percent, relative, span};
pub use frame::{Frame, FrameLink};
pub use handlers::{ApiHandlers, HandlersConfig};
pub use interval_chart::{IntervalChart, IntervalRow, IntervalUnit};
pub use page_reply::PageReply;
pub use page_request::{Fields, PageRequest, is_page_event};
pub use role::Role;
pub use routes::{FULL_ADDRESSES, PageRoute, ROUTES};
pub use session::{RECENT_LOGIN, SESSION_COOKIE, SESSION_LIFETIME, SealingKeys, Session, random_text};
pub use visit::{Visit, rendered};

use crate::ConsoleApi;
use fault_page::{AgainPage, CSRF_FIELD, FaultPage, kept};
use format::ZoneChoice;
use oidc::Issuer;
use platform::environment::{Environment, EnvironmentError};
use renewal::Renewal;
use site_keys::{SiteKeys, SiteKeysSource};
use visit::{MY_ZONE_COOKIE, ZONE_COOKIE};

/// Detail of the page if it is not known which sessions were ended.
const NO_MARKS: &str = "The console cannot read at present which sessions were ended.";

/// The web console.
#[derive(Debug)]
pub struct Site {
    handlers: ApiHandlers,
    keys: SiteKeysSource,
    issuer: Issuer,
    stage: String,
    pages: AnswerPage,
}

/// Answers a page, or an action of a page, once the visit was checked.
pub type AnswerPage = for<'a> fn(&'a Visit<'a>, &'a PageRoute) -> PageAnswer<'a>;

/// Answer of a page. Boxed, because the layout of the nested futures is too deep for the compiler.
pub type PageAnswer<'a> = Pin<Box<dyn Future<Output = Result<PageReply, ApiProblem>> + 'a>>;

/// Configuration of the web console.
#[derive(Debug, Clone)]
pub struct SiteConfig {
    /// Configurations of the API's handlers.
    pub handlers: HandlersConfig,
    /// Issuer of the logins.
    pub issuer: String,
}

impl SiteConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { handlers: HandlersConfig::read(environment)?, issuer: environment.required("LOGIN_ISSUER")? })
    }
}

impl Site {
    /// Creates the console. Nothing is read before the first request of a page.
    #[must_use]
    pub fn new(
        config: &SiteConfig,
        function: &aws::FunctionConfig,
        clock: platform::clock::Clock,
        pages: AnswerPage,
    ) -> Self {
        Self {
            handlers: ApiHandlers::new(config.handlers.clone(), clock),
            keys: SiteKeysSource::new(function.parameters(), &function.parameter_prefix),
            issuer: Issuer::new(&config.issuer, function.aws.endpoint_url()),
            stage: function.stage.clone(),
            pages,
        }
    }

    /// Answers an event of a page or of a file.
    pub async fn answer(&self, console: &ConsoleApi, event: Value, time: VisitTime) -> PageReply {
        let Some(request) = PageRequest::of_event(event) else {
            return self.fault(&PageRequest::default(), ApiProblem::own(413, "The form is too large."), time.now);
        };
        let reply = match &request.file {
            Some(_) => assets::reply(&request)
                .unwrap_or_else(|| self.fault(&request, ApiProblem::own(404, "There is no such file."), time.now)),
            None => match self.keys.current(time.now).await {
                Ok(keys) => self.answer_with(console, &request, &keys, time).await,
                Err(problem) => self.fault(&request, problem, time.now),
            },
        };
        let (route, page, status) = (&request.route, &request.page, reply.status);
        let page = if routes::route(page, "").is_some() { page.as_str() } else { "(other)" };
        tracing::info!(route, page, status, request_id = request.request_id, "answered");
        reply
    }

    async fn answer_with(
        &self,
        console: &ConsoleApi,
        request: &PageRequest,
        keys: &SiteKeys,
        time: VisitTime,
    ) -> PageReply {
        match (request.is_post, request.page.as_str()) {
            (false, "login") => return self.sign_in(request, keys, time.now).await,
            (false, "callback") => return self.signed_in(request, keys, time.now).await,
            (true, "logout") => return self.sign_out(request, keys, time.now),
            _ => {}
        }
        let Some(mut session) = Session::open(request.cookie(SESSION_COOKIE), &keys.sealing, time.now) else {
            return self.without_session(request, keys, time.now);
        };
        match console.ended_sessions.has_ended(&session.name, session.signed_in_at, time.now).await {
            Ok(false) => {}
            Ok(true) => return self.without_session(request, keys, time.now),
            Err(error) => {
                tracing::warn!(%error, "failed to read which sessions were ended");
                let problem = ApiProblem { retry_after_s: Some(2), ..ApiProblem::own(503, NO_MARKS) };
                return self.fault(request, problem, time.now);
            }
        }
        let renewal = self.renewed(&mut session, request, keys, time.now).await;
        if matches!(renewal, Renewal::Ended) {
            return self.without_session(request, keys, time.now);
        }
        renewal.added_to(self.answer_session(console, request, &session, keys, time).await)
    }

    /// Answers a person with an open session.
    async fn answer_session(
        &self,
        console: &ConsoleApi,
        request: &PageRequest,
        session: &Session,
        keys: &SiteKeys,
        time: VisitTime,
    ) -> PageReply {
        let visit = self.visit(console, request, session, keys, time).await;
        let action = if request.is_post { request.form.get("action") } else { "" };
        let Some(route) = routes::route(&request.page, action) else {
            return fault_of(&visit, ApiProblem::own(404, "There is no such page."));
        };
        if request.is_post
            && let Some(refusal) = refusal_of_form(&visit, keys)
        {
            return refusal;
        }
        if session.role < route.role {
            let detail = format!(
                "This needs the role {}; yours is {}. An administrator of the user pool can change it.",
                route.role.name(),
                session.role.name()
            );
            return fault_of(&visit, ApiProblem::own(403, detail));
        }
        if route.needs_recent_login && !session.is_recent(time.now) {
            return visit.old_login();
        }
        match (self.pages)(&visit, route).await {
            Ok(reply) => visit.remembering_zone(reply),
            Err(problem) => fault_of(&visit, problem),
        }
    }

    async fn visit<'a>(
        &'a self,
        console: &'a ConsoleApi,
        request: &'a PageRequest,
        session: &'a Session,
        keys: &'a SiteKeys,
        time: VisitTime,
    ) -> Visit<'a> {
        let chosen = request.query.optional("zone").unwrap_or_else(|| request.cookie(ZONE_COOKIE));
        let mine = platform::form::fields(format!("z={}", request.cookie(MY_ZONE_COOKIE)).as_bytes());
        let mine = mine.first().map_or("", |(_, value)| value.as_str());
        let organisation = match chosen {
            "organisation" => console.config.current().await.settings.organisation.time_zone.clone(),
            _ => None,
        };
        Visit {
            request,
            session,
            time,
            api_url: &keys.api_url,
            base: &keys.base,
            stage: &self.stage,
            zone: ZoneChoice::new(chosen, mine, organisation.as_deref().unwrap_or_default()),
            handlers: &self.handlers,
            console,
            curls: Mutex::new(Vec::new()),
        }
    }

    /// Sends a person without a session to the login. A form that was filled meanwhile is kept.
    fn without_session(&self, request: &PageRequest, keys: &SiteKeys, now: Timestamp) -> PageReply {
        if !request.is_post {
            return PageReply::redirect(login_url(&keys.base, request));
        }
        let frame = self.bare_frame(request, "Sign in again", &keys.base, now);
        let reason = "Your session has ended. Nothing was changed; what you typed is kept on this page.";
        again(frame, request, 401, reason, login_url(&keys.base, request))
    }

    /// Creates the frame of a page without a session.
    fn bare_frame(&self, request: &PageRequest, title: &str, base: &str, now: Timestamp) -> Frame {
        Frame {
            title: title.to_owned(),
            base: base.to_owned(),
            stage: self.stage.clone(),
            sections: Vec::new(),
            crumbs: Vec::new(),
            person: String::new(),
            role: Role::Viewer,
            csrf: String::new(),
            zone: ZoneChoice { name: "utc", zone: TimeZone::UTC },
            zones: Vec::new(),
            notice: None,
            curls: Vec::new(),
            request_id: request.request_id.clone(),
            now,
        }
    }

    fn fault(&self, request: &PageRequest, problem: ApiProblem, now: Timestamp) -> PageReply {
        let base = self.keys.last().map_or_else(|| "/console".to_owned(), |keys| keys.base.clone());
        let frame = self.bare_frame(request, &problem.title, &base, now);
        let status = problem.status;
        rendered(status, &FaultPage { frame, problem }).unwrap_or_else(|_| PageReply::html(500, String::new()))
    }
}

impl Visit<'_> {
    /// Returns the page that asks for a new login, with what was typed, if the present one is older than a quarter of an
    /// hour. For actions that need a recent login in some cases alone.
    #[must_use]
    pub fn login_again(&self) -> Option<PageReply> {
        (!self.session.is_recent(self.time.now)).then(|| self.old_login())
    }

    fn old_login(&self) -> PageReply {
        let (login, reason) = (login_url(self.base, self.request), "This change needs a login of the last 15 minutes.");
        again(self.frame("", "Sign in again"), self.request, 401, reason, login)
    }

    /// Stores the zone that the query chooses, for the pages after this one.
    fn remembering_zone(&self, reply: PageReply) -> PageReply {
        const A_YEAR_S: i64 = 31_536_000;
        match self.query().optional("zone") {
            Some(_) => reply.with_cookie(ZONE_COOKIE, self.zone.name, A_YEAR_S),
            None => reply,
        }
    }
}

/// Refuses a form that another site sent, and asks to confirm one that another session of this person filled.
fn refusal_of_form(visit: &Visit<'_>, keys: &SiteKeys) -> Option<PageReply> {
    let request = visit.request;
    let is_own = match (request.fetch_site.as_deref(), request.origin.as_deref()) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == keys.origin,
        (None, None) => false,
    };
    if !is_own {
        return Some(fault_of(visit, ApiProblem::own(403, "This form was not sent by a page of this console.")));
    }
    if request.form.get(CSRF_FIELD) == visit.session.csrf {
        return None;
    }
    let reason = "This form was filled before you signed in again. Check it, and send it once more.";
    Some(again(visit.frame("", "Check and confirm"), request, 409, reason, String::new()))
}

fn again(frame: Frame, request: &PageRequest, status: u16, reason: &'static str, login: String) -> PageReply {
    let (page, fields) = (frame.href(&request.page), kept(&request.form));
    let page = AgainPage { frame, reason, login, page, fields };
    rendered(status, &page).unwrap_or_else(|_| PageReply::html(500, String::new()))
}

fn fault_of(visit: &Visit<'_>, problem: ApiProblem) -> PageReply {
    let frame = visit.frame("", problem.title.clone());
    let reply = rendered(problem.status, &FaultPage { frame, problem });
    reply.unwrap_or_else(|_| PageReply::html(500, String::new()))
}

/// Returns the address of the login that comes back to this page.
fn login_url(base: &str, request: &PageRequest) -> String {
    let query: Vec<_> =
        request.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let to = if query.is_empty() { request.page.clone() } else { format!("{}?{}", request.page, query.join("&")) };
    format!("{base}/login?to={}", encoded(&to))
}

/// Returns the value behind a lock, also if another request panicked while it held the lock.
fn locked<T: Clone>(lock: &Mutex<T>) -> T {
    lock.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
