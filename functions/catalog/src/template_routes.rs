//! The routes of templates: draft, list, versions, the live version.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::CatalogApi;
use super::mjml::{edited_draft, stored_draft};
use super::template_resource::{
    detail, differences, extended, is_archived, is_well_formed, repaired_definition, requested_draft, revised, summary,
    version, version_in,
};
use super::type_resource::check_read_only;
use domain::channel::Channel;
use domain::{Actor, CatalogChange};
use platform::alarm::AlarmLine;
use platform::http::{Request, Response, whole_number};
use platform::preconditions::{self, Preconditions};
use platform::problem::{FieldError, Problem, ProblemKind};
use store::{CatalogRow, StoreError, TemplateBody, TemplateStore, TemplateWrite};
use templates::{BUILTIN_TEMPLATES, CompiledTemplate, Finding, TemplateDraft, TemplateName, builtin, is_builtin};

/// Maximum number of templates, archived ones included.
const MAX_TEMPLATES: usize = 500;
/// Maximum number of versions of a template.
const MAX_VERSIONS: u32 = 1_000;

impl CatalogApi {
    /// Returns all templates, in the order of their names. A malformed row is logged and left out.
    pub(super) async fn list_templates(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let mut rows = self.templates.list().await?;
        let is_missing = |name: &&str| !rows.iter().any(|(known, _)| known == *name);
        let missing: Vec<&str> = BUILTIN_TEMPLATES.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            for name in missing {
                self.create_built_in(name, now).await?;
            }
            rows = self.templates.list().await?;
        }
        let (shown, malformed): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, row)| is_well_formed(row));
        for (name, _) in malformed {
            let alarm = AlarmLine::CatalogMalformed.as_str();
            tracing::error!(alarm, name, "left out a malformed template");
        }
        let items: Vec<Value> = shown.into_iter().map(|(name, row)| summary(name, row)).collect();
        Ok(Response::json(200, &json!({"items": items, "next": null})))
    }

    /// Returns a template with its draft: 200, 304, 404 or 412.
    pub(super) async fn get_template(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let name = template_name(request)?;
        let conditions = Preconditions::of(request)?;
        let row = self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        let tag = row.entity_tag();
        if conditions.is_known_to_caller(&tag)? {
            return Ok(tagged(Response::not_modified(), &row));
        }
        let draft = self.draft_of(&name).await?;
        let findings = self.findings_of(&name, &draft, now).await?;
        Ok(tagged(Response::json(200, &detail(name.as_str(), &row, &draft, &findings)), &row))
    }

    /// Saves a draft: 201, 200 or 412. Its form must be right; findings of the checks before publishing do not prevent
    /// it.
    pub(super) async fn put_template(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["reviewed"])?;
        let (name, by, conditions) =
            (template_name(request)?, Actor::Api(request.author()?), Preconditions::of(request)?);
        let (draft, read_only) = requested_draft(request.json_value()?)?;
        let draft = TemplateDraft::parse(&draft).map_err(invalid)?;
        let reviewed = request.query("reviewed");
        if reviewed.is_some_and(|reviewed| !draft.texts().any(|text| text.name() == reviewed)) {
            return Err(Problem::invalid_field("reviewed", "must name a text of the draft, such as it.push"));
        }
        let old = self.row_to_replace(&name, now).await?;
        check(&conditions, old.as_ref())?;
        read_only.check(&[("name", json!(name.as_str()))])?;
        check_read_only(&read_only, old.as_ref())?;
        if old.is_none() && self.templates.list().await?.len() >= MAX_TEMPLATES {
            return Err(Problem::new(ProblemKind::Conflict, "There are 500 templates, the maximum."));
        }
        let findings = self.findings_of(&name, &draft, now).await?;
        let before = if old.is_some() { self.draft_json(&name).await? } else { None };
        let known = before.as_ref().and_then(|json| TemplateDraft::parse_stored(json).map(edited_draft).ok());
        let draft = draft.written_after(known.as_ref(), reviewed, now);
        let body = stored_draft(&draft);
        let is_kept = |row: &CatalogRow| !is_archived(row) && is_well_formed(row);
        let is_same = old.as_ref().is_some_and(is_kept) && before == Some(body.clone());
        if let (Some(row), true) = (&old, is_same) {
            return Ok(tagged(Response::json(200, &detail(name.as_str(), row, &draft, &findings)), row));
        }
        let definition = self.definition_of(name.as_str(), old.as_ref()).await?;
        let drafts = old.as_ref().map_or(0, |row| version_in(row, "draft_revision")) + 1;
        let fields = json!({"title": draft.title, "state": "active", "draft_revision": drafts});
        let new = CatalogRow::revised(extended(definition, fields), old.as_ref(), now);
        self.write_template(&name, old.as_ref(), &new, Some((TemplateBody::Draft, &body)), by).await?;
        let status = if old.is_none() { 201 } else { 200 };
        Ok(tagged(Response::json(status, &detail(name.as_str(), &new, &draft, &findings)), &new))
    }

    /// Archives a template: 200, 404, 409 or 412.
    pub(super) async fn delete_template(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let (name, by, conditions) =
            (template_name(request)?, Actor::Api(request.author()?), Preconditions::of(request)?);
        let old = self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        check(&conditions, Some(&old))?;
        if !self.channels_of_users(&name).await?.0.is_empty() {
            return Err(Problem::new(ProblemKind::Conflict, "A type uses this template. Change the type first."));
        }
        if is_archived(&old) {
            return Ok(tagged(Response::json(200, &summary(name.as_str(), &old)), &old));
        }
        // Boxed, because the reads of campaigns are nested deeply.
        Box::pin(self.check_campaigns("template", |campaign| campaign.needs_template(name.as_str()))).await?;
        let new = revised(&old, json!({"state": "archived"}), now);
        self.write_template(&name, Some(&old), &new, None, by).await?;
        Ok(tagged(Response::json(200, &summary(name.as_str(), &new)), &new))
    }

    /// Publishes the draft as the next version: 201, 409, 412, or 422 with every finding.
    pub(super) async fn publish_template(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["confirm"])?;
        let is_confirmed = request.flag("confirm")?;
        let (name, by, conditions) =
            (template_name(request)?, Actor::Api(request.author()?), Preconditions::of(request)?);
        let old = self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        check(&conditions, Some(&old))?;
        let (users, channels) = self.channels_of_users(&name).await?;
        let draft = self.draft_of(&name).await?.for_version();
        let (compiled, findings) = self.checked(draft, &channels, now).await;
        if !findings.is_empty() {
            return Err(invalid(findings));
        }
        if !is_confirmed {
            self.refuse_breaking_change(&name, &old, compiled.draft(), &users).await?;
        }
        let (number, body) = (version_in(&old, "latest") + 1, json!(compiled.draft()));
        if number > MAX_VERSIONS {
            return Err(Problem::new(ProblemKind::Conflict, "There are 1,000 versions, the maximum."));
        }
        if !TemplateStore::fits(&body) {
            return Err(Problem::invalid_field("parts", "must be smaller: the HTML made of MJML takes more than 3 MB"));
        }
        let fields = json!({"latest": number, "published_draft": version_in(&old, "draft_revision")});
        let new = revised(&old, fields, now);
        self.write_template(&name, Some(&old), &new, Some((TemplateBody::Version(number), &body)), by.clone()).await?;
        tracing::info!(name = name.as_str(), version = number, "published template");
        Ok(tagged(Response::json(201, &version(number, now, &by)), &new))
    }

    /// Makes a version live: 200, 404, 409, 412 or 422. An earlier version is a rollback.
    pub(super) async fn put_live(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["confirm"])?;
        let is_confirmed = request.flag("confirm")?;
        let (name, by, conditions) =
            (template_name(request)?, Actor::Api(request.author()?), Preconditions::of(request)?);
        let body = request.json_value()?;
        let is_alone = body.as_object().is_some_and(|fields| fields.len() == 1);
        let number = body.get("version").and_then(Value::as_u64).filter(|_| is_alone);
        let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        let number = number.ok_or_else(|| Problem::invalid_field("version", "must be the number of a version"))?;
        let old = self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        check(&conditions, Some(&old))?;
        if number > version_in(&old, "latest") {
            return Err(Problem::invalid_field("version", "must be the number of a published version"));
        }
        if version_in(&old, "live") == number {
            return Ok(tagged(Response::json(200, &summary(name.as_str(), &old)), &old));
        }
        let (types, channels) = self.channels_of_users(&name).await?;
        self.check_texts_for_users(&name, number, &channels).await?;
        if !is_confirmed {
            let version = TemplateDraft::parse_stored(&self.version_json(&name, number).await?);
            self.refuse_breaking_change(&name, &old, &version.map_err(|_| malformed())?, &types).await?;
        }
        let new = revised(&old, json!({"live": number}), now);
        self.write_template(&name, Some(&old), &new, None, by).await?;
        tracing::info!(name = name.as_str(), version = number, "made a version of a template live");
        Ok(tagged(Response::json(200, &summary(name.as_str(), &new)), &new))
    }

    /// Refuses a version without a text for a channel of a type that uses the template: sends of the type would fail.
    async fn check_texts_for_users(
        &self,
        name: &TemplateName,
        number: u32,
        channels: &[Channel],
    ) -> Result<(), Problem> {
        if channels.is_empty() {
            return Ok(());
        }
        let missing = self.channel_without_text(name, number, channels).await?;
        let Some(channel) = missing else { return Ok(()) };
        let message = format!("must have a text for {channel}, a channel of a type that uses the template");
        Err(Problem::invalid_field("version", message))
    }

    /// Returns the first of these channels for which a version has no text in its default locale.
    pub(super) async fn channel_without_text(
        &self,
        name: &TemplateName,
        number: u32,
        channels: &[Channel],
    ) -> Result<Option<Channel>, Problem> {
        let version = TemplateDraft::parse_stored(&self.version_json(name, number).await?).map_err(|_| malformed())?;
        let version = CompiledTemplate::new(version).map_err(|_| malformed())?;
        let has_text = |channel: &Channel| version.locale_for(*channel, &version.draft().default_locale).is_some();
        Ok(channels.iter().find(|channel| !has_text(channel)).copied())
    }

    /// Returns all versions, newest first.
    pub(super) async fn template_versions(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let name = template_name(request)?;
        self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        let versions = self.templates.versions(name.as_str()).await?;
        let items: Vec<Value> = versions.iter().rev().map(|v| version(v.version, v.published_at, &v.by)).collect();
        Ok(Response::json(200, &json!({"items": items, "next": null})))
    }

    /// Returns a version with its sources.
    pub(super) async fn template_version(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let name = template_name(request)?;
        self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        let number = version_number(request.path("version"), "version")?;
        let sources = self.version_json(&name, number).await?;
        Ok(Response::json(200, &json!({"version": number, "template": sources})))
    }

    /// Returns the differences of two versions.
    pub(super) async fn template_diff(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["from", "to"])?;
        let name = template_name(request)?;
        self.template_row(&name, now).await?.ok_or_else(|| Problem::not_found("template"))?;
        let number = |field: &'static str| version_number(request.query(field).unwrap_or_default(), field);
        let (from, to) = (number("from")?, number("to")?);
        let mut changes = Vec::new();
        let (old, new) = (self.version_json(&name, from).await?, self.version_json(&name, to).await?);
        differences(&old, &new, "", &mut changes);
        Ok(Response::json(200, &json!({"from": from, "to": to, "changes": changes})))
    }

    /// Returns the sources of a version.
    pub(super) async fn version_json(&self, name: &TemplateName, number: u32) -> Result<Value, Problem> {
        let body = self.templates.body(name.as_str(), TemplateBody::Version(number)).await?;
        body.ok_or_else(|| Problem::not_found("version"))
    }

    /// Returns the draft of a template that exists.
    pub(super) async fn draft_of(&self, name: &TemplateName) -> Result<TemplateDraft, Problem> {
        let json = self.draft_json(name).await?.ok_or_else(|| Problem::not_found("draft"))?;
        TemplateDraft::parse_stored(&json).map(edited_draft).map_err(|_| malformed())
    }

    /// Returns the row of a template. Creates that of a built-in template that has none.
    ///
    /// # Errors
    /// 500 if the row is malformed.
    pub(super) async fn template_row(
        &self,
        name: &TemplateName,
        now: Timestamp,
    ) -> Result<Option<CatalogRow>, Problem> {
        match self.row_to_replace(name, now).await? {
            Some(row) if !is_well_formed(&row) => Err(malformed()),
            row => Ok(row),
        }
    }

    /// As [`CatalogApi::template_row`], but the row may be malformed: a PUT replaces it.
    async fn row_to_replace(&self, name: &TemplateName, now: Timestamp) -> Result<Option<CatalogRow>, Problem> {
        let found = self.templates.row(name.as_str()).await?;
        if found.is_some() || !is_builtin(name.as_str()) {
            return Ok(found);
        }
        self.create_built_in(name.as_str(), now).await?;
        Ok(self.templates.row(name.as_str()).await?)
    }

    /// Returns the definition that a new draft changes.
    async fn definition_of(&self, name: &str, row: Option<&CatalogRow>) -> Result<Map<String, Value>, Problem> {
        if let Some(row) = row.filter(|row| is_well_formed(row)) {
            return Ok(row.definition.clone());
        }
        let versions = self.templates.versions(name).await?;
        Ok(repaired_definition(row, versions.last().map_or(0, |newest| newest.version)))
    }

    async fn draft_json(&self, name: &TemplateName) -> Result<Option<Value>, Problem> {
        Ok(self.templates.body(name.as_str(), TemplateBody::Draft).await?)
    }

    /// Creates a built-in template with its first version live, unless another request has created it.
    async fn create_built_in(&self, name: &str, now: Timestamp) -> Result<(), Problem> {
        let Some(template) = builtin(name) else { return Ok(()) };
        let definition = self.definition_of(name, None).await?;
        let latest = definition.get("latest").and_then(Value::as_u64).unwrap_or(0).max(1);
        let fields = json!({
            "title": template.draft.title, "draft_revision": 1, "published_draft": 1, "latest": latest, "live": 1});
        let (new, version) = (CatalogRow::revised(extended(definition, fields), None, now), json!(template.draft));
        let bodies = [(TemplateBody::Draft, &version), (TemplateBody::Version(1), &version)];
        self.replace_template(&template.name, None, &new, &bodies, Actor::Service).await?;
        Ok(())
    }

    /// Writes a change.
    ///
    /// # Errors
    /// 412 if another writer was faster.
    async fn write_template(
        &self,
        name: &TemplateName,
        old: Option<&CatalogRow>,
        new: &CatalogRow,
        body: Option<(TemplateBody, &Value)>,
        by: Actor,
    ) -> Result<(), Problem> {
        let is_written = self.replace_template(name, old, new, body.as_slice(), by).await?;
        if is_written { Ok(()) } else { Err(preconditions::failed()) }
    }

    /// Writes a change. Returns `false` if another writer was faster.
    async fn replace_template(
        &self,
        name: &TemplateName,
        old: Option<&CatalogRow>,
        new: &CatalogRow,
        bodies: &[(TemplateBody, &Value)],
        by: Actor,
    ) -> Result<bool, StoreError> {
        let definition = old.map(|row| &row.definition);
        let change = CatalogChange::between(definition, Some(&new.definition), new.revision, by, new.updated_at);
        let Some(change) = change else { return Ok(true) };
        self.templates.write(name.as_str(), &TemplateWrite { old, new, bodies, change: &change }).await
    }

    /// Returns the names of the types that use a template, and the channels of all of them.
    pub(super) async fn channels_of_users(&self, name: &TemplateName) -> Result<(Vec<String>, Vec<Channel>), Problem> {
        let rows = self.catalog.read(true).await?.rows;
        let users = rows.iter().map(|(_, row)| &row.definition);
        let users: Vec<_> =
            users.filter(|kind| kind.get("template").is_some_and(|used| used == name.as_str())).collect();
        let names = users.iter().filter_map(|kind| kind.get("name")?.as_str().map(str::to_owned)).collect();
        let has = |channel: &Channel| {
            let channels = users.iter().filter_map(|kind| kind.get("channels")?.as_array());
            channels.flatten().any(|known| known == channel.as_str())
        };
        Ok((names, Channel::ALL.into_iter().filter(has).collect()))
    }
}

/// Returns a 422 with every finding.
pub fn invalid(findings: Vec<Finding>) -> Problem {
    Problem::invalid(findings.into_iter().map(FieldError::from).collect())
}

/// Returns the problem of a stored template that this release cannot parse.
pub fn malformed() -> Problem {
    Problem::new(ProblemKind::Internal, "The stored template is malformed. PUT it again.")
}

/// Returns the name in the path.
pub fn template_name(request: &Request) -> Result<TemplateName, Problem> {
    TemplateName::parse(request.path("name")).map_err(|error| Problem::invalid_field("name", error.to_string()))
}

fn version_number(text: &str, field: &'static str) -> Result<u32, Problem> {
    let number = whole_number(text).and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| (1..=MAX_VERSIONS).contains(number));
    number.ok_or_else(|| Problem::invalid_field(field, "must be the number of a version"))
}

fn check(conditions: &Preconditions, stored: Option<&CatalogRow>) -> Result<(), Problem> {
    conditions.check(stored.map(CatalogRow::entity_tag).as_deref())
}

fn tagged(response: Response, row: &CatalogRow) -> Response {
    response.with_entity_tag(&row.entity_tag())
}
