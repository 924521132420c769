//! Who gets v2, decided by ops in two SSM parameters and followed by every process within 30 s.
//!
//! Decisions are pure ([`bucket`]); [`source`] keeps what is read; [`last_good`] is the net for processes that start while
//! nothing can be read. Junk never means 100.

pub mod bucket;
pub mod guard;
mod parameter_version;
pub mod percentage;
pub mod ramp;
pub mod strict_json;
pub mod users;

pub use bucket::{Rollout, Version, bucket};
pub use parameter_version::{ParameterVersion, VersionKey, Written};
pub use percentage::{Percentage, PercentageError};
pub use users::ListedUsers;
