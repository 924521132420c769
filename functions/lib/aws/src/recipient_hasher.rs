//! Hasher of recipients' ids for a function that rarely needs it. Its key is loaded at the first use, so that no other
//! request waits for it.

use tokio::sync::OnceCell;

use crate::parameters::ParameterStore;
use crate::secrets::{SecretName, Secrets};
use domain::recipient::KeyHasher;
use platform::problem::Problem;

/// Hasher of recipients' ids, once one is needed.
#[derive(Debug)]
pub struct LazyKeyHasher {
    parameters: ParameterStore,
    prefix: String,
    hasher: OnceCell<KeyHasher>,
}

impl LazyKeyHasher {
    /// Creates it without a call. `prefix` is that of the parameters' names.
    #[must_use]
    pub fn new(parameters: ParameterStore, prefix: impl Into<String>) -> Self {
        Self { parameters, prefix: prefix.into(), hasher: OnceCell::new() }
    }

    /// Returns the hasher.
    ///
    /// # Errors
    /// 503 if the key cannot be loaded.
    pub async fn get(&self) -> Result<&KeyHasher, Problem> {
        let load = async {
            let secrets = Secrets::load(&self.parameters, &self.prefix, &[SecretName::RecipientHashKey]).await;
            let secrets = secrets.map_err(|error| {
                tracing::error!(%error, "failed to load the key of recipients");
                Problem::service_unavailable()
            })?;
            let key = secrets.recipient_hash_key().map_err(|_| Problem::service_unavailable())?;
            Ok::<_, Problem>(KeyHasher::new(key.expose()))
        };
        self.hasher.get_or_try_init(|| load).await
    }
}
