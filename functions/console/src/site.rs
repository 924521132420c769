//! Web console: login, sessions, rights, and the way from a request to a page.
//!
//! [`Site::answer`] checks in this order: the session, the route, the origin of a form, its token, the role, the age of
//! the login. Only then a page's own code runs.

mod api_call;
mod assets;
mod chart;
mod csv_text;
mod error_links;
mod error_page;
mod first_steps_cache;
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

pub use api_call::{ApiAnswer, ApiCall, ApiProblem, ConcurrentChange, RequestTime, encoded};
pub use chart::{ChartLine, ChartPoint, LineChart};
pub use csv_text::csv_text;
pub use error_page::empty_frame;
pub use first_steps_cache::{FirstStepsCache, FirstStepsDone};
pub use format::{EuroScale, ZoneChoice, count, duration_text, euro, millis, number_of, percent, relative};
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
use error_page::{CSRF_FIELD, NextStep, TRY_AGAIN, error_page, form_again_page, link_to};
use oidc::Issuer;
use platform::environment::{Environment, EnvironmentError};
use renewal::Renewal;
use site_keys::{SiteKeys, SiteKeysSource};
use visit::{MY_ZONE_COOKIE, ZONE_COOKIE};

/// Detail of the page if a form is too large.
const TOO_LARGE: &str =
    "The form is larger than 1 MB. Nothing was changed. Copy what you typed, shorten it, and fill in the form again.";
/// Title and detail of the page if another site sent a form.
const FOREIGN_TITLE: &str = "This form was not sent from here";
const FOREIGN: &str = "This form was not sent by a page of this console. Nothing was changed. If you filled it yourself, \
     open the page of the console, and type it there.";
/// Part of the login's address if the issuer must require a proof although the person is signed in there.
const LOGIN_AGAIN: &str = "&again=1";
/// Pages about one thing that people delete, each also a kind of the audit; and what its missing may mean.
const DELETABLE: [&str; 4] = ["campaign", "template", "type", "segment"];
const DELETED: &str = "It may have been deleted, or its name is not right.";
/// Detail of the page if it is not known which sessions were ended.
const NO_MARKS: &str = "The console cannot read at present which sessions were ended.";

/// The web console.
#[derive(Debug)]
pub struct Site {
    handlers: ApiHandlers,
    keys: SiteKeysSource,
    issuer: Issuer,
    stage: String,
    pages: PageHandler,
    first_steps_cache: FirstStepsCache,
}

/// Answers a page, or an action of a page, once the visit was checked.
pub type PageHandler = for<'a> fn(&'a Visit<'a>, &'a PageRoute) -> PageFuture<'a>;

/// Answer of a page. Boxed, because the layout of the nested futures is too deep for the compiler.
pub type PageFuture<'a> = Pin<Box<dyn Future<Output = Result<PageReply, ApiProblem>> + 'a>>;

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
        pages: PageHandler,
    ) -> Self {
        Self {
            handlers: ApiHandlers::new(config.handlers.clone(), clock),
            keys: SiteKeysSource::new(function.parameters(), &function.parameter_prefix),
            issuer: Issuer::new(&config.issuer, function.aws.endpoint_url()),
            stage: function.stage.clone(),
            pages,
            first_steps_cache: FirstStepsCache::default(),
        }
    }

    /// Answers an event of a page or of a file.
    pub async fn answer(&self, console: &ConsoleApi, event: Value, time: RequestTime) -> PageReply {
        let Some(request) = PageRequest::of_event(event) else {
            let problem = ApiProblem::own(400, "The request has another form than a browser sends.");
            return self.error_page(&PageRequest::default(), problem, "", time.now);
        };
        let reply = match &request.file {
            Some(_) => assets::reply(&request).unwrap_or_else(|| {
                self.error_page(&request, ApiProblem::own(404, "There is no such file."), "", time.now)
            }),
            None if request.is_too_large => self.error_page(&request, ApiProblem::own(413, TOO_LARGE), "", time.now),
            None => match self.keys.current(time.now).await {
                Ok(keys) => self.answer_with(console, &request, &keys, time).await,
                Err(problem) => self.error_page(&request, problem, "", time.now),
            },
        };
        let (route, page, status) = (&request.route, &request.page, reply.status);
        let page = if routes::route(page, "").is_some() { page.as_str() } else { "(other)" };
        tracing::info!(route, page, status, request_id = request.request_id, "answered page request");
        reply
    }

    async fn answer_with(
        &self,
        console: &ConsoleApi,
        request: &PageRequest,
        keys: &SiteKeys,
        time: RequestTime,
    ) -> PageReply {
        match (request.is_post, request.page.as_str()) {
            (false, "login") => return self.sign_in(request, keys, time.now).await,
            (false, "callback") => return self.signed_in(request, keys, time.now).await,
            (true, "logout") => return self.sign_out(request, keys, time.now).await,
            _ => {}
        }
        let Some(mut session) = Session::open(request.cookie(SESSION_COOKIE), &keys.sealing, time.now) else {
            return self.without_session(request, keys, time.now);
        };
        match console.ended_sessions.has_ended([&session.subject, &session.name], session.signed_in_at, time.now).await
        {
            Ok(false) => {}
            Ok(true) => return self.without_session(request, keys, time.now),
            Err(error) => {
                tracing::warn!(%error, "failed to read which sessions were ended");
                let problem = ApiProblem { retry_after_s: Some(2), ..ApiProblem::own(503, NO_MARKS) };
                return self.error_page(request, problem, &session.csrf, time.now);
            }
        }
        let renewal = self.renewed(&mut session, request, keys, time.now).await;
        if matches!(renewal, Renewal::Ended) {
            return self.without_session(request, keys, time.now);
        }
        let reply = self.answer_session(console, request, &session, keys, time).await;
        renewal.added_to(reply.allowing_forms_to(&session.login_origin))
    }

    /// Answers a person with an open session.
    async fn answer_session(
        &self,
        console: &ConsoleApi,
        request: &PageRequest,
        session: &Session,
        keys: &SiteKeys,
        time: RequestTime,
    ) -> PageReply {
        let visit = self.visit(console, request, session, keys, time).await;
        let action = if request.is_post { request.form.get("action") } else { "" };
        let Some(route) = routes::route(&request.page, action) else {
            return problem_reply(&visit, ApiProblem::own(404, "There is no such page."));
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
            let problem = ApiProblem::own(403, detail);
            return if request.is_post {
                visit.not_done(problem, login_url(&keys.base, request))
            } else {
                problem_reply(&visit, problem)
            };
        }
        if route.needs_recent_login && !session.is_recent(time.now) {
            return visit.old_login();
        }
        match (self.pages)(&visit, route).await {
            Ok(reply) => visit.clear_notice(visit.remembering_zone(reply)),
            Err(problem) => problem_reply(&visit, problem),
        }
    }

    async fn visit<'a>(
        &'a self,
        console: &'a ConsoleApi,
        request: &'a PageRequest,
        session: &'a Session,
        keys: &'a SiteKeys,
        time: RequestTime,
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
            lacks_organisation_zone: chosen == "organisation" && organisation.is_none(),
            handlers: &self.handlers,
            console,
            offers: Mutex::new(Vec::new()),
            first_steps_cache: &self.first_steps_cache,
            curls: Mutex::new(Vec::new()),
        }
    }

    /// Sends a person without a session to the login. A form that was filled meanwhile is kept.
    fn without_session(&self, request: &PageRequest, keys: &SiteKeys, now: Timestamp) -> PageReply {
        if !request.is_post {
            return PageReply::redirect(login_url(&keys.base, request));
        }
        let frame = self.bare_frame(request, "Sign in again", &keys.base, now);
        let problem =
            ApiProblem::own(401, "Your session has ended. Nothing was changed; what you typed is kept on this page.");
        let (button, login) = (button(request, &keys.origin, "Continue"), login_url(&keys.base, request));
        form_again_page(frame, request, problem, NextStep { login, button })
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
            person_key: String::new(),
            role: Role::Viewer,
            csrf: String::new(),
            zone: ZoneChoice { name: "utc", zone: TimeZone::UTC },
            lacks_organisation_zone: false,
            zones: Vec::new(),
            notice: None,
            is_answer: request.is_post,
            curls: Vec::new(),
            offers: Vec::new(),
            request_id: request.request_id.clone(),
            now,
        }
    }

    /// Answers without a session. A form keeps what was typed; `csrf` is the token that it is sent with once more.
    fn error_page(&self, request: &PageRequest, problem: ApiProblem, csrf: &str, now: Timestamp) -> PageReply {
        let last = self.keys.last();
        let (base, origin) = last.as_ref().map_or(("/console", ""), |keys| (keys.base.as_str(), keys.origin.as_str()));
        let mut frame = self.bare_frame(request, &problem.title, base, now);
        csrf.clone_into(&mut frame.csrf);
        if !request.is_post {
            let again = link_to(frame.href(&request.address()), TRY_AGAIN);
            return error_page(frame, problem, vec![again]);
        }
        // A form that is too large is refused again as it is.
        let button = if problem.status == 413 { "" } else { button(request, origin, TRY_AGAIN) };
        form_again_page(frame, request, problem, NextStep { button, ..NextStep::default() })
    }
}

impl Visit<'_> {
    /// Returns the page that requires a new login, with the typed text, if the present one is older than a quarter of
    /// an hour. For actions that need a recent login only in some cases.
    #[must_use]
    pub fn require_recent_login(&self) -> Option<PageReply> {
        (!self.session.is_recent(self.time.now)).then(|| self.old_login())
    }

    fn old_login(&self) -> PageReply {
        let problem = ApiProblem::own(401, "This change needs a login of the last 15 minutes.");
        let next = NextStep { login: login_url(self.base, self.request) + LOGIN_AGAIN, button: "Continue" };
        form_again_page(self.problem_frame("Sign in again"), self.request, problem, next)
    }

    /// Returns the page of a form that was not acted on. Its origin and its token were checked.
    fn not_done(&self, problem: ApiProblem, login: String) -> PageReply {
        let frame = self.problem_frame(&problem.title);
        form_again_page(frame, self.request, problem, NextStep { login, button: TRY_AGAIN })
    }

    /// Returns the frame of a page about a problem, in the section of the requested page.
    fn problem_frame(&self, title: &str) -> Frame {
        self.frame(frame::section_of(&self.request.page), title)
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

/// Refuses a form that another site sent. A form that another session of this person filled needs a confirmation.
fn refusal_of_form(visit: &Visit<'_>, keys: &SiteKeys) -> Option<PageReply> {
    let request = visit.request;
    if !request.is_from(&keys.origin) {
        let problem = ApiProblem { title: FOREIGN_TITLE.into(), ..ApiProblem::own(403, FOREIGN) };
        return Some(form_again_page(visit.problem_frame(FOREIGN_TITLE), request, problem, NextStep::default()));
    }
    if request.form.get(CSRF_FIELD) == visit.session.csrf {
        return None;
    }
    let problem =
        ApiProblem::own(409, "This form was filled before you signed in again. Check it, and send it once more.");
    let next = NextStep { button: "Continue", ..NextStep::default() };
    Some(form_again_page(visit.problem_frame("Check and confirm"), request, problem, next))
}

fn problem_reply(visit: &Visit<'_>, mut problem: ApiProblem) -> PageReply {
    if visit.request.is_post {
        return visit.not_done(problem, String::new());
    }
    let frame = visit.problem_frame(&problem.title);
    let page = visit.request.page.as_str();
    let mut links = vec![link_to(frame.href(&visit.request.address()), TRY_AGAIN)];
    if problem.status == 404 && DELETABLE.contains(&page) {
        let section = frame::section_of(page);
        links.push(link_to(frame.href(section), frame::label_of(section)));
        links.push(link_to(frame.href_of("audit", "kind", page), "Changes, in the audit"));
        problem.detail = format!("{} {DELETED}", problem.detail).into();
    }
    error_page(frame, problem, links)
}

/// Returns the button that sends a form once more. A form of another site has none: it could be forged.
fn button(request: &PageRequest, origin: &str, label: &'static str) -> &'static str {
    if request.is_from(origin) { label } else { "" }
}

/// Returns the address of the login that comes back to this page.
fn login_url(base: &str, request: &PageRequest) -> String {
    format!("{base}/login?to={}", encoded(&request.address()))
}

/// Returns the value behind a lock, also if another request panicked while it held the lock.
fn locked<T: Clone>(lock: &Mutex<T>) -> T {
    lock.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
