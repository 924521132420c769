//! Simulated crashes of a function: before or after the n-th call that it makes to a server. A function has effects by
//! such calls alone, so these points cover every possible crash.

use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::oneshot;

use super::request::Arrival;

/// Position of a crash relative to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashTiming {
    /// The call is not executed.
    Before,
    /// The call is executed, but its response is never received.
    After,
}

/// A point at which the function crashes; calls are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashPoint {
    pub timing: CrashTiming,
    pub call: usize,
}

impl fmt::Display for CrashTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::Before { "before" } else { "after" })
    }
}

/// Result of a run with a crash point.
#[derive(Debug)]
pub enum RunOutcome<T> {
    /// The function ended before it reached the crash point.
    Completed(T),
    /// The function crashed at this call.
    Crashed(String),
}

#[derive(Default)]
struct State {
    point: Option<CrashPoint>,
    calls: usize,
    crashed_at: Option<String>,
    crash: Option<oneshot::Sender<()>>,
}

/// Crash simulation that all servers of the world share: they consult it before and after each call.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

impl Faults {
    /// Returns the number of a call that is to be executed; `None` once the function has crashed.
    pub fn begins(&self, arrival: &Arrival) -> Option<usize> {
        let mut state = self.state.lock().unwrap();
        if state.crashed_at.is_some() {
            return None;
        }
        state.calls += 1;
        let number = state.calls;
        if state.point == Some(CrashPoint { timing: CrashTiming::Before, call: number }) {
            state.crash_at(arrival);
            return None;
        }
        Some(number)
    }

    /// Returns true if the function is still running, so that it receives the response.
    pub fn outcome_counts(&self, number: usize, arrival: &Arrival) -> bool {
        let mut state = self.state.lock().unwrap();
        if state.point == Some(CrashPoint { timing: CrashTiming::After, call: number }) {
            state.crash_at(arrival);
        }
        state.crashed_at.is_none()
    }

    /// Runs `act` until it ends or reaches `point`; nothing after that point runs.
    pub async fn run<T>(&self, point: CrashPoint, act: impl Future<Output = T>) -> RunOutcome<T> {
        let (crash, crashed) = oneshot::channel();
        *self.state.lock().unwrap() = State { point: Some(point), crash: Some(crash), ..State::default() };
        let completed = tokio::select! {
            biased;
            Ok(()) = crashed => None,
            done = act => Some(done),
        };
        // Calls already in flight get no response.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let state = std::mem::take(&mut *self.state.lock().unwrap());
        match (completed, state.crashed_at) {
            (_, Some(call)) => RunOutcome::Crashed(call),
            (Some(done), None) => RunOutcome::Completed(done),
            (None, None) => panic!("the function crashed at an unknown call"),
        }
    }
}

impl State {
    fn crash_at(&mut self, arrival: &Arrival) {
        self.crashed_at = Some(name(arrival));
        // The receiver is gone if the function has ended meanwhile.
        let _ = self.crash.take().map(|crash| crash.send(()));
    }
}

/// Name of a call: `PutItem notifications`, `SendRawEmail`, `Publish`, `GetParameters`, `/push/phone`.
fn name(arrival: &Arrival) -> String {
    if let Some((_, call)) = arrival.header("x-amz-target").split_once('.') {
        let body: Value = serde_json::from_slice(&arrival.body).unwrap_or_default();
        let table = body["TableName"].as_str().map(|table| format!(" {table}"));
        let index = body["IndexName"].as_str().map(|index| format!(".{index}"));
        return format!("{call}{}{}", table.unwrap_or_default(), index.unwrap_or_default());
    }
    if arrival.path() == "/" { arrival.form()["Action"].clone() } else { arrival.path().to_owned() }
}
