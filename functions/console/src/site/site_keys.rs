//! Keys and addresses of the console, from Parameter Store.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::api_call::ApiProblem;
use super::locked;
use super::session::SealingKeys;
use aws::parameters::{ParameterStore, trimmed};
use aws::secrets::{SecretName, Secrets};
use delivery::PublicBaseUrl;

/// Time for which the values are used before they are read again, so that a rotated key is known soon.
const VALUES_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// Keys and addresses.
#[derive(Debug)]
pub struct SiteKeys {
    /// Keys that seal cookies.
    pub sealing: SealingKeys,
    /// Address of the API from outside, without a slash at its end.
    pub api_url: String,
    /// Origin of that address: scheme, host and port.
    pub origin: String,
    /// Path of the console below that origin, such as `/console`.
    pub base: String,
    /// Client of the console at the issuer.
    pub client_id: String,
    read_at: Timestamp,
}

/// Reads the values, and keeps them for some minutes.
#[derive(Debug)]
pub struct SiteKeysSource {
    parameters: ParameterStore,
    prefix: String,
    known: Mutex<Option<Arc<SiteKeys>>>,
}

impl SiteKeysSource {
    /// Creates the source. Nothing is read yet.
    #[must_use]
    pub fn new(parameters: ParameterStore, prefix: &str) -> Self {
        Self { parameters, prefix: prefix.to_owned(), known: Mutex::new(None) }
    }

    /// Returns the values that were read last.
    #[must_use]
    pub fn last(&self) -> Option<Arc<SiteKeys>> {
        locked(&self.known)
    }

    /// Returns the values. If Parameter Store does not answer, those that were read before.
    ///
    /// # Errors
    /// They were never read, or the console is not set up.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<SiteKeys>, ApiProblem> {
        let known = self.last();
        if let Some(keys) = known.as_ref().filter(|keys| now.duration_since(keys.read_at) < VALUES_LIFETIME) {
            return Ok(Arc::clone(keys));
        }
        match (self.read(now).await, known) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
                Ok(keys)
            }
            (Err(_), Some(keys)) => Ok(keys),
            (Err(problem), None) => Err(problem),
        }
    }

    async fn read(&self, now: Timestamp) -> Result<SiteKeys, ApiProblem> {
        let (base_name, client_name) =
            (format!("{}/public-base-url", self.prefix), format!("{}/console-client-id", self.prefix));
        let needed = [SecretName::LinkSigningKey];
        let (secrets, found) = tokio::join!(
            Secrets::load(&self.parameters, &self.prefix, &needed),
            self.parameters.get(vec![base_name.clone(), client_name.clone()])
        );
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "failed to read the console's parameters");
            ApiProblem::own(503, "The console cannot read its parameters. Try again in a moment.")
        };
        let secrets = secrets.map_err(|error| unavailable(&error))?;
        let keys = secrets.link_signing_keys().map_err(|error| unavailable(&error))?;
        let found = found.map_err(|error| unavailable(&error))?;
        let missing = |name: &str| {
            tracing::error!(name, "failed to find a parameter of the console");
            ApiProblem::own(500, format!("The parameter {name} is missing: see docs/console.md."))
        };
        let base = found.get(&base_name).ok_or_else(|| missing(&base_name))?;
        let base = PublicBaseUrl::parse(base.expose()).map_err(|_| missing(&base_name))?.to_string();
        let client = found.get(&client_name).ok_or_else(|| missing(&client_name))?;
        let (origin, path) = split(&base);
        Ok(SiteKeys {
            sealing: SealingKeys::new(keys).ok_or_else(|| missing("link-signing-key"))?,
            origin: origin.to_owned(),
            base: format!("{path}/console"),
            client_id: trimmed(client.expose()).to_owned(),
            api_url: base,
            read_at: now,
        })
    }
}

/// Splits an address into its origin and its path.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |place| place + 3);
    let path = url[host..].find('/').map_or(url.len(), |place| host + place);
    url.split_at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_origin_and_a_path() {
        assert_eq!(split("https://notify.example.com"), ("https://notify.example.com", ""));
        assert_eq!(split("http://127.0.0.1:4566/_aws/x/$default"), ("http://127.0.0.1:4566", "/_aws/x/$default"));
    }
}
