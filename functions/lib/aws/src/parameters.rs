//! Client for SSM Parameter Store, which reads several parameters in one GetParameters call.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;

use crate::error_cause::{cause, has_expired};
use domain::rollout::{ParameterOrigin, ParameterVersion};
use platform::private::Private;

/// Reads and writes parameters by name.
#[derive(Clone, Debug)]
pub struct ParameterStore {
    ssm: aws_sdk_ssm::Client,
}

/// SSM did not answer, or refused the call. A retry may succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {cause}")]
pub struct ParameterStoreError {
    call: &'static str,
    cause: String,
}

impl ParameterStoreError {
    /// Creates the error for a call that exceeded the caller's time limit.
    pub fn too_slow(call: &'static str) -> Self {
        Self { call, cause: "it took too long".to_owned() }
    }

    fn of<E: ProvideErrorMetadata + Error + 'static>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        has_expired(call, error.code().unwrap_or_default());
        Self { call, cause: cause(error) }
    }
}

/// Found values, by full name. A name that SSM does not have is missing.
pub type Parameters = HashMap<String, Private<String>>;

/// New version of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// New value.
    pub value: &'a str,
    /// Description; SSM need not keep the previous one.
    pub description: &'a str,
    /// Pattern that values must match; SSM does not keep the previous one.
    pub allowed_pattern: &'a str,
}

impl ParameterStore {
    /// Creates a store that uses this client.
    pub const fn new(ssm: aws_sdk_ssm::Client) -> Self {
        Self { ssm }
    }

    /// Returns the values of at most ten names, the limit of the call. Encrypted values are decrypted.
    ///
    /// # Errors
    /// The call was throttled, timed out, or was refused. One name without permission makes SSM refuse the whole
    /// call.
    pub async fn get(&self, names: Vec<String>) -> Result<Parameters, ParameterStoreError> {
        let call = self.ssm.get_parameters().set_names(Some(names)).with_decryption(true);
        let found = call.send().await.map_err(|error| ParameterStoreError::of("GetParameters", &error))?;
        let pairs = found.parameters.unwrap_or_default().into_iter();
        Ok(pairs.filter_map(|found| Some((found.name?, Private::new(found.value?)))).collect())
    }

    /// Returns the current versions, by full name.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn versions(&self, names: Vec<String>) -> Result<HashMap<String, ParameterVersion>, ParameterStoreError> {
        let call = self.ssm.get_parameters().set_names(Some(names)).with_decryption(true);
        let found = call.send().await.map_err(|error| ParameterStoreError::of("GetParameters", &error))?;
        let version = |found: aws_sdk_ssm::types::Parameter| {
            let value = Private::new(found.value?);
            let modified_ms = modified_ms(found.last_modified_date);
            Some((found.name?, ParameterVersion { version: found.version, modified_ms, value, written: None }))
        };
        Ok(found.parameters.unwrap_or_default().into_iter().filter_map(version).collect())
    }

    /// Returns the versions after number `after` that SSM still has (it keeps 100), oldest first.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn history(&self, name: &str, after: i64) -> Result<Vec<ParameterVersion>, ParameterStoreError> {
        let call = self.ssm.get_parameter_history().name(name).with_decryption(true);
        let pages = call.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|error| ParameterStoreError::of("GetParameterHistory", &error))?;
        let found = pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
        let mut versions: Vec<_> = found.filter_map(version_of).collect();
        versions.retain(|version| version.version > after);
        versions.sort_unstable_by_key(|version| version.version);
        Ok(versions)
    }

    /// Writes an existing parameter, and returns its new version. SSM has no conditional write, so the last writer
    /// wins.
    ///
    /// # Errors
    /// As [`Self::get`]; also if the value does not match the parameter's own pattern.
    pub async fn overwrite(&self, name: &str, next: NewVersion<'_>) -> Result<i64, ParameterStoreError> {
        let NewVersion { value, description, allowed_pattern } = next;
        let call = self.ssm.put_parameter().name(name).value(value).overwrite(true);
        let call = call.description(description).allowed_pattern(allowed_pattern);
        let put = call.send().await.map_err(|error| ParameterStoreError::of("PutParameter", &error))?;
        Ok(put.version)
    }
}

fn version_of(found: aws_sdk_ssm::types::ParameterHistory) -> Option<ParameterVersion> {
    let modified_ms = modified_ms(found.last_modified_date);
    let at = Timestamp::from_millisecond(modified_ms).unwrap_or_default();
    let by = Private::new(found.last_modified_user.unwrap_or_default());
    let written = ParameterOrigin { at, by, description: found.description.unwrap_or_default() };
    let value = Private::new(found.value?);
    Some(ParameterVersion { version: found.version, modified_ms, value, written: Some(written) })
}

fn modified_ms(date: Option<aws_sdk_ssm::primitives::DateTime>) -> i64 {
    date.and_then(|date| date.to_millis().ok()).unwrap_or_default()
}

/// Removes characters that a paste into the console adds at the ends: blanks, line ends, invisible characters, and
/// one pair of quotation marks around the value. It is for keys and addresses, which contain none of these.
#[must_use]
pub fn trimmed(value: &str) -> &str {
    let is_stray = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let value = value.trim_matches(is_stray);
    let unquoted = ['"', '\''].into_iter().find_map(|mark| value.strip_prefix(mark)?.strip_suffix(mark));
    unquoted.map_or(value, |value| value.trim_matches(is_stray))
}

#[cfg(test)]
mod tests {
    use super::trimmed;

    #[test]
    fn what_a_paste_brings_along_is_no_part_of_a_key() {
        for pasted in
            ["abc", " abc", "abc\n", "\r\nabc\r\n", "\u{feff}abc\u{200b}", "\"abc\"", "'abc'\n", "\u{a0}\" abc \"\t"]
        {
            assert_eq!(trimmed(pasted), "abc", "{pasted:?}");
        }
        for kept in ["a b", "a\"c", "\"abc", "abc'", "a\u{200b}c"] {
            assert_eq!(trimmed(kept), kept, "only the ends: a stray character inside is an error to report");
        }
        for nothing in ["", " ", "\n", "\"\"", "\u{200b}"] {
            assert_eq!(trimmed(nothing), "");
        }
    }
}
