//! Reply of a page, and its headers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use platform::private::Private;

/// Content-Security-Policy of every page: own scripts, styles and requests alone, no framing, no inline code. The
/// login's origin is added for a person with a session: browsers apply `form-action` to the redirections of a form too.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'";
/// Policy of an e-mail's preview, which is shown in a frame of the console: its own styles, no scripts, nothing loaded.
const PREVIEW_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
     frame-ancestors 'self'; base-uri 'none'; sandbox";

const POLICY_HEADER: &str = "Content-Security-Policy";
const HTML: &str = "text/html; charset=utf-8";

/// Reply to the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageReply {
    /// HTTP status.
    pub status: u16,
    headers: Vec<(&'static str, String)>,
    cookies: Vec<Private<String>>,
    body: ReplyBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ReplyBody {
    Text(Private<String>),
    Bytes(&'static [u8]),
}

impl PageReply {
    fn new(status: u16, content_type: &str, body: ReplyBody) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], cookies: Vec::new(), body }
    }

    /// Creates a page. Neither the browser nor a proxy stores it.
    #[must_use]
    pub fn html(status: u16, html: String) -> Self {
        Self::new(status, HTML, ReplyBody::Text(Private::new(html)))
            .with_header(POLICY_HEADER, POLICY)
            .with_header("Cache-Control", "no-store")
            .with_header("Cross-Origin-Opener-Policy", "same-origin")
            .guarded()
    }

    /// Creates the content of a frame that shows a message.
    #[must_use]
    pub fn preview(html: String) -> Self {
        Self::new(200, HTML, ReplyBody::Text(Private::new(html)))
            .with_header(POLICY_HEADER, PREVIEW_POLICY)
            .with_header("Cache-Control", "no-store")
            .guarded()
    }

    /// Creates a file for download, such as a table as CSV.
    #[must_use]
    pub fn download(content_type: &str, name: &str, text: String) -> Self {
        Self::new(200, content_type, ReplyBody::Text(Private::new(text)))
            .with_header("Content-Disposition", format!("attachment; filename=\"{name}\""))
            .with_header("Cache-Control", "no-store")
            .guarded()
    }

    /// Creates a redirection that the browser follows with GET.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(303, HTML, ReplyBody::Text(Private::new(String::new())))
            .with_header("Location", location)
            .with_header("Cache-Control", "no-store")
            .guarded()
    }

    /// Creates a file whose name contains a hash of its content, so that it never changes.
    #[must_use]
    pub fn asset(content_type: &str, bytes: &'static [u8], is_brotli: bool) -> Self {
        let reply = Self::new(200, content_type, ReplyBody::Bytes(bytes))
            .with_header("Cache-Control", "public, max-age=31536000, immutable")
            .with_header("Vary", "Accept-Encoding")
            .guarded();
        if is_brotli { reply.with_header("Content-Encoding", "br") } else { reply }
    }

    fn guarded(self) -> Self {
        self.with_header("X-Content-Type-Options", "nosniff")
            .with_header("Referrer-Policy", "no-referrer")
            .with_header("Cross-Origin-Resource-Policy", "same-origin")
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Allows the forms of a page to be redirected to one more origin; an empty one changes nothing.
    #[must_use]
    pub fn allowing_forms_to(mut self, origin: &str) -> Self {
        const OWN_FORMS: &str = "form-action 'self'";
        if !origin.is_empty() {
            for (_, value) in self.headers.iter_mut().filter(|(name, _)| *name == POLICY_HEADER) {
                *value = value.replace(OWN_FORMS, &format!("{OWN_FORMS} {origin}"));
            }
        }
        self
    }

    /// Sets a cookie that scripts cannot read and that is sent to this host by https alone.
    #[must_use]
    pub fn with_cookie(mut self, name: &str, value: &str, max_age_s: i64) -> Self {
        let cookie = format!("{name}={value}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax");
        self.cookies.push(Private::new(cookie));
        self
    }

    /// Returns the value of a header, for tests and for the log.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the cookies that the reply sets.
    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|cookie| cookie.expose().as_str())
    }

    /// Returns the text of the reply; the empty text for a file.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.body {
            ReplyBody::Text(text) => text.expose(),
            ReplyBody::Bytes(_) => "",
        }
    }

    /// Converts the reply to API Gateway's result format.
    #[must_use]
    pub fn to_event(&self) -> Value {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let (body, is_base64) = match &self.body {
            ReplyBody::Text(text) => (text.expose().clone(), false),
            ReplyBody::Bytes(bytes) => (STANDARD.encode(bytes), true),
        };
        json!({
            "statusCode": self.status,
            "headers": headers,
            "cookies": self.cookies().collect::<Vec<_>>(),
            "body": body,
            "isBase64Encoded": is_base64,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_allows_no_foreign_content_and_is_not_stored() {
        let reply = PageReply::html(200, "<p>".into());
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }

    #[test]
    fn forms_may_be_redirected_to_the_login_alone() {
        let policy = |reply: PageReply| reply.header("content-security-policy").unwrap().to_owned();
        let page = || PageReply::html(200, "<p>".into());
        assert!(
            policy(page().allowing_forms_to("https://id.example")).contains("form-action 'self' https://id.example;")
        );
        assert_eq!(policy(page().allowing_forms_to("")), policy(page()));
        let frame = PageReply::preview("<p>".into()).allowing_forms_to("https://id.example");
        assert!(policy(frame).contains("form-action 'none'"), "a message has no forms");
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_of_plain_http() {
        let event = PageReply::redirect("/").with_cookie("__Host-a", "v", 60).to_event();
        assert_eq!(event["cookies"][0], "__Host-a=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
        assert_eq!((&event["statusCode"], &event["headers"]["Location"]), (&json!(303), &json!("/")));
    }

    #[test]
    fn a_file_is_kept_for_a_year() {
        let event = PageReply::asset("text/css", b"a{}", true).to_event();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YXt9"), &json!(true)));
        assert_eq!(event["headers"]["Content-Encoding"], "br");
        assert_eq!(event["headers"]["Cache-Control"], "public, max-age=31536000, immutable");
    }
}
