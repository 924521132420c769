//! Gate of the quiet hours: the recipient's own windows and those of the type's class.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::gate_inputs::GateInputs;
use domain::QuietHoursMode;
use domain::caps::CapTag;
use domain::notification::Notification;
use domain::quiet_hours::quiet_until;
use domain::recipient::{LocalZone, Recipient};

/// Period after the end of quiet hours over which the held notifications of all recipients are spread.
const RELEASE_SPREAD: SignedDuration = SignedDuration::from_mins(15);

/// Returns the inputs of the gate, for `explain`.
pub(crate) fn quiet_inputs(gates: &GateInputs<'_>, recipient: &Recipient, until: Option<Timestamp>) -> Value {
    let LocalZone { time_zone, time_zone_source, .. } = gates.local_zone(recipient);
    json!({"until": until, "time_zone": time_zone, "time_zone_source": time_zone_source})
}

/// Returns the time at which a notification is released if `at` is within quiet hours. It is up to 15 minutes after
/// they end, by the notification's id. So the notifications of all recipients are not released at the same moment.
pub(crate) fn release_time(
    gates: &GateInputs<'_>,
    notification: &Notification,
    recipient: &Recipient,
    at: Timestamp,
) -> Option<Timestamp> {
    if gates.rules.quiet_hours == QuietHoursMode::Bypass {
        return None;
    }
    let defaults = gates.settings.quiet_hours.of(gates.rules.class).iter().copied();
    let windows: Vec<_> = recipient.quiet_windows().chain(defaults).collect();
    if windows.is_empty() {
        return None;
    }
    let zone = &gates.local_zone(recipient).zone;
    let end = quiet_until(&windows, at, zone)?;
    let released = end.checked_add(spread(notification.id().cap_tag())).unwrap_or(end);
    let is_open = released < notification.lives_until() && quiet_until(&windows, released, zone).is_none();
    Some(if is_open { released } else { end })
}

/// Returns a time within [`RELEASE_SPREAD`] that is always the same for one notification.
fn spread(CapTag([a, b, c, d, _]): CapTag) -> SignedDuration {
    let spread_ms = u32::try_from(RELEASE_SPREAD.as_millis()).unwrap_or(1);
    SignedDuration::from_millis((u32::from_be_bytes([a, b, c, d]) % spread_ms).into())
}
