//! Paid send: the claim and its reservation are stored, the provider is called once, and the outcome is recorded.
//!
//! If the call is not made, the claim is released.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::admission::{AdmissionControl, AdmissionError};
use crate::allowance::{Allowance, PAID_CALL_LIMIT};
use crate::claim::Claims;
use crate::config::ConfigSnapshot;
use crate::job::{Job, StepOutcome};
use crate::message::PaidMessage;
use crate::persistence::Persistence;
use crate::pre_send_check::pre_send_check;
use crate::provider_alarm::alarm_on_misconfiguration;
use crate::token::TokenKeys;
use channels::email::{EmailClient, Sender};
use channels::sms::SmsClient;
use domain::breaker::Host;
use domain::channel::{Answer, Channel, Outcome};
use domain::notification::{Claim, Notification};
use domain::recipient::Recipient;
use domain::settings::Settings;
use platform::clock::Clock;
use store::StoreError;

/// Sends e-mails and SMS.
#[derive(Debug)]
pub struct PaidSender {
    pub(crate) email: EmailClient,
    pub(crate) sms: SmsClient,
    pub(crate) keys: TokenKeys,
    pub(crate) admission: Arc<AdmissionControl>,
    pub(crate) claims: Claims,
    pub(crate) persistence: Persistence,
    pub(crate) clock: Clock,
}

/// A call that was made.
struct PaidCall {
    answer: Answer,
    at: Timestamp,
    cost_micros: i64,
}

impl PaidSender {
    /// Returns the sender of the e-mails.
    #[must_use]
    pub const fn email_sender(&self) -> &Sender {
        self.email.sender()
    }

    /// Claims the channel, calls its provider once and records the outcome.
    pub(crate) fn send<'a>(
        &'a self,
        job: &'a mut Job,
        channel: Channel,
        recipient: &'a Recipient,
        config: &'a ConfigSnapshot,
        allowance: Allowance,
    ) -> BoxFuture<'a, Result<StepOutcome, StoreError>> {
        Box::pin(self.call_paid_channel(job, channel, recipient, config, allowance))
    }

    async fn call_paid_channel(
        &self,
        job: &mut Job,
        channel: Channel,
        recipient: &Recipient,
        config: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<StepOutcome, StoreError> {
        let message = match job.composer(config, &self.keys).paid(channel, recipient, self.email_sender()) {
            Ok(message) => message,
            Err(error) => {
                job.exclude_not_composable(channel, error);
                return Ok(StepOutcome::Reevaluate);
            }
        };
        let host = Host::paid(channel);
        // A critical message does not queue behind others: its refused calls are tries, and the next channel follows.
        let is_patient = !job.notification.is_critical();
        if let Some(until) = self.admission.rate_pause(&host, self.clock.now()).filter(|_| is_patient) {
            return Ok(StepOutcome::RateLimited(until));
        }
        let permit = match self.admission.admit(host).await {
            Ok(permit) => permit,
            Err(AdmissionError::AtCapacity) => return Ok(StepOutcome::AtCapacity),
            Err(AdmissionError::CircuitOpen(host, until)) => {
                job.skip_host(host, until);
                return Ok(StepOutcome::Reevaluate);
            }
        };
        let thresholds = &config.settings.breaker;
        match self.claim_and_call(job, &message, recipient, config, allowance).await {
            Ok(PaidCall { answer, at, cost_micros }) => {
                self.admission.report(&permit, None, &answer, at, thresholds).await;
                if let Outcome::RateLimited { after_ms } = answer.outcome {
                    let until = self.admission.pause_for_rate(&answer, after_ms, permit.host(), self.clock.now());
                    if is_patient {
                        return Ok(StepOutcome::RateLimited(until));
                    }
                }
                job.record(channel, None, answer, at, cost_micros);
                Ok(StepOutcome::Reevaluate)
            }
            // The call was not made, so its probe is returned to the breaker for the next caller.
            Err(ended) => {
                self.admission.release(&permit, thresholds).await;
                ended
            }
        }
    }

    /// Claims the channel and calls its provider.
    ///
    /// # Errors
    /// The result of the step if no call was made.
    async fn claim_and_call(
        &self,
        job: &mut Job,
        message: &PaidMessage,
        recipient: &Recipient,
        config: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<PaidCall, Result<StepOutcome, StoreError>> {
        if !allowance.fits(PAID_CALL_LIMIT, self.clock.now()) {
            return Err(Ok(StepOutcome::OutOfTime));
        }
        let (channel, price_micros) = (message.channel(), message.price_micros(&config.settings));
        let claim = Claim { channel, price_micros };
        let claimed = self.claims.claim(job, claim, recipient, &config.settings, allowance).await;
        if let Some(ended) = claimed.transpose() {
            return Err(ended);
        }
        job.has_lease = true;
        if let Some(reason) = pre_send_check(self.persistence.stores(), recipient, channel).await {
            job.release_claim();
            return Err(Ok(StepOutcome::Aborted(reason, channel)));
        }
        let at = self.clock.now();
        if at >= job.notification.lives_until() {
            job.release_claim();
            return Err(Ok(StepOutcome::Reevaluate));
        }
        let (answer, message_id) = self.call(message, &job.notification, &config.settings, at).await;
        alarm_on_misconfiguration(channel, &answer);
        job.sms_message_id = message_id;
        if matches!(answer.outcome, Outcome::Accepted | Outcome::Uncertain) {
            job.reservation = None;
            return Ok(PaidCall { answer, at, cost_micros: price_micros });
        }
        job.release_claim();
        Ok(PaidCall { answer, at, cost_micros: 0 })
    }

    /// Calls the provider once. Returns the answer and, for an accepted SMS, its SNS message id.
    async fn call(
        &self,
        message: &PaidMessage,
        notification: &Notification,
        settings: &Settings,
        now: Timestamp,
    ) -> (Answer, Option<String>) {
        match message {
            PaidMessage::Email(email) => (self.email.send(email, &notification.id().to_string(), now).await, None),
            PaidMessage::Sms(sms) => self.sms.send(sms, Some(usd_micros(settings.sms.max_price_micros)), now).await,
        }
    }
}

/// Converts micro-euro into millionths of a US dollar, in which SNS takes its maximum price.
///
/// The rate is the one of the built-in prices: 0.92 EUR for 1 USD.
const fn usd_micros(euro_micros: u64) -> u64 {
    euro_micros.saturating_mul(100) / 92
}
