//! Dry run of a send: the same parsing, gates and composition, and no write.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::request::{SendContext, SendRequest};
use super::service::SendService;
use super::template_request::LoadedTemplates;
use delivery::config::ConfigSnapshot;
use delivery::{
    Composer, GateAnswer, GateInputs, GateVerdict, TokenKeys, UnreachableReason, explain_gates, locale_of,
    preview_paid, preview_push, unreachable_channels, unreachable_reason,
};
use domain::breaker::Host;
use domain::budget::{BudgetUsage, Ceiling, Limit, SpentAmounts, budget_usage};
use domain::channel::Channel;
use domain::notification::{Notification, NotificationId, Reason};
use domain::recipient::{Device, Recipient};
use domain::rollout::Version;
use platform::http::Request;
use platform::private::Private;
use platform::problem::Problem;

/// The response of `POST /v1/notifications/explain`.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Version that the notification would be assigned.
    version: Version,
    /// `send`, `skipped` or `held`.
    verdict: &'static str,
    /// Reason code of `skipped` or `held`.
    reason: Option<&'static str>,
    /// End of the hold.
    held_until: Option<jiff::Timestamp>,
    /// Every gate in order, with the values that it checked.
    gates: Vec<GateAnswer>,
    /// Every channel in the order of escalation.
    plan: Vec<PlannedChannel>,
    /// Cost of the first channel that is possible and within budget, and the sum over all such channels.
    cost_estimate_micros: CostEstimate,
    /// The budgets that apply, with their present usage.
    budgets: Vec<BudgetUsage>,
}

#[derive(Debug, Serialize)]
struct PlannedChannel {
    channel: Channel,
    /// True if this channel can reach the recipient.
    possible: bool,
    /// Reason, if the channel cannot reach the recipient.
    impossible_because: Option<UnreachableReason>,
    /// The choice that refuses this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_by: Option<Value>,
    /// Reason code for which no message can be composed for the channel.
    not_composable: Option<&'static str>,
    cost_micros: i64,
    /// The ceiling that would be exceeded at the present usage.
    over_budget: Option<Ceiling>,
    /// State of the circuit breaker of each host that would be called.
    breakers: Vec<ShownBreaker>,
    /// The devices at rest (their push service sent `Retry-After`), with the end of the rest.
    resting_devices: Vec<RestingDevice>,
    /// The message as it would be sent; absent if it cannot be composed or the channel is not possible.
    rendered: Option<Private<Value>>,
}

#[derive(Debug, Serialize)]
struct ShownBreaker {
    /// The push service's host, `ses` or `sns`.
    provider: String,
    /// `closed`, `open` or `half_open`.
    state: &'static str,
    /// End of the period in which this host is not called.
    until: Option<jiff::Timestamp>,
}

#[derive(Debug, Serialize)]
struct RestingDevice {
    device_id: String,
    until: jiff::Timestamp,
}

#[derive(Debug, Serialize)]
struct CostEstimate {
    first: i64,
    at_most: i64,
}

impl Explanation {
    /// Explains the request.
    ///
    /// # Errors
    /// The problems that a send would return.
    pub async fn of(service: &SendService, request: &Request) -> Result<Self, Problem> {
        let (engine, stores) = (&service.engine, service.engine.stores());
        let now = engine.clock().now();
        let parsed: SendRequest = request.json()?;
        let config = service.config_for([&parsed]).await;
        // The preview has links of the real form. Their tokens are signed with a dummy key and grant nothing.
        let keys = TokenKeys::dummy();
        let links = config.links(&keys);
        let version = parsed.template_version(&config).ok().flatten();
        let templates = &LoadedTemplates::of(version.iter().cloned(), engine.templates()).await;
        let template = version.and_then(|version| templates.get(&version).ok()?);
        let context = SendContext {
            caller: &request.caller.id,
            hasher: &service.hasher,
            index: 0,
            now,
            config: &config,
            templates,
            links,
            test_of: None,
        };
        let mut about = parsed.into_notification(context, |recipient| NotificationId::random(recipient, now))?;
        let recipient = about.id().recipient();
        let (loaded, used, texts) = tokio::try_join!(
            stores.recipients().load_with_caps(recipient),
            stores.budgets().used(now),
            stores.recipients().sms_on_day(recipient, now),
        )?;
        let spent = Spent { used, texts };
        let unreachable =
            unreachable_channels(loaded.as_ref(), &config.settings.sms, engine.home_country(), about.due_at());
        let hosts: BTreeSet<_> = about.channels().iter().flat_map(|one| hosts_of(*one, loaded.as_ref())).collect();
        engine.senders().breakers().read(&hosts.into_iter().collect::<Vec<_>>()).await;
        let gates = GateInputs::new(&config, about.type_id(), loaded.as_ref(), &unreachable);
        let (gated, gate_answers) = explain_gates(&gates, &about, about.due_at());
        about.assign_version(gated.version);
        let open = loaded.as_ref().map(|to| gates.open_channels(&about, to, gated.version)).unwrap_or_default();
        if let Some((to, template)) = loaded.as_ref().zip(template) {
            about.fix_locale(|channels| locale_of(to, template, channels, &config.settings));
        }
        let template = template.map(|template| &**template);
        let composer = &Composer { notification: &about, template, settings: &config.settings, links };
        let planned = |channel: &Channel| service.planned(*channel, &open, composer, loaded.as_ref(), &config, &spent);
        let plan: Vec<_> = about.channels().iter().map(planned).collect();
        let payable = |planned: &&PlannedChannel| {
            planned.possible && planned.not_composable.is_none() && planned.over_budget.is_none()
        };
        let costs = || plan.iter().filter(payable).map(|planned| planned.cost_micros);
        let (verdict, reason, held_until) = match gated.verdict {
            GateVerdict::Pass if costs().next().is_none() && about.due_at() <= now => {
                ("skipped", Some(reason_without_channel(&plan)), None)
            }
            GateVerdict::Pass => ("send", None, None),
            GateVerdict::Skip(reason) => ("skipped", Some(reason.as_str()), None),
            GateVerdict::Hold(reason, until) => ("held", Some(reason.as_str()), Some(until)),
        };
        let cost_estimate_micros = CostEstimate { first: costs().next().unwrap_or(0), at_most: costs().sum() };
        let budgets = budget_usage(&config.settings, [about.type_id()], &spent.used, now);
        let (version, gates) = (gated.version, gate_answers);
        Ok(Self { version, verdict, reason, held_until, gates, plan, cost_estimate_micros, budgets })
    }
}

/// Returns the reason with which a send ends if no channel of the plan is left. As in the escalation, a budget comes
/// first. Otherwise it is the reason of the last channel for which no message can be composed.
fn reason_without_channel(plan: &[PlannedChannel]) -> &'static str {
    let possible = || plan.iter().rev().filter(|planned| planned.possible);
    let is_over_budget = possible().any(|planned| planned.over_budget.is_some());
    let reason = possible().find_map(|planned| planned.not_composable).filter(|_| !is_over_budget);
    reason.unwrap_or(Reason::Budget.as_str())
}

/// Money and messages already used.
struct Spent {
    used: SpentAmounts,
    /// SMS sent to the recipient today.
    texts: i64,
}

impl Spent {
    /// Returns the first ceiling that a call at this price would exceed.
    fn forbids(
        &self,
        channel: Channel,
        price_micros: i64,
        about: &Notification,
        config: &ConfigSnapshot,
    ) -> Option<Ceiling> {
        let used = |ceiling| match ceiling {
            Ceiling::SmsRecipient => self.texts,
            other => self.used.of(other, about.type_id()).unwrap_or(0),
        };
        let limits = Limit::all_for(channel, about.type_id(), &config.settings);
        limits.into_iter().find(|limit| limit.forbids(price_micros, used(limit.ceiling))).map(|limit| limit.ceiling)
    }
}

impl SendService {
    fn planned(
        &self,
        channel: Channel,
        open: &[Channel],
        composer: &Composer<'_>,
        to: Option<&Recipient>,
        config: &ConfigSnapshot,
        spent: &Spent,
    ) -> PlannedChannel {
        let about = composer.notification;
        let possible = open.contains(&channel);
        let version = about.version().unwrap_or(Version::V2);
        let settings = &config.settings;
        let rules = settings.types.rules_of(about.type_id());
        let refusal = to.and_then(|to| to.preferences.choices.refusal_of_channel(channel, about.type_id(), &rules));
        let home_country = self.engine.home_country();
        let due_at = about.due_at();
        let unreachable =
            unreachable_reason(channel, to, version, refusal.as_ref(), &settings.sms, home_country, due_at);
        let sender = self.engine.senders().paid().email_sender();
        let message = to.filter(|_| channel.is_paid()).map(|to| composer.paid(channel, to, sender));
        let paid_error = message.as_ref().and_then(|message| message.as_ref().err()).cloned();
        let push_error = || (channel == Channel::Push).then(|| composer.push().err()).flatten();
        let not_composable = paid_error.or_else(push_error).map(|error| error.reason().as_str());
        let message = message.and_then(Result::ok);
        let cost_micros = message.as_ref().map_or(0, |message| message.price_micros(&config.settings));
        let rendered = match &message {
            Some(message) => Some(preview_paid(message)),
            None if channel == Channel::Push => preview_push(composer),
            None => None,
        };
        let breakers = hosts_of(channel, to).map(|host| self.shown(host)).collect();
        let resting = |device: &Device| {
            let until = device.resting_until(about.created_at())?;
            Some(RestingDevice { device_id: device.device_id.clone(), until })
        };
        let devices = to.filter(|_| channel == Channel::Push).map_or(&[][..], |to| &to.devices);
        PlannedChannel {
            channel,
            possible,
            impossible_because: unreachable.filter(|_| !possible),
            refused_by: refusal.map(|choice| json!(choice)),
            not_composable: not_composable.filter(|_| possible),
            cost_micros,
            over_budget: message.as_ref().and_then(|_| spent.forbids(channel, cost_micros, about, config)),
            breakers,
            resting_devices: devices.iter().filter_map(resting).collect(),
            rendered: rendered.filter(|_| possible).map(Private::new),
        }
    }

    fn shown(&self, host: Host) -> ShownBreaker {
        let known = self.engine.senders().breakers().known(&host);
        ShownBreaker {
            state: known.phase.as_str(),
            until: self.engine.senders().breakers().open_until(&host),
            provider: host.provider,
        }
    }
}

/// Returns the hosts that would be called on a channel, without duplicates.
fn hosts_of(channel: Channel, to: Option<&Recipient>) -> impl Iterator<Item = Host> {
    let devices = to.map(|to| to.devices.as_slice()).unwrap_or_default();
    let hosts: BTreeSet<_> = match channel {
        Channel::Push => devices.iter().map(|device| Host::push(device.host())).collect(),
        paid => BTreeSet::from([Host::paid(paid)]),
    };
    hosts.into_iter()
}
