//! State of each channel in the escalation, and the step that the states of all channels lead to.

use jiff::Timestamp;

use super::step::Step;
use domain::notification::{Reason, Status};

/// State of one channel in the escalation.
#[derive(Debug, PartialEq)]
pub(super) enum ChannelState<'a> {
    /// This attempt can be made now.
    Attempt(Step<'a>),
    /// The next attempt on this channel, or its proof of delivery, is due at this time. No later channel is tried
    /// before.
    WaitUntil(Timestamp),
    /// A circuit is open, or devices rest, until this time. A later channel may be tried before.
    SkippedUntil(Timestamp),
    /// No attempt is left on this channel.
    Exhausted,
    /// A provider accepted the message, and no later channel may follow.
    Accepted,
    /// The outcome of a call is uncertain, and no later channel may follow.
    Uncertain,
}

/// Returns the step that these states lead to. The states are those of the channels in their order.
///
/// The first state that decides gives the step. The states after it have no effect:
///
/// | state | step |
/// |---|---|
/// | `Attempt` | this attempt |
/// | `WaitUntil` | a wait until then, or until an earlier channel that was skipped can be tried |
/// | `SkippedUntil` | the next state decides |
/// | `Exhausted` | the next state decides |
/// | `Accepted` | none |
/// | `Uncertain` | the end as `uncertain` |
///
/// If no state decides, the step is a wait for the skipped channel that can be tried first. Without a skipped channel
/// there is no step: the notification ends with its result so far.
pub(super) fn first_step<'a>(states: impl IntoIterator<Item = ChannelState<'a>>) -> Option<Step<'a>> {
    let mut skipped_until: Option<Timestamp> = None;
    let or_skipped = |at: Timestamp, skipped: Option<Timestamp>| skipped.map_or(at, |until| until.min(at));
    for state in states {
        match state {
            ChannelState::Attempt(step) => return Some(step),
            ChannelState::WaitUntil(at) => return Some(Step::Wait(or_skipped(at, skipped_until))),
            ChannelState::SkippedUntil(until) => skipped_until = Some(or_skipped(until, skipped_until)),
            ChannelState::Exhausted => {}
            ChannelState::Accepted => return None,
            ChannelState::Uncertain => return Some(Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown))),
        }
    }
    skipped_until.map(Step::Wait)
}
