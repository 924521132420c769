//! Sessions: who is signed in, sealed into a cookie.
//!
//! The cookie is AES-256-GCM under a key derived (HKDF, RFC 5869) from `link-signing-key`, so a rotation of that key
//! rotates this one. Nothing is stored for a session that is open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::role::Role;
use aws::secrets::{Key, LinkSigningKeys};

/// Name of the session's cookie. The prefix binds it to this host and to https.
pub const SESSION_COOKIE: &str = "__Host-console";
/// Name of the cookie with the refresh token of the login.
pub const REFRESH_COOKIE: &str = "__Host-console-refresh";
/// Name of the cookie that a login in progress has.
pub const LOGIN_COOKIE: &str = "__Host-console-login";
/// Time for which a session lasts.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(8);
/// Age up to which a login counts as recent, for actions that require one.
pub const RECENT_LOGIN: SignedDuration = SignedDuration::from_mins(15);
/// Maximum length of a cookie that is opened. Browsers store at most 4 KB.
pub const MAX_COOKIE_CHARS: usize = 4096;

/// Session of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Subject of the login: the issuer's id of the person. The rules compare it.
    pub subject: String,
    /// E-mail address or name, as the issuer gives it. Audit records show it.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Time at which the session began.
    pub signed_in_at: Timestamp,
    /// Time at which the issuer last asked the person for a proof, such as a password. It can be earlier than the
    /// session: an issuer with a session of its own does not ask again.
    pub authenticated_at: Timestamp,
    /// Time at which the issuer confirmed the account, or was asked in vain.
    pub renewed_at: Timestamp,
    /// Token that every form of the session repeats.
    pub csrf: String,
    /// Origin of the login pages, which a form may be redirected to once the session has ended; empty if not known.
    pub login_origin: String,
}

#[derive(Serialize, Deserialize)]
struct SealedSession {
    subject: String,
    name: String,
    role: String,
    /// In milliseconds, as the ends of sessions are: a login right after such an end is not part of it.
    signed_in_ms: i64,
    #[serde(default)]
    authenticated_s: Option<i64>,
    #[serde(default)]
    renewed_s: Option<i64>,
    csrf: String,
    #[serde(default)]
    login_origin: String,
}

impl Session {
    /// Creates the session of a login at `now`.
    #[must_use]
    pub fn new(subject: String, name: String, role: Role, now: Timestamp) -> Self {
        let (csrf, login_origin) = (random_text(), String::new());
        Self { subject, name, role, signed_in_at: now, authenticated_at: now, renewed_at: now, csrf, login_origin }
    }

    /// Returns `true` if the login is recent enough for an action that requires it.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.duration_since(self.authenticated_at) <= RECENT_LOGIN
    }

    /// Returns a hash of the person, with which the browser names what belongs to them.
    #[must_use]
    pub fn person_key(&self) -> String {
        let hash = digest(&SHA256, format!("console-person:{}", self.subject).as_bytes());
        URL_SAFE_NO_PAD.encode(hash).chars().take(22).collect()
    }

    /// Returns the cookie's value.
    #[must_use]
    pub fn seal(&self, keys: &SealingKeys) -> Option<String> {
        keys.seal(
            SESSION_COOKIE,
            &SealedSession {
                subject: self.subject.clone(),
                name: self.name.clone(),
                role: self.role.name().to_owned(),
                signed_in_ms: self.signed_in_at.as_millisecond(),
                authenticated_s: Some(self.authenticated_at.as_second()),
                renewed_s: Some(self.renewed_at.as_second()),
                csrf: self.csrf.clone(),
                login_origin: self.login_origin.clone(),
            },
        )
    }

    /// Opens a cookie's value; `None` if it was not sealed here, or if the session has ended.
    #[must_use]
    pub fn open(text: &str, keys: &SealingKeys, now: Timestamp) -> Option<Self> {
        let sealed: SealedSession = keys.open(SESSION_COOKIE, text)?;
        let signed_in_at = Timestamp::from_millisecond(sealed.signed_in_ms).ok()?;
        let is_open = now.duration_since(signed_in_at) < SESSION_LIFETIME;
        let role = sealed.role.parse().ok()?;
        let at = |second: Option<i64>| second.map_or(Ok(signed_in_at), Timestamp::from_second).ok();
        let (authenticated_at, renewed_at) = (at(sealed.authenticated_s)?, at(sealed.renewed_s)?);
        let SealedSession { subject, name, csrf, login_origin, .. } = sealed;
        let session = Self { subject, name, role, signed_in_at, authenticated_at, renewed_at, csrf, login_origin };
        is_open.then_some(session)
    }
}

/// Login in progress, from the redirection to the issuer to the return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogin {
    /// `state`, which the issuer returns unchanged.
    pub state: String,
    /// `nonce`, which the ID token contains.
    pub nonce: String,
    /// Verifier of the code (PKCE, RFC 7636).
    pub verifier: String,
    /// `true` if the issuer must require a proof although the person is signed in there.
    #[serde(default)]
    pub is_again: bool,
    /// Page and query to return to, below the console's address.
    pub return_to: String,
    /// Second at which the login began.
    pub began_s: i64,
}

impl PendingLogin {
    /// Creates a login that returns to a page.
    #[must_use]
    pub fn new(return_to: String, now: Timestamp) -> Self {
        let began_s = now.as_second();
        let [state, nonce, verifier] = [random_text(), random_text(), random_text()];
        Self { state, nonce, verifier, is_again: false, return_to, began_s }
    }
}

/// Keys that seal cookies. The previous key of a rotation still opens.
#[derive(Debug)]
pub struct SealingKeys {
    current: LessSafeKey,
    previous: Option<LessSafeKey>,
}

impl SealingKeys {
    /// Derives the keys.
    #[must_use]
    pub fn new(keys: &LinkSigningKeys) -> Option<Self> {
        let previous = match &keys.previous {
            Some(key) => Some(derived(key)?),
            None => None,
        };
        Some(Self { current: derived(&keys.current)?, previous })
    }

    /// Seals a value for a purpose, which the opener must name too.
    #[must_use]
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> Option<String> {
        let mut bytes = serde_json::to_vec(value).ok()?;
        let nonce = random_bytes::<NONCE_LEN>();
        let sealed_for = Aad::from(purpose.as_bytes());
        self.current.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), sealed_for, &mut bytes).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &bytes].concat()))
    }

    /// Opens a sealed value; `None` if it was not sealed by these keys for this purpose.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        if text.len() > MAX_COOKIE_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let open = |key: &LessSafeKey| {
            let mut sealed = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let plain = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut sealed).ok()?;
            serde_json::from_slice(plain).ok()
        };
        open(&self.current).or_else(|| open(self.previous.as_ref()?))
    }
}

fn derived(key: &Key) -> Option<LessSafeKey> {
    let secret = Salt::new(HKDF_SHA256, b"console").extract(key.expose());
    let mut bytes = [0; 32];
    secret.expand(&[b"cookies"], HKDF_SHA256).ok()?.fill(&mut bytes).ok()?;
    UnboundKey::new(&AES_256_GCM, &bytes).ok().map(LessSafeKey::new)
}

/// Returns 32 random bytes as text.
#[must_use]
pub fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// Returns random bytes. If the system has none, which does not happen on Linux after the start, the process ends.
fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::error!("failed to read random bytes; the process ends");
        std::process::exit(1);
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use platform::private::Private;

    use super::*;

    const NOW: &str = "2026-11-29T12:00:00Z";

    fn keys(current: u8, previous: Option<u8>) -> SealingKeys {
        let key = |byte| Private::new([byte; 32]);
        SealingKeys::new(&LinkSigningKeys { current: key(current), previous: previous.map(key) }).unwrap()
    }

    fn session() -> Session {
        Session::new("s-1".into(), "ada@example.com".into(), Role::Editor, NOW.parse().unwrap())
    }

    #[test]
    fn a_session_opens_until_its_end_and_under_the_previous_key() {
        let (session, now) = (session(), NOW.parse::<Timestamp>().unwrap());
        let text = session.seal(&keys(1, None)).unwrap();
        assert!(!text.contains("ada") && text.len() < 600, "{}", text.len());
        assert_eq!(Session::open(&text, &keys(1, None), now), Some(session.clone()));
        assert_eq!(Session::open(&text, &keys(2, Some(1)), now + SignedDuration::from_hours(7)), Some(session));
        assert_eq!(Session::open(&text, &keys(2, None), now), None);
        assert_eq!(Session::open(&text, &keys(1, None), now + SESSION_LIFETIME), None);
    }

    #[test]
    fn a_changed_cookie_does_not_open() {
        let text = session().seal(&keys(1, None)).unwrap();
        for place in [0, 20, text.len() - 1] {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Session::open(&changed, &keys(1, None), NOW.parse().unwrap()), None, "{place}");
        }
        for malformed in ["", "A", "%", &"A".repeat(5_000)] {
            assert_eq!(Session::open(malformed, &keys(1, None), NOW.parse().unwrap()), None);
        }
    }

    #[test]
    fn a_login_in_progress_is_no_session() {
        let pending = PendingLogin::new("send".into(), NOW.parse().unwrap());
        let text = keys(1, None).seal(LOGIN_COOKIE, &pending).unwrap();
        assert_eq!(keys(1, None).open(LOGIN_COOKIE, &text), Some(pending));
        assert_eq!(Session::open(&text, &keys(1, None), NOW.parse().unwrap()), None);
    }

    #[test]
    fn the_begin_of_a_session_keeps_its_milliseconds() {
        let begun = Session { signed_in_at: "2026-11-23T10:00:00.830Z".parse().unwrap(), ..session() };
        let opened = Session::open(&begun.seal(&keys(1, None)).unwrap(), &keys(1, None), begun.signed_in_at).unwrap();
        assert_eq!(opened.signed_in_at, begun.signed_in_at, "it is after an end at 10:00:00.240");
    }

    #[test]
    fn a_login_is_recent_for_a_quarter_of_an_hour() {
        let session = session();
        assert!(session.is_recent(session.signed_in_at + RECENT_LOGIN));
        assert!(!session.is_recent(session.signed_in_at + RECENT_LOGIN + SignedDuration::from_secs(1)));
        let earlier = session.signed_in_at - SignedDuration::from_mins(14);
        let known = Session { authenticated_at: earlier, ..session };
        let text = known.seal(&keys(1, None)).unwrap();
        let known = Session::open(&text, &keys(1, None), known.signed_in_at).unwrap();
        assert!(known.is_recent(known.signed_in_at + SignedDuration::from_mins(1)));
        assert!(!known.is_recent(known.signed_in_at + SignedDuration::from_mins(2)), "the proof counts");
    }
}
