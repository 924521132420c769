//! Pages of the login: to the issuer, back from it, and out.

use jiff::Timestamp;

use super::error_page::{CSRF_FIELD, error_page, link_to};
use super::frame::FrameLink;
use super::oidc::LoginError;
use super::page_reply::PageReply;
use super::page_request::PageRequest;
use super::session::{
    LOGIN_COOKIE, MAX_COOKIE_CHARS, PendingLogin, REFRESH_COOKIE, SESSION_COOKIE, SESSION_LIFETIME, Session,
};
use super::site_keys::SiteKeys;
use super::{ApiProblem, Site};

/// Time for which a login in progress is accepted, in seconds.
const LOGIN_LIFETIME_S: i64 = 600;

impl Site {
    /// Sends the browser to the issuer.
    pub(super) async fn sign_in(&self, request: &PageRequest, keys: &SiteKeys, now: Timestamp) -> PageReply {
        let pending = PendingLogin {
            is_again: request.query.optional("again").is_some(),
            ..PendingLogin::new(request.query.get("to").chars().take(1_500).collect(), now)
        };
        let url = self.issuer.login_url(&keys.client_id, &return_url(keys), &pending).await;
        match (url, keys.sealing.seal(LOGIN_COOKIE, &pending)) {
            (Ok(url), Some(cookie)) => PageReply::redirect(url).with_cookie(LOGIN_COOKIE, &cookie, LOGIN_LIFETIME_S),
            (url, _) => self.refused(request, keys, &url.err().unwrap_or(LoginError::NoAnswer), now).await,
        }
    }

    /// Receives the browser from the issuer, and begins the session.
    pub(super) async fn signed_in(&self, request: &PageRequest, keys: &SiteKeys, now: Timestamp) -> PageReply {
        let pending = keys.sealing.open::<PendingLogin>(LOGIN_COOKIE, request.cookie(LOGIN_COOKIE));
        let pending = pending.filter(|pending| {
            pending.state == request.query.get("state") && now.as_second() - pending.began_s <= LOGIN_LIFETIME_S
        });
        let Some(pending) = pending else {
            let error = LoginError::Invalid("this browser did not begin this login");
            return self.refused(request, keys, &error, now).await;
        };
        let code = request.query.get("code");
        let login = self.issuer.session(&keys.client_id, &return_url(keys), code, &pending, now).await;
        let sealed = login.as_ref().map(|login| (login.session.seal(&keys.sealing), login.refresh_token.as_ref()));
        match sealed {
            Ok((Some(cookie), refresh_token)) => {
                let reply = PageReply::redirect(format!("{}{}", keys.base, below(&pending.return_to)))
                    .with_cookie(SESSION_COOKIE, &cookie, SESSION_LIFETIME.as_secs())
                    .with_cookie(LOGIN_COOKIE, "", 0);
                // A token that is too long for a cookie is left out. The session then ends without a renewal.
                let sealed = refresh_token.and_then(|token| keys.sealing.seal(REFRESH_COOKIE, token));
                match sealed.filter(|sealed| sealed.len() <= MAX_COOKIE_CHARS - 200) {
                    Some(sealed) => reply.with_cookie(REFRESH_COOKIE, &sealed, SESSION_LIFETIME.as_secs()),
                    None => reply,
                }
            }
            Ok((None, _)) => {
                self.refused(request, keys, &LoginError::Invalid("the session could not be sealed"), now).await
            }
            Err(error) => self.refused(request, keys, error, now).await,
        }
    }

    /// Ends the session of this browser. A form of another site, which comes without the session's cookie, cannot.
    pub(super) async fn sign_out(&self, request: &PageRequest, keys: &SiteKeys, now: Timestamp) -> PageReply {
        let session = Session::open(request.cookie(SESSION_COOKIE), &keys.sealing, now);
        let is_own =
            request.is_from(&keys.origin) && session.is_none_or(|session| session.csrf == request.form.get(CSRF_FIELD));
        let (status, detail) = if is_own {
            (200, "You are signed out of the console. The login service may still know you.")
        } else {
            (403, "This form was not sent by a page of this console.")
        };
        let title = if is_own { "Signed out" } else { "Not signed out" };
        let problem = ApiProblem { title: title.into(), ..ApiProblem::own(status, detail) };
        let links = if is_own { self.links_out(keys).await } else { Vec::new() };
        let reply = self.problem_without_session(request, keys, problem, links, now);
        if is_own { reply.with_cookie(SESSION_COOKIE, "", 0).with_cookie(REFRESH_COOKIE, "", 0) } else { reply }
    }

    /// Returns the links for a person who is still signed in at the login service: another login, and the end of the
    /// login service's own session.
    async fn links_out(&self, keys: &SiteKeys) -> Vec<FrameLink> {
        let mut links = vec![link_to(format!("{}/login?again=1", keys.base), "Sign in as another person")];
        let end = self.issuer.logout_url(&keys.client_id, &format!("{}/console", keys.api_url)).await;
        links.extend(end.map(|end| link_to(end, "Sign out of the login service too")));
        links
    }

    async fn refused(&self, request: &PageRequest, keys: &SiteKeys, error: &LoginError, now: Timestamp) -> PageReply {
        tracing::warn!(%error, "failed to sign a person in");
        let (status, detail) = match error {
            LoginError::NoAnswer => (503, "The login service does not answer. Try again in a moment.".to_owned()),
            LoginError::NoRole => (
                403,
                "Your account is known but has no role in this console. Ask an administrator to put it into one of the \
                 groups viewer, sender, editor, approver or admin."
                    .to_owned(),
            ),
            LoginError::Refused(_) | LoginError::Invalid(_) => {
                (400, format!("You are not signed in: {error}. Begin again from the console's first page."))
            }
        };
        let problem = ApiProblem { title: "Not signed in".into(), ..ApiProblem::own(status, detail) };
        let links = match error {
            LoginError::NoRole => self.links_out(keys).await,
            _ => vec![link_to(format!("{}/login", keys.base), "Sign in")],
        };
        self.problem_without_session(request, keys, problem, links, now)
    }

    fn problem_without_session(
        &self,
        request: &PageRequest,
        keys: &SiteKeys,
        problem: ApiProblem,
        links: Vec<FrameLink>,
        now: Timestamp,
    ) -> PageReply {
        let frame = self.bare_frame(request, &problem.title, &keys.base, now);
        error_page(frame, problem, links)
    }
}

fn return_url(keys: &SiteKeys) -> String {
    format!("{}/console/callback", keys.api_url)
}

/// Returns a page to return to as a path below the console's. A path that could lead elsewhere is left out.
fn below(return_to: &str) -> String {
    let is_plain = !return_to.is_empty()
        && !return_to.starts_with(['/', '\\', '.'])
        && !return_to.chars().any(|letter| letter.is_control() || letter == '\\');
    if is_plain { format!("/{return_to}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_returns_to_a_page_of_the_console_alone() {
        assert_eq!(below("send?type=a"), "/send?type=a");
        for elsewhere in ["", "/evil.example", "//evil.example", "\\evil", "../v1/x", "a\nb", "a\\b"] {
            assert_eq!(below(elsewhere), "", "{elsewhere}");
        }
    }
}
