//! Web push: calls at once all devices whose hosts may be called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};

use crate::admission::{AdmissionControl, AdmissionError, CallPermit};
use crate::allowance::{Allowance, MIN_PUSH_TIME};
use crate::breakers::TABLE_TIMEOUT;
use crate::config::ConfigSnapshot;
use crate::job::{Job, StepOutcome};
use crate::message::push_message_that_fits;
use crate::persistence::Persistence;
use crate::provider_alarm::alarm_on_misconfiguration;
use crate::token::TokenKeys;
use aws::deadline;
use channels::push::PushClient;
use domain::breaker::{Host, RecipientHash, Thresholds};
use domain::channel::push::{ExtraOrigins, Subscription};
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Content, MAX_UNSTORED_AGE, Notification};
use domain::recipient::{Device, RecipientKey};
use domain::rollout::Version;
use platform::clock::Clock;
use store::StoreError;

/// Maximum time for which the other devices are waited for once one device has accepted the message.
const STRAGGLER_TIMEOUT: Duration = Duration::from_secs(1);
/// Shortest `Retry-After` for which a device rests. A shorter one is waited for inside the invocation and is not
/// stored.
const SHORTEST_REST_MS: u64 = 2_000;
/// Time that is reserved for a push and the write of its result. It ends when receipts of an unstored notification are
/// refused.
const UNSTORED_PUSH_RESERVE: SignedDuration = SignedDuration::from_secs(30);

/// Sends web pushes.
#[derive(Debug)]
pub struct PushSender {
    pub(crate) client: PushClient,
    /// Origins beside the known push services, exempt from the rules for other hosts.
    pub(crate) extra_origins: ExtraOrigins,
    pub(crate) keys: TokenKeys,
    pub(crate) admission: Arc<AdmissionControl>,
    pub(crate) persistence: Persistence,
    pub(crate) clock: Clock,
}

/// Devices of one host that are called at once.
struct Group<'a> {
    devices: Vec<&'a Device>,
    permit: CallPermit,
}

/// A call that has ended, or that is not waited for any longer.
struct EndedCall<'a> {
    device: &'a Device,
    permit: &'a CallPermit,
    answer: Answer,
    is_given_up: bool,
}

impl PushSender {
    /// Pushes to all these devices at once, as far as their hosts may be called.
    ///
    /// A push is free and is replaced by its topic, so the lease is the only claim that it needs. The first attempt
    /// needs none: see [`may_push_unstored`].
    pub(crate) fn send<'a>(
        &'a self,
        job: &'a mut Job,
        devices: &'a [&'a Device],
        config: &'a ConfigSnapshot,
        allowance: Allowance,
    ) -> BoxFuture<'a, Result<StepOutcome, StoreError>> {
        // Boxed here, to keep this future out of the state of every step.
        Box::pin(self.push_to_devices(job, devices, config, allowance))
    }

    async fn push_to_devices(
        &self,
        job: &mut Job,
        devices: &[&Device],
        config: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<StepOutcome, StoreError> {
        let content = match job.composer(config, &self.keys).fitting_push_content() {
            Ok(content) => content.into_owned(),
            Err(error) => {
                job.exclude_not_composable(Channel::Push, error);
                return Ok(StepOutcome::Reevaluate);
            }
        };
        let thresholds = &config.settings.breaker;
        let (groups, is_at_capacity) = self.admit(job, devices).await;
        if groups.is_empty() {
            return Ok(if is_at_capacity { StepOutcome::AtCapacity } else { StepOutcome::Reevaluate });
        }
        if let Some(ended) = self.prepare(job, allowance).await.transpose() {
            self.release(&groups, thresholds).await;
            return ended;
        }
        let at = self.clock.now();
        // A host's failure is reported before the result is stored; the time for the report is subtracted.
        let to_report = SignedDuration::try_from(TABLE_TIMEOUT).unwrap_or(SignedDuration::ZERO);
        let timeout = allowance.push_timeout(at) - to_report;
        let ended = self.call((&job.notification, &content), &groups, config, timeout, at).await;
        let recipient = job.notification.id().recipient();
        futures_util::future::join_all(ended.iter().map(|one| self.conclude(recipient, one, at, thresholds))).await;
        for one in ended {
            if let Some(until) = rest_of(&one, self.clock.now()) {
                job.device_rests.insert(one.device.device_id.clone(), until);
            }
            alarm_on_misconfiguration(Channel::Push, &one.answer);
            job.record(Channel::Push, Some(one.device.device_id.clone()), one.answer, at, 0);
        }
        Ok(StepOutcome::Reevaluate)
    }

    /// Stores the lease. Returns the outcome if no push may start.
    async fn prepare(&self, job: &mut Job, allowance: Allowance) -> Result<Option<StepOutcome>, StoreError> {
        if let Some(outcome) = self.take_lease(job, allowance).await? {
            return Ok(Some(outcome));
        }
        Ok(too_late(&job.notification, allowance, self.clock.now()))
    }

    /// Stores the lease, unless this process holds it already or the push needs none. Returns the outcome if the lease
    /// could not be stored.
    async fn take_lease(&self, job: &mut Job, allowance: Allowance) -> Result<Option<StepOutcome>, StoreError> {
        let now = self.clock.now();
        if job.has_lease || may_push_unstored(job, now) {
            return Ok(None);
        }
        job.notification.lease(allowance.lease_until, now);
        if self.persistence.persist(job).await? == StepOutcome::Reevaluate {
            return Ok(Some(StepOutcome::Reevaluate));
        }
        job.has_lease = true;
        Ok(None)
    }

    async fn release(&self, groups: &[Group<'_>], thresholds: &Thresholds) {
        for group in groups {
            self.admission.release(&group.permit, thresholds).await;
        }
    }

    /// Returns the devices that may be called, by host, and `true` if all slots of a host are taken. A probe calls
    /// one device.
    async fn admit<'a>(&self, job: &mut Job, devices: &[&'a Device]) -> (Vec<Group<'a>>, bool) {
        let mut hosts = BTreeMap::<Host, Vec<&'a Device>>::new();
        for device in devices {
            hosts.entry(Host::push(device.host())).or_default().push(*device);
        }
        // Version 1 ignores breakers, but the results of its calls are counted.
        let respects_breakers = job.notification.version() == Some(Version::V2);
        let requests = hosts.into_iter().map(|(host, devices)| async move {
            let permit = if respects_breakers {
                self.admission.admit(host).await?
            } else {
                self.admission.admit_without_breaker(host).await?
            };
            let max_devices = if permit.is_probe() { 1 } else { devices.len() };
            Ok(Group { devices: devices.into_iter().take(max_devices).collect(), permit })
        });
        let (mut groups, mut is_at_capacity) = (Vec::new(), false);
        for answer in futures_util::future::join_all(requests).await {
            match answer {
                Ok(group) => groups.push(group),
                Err(AdmissionError::CircuitOpen(host, until)) => job.skip_host(host, until),
                Err(AdmissionError::AtCapacity) => is_at_capacity = true,
            }
        }
        (groups, is_at_capacity)
    }

    /// Calls all devices. Once one has accepted, the others are waited for during [`STRAGGLER_TIMEOUT`] at most.
    async fn call<'a>(
        &self,
        message: (&Notification, &Content),
        groups: &'a [Group<'a>],
        config: &ConfigSnapshot,
        timeout: SignedDuration,
        at: Timestamp,
    ) -> Vec<EndedCall<'a>> {
        let mut open: Vec<_> =
            groups.iter().flat_map(|group| group.devices.iter().map(move |device| (group, *device))).collect();
        // The push is boxed, because its future is large, and the set of calls would copy it.
        let call = |(group, device): (&'a Group<'a>, &'a Device)| async move {
            let answer = Box::pin(self.push(device, message, config, timeout, at)).await;
            EndedCall { device, permit: &group.permit, answer, is_given_up: false }
        };
        let mut calls: FuturesUnordered<_> = open.iter().copied().map(call).collect();
        let (began, mut ended, mut until) = (tokio::time::Instant::now(), Vec::new(), None);
        while !calls.is_empty() {
            let next = match until {
                None => calls.next().await,
                Some(until) => tokio::time::timeout_at(until, calls.next()).await.unwrap_or(None),
            };
            let Some(one) = next else { break };
            if one.answer.outcome == Outcome::Accepted {
                until = until.or_else(|| Some(tokio::time::Instant::now() + STRAGGLER_TIMEOUT));
            }
            open.retain(|(_, device)| device.device_id != one.device.device_id);
            ended.push(one);
        }
        let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        ended.extend(open.into_iter().map(|(group, device)| given_up(group, device, latency_ms)));
        ended
    }

    /// Pushes to one device, for `timeout` at most.
    async fn push(
        &self,
        device: &Device,
        (notification, content): (&Notification, &Content),
        config: &ConfigSnapshot,
        timeout: SignedDuration,
        now: Timestamp,
    ) -> Answer {
        let refused = |reason| Answer {
            outcome: Outcome::Rejected { reason },
            provider: device.host().to_owned(),
            status_code: None,
            latency_ms: 0,
            detail: None,
        };
        let (endpoint, p256dh, auth) = (device.endpoint.expose(), device.p256dh.expose(), device.auth.expose());
        // The device may have been stored before a rule became stricter, or before an extra origin was removed.
        let Ok(subscription) = Subscription::parse(endpoint, p256dh, auth, &self.extra_origins) else {
            return refused(Rejection::BadAddress);
        };
        let links = config.links(&self.keys).map(|links| links.push(notification, &device.device_id));
        let Ok(message) = push_message_that_fits(notification, content, links, now) else {
            return refused(Rejection::TooLarge);
        };
        let timeout = Duration::from_millis(u64::try_from(timeout.as_millis()).unwrap_or(0));
        self.client.push_within(&subscription, &message, now, timeout).await
    }

    /// Updates the circuit breaker, stores a device's rest and removes a gone device after a call.
    async fn conclude(&self, recipient: &RecipientKey, one: &EndedCall<'_>, at: Timestamp, thresholds: &Thresholds) {
        let remove = async {
            if one.answer.outcome == Outcome::Gone {
                self.remove_device(recipient, one.device).await;
            }
        };
        let rest = async {
            if let Some(until) = rest_of(one, self.clock.now()) {
                self.store_rest(recipient, one.device, until).await;
            }
        };
        let report = async {
            // A device that is slower than another one is no failure. A probe without an answer is a failure.
            if !one.is_given_up || one.permit.is_probe() {
                let hash = Some(hash_of(recipient));
                self.admission.report(one.permit, hash, &one.answer, at, thresholds).await;
            }
        };
        tokio::join!(remove, rest, report);
    }

    /// Stores the rest of a device. If that fails, only this notification respects the rest.
    async fn store_rest(&self, recipient: &RecipientKey, device: &Device, until: Timestamp) {
        let (id, endpoint) = (&device.device_id, device.endpoint.expose());
        let stored = self.persistence.stores().recipients.rest_device(recipient, id, endpoint, until);
        let stored = Box::pin(deadline::with_timeout(TABLE_TIMEOUT, stored));
        match tokio::time::timeout(TABLE_TIMEOUT, stored).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, device_id = id, "failed to store a device's rest"),
            Err(_) => tracing::warn!(device_id = id, "failed to store a device's rest in time"),
        }
    }

    /// Removes a gone device if its endpoint is still the one tried. A failure to remove it does not fail the
    /// notification.
    async fn remove_device(&self, recipient: &RecipientKey, device: &Device) {
        let (id, endpoint) = (&device.device_id, device.endpoint.expose());
        if let Err(error) = self.persistence.stores().recipients.remove_device(recipient, id, endpoint).await {
            tracing::warn!(%error, device_id = id, "failed to remove a gone device; cleanup will remove it");
        }
    }
}

/// Returns `true` if a push may start at `now` although the notification is not stored.
///
/// A push is free, and a repeat of it replaces it by its topic, so it needs no claim. The caller has no answer yet, so
/// no accepted message can be lost. Three messages need the stored lease nevertheless. A message with a topic of the
/// caller: an older message of the topic must find it. A message of a request that took over an old key. A message of a
/// campaign that an earlier worker may have pushed.
fn may_push_unstored(job: &Job, now: Timestamp) -> bool {
    let age = now.duration_since(job.notification.created_at());
    // The id of a campaign's notification shows that it may not be stored yet, whatever its age.
    let is_young = job.notification.campaign().is_some() || age < MAX_UNSTORED_AGE - UNSTORED_PUSH_RESERVE;
    job.is_first_run() && job.notification.topic().is_none() && is_young
}

/// Returns the outcome if no push may start at `at` any more. Storing the lease may have taken seconds.
fn too_late(notification: &Notification, allowance: Allowance, at: Timestamp) -> Option<StepOutcome> {
    if at >= notification.lives_until() {
        return Some(StepOutcome::Reevaluate);
    }
    (!allowance.fits(MIN_PUSH_TIME, at)).then_some(StepOutcome::OutOfTime)
}

/// Returns the end of the rest that a push service requested for the device of this call.
fn rest_of(one: &EndedCall<'_>, now: Timestamp) -> Option<Timestamp> {
    let Outcome::RetryLater { after_ms: Some(after_ms) } = one.answer.outcome else { return None };
    let after_ms = i64::try_from(after_ms).ok().filter(|_| after_ms >= SHORTEST_REST_MS)?;
    now.checked_add(SignedDuration::from_millis(after_ms)).ok()
}

/// Returns 32 bits that stand for the recipient in a breaker's counts. All devices of one person count as one. They
/// often fail together, although the host serves all other recipients.
fn hash_of(recipient: &RecipientKey) -> RecipientHash {
    let [a, b, c, d, ..] = recipient.to_bytes();
    RecipientHash::from_be_bytes([a, b, c, d])
}

fn given_up<'a>(group: &'a Group<'a>, device: &'a Device, latency_ms: u64) -> EndedCall<'a> {
    let answer = Answer {
        outcome: Outcome::RetryLater { after_ms: None },
        provider: group.permit.host().provider.clone(),
        status_code: None,
        latency_ms,
        detail: Some("not waited for: another device accepted the message".to_owned()),
    };
    EndedCall { device, permit: &group.permit, answer, is_given_up: true }
}
