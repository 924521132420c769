//! Conversion between the items of the recipients table and the domain's types.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::control_key;
use crate::{Item, ItemReader, ItemWriter, MalformedItemError, ReadItem, ReadValue};
use domain::caps::CapUsage;
use domain::channel::{Channel, EmailAddress, PhoneNumber};
use domain::recipient::{
    Choice, ChoiceAuthor, ChoiceScope, Choices, Device, Preferences, Profile, Recipient, RecipientId, RecipientKey,
};
use platform::private::Private;

/// Sort key of a profile.
pub(super) const PROFILE: &str = "profile";
/// Attribute of a profile: the channels on which its address is suppressed.
pub(super) const SUPPRESSED: &str = "suppressed";
/// Attribute of a profile: a map of its devices by their ids. Every profile has it, because an update of an entry
/// requires the map.
pub(super) const DEVICES: &str = "devices";
/// Attribute of a profile: the time of the last opened or clicked message.
pub(super) const LAST_ENGAGED_AT: &str = "last_engaged_at";
/// Attribute of a device: the end of its device rest.
pub(super) const RESTS_UNTIL: &str = "rests_until";
/// Attribute of a profile: a map of the choices about types and channels. Every profile has it, because an update of an
/// entry requires the map.
pub(super) const CHOICES: &str = "choices";
/// Attribute of a profile: a map of the recipient's wishes under the refusals of a caller.
const COVERED: &str = "covered_choices";
const QUIET_HOURS: &str = "quiet_hours";
/// First part of a stored choice.
const WANTED: &str = "y";
const REFUSED: &str = "n";

/// Returns the key of an endpoint's owner item in the control table. A device's id is the endpoint's keyed hash.
pub(super) fn owner_key(device_id: &str) -> Item {
    control_key(&format!("endpoint#{device_id}"))
}

/// Converts a profile with its devices into a recipient.
pub(super) fn recipient(key: &RecipientKey, item: &impl ReadItem) -> Result<Recipient, MalformedItemError> {
    let reader = ItemReader(item);
    Ok(Recipient {
        id: RecipientId::parse(reader.text("id")?).map_err(|_| MalformedItemError("id"))?,
        key: key.clone(),
        // An email address that is invalid by the present rule counts as absent. The other channels remain.
        email: reader.maybe_text("email")?.and_then(|email| EmailAddress::parse(email).ok()),
        phone: reader
            .maybe_text("phone")?
            .map(PhoneNumber::parse)
            .transpose()
            .map_err(|_| MalformedItemError("phone"))?,
        locale: reader.maybe_text("locale")?.map(str::to_owned),
        time_zone: reader.maybe_text("time_zone")?.map(str::to_owned),
        attributes: Private::new(reader.maybe_json("attributes")?.unwrap_or_default()),
        preferences: Preferences { choices: choices(item)?, quiet_hours: reader.maybe_json(QUIET_HOURS)? },
        suppressed: suppressed(item)?,
        devices: devices(item)?,
        created_at: reader.time("created_at")?,
        updated_at: reader.time("updated_at")?,
        last_engaged_at: reader.maybe_time(LAST_ENGAGED_AT)?,
        revision: revision(item)?,
        caps: CapUsage::default(),
    })
}

/// Returns the channels on which a profile's address is suppressed.
fn suppressed(item: &impl ReadItem) -> Result<BTreeSet<Channel>, MalformedItemError> {
    names(item, SUPPRESSED)?
        .into_iter()
        .map(|name| Channel::parse(name).ok_or(MalformedItemError(SUPPRESSED)))
        .collect()
}

/// Returns the choices of a profile.
fn choices(item: &impl ReadItem) -> Result<Choices, MalformedItemError> {
    let mut choices: Choices = choice_entries(item, CHOICES)?.into_iter().collect();
    for (scope, wish) in choice_entries(item, COVERED)? {
        // An unsubscription writes an entry of the first map alone, and ends the wish.
        if !choices.wants(&scope) {
            choices.add_wish(scope, wish);
        }
    }
    Ok(choices)
}

fn choice_entries<I: ReadItem>(
    item: &I,
    attribute: &'static str,
) -> Result<Vec<(ChoiceScope, Choice)>, MalformedItemError> {
    let Some(map) = item.value(attribute) else { return Ok(Vec::new()) };
    let map = map.as_item().ok_or(MalformedItemError(attribute))?;
    let entry = |(key, value): (&str, &I::Value)| Some((ChoiceScope::parse(key)?, choice(value.as_text()?)?));
    map.entries().map(|one| entry(one).ok_or(MalformedItemError(attribute))).collect()
}

/// Parses a choice that [`choice_value`] wrote.
fn choice(text: &str) -> Option<Choice> {
    let (wants, rest) = text.split_once(':')?;
    let (by, at) = rest.split_once(':')?;
    let wants = match wants {
        WANTED => true,
        REFUSED => false,
        _ => return None,
    };
    Some(Choice { wants, by: ChoiceAuthor::parse(by)?, at: Timestamp::from_millisecond(at.parse().ok()?).ok()? })
}

/// Returns the beginning of a stored choice, without its time.
pub(super) fn choice_prefix(wants: bool, by: ChoiceAuthor) -> String {
    format!("{}:{}:", if wants { WANTED } else { REFUSED }, by.as_str())
}

/// Returns the stored form of a choice, such as `n:link:1798113600000`.
pub(super) fn choice_value(choice: Choice) -> AttributeValue {
    AttributeValue::S(format!("{}{}", choice_prefix(choice.wants, choice.by), choice.at.as_millisecond()))
}

/// Returns the attributes of the preferences.
fn preference_fields(preferences: &Preferences) -> Vec<(&'static str, Option<AttributeValue>)> {
    let entry = |(scope, choice): (&ChoiceScope, &Choice)| (scope.key(), choice_value(*choice));
    let covered: HashMap<_, _> = preferences.choices.covered().map(entry).collect();
    vec![
        (CHOICES, Some(AttributeValue::M(preferences.choices.iter().map(entry).collect()))),
        (COVERED, (!covered.is_empty()).then_some(AttributeValue::M(covered))),
        (QUIET_HOURS, preferences.quiet_hours.as_ref().and_then(json)),
    ]
}

/// Returns the texts of an optional set.
fn names<'a>(item: &'a impl ReadItem, attribute: &'static str) -> Result<Vec<&'a str>, MalformedItemError> {
    item.value(attribute).map_or(Some(Vec::new()), ReadValue::as_texts).ok_or(MalformedItemError(attribute))
}

/// Returns the revision of a profile: the number of its writes.
pub(super) fn revision(item: &impl ReadItem) -> Result<u64, MalformedItemError> {
    let number = ItemReader(item).maybe_number("revision")?.and_then(|number| u64::try_from(number).ok());
    number.ok_or(MalformedItemError("revision"))
}

/// Returns the devices of a profile, newest first.
pub(super) fn devices<I: ReadItem>(item: &I) -> Result<Vec<Device>, MalformedItemError> {
    let Some(map) = item.value(DEVICES) else { return Ok(Vec::new()) };
    let map = map.as_item().ok_or(MalformedItemError(DEVICES))?;
    let entry = |(id, entry): (&str, &I::Value)| device(id, entry.as_item().ok_or(MalformedItemError(DEVICES))?);
    let mut devices: Vec<Device> = map.entries().map(entry).collect::<Result<_, _>>()?;
    devices.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.device_id.cmp(&b.device_id)));
    Ok(devices)
}

/// Converts an entry of the map of devices.
fn device(device_id: &str, item: &impl ReadItem) -> Result<Device, MalformedItemError> {
    let reader = ItemReader(item);
    let private = |name| reader.text(name).map(|text| Private::new(text.to_owned()));
    Ok(Device {
        device_id: device_id.to_owned(),
        endpoint: private("endpoint")?,
        p256dh: private("p256dh")?,
        auth: private("auth")?,
        created_at: reader.time("created_at")?,
        last_used_at: reader.time("last_used_at")?,
        expires_at: reader.maybe_time("subscription_expires_at")?,
        rests_until: reader.maybe_time(RESTS_UNTIL)?,
    })
}

/// Converts a device into an entry of the map of devices.
pub(super) fn device_value(device: &Device) -> AttributeValue {
    let entry = ItemWriter::default()
        .text("endpoint", device.endpoint.expose())
        .text("p256dh", device.p256dh.expose())
        .text("auth", device.auth.expose())
        .time("created_at", device.created_at)
        .time("last_used_at", device.last_used_at)
        .maybe_time("subscription_expires_at", device.expires_at);
    AttributeValue::M(entry.finish())
}

/// Returns the owner item of an endpoint.
pub(super) fn owner_item(key: &RecipientKey, device_id: &str) -> Item {
    let mut item = owner_key(device_id);
    item.extend(ItemWriter::default().text("recipient", key.as_str()).finish());
    item
}

/// Returns the profile of a recipient that has only a device.
pub(super) fn bare_profile_item(id: &RecipientId, key: &RecipientKey, device: &Device) -> Item {
    let mut item = ItemWriter::default()
        .text("pk", key.as_str())
        .text("sk", PROFILE)
        .text("id", id.expose())
        .time("created_at", device.created_at)
        .time("updated_at", device.created_at)
        .number("revision", 1)
        .finish();
    item.insert(CHOICES.to_owned(), AttributeValue::M(Item::new()));
    item.insert(DEVICES.to_owned(), AttributeValue::M(Item::from([(device.device_id.clone(), device_value(device))])));
    item
}

/// Update expression with its names and values.
pub(super) struct Update {
    pub expression: String,
    pub names: HashMap<String, String>,
    pub values: Item,
}

/// Builds an update that sets the fields with a value and removes those without, in addition to `set`. Names are
/// placeholders, because words such as `auth` and `attributes` are reserved.
fn update(mut set: Vec<String>, mut values: Item, fields: Vec<(&str, Option<AttributeValue>)>) -> Update {
    let mut names = HashMap::new();
    let mut removed = Vec::new();
    for (name, value) in fields {
        names.insert(format!("#{name}"), name.to_owned());
        match value {
            Some(value) => {
                set.push(format!("#{name} = :{name}"));
                values.insert(format!(":{name}"), value);
            }
            None => removed.push(format!("#{name}")),
        }
    }
    let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
    Update { expression: format!("SET {}{remove}", set.join(", ")), names, values }
}

/// Returns the update that replaces all fields of a profile, keeps the creation time, and increments the revision.
pub(super) fn profile_update(
    id: &RecipientId,
    profile: &Profile,
    suppressed: &BTreeSet<Channel>,
    now: Timestamp,
) -> Update {
    let counted = "revision = if_not_exists(revision, :zero) + :one";
    let kept = "#devices = if_not_exists(#devices, :no_devices)";
    let set = ["id = :id", "updated_at = :now", "created_at = if_not_exists(created_at, :now)", counted, kept];
    let values = ItemWriter::default().text(":id", id.expose()).time(":now", now).number(":zero", 0).number(":one", 1);
    let mut values = values.finish();
    values.insert(":no_devices".to_owned(), AttributeValue::M(Item::new()));
    let text = |value: Option<&str>| value.map(|value| AttributeValue::S(value.to_owned()));
    let attributes = Some(profile.attributes.expose()).filter(|attributes| !attributes.is_empty());
    let mut fields = vec![
        ("email", text(profile.email.as_ref().map(EmailAddress::as_str))),
        ("phone", text(profile.phone.as_ref().map(PhoneNumber::as_str))),
        ("locale", text(profile.locale.as_deref())),
        ("time_zone", text(profile.time_zone.as_deref())),
        ("attributes", attributes.and_then(json)),
        (
            SUPPRESSED,
            (!suppressed.is_empty()).then(|| AttributeValue::Ss(suppressed.iter().map(ToString::to_string).collect())),
        ),
    ];
    fields.extend(preference_fields(&profile.preferences));
    let mut update = update(set.map(str::to_owned).to_vec(), values, fields);
    update.names.insert("#devices".to_owned(), DEVICES.to_owned());
    update
}

/// Returns the update that replaces the preferences of a profile and increments the revision.
pub(super) fn preferences_update(preferences: &Preferences, now: Timestamp) -> Update {
    let set = ["updated_at = :now", "revision = revision + :one"].map(str::to_owned).to_vec();
    let values = ItemWriter::default().time(":now", now).number(":one", 1).finish();
    update(set, values, preference_fields(preferences))
}

/// Returns the fields of a known device that a repeated registration stores; a field without a value is removed.
pub(super) fn refreshed_fields(device: &Device) -> [(&'static str, Option<AttributeValue>); 4] {
    let text = |value: &str| Some(AttributeValue::S(value.to_owned()));
    let time = |at: Timestamp| AttributeValue::N(at.as_millisecond().to_string());
    [
        ("last_used_at", Some(time(device.last_used_at))),
        ("p256dh", text(device.p256dh.expose())),
        ("auth", text(device.auth.expose())),
        ("subscription_expires_at", device.expires_at.map(time)),
    ]
}

fn json(value: &impl serde::Serialize) -> Option<AttributeValue> {
    serde_json::to_string(value).ok().map(AttributeValue::S)
}
