//! The step that each sequence of channel states leads to.

use super::super::channel_state::{ChannelState, first_step};
use super::*;

#[test]
fn the_first_channel_that_decides_gives_the_step() {
    let (soon, late) = (later(60), later(120));
    let sms = || ChannelState::Attempt(Step::SendPaid(Channel::Sms));
    let uncertain = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    let (skip, wait) = (ChannelState::SkippedUntil, ChannelState::WaitUntil);
    let cases = [
        (vec![], None),
        (vec![ChannelState::Exhausted], None),
        (vec![ChannelState::Exhausted, sms()], Some(Step::SendPaid(Channel::Sms))),
        (vec![skip(soon), sms()], Some(Step::SendPaid(Channel::Sms))),
        (vec![wait(soon), sms()], Some(Step::Wait(soon))),
        (vec![skip(soon), wait(late)], Some(Step::Wait(soon))),
        (vec![skip(late), wait(soon)], Some(Step::Wait(soon))),
        (vec![skip(late), skip(soon), ChannelState::Exhausted], Some(Step::Wait(soon))),
        (vec![ChannelState::Accepted, sms()], None),
        (vec![ChannelState::Uncertain, sms()], Some(uncertain)),
    ];
    for (states, step) in cases {
        let shown = format!("{states:?}");
        assert_eq!(first_step(states), step, "{shown}");
    }
}
