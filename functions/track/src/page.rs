//! HTML pages for recipients; they run no script and load nothing.

use channels::email::escaped;
use domain::NotificationTypes;
use platform::http::Response;
use platform::problem::Problem;

const HTML: &str = "text/html; charset=utf-8";
/// Content-Security-Policy of the pages: no loading, no scripts, no framing. The form may be sent only to its own
/// origin.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Returns the page that asks for confirmation of an unsubscription. The request changes nothing, because mail scanners
/// open links too.
#[must_use]
pub fn confirm(types: &NotificationTypes, kind: &str) -> Response {
    let kind = title_of(types, kind);
    let form = format!(
        "<p>Stop all messages of the kind <b dir=\"auto\">{kind}</b>?</p>\n<form method=\"post\">\
         <input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\"><button>Unsubscribe</button></form>"
    );
    page(200, "Unsubscribe", &form)
}

/// Returns the page that confirms an unsubscription.
#[must_use]
pub fn unsubscribed(types: &NotificationTypes, kind: &str) -> Response {
    let kind = title_of(types, kind);
    page(200, "Unsubscribed", &format!("<p>You will get no more messages of the kind <b dir=\"auto\">{kind}</b>.</p>"))
}

/// Returns the title of a type; for a type that no longer exists, its name.
fn title_of(types: &NotificationTypes, kind: &str) -> String {
    escaped(types.get(kind).map_or(kind, |known| known.title.as_str()))
}

/// Returns the error page for a link that a recipient followed.
#[must_use]
pub fn problem(problem: &Problem) -> Response {
    let title = problem.kind.title();
    let page = page(problem.kind.status(), title, &format!("<p>{}</p>", escaped(&problem.detail)));
    match problem.retry_after_seconds {
        Some(seconds) => page.with_header("Retry-After", seconds.to_string()),
        None => page,
    }
}

fn page(status: u16, title: &str, content: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n\
         <body style=\"max-width:32em;margin:3em auto;padding:0 1em;font:1em/1.5 sans-serif\">\n<h1>{title}</h1>\n\
         {content}\n</body>\n</html>\n"
    );
    Response::text(status, HTML, html)
        .with_header("Content-Security-Policy", POLICY)
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Cache-Control", "no-store")
        .with_header("Referrer-Policy", "no-referrer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_the_title_of_the_type() {
        let types = NotificationTypes::default();
        for kind in types.iter() {
            for page in [confirm(&types, kind.id.as_str()), unsubscribed(&types, kind.id.as_str())] {
                let html = page.body.expose();
                assert!(html.contains(&kind.title) && !html.contains(kind.id.as_str()), "{html:?}");
                assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"));
            }
        }
        assert!(confirm(&NotificationTypes::default(), "OLD_TYPE").body.expose().contains("OLD_TYPE"));
    }

    #[test]
    fn a_page_escapes_markup() {
        for page in [
            confirm(&NotificationTypes::default(), "<script>alert(1)</script>\""),
            unsubscribed(&NotificationTypes::default(), "<script>"),
            problem(&Problem::not_found("<script>")),
        ] {
            assert!(!page.body.expose().contains("<script"), "{:?}", page.body.expose());
            assert!(page.headers.iter().any(|(name, value)| *name == "Content-Security-Policy" && value == POLICY));
        }
    }
}
