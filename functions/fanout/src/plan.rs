//! Predicted outcome of a person: the dry run of an attempt, with the same gates and the same composer.

use campaign::{PeopleTally, PersonOutcome, PlannedPerson};
use delivery::config::ConfigSnapshot;
use delivery::{
    Composer, DeliveryEngine, GateInputs, GateVerdict, PaidMessage, evaluate_gates, locale_of, unreachable_channels,
};
use domain::channel::Channel;
use domain::notification::{Notification, Reason};
use domain::recipient::Recipient;
use jiff::Timestamp;
use templates::CompiledTemplate;

/// Result of a dry run.
#[derive(Debug)]
pub struct PlannedSend {
    pub outcome: PersonOutcome,
    /// Cost if the first channel succeeds, and cost if only the last one does. In micro-euro.
    pub cost_micros: i64,
    pub most_cost_micros: i64,
    /// The person with the reachable channels, if the person would get a message.
    pub person: Option<PlannedPerson>,
}

impl PlannedSend {
    /// Predicts the outcome of a person at `now`. The recipient has the claims of the frequency caps.
    pub fn of(
        engine: &DeliveryEngine,
        mut notification: Notification,
        recipient: &Recipient,
        template: Option<&CompiledTemplate>,
        config: &ConfigSnapshot,
        now: Timestamp,
    ) -> Self {
        let nothing = |outcome| Self { outcome, cost_micros: 0, most_cost_micros: 0, person: None };
        if let Some(template) = template {
            notification.fix_locale(|channels| locale_of(recipient, template, channels, &config.settings));
        }
        let notification = &notification;
        let unreachable = &unreachable_channels(Some(recipient), &config.settings.sms, engine.home_country(), now);
        let gates = GateInputs::new(config, notification.type_id(), Some(recipient), unreachable);
        let gated = evaluate_gates(&gates, notification, now);
        match gated.verdict {
            GateVerdict::Pass => {}
            GateVerdict::Hold(..) => return nothing(PersonOutcome::Held),
            GateVerdict::Skip(reason) => return nothing(PersonOutcome::Skipped(reason.as_str())),
        }
        let links = engine.senders().links(config);
        let composer = Composer { notification, template, settings: &config.settings, links };
        let mut first = None;
        let mut channels = Vec::new();
        let mut refused = Reason::NoChannel;
        let mut most_cost_micros = 0;
        for channel in gates.open_channels(notification, recipient, gated.version) {
            match price(&composer, channel, recipient, engine, config) {
                Ok(price_micros) => {
                    channels.push(channel);
                    first.get_or_insert((channel, price_micros));
                    most_cost_micros = most_cost_micros.max(price_micros);
                }
                Err(reason) => refused = reason,
            }
        }
        match first {
            Some((channel, cost_micros)) => {
                let person = Some(PlannedPerson { recipient: recipient.key.clone(), channels });
                Self { outcome: PersonOutcome::Sent(channel), cost_micros, most_cost_micros, person }
            }
            None => nothing(PersonOutcome::Skipped(refused.as_str())),
        }
    }

    /// Adds the costs to a tally.
    pub const fn add_costs(&self, tally: &mut PeopleTally) {
        tally.cost_micros += self.cost_micros;
        tally.most_cost_micros += self.most_cost_micros;
    }
}

fn price(
    composer: &Composer<'_>,
    channel: Channel,
    recipient: &Recipient,
    engine: &DeliveryEngine,
    config: &ConfigSnapshot,
) -> Result<i64, Reason> {
    if channel == Channel::Push {
        return composer.fitting_push_content().map(|_| 0).map_err(|error| error.reason());
    }
    let message: PaidMessage =
        composer.paid(channel, recipient, engine.senders().paid().email_sender()).map_err(|error| error.reason())?;
    Ok(message.price_micros(&config.settings))
}
