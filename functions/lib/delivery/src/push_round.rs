//! One round of web push: calls all devices at once whose hosts may be called.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};

use super::allowance::{Allowance, SHORTEST_PUSH};
use super::dispatcher::{Dispatcher, Job, Stored, alarm_on_config, record};
use super::last_look::Obstacle;
use crate::breakers::{Entry, Pass, Permit, TABLE_TIMEOUT};
use crate::config::ConfigSnapshot;
use aws::deadline;
use domain::breaker::{DeviceMark, Host, Thresholds};
use domain::channel::{Answer, Channel, Outcome};
use domain::recipient::{Device, RecipientKey};
use domain::rollout::Version;
use store::StoreError;

/// Extra time for the other devices once one device has accepted the message.
const GRACE: Duration = Duration::from_secs(1);
/// Shortest `Retry-After` for which a device rests. A shorter one is waited for inside the invocation and is not
/// stored.
const SHORTEST_REST_MS: u64 = 2_000;

/// Result of a round of web push, or of a paid call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// The call was made, or a breaker refused it; the escalation policy selects the next step.
    Done,
    /// The pre-send check of the paid call found an obstacle on this channel.
    Met(Obstacle, Channel),
    /// Only storing was left to do, with this result.
    Rest(Stored),
    /// No time was left for the call: due, but not in this invocation.
    Late,
    /// All slots of the provider are taken, or too many writers use the same budget; the notification is deferred.
    Crowded,
}

/// Devices of one host that are called in this round.
struct Group<'a> {
    host: Host,
    devices: Vec<&'a Device>,
    pass: Pass,
    /// Slot of the host among this process's calls, held until the calls end.
    _permit: Permit,
}

/// A call that has ended, or that is not waited for any longer.
struct Called<'a> {
    device: &'a Device,
    host: &'a Host,
    pass: Pass,
    answer: Answer,
    is_given_up: bool,
}

impl Dispatcher {
    /// Pushes to all these devices at once, as far as their hosts may be called.
    ///
    /// A push is free and is replaced by its topic, so the lease is the only claim that it needs.
    pub(super) fn push<'a>(
        &'a self,
        job: &'a mut Job,
        devices: &'a [&'a Device],
        live: &'a ConfigSnapshot,
        allowance: Allowance,
    ) -> BoxFuture<'a, Result<Round, StoreError>> {
        // Boxed here, to keep this future out of the state of every step.
        Box::pin(self.push_now(job, devices, live, allowance))
    }

    async fn push_now(
        &self,
        job: &mut Job,
        devices: &[&Device],
        live: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<Round, StoreError> {
        let thresholds = &live.settings.breaker;
        let (groups, crowded) = self.admitted(job, devices).await;
        if groups.is_empty() {
            return Ok(if crowded { Round::Crowded } else { Round::Done });
        }
        if !job.leased {
            job.notification.lease(allowance.lease_until, self.clock.now());
            if self.persist(job).await? == Stored::ThinkAgain {
                self.let_go(&groups, thresholds).await;
                return Ok(Round::Done);
            }
            job.leased = true;
        }
        let at = self.clock.now();
        // Storing the lease may take seconds.
        if at >= job.notification.lives_until {
            self.let_go(&groups, thresholds).await;
            return Ok(Round::Done);
        }
        if !allowance.fits(SHORTEST_PUSH, at) {
            self.let_go(&groups, thresholds).await;
            return Ok(Round::Late);
        }
        // A host's failure is reported before the result is stored; the time for the report is subtracted.
        let to_report = SignedDuration::try_from(TABLE_TIMEOUT).unwrap_or(SignedDuration::ZERO);
        let patience = allowance.patience(at) - to_report;
        let called = self.call(job, &groups, live, patience, at).await;
        let recipient = job.notification.id.recipient();
        futures_util::future::join_all(called.iter().map(|one| self.conclude(recipient, one, at, thresholds))).await;
        for one in called {
            if let Some(until) = rest_of(&one, self.clock.now()) {
                job.resting.insert(one.device.device_id.clone(), until);
            }
            alarm_on_config(Channel::Push, &one.answer);
            record(&mut job.notification, Channel::Push, Some(one.device.device_id.clone()), one.answer, at, 0);
        }
        Ok(Round::Done)
    }

    async fn let_go(&self, groups: &[Group<'_>], thresholds: &Thresholds) {
        for group in groups {
            self.breakers.give_back(&group.host, group.pass, thresholds).await;
        }
    }

    /// Returns the devices that may be called, by host, and `true` if all slots of a host are taken. A probe calls
    /// one device.
    async fn admitted<'a>(&self, job: &mut Job, devices: &[&'a Device]) -> (Vec<Group<'a>>, bool) {
        let mut hosts = BTreeMap::<Host, Vec<&'a Device>>::new();
        for device in devices {
            hosts.entry(Host::of_device(device)).or_default().push(*device);
        }
        // Version 1 ignores breakers, but the results of its calls are counted.
        let is_free = job.notification.version != Some(Version::V2);
        let asked = hosts.into_iter().map(|(host, devices)| async move {
            let Some(permit) = self.bulkhead.enter(&host).await else { return Err(None) };
            let entry = if is_free { Entry::Let(Pass::Free) } else { self.breakers.enter(&host).await };
            match entry {
                Entry::Let(pass) => {
                    let most = if pass.is_probe() { 1 } else { devices.len() };
                    let devices = devices.into_iter().take(most).collect();
                    Ok(Group { host, devices, pass, _permit: permit })
                }
                Entry::Barred(until) => Err(Some((host, until))),
            }
        });
        let (mut groups, mut crowded) = (Vec::new(), false);
        for answer in futures_util::future::join_all(asked).await {
            match answer {
                Ok(group) => groups.push(group),
                Err(Some((host, until))) => drop(job.barred.insert(host, until)),
                Err(None) => crowded = true,
            }
        }
        (groups, crowded)
    }

    /// Calls all devices. Once one has accepted, the others are waited for during [`GRACE`] at most.
    async fn call<'a>(
        &self,
        job: &Job,
        groups: &'a [Group<'a>],
        live: &ConfigSnapshot,
        patience: SignedDuration,
        at: Timestamp,
    ) -> Vec<Called<'a>> {
        let mut open: Vec<_> =
            groups.iter().flat_map(|group| group.devices.iter().map(move |device| (group, *device))).collect();
        let call = |(group, device): (&'a Group<'a>, &'a Device)| async move {
            let answer = self.channels.push(device, &job.notification, live, patience, at).await;
            Called { device, host: &group.host, pass: group.pass, answer, is_given_up: false }
        };
        let mut calls: FuturesUnordered<_> = open.iter().copied().map(call).collect();
        let (began, mut called, mut until) = (tokio::time::Instant::now(), Vec::new(), None);
        while !calls.is_empty() {
            let next = match until {
                None => calls.next().await,
                Some(until) => tokio::time::timeout_at(until, calls.next()).await.unwrap_or(None),
            };
            let Some(one) = next else { break };
            if one.answer.outcome == Outcome::Accepted {
                until = until.or_else(|| Some(tokio::time::Instant::now() + GRACE));
            }
            open.retain(|(_, device)| device.device_id != one.device.device_id);
            called.push(one);
        }
        let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        called.extend(open.into_iter().map(|(group, device)| given_up(group, device, latency_ms)));
        called
    }

    /// Updates the circuit breaker, stores a device's rest and removes a gone device after a call.
    async fn conclude(&self, recipient: &RecipientKey, one: &Called<'_>, at: Timestamp, thresholds: &Thresholds) {
        let forget = async {
            if one.answer.outcome == Outcome::Gone {
                self.forget(recipient, one.device).await;
            }
        };
        let rest = async {
            if let Some(until) = rest_of(one, self.clock.now()) {
                self.rest(recipient, one.device, until).await;
            }
        };
        let count = async {
            // A device that is slower than another one is no failure. A probe without an answer is a failure.
            if !one.is_given_up || one.pass.is_probe() {
                let device = Some(mark_of(&one.device.device_id));
                self.breakers.count(one.host, device, one.pass, &one.answer, at, thresholds).await;
            }
        };
        tokio::join!(forget, rest, count);
    }

    /// Stores the rest of a device. If that fails, only this notification respects the rest.
    async fn rest(&self, recipient: &RecipientKey, device: &Device, until: Timestamp) {
        let (id, endpoint) = (&device.device_id, device.endpoint.expose());
        let stored = self.recipients.rest_device(recipient, id, endpoint, until);
        match tokio::time::timeout(TABLE_TIMEOUT, Box::pin(deadline::with_timeout(TABLE_TIMEOUT, stored))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, device_id = id, "failed to store a device's rest"),
            Err(_) => tracing::warn!(device_id = id, "failed to store a device's rest in time"),
        }
    }

    /// Removes a gone device if its endpoint is still the one tried. A failure to remove it does not fail the
    /// notification.
    async fn forget(&self, recipient: &RecipientKey, device: &Device) {
        let removed = self.recipients.remove_device(recipient, &device.device_id, device.endpoint.expose()).await;
        if let Err(error) = removed {
            tracing::warn!(%error, device_id = device.device_id, "a gone device stays until cleanup");
        }
    }
}

/// Returns the end of the rest that a push service requested for the device of this call.
fn rest_of(one: &Called<'_>, now: Timestamp) -> Option<Timestamp> {
    let Outcome::RetryLater { after_ms: Some(after_ms) } = one.answer.outcome else { return None };
    let after_ms = i64::try_from(after_ms).ok().filter(|_| after_ms >= SHORTEST_REST_MS)?;
    now.checked_add(SignedDuration::from_millis(after_ms)).ok()
}

/// Returns 32 bits that stand for the device in a breaker's counts: the FNV-1a hash of its id.
///
/// The id itself is a hash of the endpoint.
fn mark_of(device_id: &str) -> DeviceMark {
    device_id.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn given_up<'a>(group: &'a Group<'a>, device: &'a Device, latency_ms: u64) -> Called<'a> {
    let answer = Answer {
        outcome: Outcome::RetryLater { after_ms: None },
        provider: group.host.provider.clone(),
        status_code: None,
        latency_ms,
        detail: Some("not waited for: another device has it".to_owned()),
    };
    Called { device, host: &group.host, pass: group.pass, answer, is_given_up: true }
}
