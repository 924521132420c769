//! OpenID Connect: the authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636).
//!
//! The ID token comes directly from the token endpoint over TLS, so its signature is not checked (section 3.1.3.7,
//! point 6). Issuer, audience, expiry and nonce are.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::api_call::encoded;
use super::role::Role;
use super::session::{PendingLogin, Session};
use channels::push::{ExtraClient, PublicClient, extra_client, public_client};

/// Timeout of one call of the issuer.
const ISSUER_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of an answer of the issuer.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Host of the issuers of Amazon Cognito. A local AWS serves them on its own endpoint.
const COGNITO_HOST: &str = "https://cognito-idp.";
/// Difference of the clocks of this function and the issuer that an expiry allows, in seconds.
const CLOCK_LEEWAY_S: i64 = 60;

/// Reason why a login did not succeed. No text contains a token or a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The issuer does not answer.
    #[error("the login service does not answer")]
    NoAnswer,
    /// The issuer refused the code. It is used up or has expired.
    #[error("the login service refused the login with status {0}")]
    Refused(u16),
    /// The answer or the ID token is not what was requested.
    #[error("the login service's answer is not valid: {0}")]
    Invalid(&'static str),
    /// The person has no role.
    #[error("the account has no role in this console")]
    NoRole,
}

/// Issuer of the logins.
pub struct Issuer {
    issuer: String,
    /// Address whose `/.well-known/openid-configuration` describes the issuer.
    described_at: String,
    endpoints: OnceCell<Endpoints>,
    public: PublicClient,
    /// Client for plain http to this machine, for a local stack only.
    local: Option<ExtraClient>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoints {
    authorization_endpoint: String,
    token_endpoint: String,
    /// Page that ends the session of the issuer (OpenID Connect RP-Initiated Logout 1.0).
    #[serde(default)]
    end_session_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
}

/// Answer to a refresh token. It need not have an ID token (OpenID Connect Core 1.0, section 12.2).
#[derive(Deserialize)]
struct RenewedTokens {
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
}

/// Result of a login.
#[derive(Debug)]
pub struct Login {
    /// Session.
    pub session: Session,
    /// Token that renews it, if the issuer gives one.
    pub refresh_token: Option<String>,
}

/// Result of a renewal.
#[derive(Debug)]
pub struct RenewedLogin {
    /// Present role.
    pub role: Role,
    /// Token of the next renewal, if it is another one.
    pub refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    sub: String,
    exp: i64,
    /// Time of the last proof; not every issuer has it (OpenID Connect Core 1.0, section 2).
    #[serde(default)]
    auth_time: Value,
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "cognito:username")]
    username: String,
    #[serde(default, rename = "cognito:groups")]
    cognito_groups: Value,
    #[serde(default)]
    groups: Value,
    #[serde(default)]
    roles: Value,
}

impl Claims {
    fn groups(&self) -> [&Value; 3] {
        [&self.cognito_groups, &self.groups, &self.roles]
    }

    fn has_groups(&self) -> bool {
        self.groups().into_iter().any(|groups| !groups.is_null())
    }

    /// Returns the time of the last proof, which is not later than `now`: `now` without the claim, and long ago if it
    /// cannot be read.
    fn authenticated_at(&self, now: Timestamp) -> Timestamp {
        #[allow(clippy::cast_possible_truncation)] // a second
        let second = match &self.auth_time {
            Value::Null => return now,
            Value::String(digits) => digits.parse().ok(),
            other => other.as_f64().map(|second| second as i64),
        };
        let at = second.and_then(|second| Timestamp::from_second(second).ok());
        at.map_or(Timestamp::UNIX_EPOCH, |at| at.min(now))
    }

    fn role(&self) -> Option<Role> {
        Role::highest(self.groups().into_iter().flat_map(texts))
    }
}

impl Issuer {
    /// Creates the issuer. With a local AWS endpoint, Cognito's description is read from there.
    #[must_use]
    pub fn new(issuer: &str, local_endpoint: Option<&str>) -> Self {
        let issuer = issuer.trim_end_matches('/').to_owned();
        let described_at = match (local_endpoint, issuer.strip_prefix(COGNITO_HOST).and_then(|it| it.split_once('/'))) {
            (Some(endpoint), Some((_, pool))) => format!("{}/{pool}", endpoint.trim_end_matches('/')),
            _ => issuer.clone(),
        };
        Self {
            issuer,
            described_at,
            endpoints: OnceCell::new(),
            public: public_client(),
            local: local_endpoint.map(|_| extra_client()),
        }
    }

    /// Returns the address at which a person signs in. A repeated login has both parameters that require a proof.
    /// Cognito's managed login supports `prompt`; `max_age` makes `auth_time` required. An issuer ignores a parameter
    /// that it does not support (RFC 6749, section 3.1).
    ///
    /// # Errors
    /// The issuer's description cannot be read.
    pub async fn login_url(
        &self,
        client_id: &str,
        return_url: &str,
        pending: &PendingLogin,
    ) -> Result<String, LoginError> {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, pending.verifier.as_bytes()));
        let endpoint = &self.endpoints().await?.authorization_endpoint;
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!(
            "{endpoint}{separator}response_type=code&client_id={}&redirect_uri={}&scope=openid%20email%20profile\
             &state={}&nonce={}&code_challenge={challenge}&code_challenge_method=S256{}",
            encoded(client_id),
            encoded(return_url),
            pending.state,
            pending.nonce,
            if pending.is_again { "&prompt=login&max_age=0" } else { "" },
        ))
    }

    /// Returns the address at which the issuer ends its own session and returns to a page; `None` if it names none.
    /// Cognito has a parameter of its own for that page.
    pub async fn logout_url(&self, client_id: &str, return_url: &str) -> Option<String> {
        let endpoint = self.endpoints().await.ok()?.end_session_endpoint.as_ref()?;
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        let (client, back) = (encoded(client_id), encoded(return_url));
        Some(format!("{endpoint}{separator}client_id={client}&logout_uri={back}&post_logout_redirect_uri={back}"))
    }

    /// Exchanges a code for a session.
    ///
    /// # Errors
    /// The issuer does not answer, refuses the code, or names a person without a role.
    pub async fn session(
        &self,
        client_id: &str,
        return_url: &str,
        code: &str,
        pending: &PendingLogin,
        now: Timestamp,
    ) -> Result<Login, LoginError> {
        let form = format!(
            "grant_type=authorization_code&client_id={}&redirect_uri={}&code={}&code_verifier={}",
            encoded(client_id),
            encoded(return_url),
            encoded(code),
            pending.verifier,
        );
        let Endpoints { authorization_endpoint, token_endpoint, .. } = self.endpoints().await?.clone();
        let tokens: Tokens = self.call(Method::POST, &token_endpoint, form).await?;
        let mut session = self.session_of(&tokens.id_token, client_id, pending, now)?;
        session.login_origin = origin_of(&authorization_endpoint);
        Ok(Login { session, refresh_token: tokens.refresh_token })
    }

    /// Requests the present role of a person with the refresh token of the login.
    ///
    /// # Errors
    /// The issuer does not answer, refuses the token, or names another person, or one without a role.
    pub async fn renew(
        &self,
        client_id: &str,
        refresh_token: &str,
        session: &Session,
        now: Timestamp,
    ) -> Result<RenewedLogin, LoginError> {
        let (client, token) = (encoded(client_id), encoded(refresh_token));
        let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}");
        let endpoint = self.endpoints().await?.token_endpoint.clone();
        let tokens: RenewedTokens = self.call(Method::POST, &endpoint, form).await?;
        let role = match tokens.id_token {
            Some(id_token) => self.renewed_role(&id_token, client_id, session, now)?,
            None => session.role,
        };
        Ok(RenewedLogin { role, refresh_token: tokens.refresh_token })
    }

    fn renewed_role(
        &self,
        id_token: &str,
        client_id: &str,
        session: &Session,
        now: Timestamp,
    ) -> Result<Role, LoginError> {
        let claims = self.claims(id_token, client_id, now)?;
        if claims.sub != session.subject {
            return Err(LoginError::Invalid("another person"));
        }
        match claims.role() {
            // The local AWS leaves the groups out of renewed tokens.
            None if self.local.is_some() && !claims.has_groups() => Ok(session.role),
            role => role.ok_or(LoginError::NoRole),
        }
    }

    fn session_of(
        &self,
        id_token: &str,
        client_id: &str,
        pending: &PendingLogin,
        now: Timestamp,
    ) -> Result<Session, LoginError> {
        let claims = self.claims(id_token, client_id, now)?;
        if claims.nonce != pending.nonce {
            return Err(LoginError::Invalid("another nonce"));
        }
        let role = claims.role().ok_or(LoginError::NoRole)?;
        let authenticated_at = claims.authenticated_at(now);
        let names = [claims.email, claims.name, claims.username, claims.sub.clone()];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        Ok(Session { authenticated_at, ..Session::new(claims.sub, name, role, now) })
    }

    /// Returns the claims of an ID token that this issuer made for this client and that has not expired.
    fn claims(&self, id_token: &str, client_id: &str, now: Timestamp) -> Result<Claims, LoginError> {
        let payload = id_token.split('.').nth(1).ok_or(LoginError::Invalid("no ID token"))?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| LoginError::Invalid("no ID token"))?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| LoginError::Invalid("no ID token"))?;
        if claims.iss.trim_end_matches('/') != self.issuer {
            return Err(LoginError::Invalid("another issuer"));
        }
        if !texts(&claims.aud).contains(&client_id) {
            return Err(LoginError::Invalid("another audience"));
        }
        if claims.exp + CLOCK_LEEWAY_S < now.as_second() {
            return Err(LoginError::Invalid("an expired token"));
        }
        Ok(claims)
    }

    async fn endpoints(&self) -> Result<&Endpoints, LoginError> {
        let url = format!("{}/.well-known/openid-configuration", self.described_at);
        self.endpoints.get_or_try_init(|| self.call(Method::GET, &url, String::new())).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        form: String,
    ) -> Result<T, LoginError> {
        let uri: Uri = url.parse().map_err(|_| LoginError::Invalid("an address"))?;
        let is_local = uri.scheme_str() == Some("http");
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(Full::from(Bytes::from(form)))
            .map_err(|_| LoginError::Invalid("an address"))?;
        let answering = async {
            match self.local.as_ref().filter(|_| is_local) {
                Some(local) => local.request(request).await,
                None => self.public.request(request).await,
            }
        };
        let answer = tokio::time::timeout(ISSUER_TIMEOUT, answering).await;
        let answer = answer.map_err(|_| LoginError::NoAnswer)?.map_err(|_| LoginError::NoAnswer)?;
        let status = answer.status();
        let reading = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect();
        let body = tokio::time::timeout(ISSUER_TIMEOUT, reading).await;
        let body = body.map_err(|_| LoginError::NoAnswer)?.map_err(|_| LoginError::NoAnswer)?.to_bytes();
        if !status.is_success() {
            return Err(LoginError::Refused(status.as_u16()));
        }
        serde_json::from_slice(&body).map_err(|_| LoginError::Invalid("not the expected JSON"))
    }
}

/// Returns the origin of an address, as a policy of a page has it; the empty text if it has none.
fn origin_of(address: &str) -> String {
    let Ok(address) = address.parse::<Uri>() else { return String::new() };
    let (Some(scheme), Some(host)) = (address.scheme_str(), address.host()) else { return String::new() };
    // Other characters could end the directive.
    if !host.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-[]:".contains(letter)) {
        return String::new();
    }
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{host}{port}")
}

/// Returns a claim that is a text or a list of texts.
fn texts(claim: &Value) -> Vec<&str> {
    match claim {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
