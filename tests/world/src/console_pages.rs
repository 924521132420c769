//! Visits of the web console: a signed-in person opens a page or sends a form.

use aws::secrets::LinkSigningKeys;
use console::site::{PageReply, Role, SESSION_COOKIE, SealingKeys, Session, VisitTime, encoded};
use jiff::SignedDuration;
use platform::private::Private;
use serde_json::{Value, json};

use super::World;
use super::functions::LINK_KEY;

/// ConsolePerson at a browser.
#[derive(Debug, Clone)]
pub struct ConsolePerson {
    session: Session,
}

impl ConsolePerson {
    /// Token of the forms of this session.
    pub fn csrf(&self) -> &str {
        &self.session.csrf
    }
}

/// Keys with which the world's console seals cookies.
pub fn sealing_keys() -> SealingKeys {
    SealingKeys::new(&LinkSigningKeys { current: Private::new(LINK_KEY), previous: None }).unwrap()
}

impl World {
    /// A person who signed in just now.
    pub fn person(&self, role: Role) -> ConsolePerson {
        let name = format!("{}@example.com", role.name());
        ConsolePerson { session: Session::new(format!("subject-{}", role.name()), name, role, self.clock.now()) }
    }

    /// Opens a page.
    pub async fn open_page(&self, person: &ConsolePerson, page: &str, query: &[(&str, &str)]) -> PageReply {
        self.console_event(event("GET", page, query, &[], Some(person), "same-origin")).await
    }

    /// Sends a form of a page, with the session's token.
    pub async fn send_form(&self, person: &ConsolePerson, page: &str, form: &[(&str, &str)]) -> PageReply {
        let with_token: Vec<_> = form.iter().copied().chain([("csrf", person.csrf())]).collect();
        self.console_event(event("POST", page, &[], &with_token, Some(person), "same-origin")).await
    }

    /// Sends an event to the console.
    pub async fn console_event(&self, event: Value) -> PageReply {
        let now = self.clock.now();
        let time = VisitTime { now, hard_deadline: now + SignedDuration::from_secs(24) };
        Box::pin(self.site.answer(&self.console, event, time)).await
    }
}

/// Event of API Gateway for a request of a browser.
pub fn event(
    method: &str,
    page: &str,
    query: &[(&str, &str)],
    form: &[(&str, &str)],
    person: Option<&ConsolePerson>,
    fetch_site: &str,
) -> Value {
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        pairs.join("&")
    };
    let route = if page.is_empty() { format!("{method} /console") } else { format!("{method} /console/{{page}}") };
    let cookie = person.and_then(|person| person.session.seal(&sealing_keys()));
    json!({
        "routeKey": route,
        "rawQueryString": pairs(query),
        "pathParameters": {"page": page},
        "cookies": cookie.map(|cookie| format!("{SESSION_COOKIE}={cookie}")).into_iter().collect::<Vec<_>>(),
        "headers": {"sec-fetch-site": fetch_site},
        "body": pairs(form),
        "isBase64Encoded": false,
        "requestContext": {"requestId": "r-1"},
    })
}
