//! Version of a parameter, and its order among the parameter's versions.

use jiff::Timestamp;

use platform::private::Private;

/// Order of a version in Parameter Store: by time of writing, then by number.
///
/// If a parameter is deleted and created again, its numbers restart at 1. So the number alone is not an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionKey {
    /// Time at which Parameter Store wrote the version, in milliseconds since the epoch.
    pub modified_ms: i64,
    /// Version number.
    pub version: i64,
}

/// One version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterVersion {
    /// Version number, incremented by each write.
    pub version: i64,
    /// Time at which Parameter Store wrote the version, in milliseconds since the epoch; 0 if the source does not
    /// contain it.
    pub modified_ms: i64,
    /// Value.
    pub value: Private<String>,
    /// Origin of the version. Only a parameter's history contains it.
    pub written: Option<ParameterOrigin>,
}

/// Origin of a parameter's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterOrigin {
    /// Time of the write.
    pub at: Timestamp,
    /// ARN of the writer.
    pub by: Private<String>,
    /// Description from the write, or from the previous version if the write had none.
    pub description: String,
}

impl ParameterVersion {
    /// Returns the version's place in the order.
    #[must_use]
    pub const fn key(&self) -> VersionKey {
        VersionKey { modified_ms: self.modified_ms, version: self.version }
    }
}
