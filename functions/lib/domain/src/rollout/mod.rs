//! Selection of the recipients who get version 2. Operators set it in two SSM parameters, and every process follows
//! within 30 s.
//!
//! The decision is pure ([`bucket`]), and so are the [`guard`] and the [`ramp`]. Other crates read the parameters and
//! keep the last valid value for processes that start while nothing can be read. An invalid value never means 100.

pub mod bucket;
pub mod guard;
mod parameter_version;
pub mod percentage;
pub mod ramp;
pub mod strict_json;
pub mod users;

pub use bucket::{Rollout, Version, bucket};
pub use parameter_version::{ParameterOrigin, ParameterVersion, VersionKey};
pub use percentage::{Percentage, PercentageError};
pub use users::ListedUsers;
