//! SSM Parameter Store as the service uses it: several parameters in one GetParameters call.

use std::collections::HashMap;

use aws_sdk_ssm::error::ProvideErrorMetadata;

use crate::aws::{cause, has_expired};
use crate::private::Private;

/// Reads parameters by name.
#[derive(Clone, Debug)]
pub struct ParameterStore {
    ssm: aws_sdk_ssm::Client,
}

/// SSM did not answer, or refused. Trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("GetParameters failed: {0}")]
pub struct ParametersUnavailable(String);

/// The values found, by full name. A name that SSM does not know is not in it.
pub type Parameters = HashMap<String, Private<String>>;

impl ParameterStore {
    /// Uses this client.
    pub const fn new(ssm: aws_sdk_ssm::Client) -> Self {
        Self { ssm }
    }

    /// At most ten names, the limit of the call. Encrypted values come decrypted.
    ///
    /// # Errors
    /// Throttled, timed out, or refused (one name without permission refuses them all).
    pub async fn get(&self, names: Vec<String>) -> Result<Parameters, ParametersUnavailable> {
        let call = self.ssm.get_parameters().set_names(Some(names)).with_decryption(true);
        let found = call.send().await.map_err(|error| {
            has_expired("GetParameters", error.code().unwrap_or_default());
            ParametersUnavailable(cause(&error))
        })?;
        let pairs = found.parameters.unwrap_or_default().into_iter();
        Ok(pairs.filter_map(|found| Some((found.name?, Private::new(found.value?)))).collect())
    }
}
