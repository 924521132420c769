//! Time limits for the work of one invocation.

use std::time::Duration;

use jiff::SignedDuration;

/// Time within which a single request is answered.
pub const SINGLE: SignedDuration = SignedDuration::from_secs(8);
/// Time for which a batch is processed. The cascade function finishes the rest.
pub const BATCH: SignedDuration = SignedDuration::from_secs(20);
/// Time for which one request may process an erasure. Lambda stops the function after 20 s.
pub const ERASING: Duration = Duration::from_secs(14);
