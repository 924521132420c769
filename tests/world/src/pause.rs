//! Pauses one DynamoDB call of `send` before it is executed, so that a test can act in between.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::request::Arrival;

#[derive(Clone, Default)]
pub struct Pause {
    /// Number of calls until the one to pause, counting that one.
    left: Arc<Mutex<Option<usize>>>,
    reached: Arc<Notify>,
    resumed: Arc<Notify>,
}

impl Pause {
    /// Pauses the n-th call from now on, counted from 1.
    pub fn at(&self, call: usize) {
        *self.left.lock().unwrap() = Some(call);
    }

    /// Waits until a call is paused.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Resumes the paused call.
    pub fn resume(&self) {
        self.resumed.notify_one();
    }

    /// Waits for [`Self::resume`] if this is the call to pause.
    pub async fn pass(&self, arrival: &Arrival) {
        let is_by_send = arrival.header("authorization").contains("Credential=send/");
        if is_by_send && arrival.header("x-amz-target").starts_with("DynamoDB") && self.is_due() {
            self.reached.notify_one();
            self.resumed.notified().await;
        }
    }

    fn is_due(&self) -> bool {
        let mut left = self.left.lock().unwrap();
        *left = left.map(|left| left - 1);
        if *left == Some(0) { left.take().is_some() } else { false }
    }
}
