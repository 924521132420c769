//! Interruptions of `rollup`: an operator's write immediately before one of its AWS calls, or the refusal of one.

use std::sync::{Arc, Mutex};

use super::request::Arrival;

/// An event immediately before a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// An operator sets `rollout-percentage`.
    OperatorWrite(String),
    /// The call is refused and not executed.
    Refusal,
}

/// At most one interruption that has not happened yet.
#[derive(Clone, Default)]
pub struct Interruptions {
    /// Number of calls until the interruption, counting the interrupted call, and the interruption.
    pending: Arc<Mutex<Option<(usize, Interruption)>>>,
}

impl Interruptions {
    /// Schedules an interruption before the n-th call of `rollup` from now on, counted from 1.
    pub fn at(&self, call: usize, interruption: Interruption) {
        *self.pending.lock().unwrap() = Some((call, interruption));
    }

    /// Cancels a pending interruption and returns true if there was one.
    pub fn cancel(&self) -> bool {
        self.pending.lock().unwrap().take().is_some()
    }

    /// Returns the interruption that is due before this call.
    pub fn before(&self, arrival: &Arrival) -> Option<Interruption> {
        if !arrival.header("authorization").contains("Credential=rollup/") {
            return None;
        }
        let mut pending = self.pending.lock().unwrap();
        let (calls, _) = pending.as_mut()?;
        *calls -= 1;
        let is_due = *calls == 0;
        if is_due { pending.take().map(|(_, interruption)| interruption) } else { None }
    }
}
