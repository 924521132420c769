//! Pinning: the values that a plan and a launch fix, so that they do not change while the campaign runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use aws::{DynamoClient, TableNames};
use campaign::{
    AudienceKind, CampaignDefinition, CampaignId, CampaignMessage, EarlierAssignment, Launch, LaunchedMessage,
    MAX_TASKS, Selection, Timing, Variant, hash_of, rules_at_launch,
};
use delivery::config::{ConfigSnapshot, ConfigSource};
use delivery::{LinkLengthError, LinkLimits, TemplateCache, channels_with_text, push_content_error};
use domain::NotificationType;
use domain::channel::Channel;
use domain::notification::{Content, NotificationMessage, TemplateUse};
use platform::problem::{FieldError, Problem};
use platform::random;
use segments::{CampaignLaunches, Filter, filters_of, resolve};
use serde_json::Map;
use store::{CampaignStore, CatalogRow, PEOPLE_PER_PART, RecipientsStore, SegmentStore, StoredCampaign, TemplateStore};

/// Target number of people of a task.
const PEOPLE_PER_TASK: u64 = 250;
/// Number of tasks of a campaign with steps, so that a step of 1 % is possible.
const TASKS_FOR_STEPS: u32 = 100;
/// Maximum size of the filters of a campaign with all segments that they name, as JSON. A row contains them several
/// times.
const MAX_FILTER_BYTES: usize = 60_000;
/// Maximum number of profiles of a table that is counted completely.
const COUNTED_WHOLE: i32 = 1_000;
/// Number of scan segments of the sample of a larger table, and the number of them that are read.
const SAMPLE_SEGMENTS: i32 = 4_096;
const SAMPLED: usize = 8;

/// All values that decide the recipients and their messages, with their hash.
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

/// Reads the segments, templates and campaigns that a definition names, and fixes their present values.
#[derive(Debug)]
pub struct CampaignPinning {
    campaigns: CampaignStore,
    segments: SegmentStore,
    recipients: RecipientsStore,
    /// Templates of the messages.
    pub templates: TemplateCache,
    /// Settings and types, shared with the API.
    config: Arc<ConfigSource>,
}

impl CampaignPinning {
    /// Creates the pinning.
    pub(super) fn new(tables: &TableNames, dynamodb: DynamoClient, source: Arc<ConfigSource>) -> Self {
        Self {
            campaigns: CampaignStore::new(dynamodb.clone(), tables.settings.as_str()),
            segments: SegmentStore::new(dynamodb.clone(), tables.settings.as_str()),
            recipients: RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str()),
            templates: TemplateCache::new(TemplateStore::new(dynamodb, tables.settings.as_str())),
            config: source,
        }
    }

    /// Pins a campaign as it is now. The number of tasks is still 0.
    ///
    /// # Errors
    /// 422 if a named type, template, segment or campaign does not exist or cannot be used; 503 if it could not be
    /// read.
    pub(super) async fn pinned(
        &self,
        stored: &StoredCampaign,
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
            filter,
            exclude,
            earlier,
            messages,
            slots,
            type_rules: rules_at_launch(kind),
            retried_launch,
            earlier_assignment,
            ..Launch::default()
        };
        let rules = json!(kind.view());
        let hash = hash_of(&stored.id, &stored.campaign.definition, &launch, &rules);
        Ok(Pinned { definition, launch, hash })
    }

    /// Checks the names of a definition against the catalog, without a plan.
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
        let campaign = campaign::Campaign::draft(definition.clone(), String::new().into());
        let row = CatalogRow::revised(Map::new(), None, now);
        let stored = StoredCampaign { id: id.clone(), campaign, row };
        self.pinned(&stored, config, now).await.map(drop)
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
        self.check_types(&selections).await?;
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
            let filter =
                resolve(filter, own, &segments).map_err(|wrong| Problem::invalid_field(field, wrong.to_string()))?;
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

    /// Checks that the types which the filters of a definition name exist.
    ///
    /// # Errors
    /// 422 with each condition that names an unknown type; 503 if the types could not be read.
    async fn check_types(&self, selections: &[(Option<&Selection>, &str)]) -> Result<(), Problem> {
        let named = selections.iter().flat_map(|(selection, prefix)| match selection {
            Some(Selection::Filter(filter)) => filter.types(&format!("{prefix}filter")),
            _ => Vec::new(),
        });
        let unknown = self.config.unknown_types(&named.collect::<Vec<_>>()).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid(unknown.into_iter().map(|(_, error)| error).collect()))
    }

    /// Returns the messages of a definition, in the versions that it names or that are live.
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
        config.check_template(&template.name)?;
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
        check_link(&message, &channels_with_text(&kind.channels, &compiled), config)
            .map_err(|error| Problem::invalid_field(format!("{path}variables.url"), error.to_string()))?;
        Ok(launched(None, Some(used), from_attributes.clone()))
    }

    /// Returns the time of the launch of the retried campaign, and its assignment of variants.
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

    /// Returns the approximate number of people in the table. A small table is counted, a large one is sampled.
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
        && let Some(error) = push_content_error(content)
    {
        errors.push(FieldError::new(format!("{path}content"), error.to_string()));
    }
    let link = check_link(&NotificationMessage::Content(content.clone()), channels, config);
    errors.extend(link.err().map(|error| FieldError::new(format!("{path}content.url"), error.to_string())));
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Checks that the channels can carry the link of a message, if it has one.
fn check_link(
    message: &NotificationMessage,
    channels: &[Channel],
    config: &ConfigSnapshot,
) -> Result<(), LinkLengthError> {
    let Some(link) = message.link() else { return Ok(()) };
    LinkLimits::new(config.public_base_url.as_ref(), &config.settings).check(&link, channels)
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
