//! Result of one step of the work on a notification.

use domain::channel::Channel;

/// Result of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepOutcome {
    /// The reached state is stored, and the work on the notification ends here.
    Stored,
    /// The facts changed: a call ended, a circuit opened, a budget refused, or a receipt was merged. The escalation
    /// policy selects the next step.
    Reevaluate,
    /// A short wait has passed. The recipient may have changed and is read again.
    Waited,
    /// The pre-send check found this reason against a call on this channel.
    Aborted(AbortReason, Channel),
    /// All slots of the provider are taken, or too many writers use the same budget: the notification is deferred.
    AtCapacity,
    /// Too little time is left for the call: the notification stays due for another invocation.
    OutOfTime,
}

/// Reason why a claimed call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbortReason {
    /// The recipient was erased after the last read.
    Erased,
    /// The address is suppressed, and the profile did not show it.
    Suppressed,
}
