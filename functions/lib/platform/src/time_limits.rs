//! Time that the work of one invocation may take.

use std::time::Duration;

use jiff::SignedDuration;

/// A single request is answered within this.
pub const SINGLE: SignedDuration = SignedDuration::from_secs(8);
/// A batch works for this long; what it did not reach is finished by the cascade.
pub const BATCH: SignedDuration = SignedDuration::from_secs(20);
/// How long one request may go on erasing: the function is stopped after 20 s.
pub const ERASING: Duration = Duration::from_secs(14);
