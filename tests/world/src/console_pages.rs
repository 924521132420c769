//! Visits of the web console: a signed-in person opens a page or sends a form.

use aws::secrets::LinkSigningKeys;
use console::site::{PageReply, RequestTime, Role, SESSION_COOKIE, SealingKeys, Session, encoded};
use jiff::SignedDuration;
use platform::private::Private;
use serde_json::{Value, json};

use super::World;
use super::functions::LINK_KEY;

/// Most bytes that a browser with an empty cache receives for the first page, and for the editor of a template.
pub const FIRST_PAGE_BYTES: usize = 100_000;
pub const EDITOR_BYTES: usize = 300_000;

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
        self.person_named(&format!("subject-{}", role.name()), &name, role)
    }

    /// A person who signed in just now, with this subject and this name at the issuer.
    pub fn person_named(&self, subject: &str, name: &str, role: Role) -> ConsolePerson {
        ConsolePerson { session: Session::new(subject.to_owned(), name.to_owned(), role, self.clock.now()) }
    }

    /// Opens a page.
    pub async fn open_page(&self, person: &ConsolePerson, page: &str, query: &[(&str, &str)]) -> PageReply {
        self.console_event(event("GET", page, query, &[], Some(person), "same-origin")).await
    }

    /// Follows a redirection as a browser does: with the cookies that it sets.
    pub async fn redirected(&self, person: &ConsolePerson, reply: &PageReply) -> PageReply {
        let location = reply.header("location").unwrap();
        let (path, query) = location.split_once('?').unwrap_or((location, ""));
        let mut request = event(
            "GET",
            path.rsplit_once("/console").unwrap().1.trim_start_matches('/'),
            &[],
            &[],
            Some(person),
            "same-origin",
        );
        request["rawQueryString"] = json!(query);
        let own = request["cookies"].as_array_mut().unwrap();
        own.extend(reply.cookies().map(|cookie| json!(cookie.split(';').next().unwrap())));
        self.console_event(request).await
    }

    /// Bytes of a page and of the files that it names, as a browser receives them that accepts Brotli.
    pub async fn bytes_on_the_wire(&self, person: &ConsolePerson, page: &str, query: &[(&str, &str)]) -> usize {
        let html = self.open_page(person, page, query).await;
        assert_eq!(html.status, 200, "{page}: {}", html.text());
        let names =
            html.text().split('"').filter_map(|text| text.rsplit_once("/assets/").map(|(_, name)| name.to_owned()));
        let names: std::collections::BTreeSet<_> = names.collect();
        assert!(names.len() >= 2, "{names:?}");
        let mut bytes = html.text().len();
        for name in names {
            let mut request = event("GET", "", &[], &[], None, "same-origin");
            request["routeKey"] = json!("GET /console/assets/{file}");
            request["pathParameters"] = json!({"file": name});
            request["headers"]["accept-encoding"] = json!("gzip, br");
            let reply = Box::pin(self.console_event(request)).await;
            assert_eq!(reply.status, 200, "{name}");
            // The body is Base64.
            let event = reply.to_event();
            bytes += event["body"].as_str().unwrap().trim_end_matches('=').len() * 3 / 4;
        }
        bytes
    }

    /// Sends a form of a page, with the session's token.
    pub async fn send_form(&self, person: &ConsolePerson, page: &str, form: &[(&str, &str)]) -> PageReply {
        let with_token: Vec<_> = form.iter().copied().chain([("csrf", person.csrf())]).collect();
        self.console_event(event("POST", page, &[], &with_token, Some(person), "same-origin")).await
    }

    /// Sends an event to the console.
    pub async fn console_event(&self, event: Value) -> PageReply {
        let now = self.clock.now();
        let time = RequestTime { now, hard_deadline: now + SignedDuration::from_secs(24) };
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
