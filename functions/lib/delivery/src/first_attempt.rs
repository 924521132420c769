//! How the result of a first attempt is stored.

use domain::notification::Notification;

/// Circumstances of a first attempt, which decide how it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAttempt {
    /// The result is stored at once.
    Alone,
    /// The caller stores the results of a page of notifications together.
    OfPage,
    /// Another process may have begun the same attempt, and died: a lease is stored before a push.
    MayBeRepeat,
}

/// A notification after its first attempt.
#[derive(Debug)]
pub struct Started {
    /// State.
    pub notification: Notification,
    /// `false` if the caller must store it.
    pub is_stored: bool,
}
