//! Conversion between a notification and its item. An ordinary notification with one attempt stays within 1 KB.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Item, ItemReader, ItemWriter, MalformedItemError};
use domain::TypeId;
use domain::budget::Ceiling;
use domain::channel::Channel;
use domain::notification::{
    Attempt, CampaignUse, Claim, Content, Engagement, Notification, NotificationId, NotificationMessage,
    NotificationParts, NotificationRequest, Reason, Reports, Status, Urgency,
};
use domain::recipient::RecipientId;
use domain::rollout::Version;
use platform::private::Private;

/// Number of keys of the index `due` for an urgency class. A partition accepts 1,000 writes a second, and every
/// notification that waits enters and leaves the index once.
pub const DUE_SHARDS: u32 = 8;
/// Number of keys of the index `attention` for each day.
pub const ATTENTION_SHARDS: u32 = 4;
/// Prefixes of the due shards, most urgent first. `bulk` is for campaigns, so that no other notification waits for
/// them.
pub const DUE_CLASSES: [(&str, u32); 3] = [("high", DUE_SHARDS), ("normal", DUE_SHARDS), ("bulk", 2 * DUE_SHARDS)];

/// Number of attributes for which an item has room at first: more than an ordinary notification has.
const ATTRIBUTES: usize = 28;

/// Returns the keys of the index `due`, most urgent first.
pub fn due_shards() -> impl Iterator<Item = String> {
    DUE_CLASSES.into_iter().flat_map(|(class, shards)| (0..shards).map(move |shard| format!("{class}#{shard}")))
}

/// Returns the keys of the index `due` for notifications without a campaign, most urgent first.
pub fn single_due_shards() -> impl Iterator<Item = String> {
    due_shards().filter(|shard| !is_bulk_shard(shard))
}

/// Returns the keys of the index `due` for notifications of campaigns.
pub fn bulk_due_shards() -> impl Iterator<Item = String> {
    due_shards().filter(|shard| is_bulk_shard(shard))
}

/// Returns `true` if a key of the index `due` is for notifications of campaigns.
#[must_use]
pub fn is_bulk_shard(shard: &str) -> bool {
    shard.starts_with("bulk#")
}

/// Returns the keys of the index `attention` for one UTC day.
pub fn attention_shards(day: jiff::civil::Date) -> impl Iterator<Item = String> {
    (0..ATTENTION_SHARDS).map(move |shard| format!("{day}#{shard}"))
}

/// Converts a notification into its item.
#[must_use]
pub fn notification_to_item(notification: &Notification) -> Item {
    written_notification(notification).finish()
}

/// The same as [`notification_to_item`], for a direct call.
pub(super) fn written_notification(notification: &Notification) -> ItemWriter {
    let attention = notification.status().needs_attention().then_some(notification.updated_at());
    let attempts = (!notification.attempts().is_empty()).then(|| json_text(notification.attempts()));
    let over_budget: Vec<_> =
        notification.over_budget().iter().map(|(on, over)| format!("{on}:{}", over.as_str())).collect();
    let over_budget = (!over_budget.is_empty()).then(|| over_budget.join(","));
    let channels: Vec<_> = notification.channels().iter().map(|channel| channel.as_str()).collect();
    let item = ItemWriter::with_capacity(ATTRIBUTES)
        .text("pk", notification.id().recipient().as_str())
        .text("sk", notification.id().ordered())
        .text("to", notification.to().expose())
        .text("caller", notification.caller())
        .text("type", notification.type_id().as_str())
        .number_unless_zero("critical", notification.is_critical().into())
        .number_unless_zero("test", notification.is_test().into())
        .maybe_text("content", notification.message().content().map(json_text))
        .maybe_text("template", notification.message().template().map(json_text))
        .text("channels", channels.join(","))
        .text("urgency", notification.urgency().to_string())
        .maybe_text("topic", notification.topic().map(Private::expose))
        .number_unless_zero("place", notification.topic().map_or(0, |_| notification.request_index().into()))
        .maybe_text("campaign", notification.campaign().map(CampaignUse::to_text))
        .number_unless_zero("slot", notification.campaign().map_or(0, |used| used.slot.into()))
        .maybe_text("metadata", notification.metadata().map(json_text))
        .text("status", notification.status().as_str())
        .maybe_text("reason", notification.reason().map(Reason::as_str))
        .maybe_text("version", notification.version().map(Version::as_str))
        .maybe_text("channel", notification.channel().map(Channel::as_str))
        .maybe_text("in_flight", notification.in_flight().map(|claim| claim.channel.as_str()))
        .maybe_text("over_budget", over_budget)
        .maybe_text("attempts", attempts)
        .time("created_at", notification.created_at())
        .time("due_at", notification.due_at())
        .time("lives_until", notification.lives_until())
        .time("updated_at", notification.updated_at())
        .maybe_time("next_action_at", notification.next_action_at())
        .maybe_text("due_shard", notification.next_action_at().map(|_| due_shard(notification)))
        .maybe_time("attention_at", attention)
        .maybe_text("attention_shard", attention.map(|at| attention_shard(notification, at)))
        .number("revision", notification.revision())
        .number("expires_at", notification.kept_until().as_second());
    let item = match notification.in_flight() {
        Some(claim) => item.number("in_flight_micros", claim.price_micros),
        None => item,
    };
    engagement_to_item(notification.engagement(), item)
        .number_unless_zero("wasted_cost_micros", notification.wasted_cost_micros())
        .number_unless_zero("waited_ms", notification.waited_ms())
}

/// Converts an item into its notification.
///
/// # Errors
/// Names the malformed attribute.
pub fn notification_from_item(item: &Item) -> Result<Notification, MalformedItemError> {
    let item = ItemReader(item);
    let id = NotificationId::from_stored(item.text("pk")?, item.text("sk")?).ok_or(MalformedItemError("sk"))?;
    let request = NotificationRequest {
        id,
        to: RecipientId::parse(item.text("to")?).map_err(|_| MalformedItemError("to"))?,
        caller: item.text("caller")?.to_owned(),
        type_id: TypeId::parse(item.text("type")?).ok_or(MalformedItemError("type"))?,
        is_critical: item.maybe_number("critical")?.is_some(),
        is_test: item.maybe_number("test")?.is_some(),
        message: message_of(item)?,
        channels: channels_of(item.text("channels")?)?,
        urgency: urgency_of(item.text("urgency")?)?,
        topic: item.maybe_text("topic")?.map(|topic| Private::new(topic.to_owned())),
        request_index: item.maybe_number("place")?.unwrap_or(0).try_into().map_err(|_| MalformedItemError("place"))?,
        campaign: campaign_of(item)?,
        metadata: item.maybe_json("metadata")?,
        created_at: item.time("created_at")?,
        due_at: item.time("due_at")?,
        lives_until: item.time("lives_until")?,
        kept_until: item.maybe_number("expires_at")?.and_then(in_seconds).ok_or(MalformedItemError("expires_at"))?,
    };
    Ok(Notification::from_parts(NotificationParts {
        request,
        status: Status::parse(item.text("status")?).ok_or(MalformedItemError("status"))?,
        reason: named(item, "reason", Reason::parse)?,
        version: named(item, "version", Version::parse)?,
        in_flight: claim_of(item)?,
        over_budget: over_budget_of(item)?,
        attempts: item.maybe_json::<Vec<Attempt>>("attempts")?.unwrap_or_default(),
        updated_at: item.time("updated_at")?,
        next_action_at: item.maybe_time("next_action_at")?,
        waited_ms: item.maybe_number("waited_ms")?.unwrap_or(0),
        engagement: engagement_from_item(item)?,
        revision: item
            .maybe_number("revision")?
            .and_then(|n| n.try_into().ok())
            .ok_or(MalformedItemError("revision"))?,
    }))
}

fn message_of(item: ItemReader<'_>) -> Result<NotificationMessage, MalformedItemError> {
    let content = item.maybe_json::<Content>("content")?.map(NotificationMessage::Content);
    let template = item.maybe_json("template")?.map(NotificationMessage::Template);
    content.or(template).ok_or(MalformedItemError("content"))
}

fn campaign_of(item: ItemReader<'_>) -> Result<Option<CampaignUse>, MalformedItemError> {
    let slot = item.maybe_number("slot")?.unwrap_or(0).try_into().map_err(|_| MalformedItemError("slot"))?;
    Ok(item.maybe_text("campaign")?.map(|text| CampaignUse { slot, ..CampaignUse::from_text(text) }))
}

fn due_shard(notification: &Notification) -> String {
    let (class, shards) = if notification.campaign().is_some() {
        DUE_CLASSES[2]
    } else if notification.is_critical() || notification.urgency() == Urgency::High {
        DUE_CLASSES[0]
    } else {
        DUE_CLASSES[1]
    };
    format!("{class}#{}", spread(notification, shards))
}

fn attention_shard(notification: &Notification, at: Timestamp) -> String {
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{day}#{}", spread(notification, ATTENTION_SHARDS))
}

/// Returns a shard from the random end of the id, so that notifications are spread evenly.
fn spread(notification: &Notification, shards: u32) -> u32 {
    let tail = notification.id().ordered().bytes().rev().take(4);
    tail.fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % shards
}

fn engagement_to_item(engagement: &Engagement, item: ItemWriter) -> ItemWriter {
    let delivered = engagement.delivered();
    // Reports that follow from the two attributes are not stored again.
    let plain = Reports::of_the_person(delivered);
    item.maybe_time("delivered_at", delivered.map(|(at, _)| at))
        .maybe_text("delivered_on", delivered.map(|(_, channel)| channel.as_str()))
        .maybe_text("reports", (engagement.reports != plain).then(|| json_text(&engagement.reports)))
        .maybe_time("opened_at", engagement.opened_at)
        .maybe_time("clicked_at", engagement.clicked_at)
        .maybe_time("dismissed_at", engagement.dismissed_at)
        .maybe_time("converted_at", engagement.converted_at)
        .maybe_number("conversion_value_micros", engagement.conversion_value_micros)
        .number_unless_zero("noted", engagement.noted.into())
}

fn engagement_from_item(item: ItemReader<'_>) -> Result<Engagement, MalformedItemError> {
    Ok(Engagement {
        reports: match item.maybe_json("reports")? {
            Some(reports) => reports,
            None => Reports::of_the_person(seen(item)?),
        },
        opened_at: item.maybe_time("opened_at")?,
        clicked_at: item.maybe_time("clicked_at")?,
        dismissed_at: item.maybe_time("dismissed_at")?,
        converted_at: item.maybe_time("converted_at")?,
        conversion_value_micros: item.maybe_number("conversion_value_micros")?,
        noted: item.maybe_number("noted")?.unwrap_or(0).try_into().map_err(|_| MalformedItemError("noted"))?,
    })
}

fn seen(item: ItemReader<'_>) -> Result<Option<(Timestamp, Channel)>, MalformedItemError> {
    Ok(item.maybe_time("delivered_at")?.zip(named(item, "delivered_on", Channel::parse)?))
}

fn json_text(value: &(impl serde::Serialize + ?Sized)) -> String {
    // Only maps with keys that are not texts can fail here, and no type has one.
    serde_json::to_string(value).unwrap_or_default()
}

fn channels_of(list: &str) -> Result<Vec<Channel>, MalformedItemError> {
    list.split(',').map(|name| Channel::parse(name).ok_or(MalformedItemError("channels"))).collect()
}

fn claim_of(item: ItemReader<'_>) -> Result<Option<Claim>, MalformedItemError> {
    let price_micros = item.maybe_number("in_flight_micros")?.unwrap_or(0);
    Ok(named(item, "in_flight", Channel::parse)?.map(|channel| Claim { channel, price_micros }))
}

/// Parses a list such as `sms:day,email:month`.
fn over_budget_of(item: ItemReader<'_>) -> Result<BTreeMap<Channel, Ceiling>, MalformedItemError> {
    let pair =
        |pair: &str| pair.split_once(':').and_then(|(on, over)| Some((Channel::parse(on)?, Ceiling::parse(over)?)));
    let list = item.maybe_text("over_budget")?.into_iter().flat_map(|list| list.split(','));
    list.map(|text| pair(text).ok_or(MalformedItemError("over_budget"))).collect()
}

fn in_seconds(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

fn urgency_of(name: &str) -> Result<Urgency, MalformedItemError> {
    let all = [Urgency::VeryLow, Urgency::Low, Urgency::Normal, Urgency::High];
    all.into_iter().find(|urgency| urgency.to_string() == name).ok_or(MalformedItemError("urgency"))
}

fn named<T>(
    item: ItemReader<'_>,
    name: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, MalformedItemError> {
    item.maybe_text(name)?.map(|text| parse(text).ok_or(MalformedItemError(name))).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::NotificationTypes;
    use domain::channel::{Answer, Outcome};
    use domain::notification::sample;

    fn bytes(item: &Item) -> usize {
        let value = |attribute: &aws_sdk_dynamodb::types::AttributeValue| match attribute {
            // DynamoDB counts about one byte for two digits, plus one byte.
            aws_sdk_dynamodb::types::AttributeValue::N(digits) => digits.len() / 2 + 2,
            other => other.as_s().unwrap().len(),
        };
        item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
    }

    fn accepted() -> Notification {
        let at = Timestamp::from_millisecond(1_764_000_000_123).unwrap();
        let mut notification = sample("CERTIFICATE_EXPIRING", at);
        notification.parts_mut().version = Some(Version::V2);
        let provider = "updates.push.services.mozilla.com".to_owned();
        let answer =
            Answer { outcome: Outcome::Accepted, provider, status_code: Some(201), latency_ms: 143, detail: None };
        notification.record(Attempt::of(Channel::Push, Some("0".repeat(26)), answer, at, 0));
        notification.finish(Status::Accepted, None, at);
        notification
    }

    #[test]
    fn an_item_is_converted_back_to_the_same_notification() {
        let mut notification = accepted();
        assert_eq!(notification_from_item(&notification_to_item(&notification)).unwrap(), notification);
        notification.parts_mut().request.type_id = TypeId::parse("REMOVED").unwrap();
        notification.parts_mut().request.is_critical = true;
        notification.parts_mut().request.is_test = true;
        notification.parts_mut().in_flight = Some(Claim { channel: Channel::Sms, price_micros: 80_000 });
        notification.parts_mut().over_budget =
            BTreeMap::from([(Channel::Email, Ceiling::Month), (Channel::Sms, Ceiling::SmsDay)]);
        notification.parts_mut().request.topic = Some(Private::new("orders".to_owned()));
        notification.parts_mut().request.request_index = 499;
        notification.parts_mut().request.metadata = serde_json::from_str(r#"{"order": 7}"#).unwrap();
        notification.hold(Reason::QuietHours, notification.lives_until(), notification.created_at());
        assert_eq!(notification_from_item(&notification_to_item(&notification)).unwrap(), notification);
    }

    #[test]
    fn an_ordinary_notification_stays_within_1_kb_so_each_write_is_one_unit() {
        let notification = accepted();
        assert!(
            notification.message().content().unwrap().json_bytes() >= 380,
            "the sample's content is about 400 bytes"
        );
        let size = bytes(&notification_to_item(&notification));
        assert!(size <= 1_024, "{size} bytes");
        let mut clicked = notification;
        let (opened_at, clicked_at) = (Some(clicked.created_at()), Some(clicked.created_at()));
        let reports = Reports::of_the_person(Some((clicked.created_at(), Channel::Push)));
        clicked.parts_mut().engagement = Engagement { reports, opened_at, clicked_at, ..Engagement::default() };
        clicked.recompute_status(&NotificationTypes::default().rules_of(clicked.type_id()), clicked.created_at());
        assert_eq!(clicked.status(), Status::Delivered);
        let size = bytes(&notification_to_item(&clicked));
        assert!(size <= 1_024, "{size} bytes once it was clicked");
    }

    #[test]
    fn only_open_work_is_in_the_index_due_and_only_failures_in_attention() {
        let mut notification = accepted();
        let has = |notification: &Notification, name: &str| notification_to_item(notification).contains_key(name);
        assert!(!has(&notification, "due_shard") && !has(&notification, "attention_shard"));
        notification.wait(notification.lives_until(), notification.created_at());
        assert!(has(&notification, "due_shard") && has(&notification, "next_action_at"));
        notification.finish(Status::Failed, Some(Reason::Gone), notification.created_at());
        assert!(!has(&notification, "due_shard") && has(&notification, "attention_shard"));
    }

    #[test]
    fn later_attempts_of_a_campaign_are_in_shards_of_their_own() {
        let mut single = sample("DEFAULT", Timestamp::UNIX_EPOCH);
        single.wait(single.lives_until(), single.created_at());
        let mut of_campaign = single.clone();
        let used = CampaignUse { id: "c".to_owned(), variant: String::new(), slot: 0 };
        of_campaign.parts_mut().request.campaign = Some(used);
        assert!(due_shard(&single).starts_with("normal#") && due_shard(&of_campaign).starts_with("bulk#"));
    }

    #[test]
    fn the_slot_of_a_campaign_reads_back() {
        for slot in [0, 3] {
            let mut of_campaign = accepted();
            let used = CampaignUse { id: "c".to_owned(), variant: "b".to_owned(), slot };
            of_campaign.parts_mut().request.campaign = Some(used);
            let item = notification_to_item(&of_campaign);
            assert_eq!(
                (notification_from_item(&item).as_ref(), item.contains_key("slot")),
                (Ok(&of_campaign), slot > 0)
            );
        }
    }

    #[test]
    fn the_error_of_a_damaged_item_names_the_attribute() {
        let mut item = notification_to_item(&accepted());
        item.remove("content");
        assert_eq!(notification_from_item(&item), Err(MalformedItemError("content")));
    }
}
