//! HTML pages for recipients; they run no script and load nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use super::page_texts::PageTexts;
use channels::email::escaped;
use domain::NotificationTypes;
use platform::http::Response;
use platform::problem::Problem;

const HTML: &str = "text/html; charset=utf-8";
/// Style of the pages. Their policy allows this text alone, by its hash.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{max-width:40rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
fieldset{min-width:0;margin:0 0 1.5rem;padding:.5rem 1rem 1rem;border:1px solid;border-radius:.5rem}\
legend{padding:0 .5rem;font-weight:700}\
label{display:block;padding:.4rem 0}\
.inline{display:flex;flex-wrap:wrap;gap:0 1.5rem}\
input{font:inherit}\
input[type=checkbox]{width:1.25rem;height:1.25rem;margin:0 .5rem 0 0;vertical-align:-.2rem}\
input[type=time]{padding:.4rem}\
button{min-height:2.75rem;padding:.5rem 1.5rem;font:inherit;font-weight:700;color:#fff;background:#1a4fa0;\
border:2px solid #fff;border-radius:.5rem;cursor:pointer}\
:focus-visible{outline:3px solid #c60;outline-offset:2px}\
.notice{margin:1rem 0;padding:.5rem 1rem;border:3px solid;border-radius:.5rem}";

/// One page.
#[derive(Debug)]
pub struct HtmlPage {
    /// HTTP status.
    pub status: u16,
    /// Texts of the page's language.
    pub texts: &'static PageTexts,
    /// Title, as text.
    pub title: &'static str,
    /// HTML below the title.
    pub content: String,
}

impl HtmlPage {
    /// Returns the response.
    #[must_use]
    pub fn response(&self) -> Response {
        let title = escaped(self.title);
        let shown_in_tab = match self.status {
            422 => format!("{}: {title}", self.texts.not_saved),
            _ => title.clone(),
        };
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{shown_in_tab}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{}\n</main>\n</body>\n</html>\n",
            self.texts.tag, self.content
        );
        Response::text(self.status, HTML, html)
            .with_header("Content-Security-Policy", policy())
            .with_header("X-Content-Type-Options", "nosniff")
            .with_header("Cache-Control", "no-store")
            .with_header("Referrer-Policy", "no-referrer")
    }
}

/// Returns the Content-Security-Policy: no loading, no scripts, no framing, and the pages' own style alone. The form
/// may be sent only to its own origin.
fn policy() -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Returns the form that requires the confirmation of an unsubscription.
#[must_use]
pub fn confirm(types: &NotificationTypes, kind: &str, texts: &PageTexts) -> String {
    if is_always_sent(types, kind) {
        return always_sent(types, kind, texts);
    }
    format!(
        "<p>{}</p>\n<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
         <button>{}</button></form>",
        texts.stop(&title_of(types, kind)),
        texts.unsubscribe
    )
}

/// Returns the sentence that confirms an unsubscription, and a link to the preference page.
#[must_use]
pub fn unsubscribed(types: &NotificationTypes, kind: &str, texts: &PageTexts, token: &str) -> String {
    let stopped = match is_always_sent(types, kind) {
        true => always_sent(types, kind, texts),
        false => format!("<p>{}</p>", texts.stopped(&title_of(types, kind))),
    };
    let url = escaped(&preferences_url(token));
    format!("{stopped}\n<p><a href=\"{url}\">{}</a></p>", texts.title)
}

/// Returns `true` if messages of a type are sent even if the recipient opted out, because the type is critical. The
/// choice is stored all the same: it holds if the type gets another class.
fn is_always_sent(types: &NotificationTypes, kind: &str) -> bool {
    types.get(kind).is_some_and(|kind| kind.rules.is_critical())
}

fn always_sent(types: &NotificationTypes, kind: &str, texts: &PageTexts) -> String {
    format!("<p>{}</p>\n<p>{}</p>", title_of(types, kind), texts.always)
}

/// Returns the URL of the preference page from a page of an unsubscription.
#[must_use]
pub fn preferences_url(token: &str) -> String {
    format!("../preferences/{token}")
}

/// Returns the title of a type as HTML; for a type that no longer exists, its name.
fn title_of(types: &NotificationTypes, kind: &str) -> String {
    let title = types.get(kind).map_or(kind, |known| known.title.as_str());
    format!("<b dir=\"auto\">{}</b>", escaped(title))
}

/// Returns the error page of a click. If the request may be repeated, the browser repeats it by itself.
#[must_use]
pub fn click_problem(problem: &Problem) -> Response {
    let page = self::problem(problem);
    match problem.retry_after_seconds {
        Some(seconds) => page.with_header("Refresh", seconds.to_string()),
        None => page,
    }
}

/// Returns the error page for a link that a recipient followed.
#[must_use]
pub fn problem(problem: &Problem) -> Response {
    let content = format!("<p>{}</p>", escaped(&problem.detail));
    let page =
        HtmlPage { status: problem.kind.status(), texts: PageTexts::of(None), title: problem.kind.title(), content };
    let page = page.response();
    match problem.retry_after_seconds {
        Some(seconds) => page.with_header("Retry-After", seconds.to_string()),
        None => page,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::settings::CatalogCoverage;
    use domain::{NotificationType, TypeId};

    use super::*;

    fn english() -> &'static PageTexts {
        PageTexts::of(None)
    }

    #[test]
    fn a_page_shows_the_title_of_the_type() {
        let types = NotificationTypes::default();
        for kind in types.iter() {
            let name = kind.id.as_str();
            for html in [confirm(&types, name, english()), unsubscribed(&types, name, english(), "token")] {
                assert!(html.contains(&kind.title) && !html.contains(name), "{html:?}");
            }
        }
        assert!(confirm(&NotificationTypes::default(), "OLD_TYPE", english()).contains("OLD_TYPE"));
        let code = serde_json::json!({"title": "Code", "class": "critical", "channels": ["sms"]});
        let code = NotificationType::parse(TypeId::parse("CODE").unwrap(), code).unwrap();
        let types = types.with_stored(&[code], CatalogCoverage::Complete);
        for html in [confirm(&types, "CODE", english()), unsubscribed(&types, "CODE", english(), "token")] {
            assert!(html.contains("always sent") && !html.contains("<form"), "{html}");
        }
    }

    #[test]
    fn a_page_escapes_markup_and_its_policy_allows_its_own_style_alone() {
        let types = NotificationTypes::default();
        for content in [
            confirm(&types, "<script>alert(1)</script>\"", english()),
            unsubscribed(&types, "<script>", english(), "\"><script>"),
        ] {
            assert!(!content.contains("<script"), "{content:?}");
        }
        let page = problem(&Problem::not_found("<script>"));
        assert!(
            !page.body.expose().contains("<script") && page.body.expose().contains("<html lang=\"en\" dir=\"ltr\">")
        );
        let policy = page.headers.iter().find(|(name, _)| *name == "Content-Security-Policy").map(|(_, value)| value);
        assert!(
            policy.is_some_and(|policy| policy.starts_with("default-src 'none'; style-src 'sha256-")),
            "{policy:?}"
        );
    }
}
