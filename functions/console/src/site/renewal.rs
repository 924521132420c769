//! Renewal of a session: once an hour, the issuer is asked whether the person still has the account and the role.
//!
//! The refresh token of the login is sealed in a cookie of its own. A renewal does not prolong the session.

use jiff::{SignedDuration, Timestamp};

use super::Site;
use super::oidc::LoginError;
use super::page_reply::PageReply;
use super::page_request::PageRequest;
use super::session::{REFRESH_COOKIE, SESSION_COOKIE, SESSION_LIFETIME, Session};
use super::site_keys::SiteKeys;

/// Time after which the issuer is asked again.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Time after which an issuer that did not answer is asked again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Result of a renewal.
#[derive(Debug)]
pub enum Renewal {
    /// Nothing was due.
    NotDue,
    /// The session goes on, with these cookies: name, value, lifetime in seconds.
    Renewed(Vec<(&'static str, String, i64)>),
    /// The issuer refused: the account is gone or disabled, or has no role any more.
    Ended,
}

impl Renewal {
    /// Adds the cookies to a reply.
    #[must_use]
    pub fn added_to(self, reply: PageReply) -> PageReply {
        let Self::Renewed(cookies) = self else { return reply };
        cookies.into_iter().fold(reply, |reply, (name, value, age_s)| reply.with_cookie(name, &value, age_s))
    }
}

impl Site {
    /// Renews a session if it is time. An issuer that does not answer changes nothing.
    pub(super) async fn renewed(
        &self,
        session: &mut Session,
        request: &PageRequest,
        keys: &SiteKeys,
        now: Timestamp,
    ) -> Renewal {
        if now.duration_since(session.renewed_at) < RENEW_AFTER {
            return Renewal::NotDue;
        }
        let Some(token) = keys.sealing.open::<String>(REFRESH_COOKIE, request.cookie(REFRESH_COOKIE)) else {
            // An issuer need not give refresh tokens.
            return Renewal::NotDue;
        };
        let mut cookies = Vec::new();
        let left_s = (session.signed_in_at + SESSION_LIFETIME).duration_since(now).as_secs().max(0);
        match self.issuer.renew(&keys.client_id, &token, session, now).await {
            Ok(renewed) => {
                session.role = renewed.role;
                session.renewed_at = now;
                let next = renewed.refresh_token.and_then(|next| keys.sealing.seal(REFRESH_COOKIE, &next));
                cookies.extend(next.map(|next| (REFRESH_COOKIE, next, left_s)));
            }
            Err(LoginError::Refused(400..=403) | LoginError::NoRole) => return Renewal::Ended,
            Err(error) => {
                tracing::warn!(%error, "failed to renew a session; the session continues");
                session.renewed_at = now - RENEW_AFTER + RETRY_AFTER;
            }
        }
        cookies.extend(session.seal(&keys.sealing).map(|sealed| (SESSION_COOKIE, sealed, left_s)));
        Renewal::Renewed(cookies)
    }
}
