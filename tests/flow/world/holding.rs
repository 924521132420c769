//! Holds one call of `send` to DynamoDB back, before it is carried out, so that a story can let something happen between.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::http::Arrival;

#[derive(Clone, Default)]
pub struct Holding {
    /// How many calls there are until the one to hold, itself included.
    left: Arc<Mutex<Option<usize>>>,
    held: Arc<Notify>,
    released: Arc<Notify>,
}

impl Holding {
    /// Holds the n-th call from now on, counted from 1.
    pub fn at(&self, call: usize) {
        *self.left.lock().unwrap() = Some(call);
    }

    /// Until a call is held.
    pub async fn is_held(&self) {
        self.held.notified().await;
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.released.notify_one();
    }

    /// Waits if this is the call.
    pub async fn pass(&self, arrival: &Arrival) {
        let is_sends = arrival.header("authorization").contains("Credential=send/");
        if is_sends && arrival.header("x-amz-target").starts_with("DynamoDB") && self.is_it() {
            self.held.notify_one();
            self.released.notified().await;
        }
    }

    fn is_it(&self) -> bool {
        let mut left = self.left.lock().unwrap();
        *left = left.map(|left| left - 1);
        if *left == Some(0) { left.take().is_some() } else { false }
    }
}
