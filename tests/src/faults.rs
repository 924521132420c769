//! The line at which a function dies, chosen by the test: before or after the n-th call that it makes to the outside. Whatever
//! a function does to the world is such a call, so these are all the lines there are.

use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::oneshot;

use super::http::Arrival;

/// On which side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The call is not carried out.
    Before,
    /// The call is carried out, and its answer never comes.
    After,
}

/// A line to die at; calls are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub side: Side,
    pub call: usize,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::Before { "before" } else { "after" })
    }
}

/// What became of a function that was to die.
#[derive(Debug)]
pub enum Fate<T> {
    /// It ended before it came to the line.
    Lived(T),
    /// It died at this call.
    Died(String),
}

#[derive(Default)]
struct State {
    point: Option<Point>,
    made: usize,
    died_at: Option<String>,
    death: Option<oneshot::Sender<()>>,
}

/// What all servers of the world ask before and after each call.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

impl Faults {
    /// Whether the call is carried out, and its number if the one who makes it is alive.
    pub fn begins(&self, arrival: &Arrival) -> Option<usize> {
        let mut state = self.state.lock().unwrap();
        if state.died_at.is_some() {
            return None;
        }
        state.made += 1;
        let number = state.made;
        if state.point == Some(Point { side: Side::Before, call: number }) {
            state.dies(arrival);
            return None;
        }
        Some(number)
    }

    /// Whether the answer finds anybody.
    pub fn ends(&self, number: usize, arrival: &Arrival) -> bool {
        let mut state = self.state.lock().unwrap();
        if state.point == Some(Point { side: Side::After, call: number }) {
            state.dies(arrival);
        }
        state.died_at.is_none()
    }

    /// Runs `act` until it ends or comes to `point`; nothing behind that line runs.
    pub async fn run<T>(&self, point: Point, act: impl Future<Output = T>) -> Fate<T> {
        let (death, died) = oneshot::channel();
        *self.state.lock().unwrap() = State { point: Some(point), death: Some(death), ..State::default() };
        let lived = tokio::select! {
            biased;
            Ok(()) = died => None,
            done = act => Some(done),
        };
        // What was on the wire already is answered by nobody.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let state = std::mem::take(&mut *self.state.lock().unwrap());
        match (lived, state.died_at) {
            (_, Some(call)) => Fate::Died(call),
            (Some(done), None) => Fate::Lived(done),
            (None, None) => panic!("it died and nobody knows where"),
        }
    }
}

impl State {
    fn dies(&mut self, arrival: &Arrival) {
        self.died_at = Some(name(arrival));
        // Nobody listens when the function has ended meanwhile.
        let _ = self.death.take().map(|death| death.send(()));
    }
}

/// `PutItem notifications`, `SendRawEmail`, `Publish`, `GetParameters`, `/push/phone`.
fn name(arrival: &Arrival) -> String {
    if let Some((_, call)) = arrival.header("x-amz-target").split_once('.') {
        let body: Value = serde_json::from_slice(&arrival.body).unwrap_or_default();
        let table = body["TableName"].as_str().map(|table| format!(" {table}"));
        let index = body["IndexName"].as_str().map(|index| format!(".{index}"));
        return format!("{call}{}{}", table.unwrap_or_default(), index.unwrap_or_default());
    }
    if arrival.path() == "/" { arrival.form()["Action"].clone() } else { arrival.path().to_owned() }
}
