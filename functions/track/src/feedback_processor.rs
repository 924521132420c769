//! Processes the feedback of SES and SNS. Each report is processed by itself, so that a bad report does not block the
//! others.
//!
//! Events come only from AWS services: the function's permissions restrict its callers. Events may be repeated and may
//! arrive in any order. A report about an unknown message changes nothing and raises an alarm.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::feedback::{Feedback, FeedbackKind};
use super::mail_event::{MailEvent, MailReport};
use super::receipt_merge;
use super::sms_log::{SmsLog, SmsReport};
use delivery::breakers::Breakers;
use delivery::config::ConfigSource;
use domain::breaker::Host;
use domain::notification::{Effect, FailureReason, NotificationId};
use domain::recipient::{Address, ChoiceAuthor, SuppressionReason};
use platform::alarm::AlarmLine;
use platform::private::Private;
use store::{NotificationsStore, RecipientsStore, SmsMessageStore, StoreError, SuppressionsStore};

/// Number of reports that are processed concurrently.
const MAX_CONCURRENT_REPORTS: usize = 16;
/// Pause of a channel after its provider dropped a message for a fault of the account. Afterwards one message probes
/// the channel. SNS reports a used-up quota only in its logs: a shorter pause would lose more messages, a longer one
/// would delay recovery.
const ACCOUNT_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// Everything that feedback processing needs.
#[derive(Debug)]
pub struct FeedbackProcessor {
    /// Stores notifications.
    pub notifications: NotificationsStore,
    /// Stores recipients, for unsubscriptions.
    pub recipients: RecipientsStore,
    /// Stores suppressed addresses.
    pub suppressions: SuppressionsStore,
    /// Maps an SNS message id to the notification of that SMS.
    pub sms_messages: SmsMessageStore,
    /// Reads the types of notification.
    pub config: Arc<ConfigSource>,
    /// The circuit breakers, for an account that may not send.
    pub breakers: Breakers,
}

/// Summary of an event: the number of reports by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedbackSummary {
    /// Reports with new information.
    pub new: usize,
    /// Reports that were already stored.
    pub known: usize,
    /// Irrelevant reports, and SMS sent by other systems of this account.
    pub passed_over: usize,
    /// Reports about no known message.
    pub unknown: usize,
    /// Reports that cannot be parsed.
    pub malformed: usize,
    /// Reports that could not be stored: Lambda must deliver the event again.
    pub failed: usize,
}

/// Result of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportResult {
    New,
    Known,
    PassedOver,
    Unknown,
    Malformed,
}

impl FeedbackProcessor {
    /// Processes the `Message` of each SNS record, as SES published it.
    pub async fn process_mails(&self, messages: &[Private<String>], now: Timestamp) -> FeedbackSummary {
        let mut summary = FeedbackSummary::default();
        for some in messages.chunks(MAX_CONCURRENT_REPORTS) {
            summary.add(join_all(some.iter().map(|message| self.mail(message.expose(), now))).await);
        }
        summary
    }

    /// Processes `awslogs.data`, as CloudWatch Logs delivers it.
    pub async fn process_sms_log(&self, data: &str, now: Timestamp) -> FeedbackSummary {
        let mut summary = FeedbackSummary::default();
        match SmsLog::decode(data) {
            Ok(log) => {
                for some in log.lines.chunks(MAX_CONCURRENT_REPORTS) {
                    summary.add(join_all(some.iter().map(|line| self.text(line.as_ref(), now))).await);
                }
            }
            Err(error) => summary.add(vec![Ok(malformed(&error))]),
        }
        summary
    }

    async fn mail(&self, message: &str, now: Timestamp) -> Result<ReportResult, StoreError> {
        match MailEvent::parse(message) {
            Ok(MailEvent::Report(report)) => self.mail_report(&report, now).await,
            Ok(MailEvent::Irrelevant) => Ok(ReportResult::PassedOver),
            Err(error) => Ok(malformed(&error)),
        }
    }

    async fn mail_report(&self, report: &MailReport, now: Timestamp) -> Result<ReportResult, StoreError> {
        let address = report.to.as_ref().map(Address::Email);
        match &report.notification {
            Some(id) => self.report(id, report.feedback, address, now).await,
            None => Ok(unknown(None)),
        }
    }

    async fn text(
        &self,
        line: Result<&SmsReport, &super::sms_log::SmsLogError>,
        now: Timestamp,
    ) -> Result<ReportResult, StoreError> {
        let report = match line {
            Ok(report) => report,
            Err(error) => return Ok(malformed(error)),
        };
        // The log belongs to the account, so it also contains SMS of other systems.
        let Some(id) = self.sms_messages.find(&report.message_id).await? else { return Ok(ReportResult::PassedOver) };
        self.report(&id, report.feedback, report.to.as_ref().map(Address::Phone), now).await
    }

    /// Processes one report. The address is suppressed first. If a later step fails, the event is delivered again and
    /// all steps are repeated; they are idempotent.
    async fn report(
        &self,
        id: &NotificationId,
        feedback: Feedback,
        address: Option<Address<'_>>,
        now: Timestamp,
    ) -> Result<ReportResult, StoreError> {
        let Some(about) = self.notifications.get(id).await? else { return Ok(unknown(Some(id))) };
        if !about.may_have_been_accepted_on(feedback.channel) {
            return Ok(unknown(Some(id)));
        }
        if let Some(reason) = feedback.kind.suppresses() {
            self.suppress(id, address, reason, now).await?;
        }
        if feedback.kind == FeedbackKind::Complained {
            let kind = about.type_id().as_str();
            self.recipients.unsubscribe(id.recipient(), kind, ChoiceAuthor::Person, now).await?;
        }
        if feedback.kind == FeedbackKind::Failed(FailureReason::AccountRefused) {
            self.pause(feedback).await;
        }
        let config = self.config.current().await;
        let noted = receipt_merge::merge_into(&self.notifications, about, |notification| {
            feedback.apply(notification, &config.settings.types, now)
        })
        .await?;
        Ok(match noted {
            None | Some((_, Effect::Impossible)) => unknown(Some(id)),
            Some((_, Effect::Nothing | Effect::OtherValue)) => ReportResult::Known,
            Some((notification, Effect::MergePending | Effect::Changed)) => {
                let (channel, status) = (feedback.channel, notification.status().as_str());
                tracing::info!(notification = %id, %channel, kind = ?feedback.kind, status, "applied feedback");
                ReportResult::New
            }
        })
    }

    /// Handles the report like the same refusal by the provider's API: raises the alarm, and pauses the channel while
    /// messages would be dropped. The pause starts at the report's own time, so a repeated old report changes nothing.
    async fn pause(&self, feedback: Feedback) {
        let host = Host::paid(feedback.channel);
        tracing::error!(
            alarm = AlarmLine::ChannelConfig.as_str(),
            channel = %feedback.channel,
            provider = host.provider,
            detail = FailureReason::AccountRefused.as_str(),
            "provider dropped a message because of the account; check quota, spend limit and sandbox"
        );
        self.breakers.rest(&host, feedback.at.saturating_add(ACCOUNT_PAUSE).unwrap_or(Timestamp::MAX)).await;
    }

    async fn suppress(
        &self,
        id: &NotificationId,
        address: Option<Address<'_>>,
        reason: SuppressionReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(address) = address else {
            tracing::warn!(notification = %id, "found no address in feedback; none was suppressed");
            return Ok(());
        };
        self.suppressions.suppress(address, reason, Some(id.recipient()), now).await
    }
}

impl FeedbackSummary {
    fn add(&mut self, results: Vec<Result<ReportResult, StoreError>>) {
        for result in results {
            *match result {
                Ok(ReportResult::New) => &mut self.new,
                Ok(ReportResult::Known) => &mut self.known,
                Ok(ReportResult::PassedOver) => &mut self.passed_over,
                Ok(ReportResult::Unknown) => &mut self.unknown,
                Ok(ReportResult::Malformed) => &mut self.malformed,
                Err(error) => {
                    log_failure(&error);
                    &mut self.failed
                }
            } += 1;
        }
    }
}

fn log_failure(error: &StoreError) {
    if error.is_transient() {
        tracing::warn!(%error, "failed to store feedback; Lambda retries the event");
    } else {
        tracing::error!(alarm = AlarmLine::StoreRefused.as_str(), %error, "DynamoDB refused to store feedback");
    }
}

fn unknown(id: Option<&NotificationId>) -> ReportResult {
    let notification = id.map(ToString::to_string);
    tracing::error!(
        alarm = AlarmLine::FeedbackUnknown.as_str(),
        notification,
        "ignored feedback about an unknown message"
    );
    ReportResult::Unknown
}

fn malformed(error: &dyn std::fmt::Display) -> ReportResult {
    tracing::error!(alarm = AlarmLine::FeedbackMalformed.as_str(), %error, "ignored malformed feedback");
    ReportResult::Malformed
}
