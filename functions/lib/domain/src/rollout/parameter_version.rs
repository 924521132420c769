//! One version of a parameter, and its place among the others.

use jiff::Timestamp;

use platform::private::Private;

/// The place of a version in the order in which Parameter Store wrote them: by time, then by number.
///
/// A parameter that is deleted and created again begins at number 1, so the number alone orders nothing across that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionKey {
    /// When Parameter Store wrote it, in milliseconds since the epoch.
    pub modified_ms: i64,
    /// Its number.
    pub version: i64,
}

/// One version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterVersion {
    /// Its number: one more with each write.
    pub version: i64,
    /// When Parameter Store wrote it, in milliseconds since the epoch; 0 where it does not say.
    pub modified_ms: i64,
    /// Its value.
    pub value: Private<String>,
    /// How it came about; known of a history alone.
    pub written: Option<Written>,
}

/// How a version of a parameter came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// The ARN of whoever wrote it.
    pub by: Private<String>,
    /// The description that it was written with, or that SSM kept from the version before.
    pub description: String,
}

impl ParameterVersion {
    /// Its place among the versions of its parameter.
    #[must_use]
    pub const fn key(&self) -> VersionKey {
        VersionKey { modified_ms: self.modified_ms, version: self.version }
    }
}
