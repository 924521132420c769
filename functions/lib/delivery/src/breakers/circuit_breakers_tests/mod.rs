//! Views of several instances over one table.
#![allow(clippy::unwrap_used, clippy::panic)]

mod examples;
mod interleavings;

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Breakers, CallDecision, CallKind};
use crate::breakers::model::BreakerRepositoryModel;
use domain::breaker::{Breaker, Host, PROBE_LEASE, Phase, RecipientHash, Thresholds};
use domain::channel::{Answer, Outcome, Rejection};
use platform::clock::Clock;

const USUAL: Thresholds =
    Thresholds { min_attempts: 20, failure_percent: 50, window_seconds: 60, open_seconds: 30, max_open_seconds: 300 };
/// Every provider but the last fails as the test requires; the last one never fails.
const HOSTS: usize = 3;

fn host(number: usize) -> Host {
    Host::push(format!("push-{number}.example.com"))
}

fn answer(outcome: Outcome, status_code: Option<u16>) -> Answer {
    Answer { outcome, provider: "push.example.com".into(), status_code, latency_ms: 0, detail: None }
}

fn ok() -> Answer {
    answer(Outcome::Accepted, Some(201))
}

fn failed() -> Answer {
    answer(Outcome::RetryLater { after_ms: None }, Some(503))
}

fn asked(after_ms: u64) -> Answer {
    answer(Outcome::RetryLater { after_ms: Some(after_ms) }, Some(429))
}
fn breakers(model: &BreakerRepositoryModel, clock: &Clock) -> Breakers<BreakerRepositoryModel> {
    Breakers::new(model.clone(), (0..HOSTS).map(host), clock.clone())
}

/// Runs with paused time, so that no time-out occurs because the machine is busy.
fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(story);
}
