//! Pinning: what a plan and a launch fix, so that nothing of it changes while the campaign runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CampaignsApi;
use campaign::{
    AudienceKind, CampaignDefinition, CampaignId, CampaignMessage, EarlierAssignment, Launch, LaunchedMessage,
    MAX_TASKS, Selection, Timing, Variant, hash_of,
};
use delivery::config::ConfigSnapshot;
use delivery::{LinkLimits, channels_with_text, push_content_fault};
use domain::NotificationType;
use domain::channel::Channel;
use domain::notification::{Content, NotificationMessage, TemplateUse};
use platform::problem::{FieldError, Problem};
use platform::random;
use segments::{CampaignLaunches, Filter, filters_of, resolve};
use serde_json::Map;
use store::{CatalogRow, PEOPLE_PER_PART, StoredCampaign};

/// Number of people that a task should have.
const PEOPLE_PER_TASK: u64 = 250;
/// Number of tasks of a campaign with steps, so that a step of 1 % is possible.
const TASKS_FOR_STEPS: u32 = 100;
/// Maximum size of the filters of a campaign with all segments that they name, as JSON. A row contains them several
/// times.
const MAX_FILTER_BYTES: usize = 60_000;
/// Number of profiles up to which a table is counted whole.
const COUNTED_WHOLE: i32 = 1_000;
/// Scan segments of the sample of a larger table, and how many of them are read.
const SAMPLE_SEGMENTS: i32 = 4_096;
const SAMPLED: usize = 8;

/// Everything that decides the recipients and their messages, with its hash.
#[derive(Debug, Clone)]
pub struct Pinned {
    pub definition: CampaignDefinition,
    pub launch: Launch,
    pub hash: String,
}

/// Filters without references, and the campaigns that they name.
struct PinnedFilters {
    filter: Option<Value>,
    exclude: Option<Value>,
    earlier: CampaignLaunches,
}

impl CampaignsApi {
    /// Pins a campaign as it is now. The number of tasks is 0 yet.
    ///
    /// # Errors
    /// 422 if something that the definition names does not exist or cannot be used.
    pub(super) async fn pinned(
        &self,
        stored: &StoredCampaign,
        by: &str,
        config: &ConfigSnapshot,
        now: Timestamp,
    ) -> Result<Pinned, Problem> {
        let definition = stored.campaign.parsed()?;
        let kind = kind_of(&definition, config)?;
        let PinnedFilters { filter, exclude, earlier } = self.filters(&definition).await?;
        let messages = Box::pin(self.messages(&definition, kind, config)).await?;
        let (retried_launch, earlier_assignment) = self.retried_campaign(&definition, now).await?.unzip();
        let begins_at = match definition.timing {
            Timing::At(at) => at.max(now),
            Timing::Now | Timing::AtLocal(_) => now,
        };
        let after_test = definition.test.and_then(|test| begins_at.checked_add(test.duration).ok());
        let slots = std::iter::once(begins_at).chain(after_test).collect();
        let launch = Launch {
            at: now,
            by: by.to_owned(),
            filter,
            exclude,
            earlier,
            messages,
            slots,
            retried_launch,
            earlier_assignment,
            ..Launch::default()
        };
        let rules = json!(kind.view());
        let hash = hash_of(&stored.id, &stored.campaign.definition, &launch, &rules);
        Ok(Pinned { definition, launch, hash })
    }

    /// Checks a definition against what exists, without a plan.
    ///
    /// # Errors
    /// 422 with the field that is wrong.
    pub(super) async fn check_definition(
        &self,
        id: &CampaignId,
        definition: &Map<String, Value>,
        config: &ConfigSnapshot,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let campaign = campaign::Campaign::draft(definition.clone(), String::new());
        let row = CatalogRow::revised(Map::new(), None, now);
        let stored = StoredCampaign { id: id.clone(), campaign, row };
        self.pinned(&stored, "", config, now).await.map(drop)
    }

    async fn filters(&self, definition: &CampaignDefinition) -> Result<PinnedFilters, Problem> {
        let names_segment = |selection: &Selection| match selection {
            Selection::Segment(_) => true,
            Selection::Filter(filter) => filter.references().next().is_some(),
        };
        let of_audience = match &definition.audience {
            AudienceKind::Selection(selection) => Some(selection),
            AudienceKind::Recipients(_) => None,
        };
        let selections = [(of_audience, ""), (definition.exclude.as_ref(), "exclude.")];
        let needs_segments = selections.iter().any(|(selection, _)| selection.is_some_and(names_segment));
        let segments =
            if needs_segments { filters_of(self.segments.all().await?.definitions()) } else { BTreeMap::new() };
        let resolved = |(selection, prefix): (Option<&Selection>, &str)| {
            let Some(selection) = selection else { return Ok(None) };
            let (field, filter, own) = match selection {
                Selection::Segment(id) => {
                    let field = format!("{prefix}segment");
                    let missing = || Problem::invalid_field(field.clone(), "must be the id of a segment");
                    (field.clone(), segments.get(id).ok_or_else(missing)?, Some(id))
                }
                Selection::Filter(filter) => (format!("{prefix}filter"), filter, None),
            };
            let filter = resolve(filter, own, &segments).map_err(|wrong| Problem::invalid_field(field, wrong))?;
            Ok(Some(filter))
        };
        let [audience, exclude]: [Result<Option<Filter>, Problem>; 2] = selections.map(resolved);
        let filters = [audience?, exclude?];
        let named = filters.iter().flatten().flat_map(Filter::campaigns).collect::<BTreeSet<_>>();
        let earlier = self.campaigns.launches(named.iter().cloned()).await?;
        if let Some(unknown) = named.iter().find(|id| !earlier.contains_key(id)) {
            let field = selections.iter().find_map(|(selection, prefix)| path_of(unknown, *selection, prefix));
            let message = format!("names the campaign {unknown}, which was not launched");
            return Err(Problem::invalid_field(field.unwrap_or_else(|| "segment".to_owned()), message));
        }
        let [filter, exclude] = filters.map(|filter| filter.map(|filter| filter.to_json()));
        let bytes: usize = [&filter, &exclude].into_iter().flatten().map(|filter| filter.to_string().len()).sum();
        if bytes > MAX_FILTER_BYTES {
            let message = "must be at most 60,000 bytes of JSON, with exclude and with the segments that both name";
            return Err(Problem::invalid_field("filter", message));
        }
        Ok(PinnedFilters { filter, exclude, earlier })
    }

    /// Returns the messages of a definition, with the versions that it names or that are live.
    ///
    /// # Errors
    /// 422 if a template does not exist or cannot be used.
    pub(super) async fn messages(
        &self,
        definition: &CampaignDefinition,
        kind: &NotificationType,
        config: &ConfigSnapshot,
    ) -> Result<Vec<LaunchedMessage>, Problem> {
        let mut messages = Vec::with_capacity(definition.variants.len());
        for (place, variant) in definition.variants.iter().enumerate() {
            let path = if variant.name.is_empty() { String::new() } else { format!("variants[{place}].") };
            messages.push(self.message(variant, kind, config, &path).await?);
        }
        Ok(messages)
    }

    async fn message(
        &self,
        variant: &Variant,
        kind: &NotificationType,
        config: &ConfigSnapshot,
        path: &str,
    ) -> Result<LaunchedMessage, Problem> {
        let Variant { name, weight_bp, message } = variant;
        let launched = |content, template, from_attributes| LaunchedMessage {
            variant: name.clone(),
            weight_bp: *weight_bp,
            content,
            template,
            from_attributes,
        };
        let (template, variables, from_attributes) = match message {
            CampaignMessage::Content(content) => {
                check_content(content, &kind.channels, config, path)?;
                return Ok(launched(Some(content.as_ref().clone()), None, BTreeMap::new()));
            }
            CampaignMessage::Template { template, variables, from_attributes } => {
                (template, variables, from_attributes)
            }
        };
        let field = |name: &str| format!("{path}template.{name}");
        let version = config.templates.version(&template.name, template.version);
        let version = version.map_err(|unusable| Problem::invalid_field(field("name"), unusable.to_string()))?;
        let compiled = self.templates.get(&template.name, version).await?;
        let Some(compiled) = compiled else {
            return Err(Problem::invalid_field(field("version"), "must be the number of a published version"));
        };
        if channels_with_text(&kind.channels, &compiled).is_empty() {
            return Err(Problem::invalid_field(field("name"), "has no text for any channel of the type"));
        }
        let schema = &compiled.draft().variables;
        let names = variables.expose().keys().chain(from_attributes.keys());
        let sensitive: Vec<_> = schema.sensitive().map(str::to_owned).collect();
        let sensitive = names.filter(|name| sensitive.contains(name)).cloned().collect();
        let used =
            TemplateUse { name: template.name.clone(), version, locale: None, variables: variables.clone(), sensitive };
        if used.json_bytes() > TemplateUse::MAX_BYTES {
            let message = TemplateUse::TOO_LARGE;
            return Err(Problem::invalid(vec![FieldError::new(format!("{path}variables"), message)]));
        }
        let message = NotificationMessage::Template(used.clone());
        if let Some(fault) = link_fault(&message, &channels_with_text(&kind.channels, &compiled), config) {
            return Err(Problem::invalid_field(format!("{path}variables.url"), fault));
        }
        Ok(launched(None, Some(used), from_attributes.clone()))
    }

    /// Returns the time of the launch of the campaign whose people are sent to again, and its
    /// assignment of variants.
    async fn retried_campaign(
        &self,
        definition: &CampaignDefinition,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, EarlierAssignment)>, Problem> {
        let Some(retry) = &definition.retry_of else { return Ok(None) };
        let unknown = || Problem::invalid_field("retry_of.campaign", "must be the id of a campaign that was launched");
        let found = self.campaigns.get(&retry.campaign).await?.ok_or_else(unknown)?;
        if let Some(message) = found.campaign.conflict_with_retry(retry, now) {
            return Err(Problem::invalid_field("retry_of.outcomes", message));
        }
        let assignment = found.campaign.assignment_for_retry(&found.id);
        Ok(Some(found.campaign.launch.map(|launch| launch.at).zip(assignment).ok_or_else(unknown)?))
    }

    /// Returns the number of tasks of a pass over the audience.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(super) async fn segments_for(&self, definition: &CampaignDefinition) -> Result<u32, Problem> {
        let least = if definition.steps.is_empty() { 1 } else { TASKS_FOR_STEPS };
        if let AudienceKind::Recipients(list) = &definition.audience {
            return Ok(list.tasks(PEOPLE_PER_PART, least));
        }
        let tasks = self.people_in_table().await?.div_ceil(PEOPLE_PER_TASK);
        let tasks = u32::try_from(tasks).unwrap_or(MAX_TASKS);
        Ok(tasks.clamp(least, MAX_TASKS))
    }

    /// Returns about how many people the table has: a small one is counted, a large one is sampled.
    async fn people_in_table(&self) -> Result<u64, Problem> {
        let whole = self.recipients.people(0, 1, None, Some(COUNTED_WHOLE)).await?;
        if whole.next.is_none() {
            return Ok(whole.people.len() as u64);
        }
        let mut people = 0;
        for segment in random::some_of(SAMPLE_SEGMENTS, SAMPLED) {
            people += self.recipients.people(segment, SAMPLE_SEGMENTS, None, None).await?.people.len() as u64;
        }
        let estimate = people * u64::from(SAMPLE_SEGMENTS.unsigned_abs()) / SAMPLED as u64;
        Ok(estimate.max(whole.people.len() as u64))
    }
}

/// Returns the path at which a selection names a campaign.
fn path_of(campaign: &CampaignId, selection: Option<&Selection>, prefix: &str) -> Option<String> {
    match selection? {
        Selection::Filter(filter) => filter.path_of_campaign(campaign, &format!("{prefix}filter")),
        Selection::Segment(_) => None,
    }
}

/// Checks that a push can carry a content, and the paid channels its link, as for a single send.
///
/// # Errors
/// 422 with every field that does not fit.
fn check_content(content: &Content, channels: &[Channel], config: &ConfigSnapshot, path: &str) -> Result<(), Problem> {
    let mut errors = Vec::new();
    if channels.contains(&Channel::Push)
        && let Some(fault) = push_content_fault(content)
    {
        errors.push(FieldError::new(format!("{path}content"), fault.to_string()));
    }
    let link_fault = link_fault(&NotificationMessage::Content(content.clone()), channels, config);
    errors.extend(link_fault.map(|fault| FieldError::new(format!("{path}content.url"), fault)));
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn link_fault(message: &NotificationMessage, channels: &[Channel], config: &ConfigSnapshot) -> Option<String> {
    let limits = LinkLimits::new(config.public_base_url.as_ref(), &config.settings);
    limits.fault(&message.link()?, channels)
}

/// Returns the type of a campaign, if it may be used for one.
///
/// # Errors
/// 422 if it does not exist, or is critical; 503 if its definition could not be read.
pub(super) fn kind_of<'a>(
    definition: &CampaignDefinition,
    config: &'a ConfigSnapshot,
) -> Result<&'a NotificationType, Problem> {
    config.check_type(definition.kind.as_str())?;
    let kind = config.settings.types.sendable(definition.kind.as_str());
    let kind = kind.map_err(|unknown| Problem::invalid_field("type", unknown.to_string()))?;
    if kind.rules.is_critical() {
        return Err(Problem::invalid_field("type", "must not be critical: a campaign respects caps and quiet hours"));
    }
    Ok(kind)
}
