//! What comes in between while rollup works: an operator's write right before one of its calls, or a refusal of one.

use std::sync::{Arc, Mutex};

use super::http::Arrival;

/// What comes in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meddle {
    /// An operator sets rollout-percentage.
    Write(String),
    /// The call is refused, and not carried out.
    Refuse,
}

#[derive(Clone, Default)]
pub struct Meddling {
    /// How many calls there are until the one, itself included.
    left: Arc<Mutex<Option<(usize, Meddle)>>>,
}

impl Meddling {
    /// Before the n-th call of rollup from now on, counted from 1.
    pub fn at(&self, call: usize, meddle: Meddle) {
        *self.left.lock().unwrap() = Some((call, meddle));
    }

    /// Whether it has not come about; it never will then.
    pub fn is_left(&self) -> bool {
        self.left.lock().unwrap().take().is_some()
    }

    /// What comes right before this call.
    pub fn before(&self, arrival: &Arrival) -> Option<Meddle> {
        if !arrival.header("authorization").contains("Credential=rollup/") {
            return None;
        }
        let mut left = self.left.lock().unwrap();
        let (calls, _) = left.as_mut()?;
        *calls -= 1;
        let is_now = *calls == 0;
        if is_now { left.take().map(|(_, meddle)| meddle) } else { None }
    }
}
