//! The routes of types of notification, with preconditions (`If-Match`, `If-None-Match`), dry runs and audit records.

use jiff::Timestamp;

use super::CatalogApi;
use super::template_resource::{is_archived, version_in};
use super::type_resource::{StoredType, check_read_only, take_read_only};
use domain::settings::Settings;
use domain::{Actor, CatalogChange, NotificationType, TypeId, TypeState};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions};
use platform::problem::{Problem, ProblemKind};
use store::{CatalogKey, CatalogRow, StoreError};
use templates::TemplateName;

/// Maximum number of types, archived ones included.
const MAX_TYPES: usize = 200;

/// A requested write.
struct TypeWrite {
    id: TypeId,
    by: Actor,
    conditions: Preconditions,
    dry_run: bool,
}

impl CatalogApi {
    /// Returns all types, in the order of their names.
    pub(super) async fn list_types(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let mut rows = self.catalog.read(true).await?.rows;
        if self.create_missing_built_in(&rows, now).await? {
            rows = self.catalog.read(true).await?.rows;
        }
        let settings = self.config.current().await.settings;
        let rows = rows.into_iter();
        let stored = rows.filter_map(|(key, row)| StoredType::of(key.into_type()?, row));
        let items: Vec<_> = stored.map(|stored| stored.resource(&settings, false)).collect();
        Ok(Response::json(200, &serde_json::json!({"items": items, "next": null})))
    }

    /// Returns a type: 200, 304, 404 or 412.
    pub(super) async fn get_type(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let id = type_id(request)?;
        let conditions = Preconditions::of(request)?;
        let stored = self.stored(&id, now).await?.ok_or_else(|| Problem::not_found("type"))?;
        let tag = stored.row.entity_tag();
        if conditions.is_known_to_caller(&tag)? {
            return Ok(Response::not_modified().with_entity_tag(&tag));
        }
        let settings = self.config.current().await.settings;
        Ok(Response::json(200, &stored.resource(&settings, false)).with_entity_tag(&tag))
    }

    /// Stores a definition: 201, 200, or 412. A definition that is stored already writes nothing.
    pub(super) async fn put_type(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let write = TypeWrite::of(request)?;
        let mut body = request.json_value()?;
        let read_only = take_read_only(&mut body);
        let kind = NotificationType::parse(write.id.clone(), body)?;
        self.check_template(&kind, now).await?;
        self.write(&write, now, |row, _| check_read_only(&read_only, row).map(|()| kind.clone())).await
    }

    /// Archives a type: 200, 404, 409 or 412. Removes an archived type of which no notification is left and that
    /// nothing refers to: 204.
    pub(super) async fn delete_type(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let write = TypeWrite::of(request)?;
        if write.id.as_str() == NotificationType::DEFAULT {
            let detail = "A request that names no type has the type DEFAULT, so it cannot be archived.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let stored = self.stored(&write.id, now).await?.ok_or_else(|| Problem::not_found("type"))?;
        let settings = self.config.current().await.settings;
        if stored.removable_at(&settings).is_some_and(|from| from <= now) {
            return self.remove(&write, &stored, now).await;
        }
        self.write(&write, now, |_, stored| {
            let mut kind = stored.map(|stored| stored.kind.clone()).ok_or_else(|| Problem::not_found("type"))?;
            kind.rules.state = TypeState::Archived;
            Ok(kind)
        })
        .await
    }

    /// Returns the changes of a type, newest first. They are kept longer than the type.
    pub(super) async fn type_changes(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&["limit", "after"])?;
        let key = CatalogKey::Type(type_id(request)?);
        let (limit, after) = (request.limit()?, request.query("after"));
        let is_position = |text: &str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'#')
        };
        if after.is_some_and(|after| !is_position(after)) {
            return Err(Problem::invalid_cursor());
        }
        let page = self.catalog.changes(&key, limit, after).await?;
        Ok(Response::json(200, &serde_json::json!({"items": page.items, "next": page.next})))
    }

    /// Replaces a type by what `revise` makes of the stored row and type. Without a precondition on one state, a write
    /// that loses to another writer is made again on the new state.
    async fn write(
        &self,
        write: &TypeWrite,
        now: Timestamp,
        revise: impl Fn(Option<&CatalogRow>, Option<&StoredType>) -> Result<NotificationType, Problem>,
    ) -> Result<Response, Problem> {
        let settings = self.config.current().await.settings;
        preconditions::retry_conflicts(|| async {
            let row = self.row(&write.id, now).await?;
            write.conditions.check(row.as_ref().map(CatalogRow::entity_tag).as_deref())?;
            // A malformed definition is replaced as well.
            let old = row.clone().and_then(|row| StoredType::of(write.id.clone(), row));
            let new = StoredType::revised(revise(row.as_ref(), old.as_ref())?, row.as_ref(), now);
            let old_definition = row.as_ref().map(|row| &row.definition);
            let change = CatalogChange::between(
                old_definition,
                Some(&new.row.definition),
                new.row.revision,
                write.by.clone(),
                now,
            );
            let Some(change) = change else {
                return Ok(Some(answer(200, &old.unwrap_or(new), &settings, write.dry_run)));
            };
            if row.is_none() {
                self.check_room().await?;
            }
            let status = if row.is_none() { 201 } else { 200 };
            if write.dry_run {
                return Ok(Some(answer(200, &new, &settings, true)));
            }
            let key = CatalogKey::Type(write.id.clone());
            if self.catalog.replace(&key, row.as_ref(), Some(&new.row), &change).await? {
                tracing::info!(name = write.id.as_str(), revision = new.row.revision, "stored type");
                return Ok(Some(answer(status, &new, &settings, false)));
            }
            Ok(None)
        })
        .await
    }

    async fn remove(&self, write: &TypeWrite, stored: &StoredType, now: Timestamp) -> Result<Response, Problem> {
        let StoredType { row, .. } = stored;
        write.conditions.check(Some(&row.entity_tag()))?;
        self.check_unused_by_caps(&write.id).await?;
        self.check_unused_by_segments(&write.id).await?;
        // Boxed, because the reads of campaigns are nested deeply.
        Box::pin(self.check_campaigns("type", |campaign| campaign.needs_type(&write.id))).await?;
        let change = CatalogChange::between(Some(&row.definition), None, row.revision, write.by.clone(), now);
        let key = CatalogKey::Type(write.id.clone());
        if let (Some(change), false) = (change, write.dry_run) {
            if !self.catalog.replace(&key, Some(row), None, &change).await? {
                return Err(preconditions::failed());
            }
            tracing::info!(name = write.id.as_str(), "removed type");
        }
        Ok(Response::no_content())
    }

    /// Returns a stored type.
    async fn stored(&self, id: &TypeId, now: Timestamp) -> Result<Option<StoredType>, Problem> {
        let Some(row) = self.row(id, now).await? else { return Ok(None) };
        let malformed =
            || Problem::new(ProblemKind::Internal, "The definition of this type is malformed. PUT it again.");
        StoredType::of(id.clone(), row).map(Some).ok_or_else(malformed)
    }

    /// Returns the row of a type. Creates that of a built-in type that has none.
    async fn row(&self, id: &TypeId, now: Timestamp) -> Result<Option<CatalogRow>, Problem> {
        let key = CatalogKey::Type(id.clone());
        if let Some(row) = self.catalog.get(&key).await? {
            return Ok(Some(row));
        }
        let Some(kind) = NotificationType::built_in().into_iter().find(|kind| kind.id == *id) else { return Ok(None) };
        self.create(kind, now).await?;
        Ok(self.catalog.get(&key).await?)
    }

    /// Creates the built-in types that have no row. Returns `true` if there were any.
    async fn create_missing_built_in(
        &self,
        rows: &[(CatalogKey, CatalogRow)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_missing = |kind: &NotificationType| {
            let key = CatalogKey::Type(kind.id.clone());
            !rows.iter().any(|(stored, _)| *stored == key)
        };
        let missing: Vec<_> = NotificationType::built_in().into_iter().filter(is_missing).collect();
        let is_any = !missing.is_empty();
        for kind in missing {
            self.create(kind, now).await?;
        }
        Ok(is_any)
    }

    /// Creates the row of a built-in type, unless another request has created it.
    async fn create(&self, kind: NotificationType, now: Timestamp) -> Result<(), StoreError> {
        let key = CatalogKey::Type(kind.id.clone());
        let StoredType { row, .. } = StoredType::revised(kind, None, now);
        let change = CatalogChange::between(None, Some(&row.definition), row.revision, Actor::Service, now);
        if let Some(change) = change {
            self.catalog.replace(&key, None, Some(&row), &change).await?;
        }
        Ok(())
    }

    /// Refuses a template that could not be sent: it must have a live version with a text for each channel of the type.
    async fn check_template(&self, kind: &NotificationType, now: Timestamp) -> Result<(), Problem> {
        let Some(name) = &kind.template else { return Ok(()) };
        let refused = |message: String| Err(Problem::invalid_field("template", message));
        let Ok(name) = TemplateName::parse(name) else { return refused("must be the name of a template".to_owned()) };
        let row = self.template_row(&name, now).await?.filter(|row| !is_archived(row));
        let Some(live) = row.map(|row| version_in(&row, "live")).filter(|live| *live > 0) else {
            return refused("must be the name of a template with a live version".to_owned());
        };
        match self.channel_without_text(&name, live, &kind.channels).await? {
            Some(channel) => refused(format!("must have a text for {channel}, a channel of the type")),
            None => Ok(()),
        }
    }

    /// Refuses a new type if the catalog is full.
    async fn check_room(&self) -> Result<(), Problem> {
        let rows = self.catalog.read(true).await?.rows;
        if rows.iter().filter(|(key, _)| matches!(key, CatalogKey::Type(_))).count() < MAX_TYPES {
            return Ok(());
        }
        let detail = "There are 200 types, the maximum. An archived type can be removed from its removable_at on.";
        Err(Problem::new(ProblemKind::Conflict, detail))
    }
}

impl TypeWrite {
    /// Reads the parts of a write that are not in its body.
    fn of(request: &Request) -> Result<Self, Problem> {
        request.only_parameters(&["dry_run"])?;
        let (dry_run, by) = (request.flag("dry_run")?, Actor::Api(request.author()?));
        let (id, conditions) = (type_id(request)?, Preconditions::of(request)?);
        Ok(Self { id, by, conditions, dry_run })
    }
}

fn type_id(request: &Request) -> Result<TypeId, Problem> {
    let message = "must be a capital letter, then up to 63 capital letters, digits and underscores";
    TypeId::parse(request.path("type")).ok_or_else(|| Problem::invalid_field("type", message))
}

fn answer(status: u16, stored: &StoredType, settings: &Settings, dry_run: bool) -> Response {
    let response = Response::json(status, &stored.resource(settings, dry_run));
    if dry_run { response } else { response.with_entity_tag(&stored.row.entity_tag()) }
}
