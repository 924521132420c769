//! The routes of a recipient as a whole: GET, PUT, PATCH and DELETE, with preconditions (`If-Match`, `If-None-Match`).

use jiff::Timestamp;
use tokio::time::Instant;

use super::{ErasureCertificate, ProfilePatch, RecipientsApi};
use domain::recipient::{
    Profile, ProfileVersion, ReadOnly, Recipient, RecipientId, RecipientKey, RecipientView, entity_tag,
};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions, TagList};
use platform::problem::{Problem, ProblemKind};
use platform::time_limits::ERASURE_REQUEST_LIMIT;
use store::WriteIf;

impl RecipientsApi {
    /// Returns the recipient: 200 with the devices, 304, 404, or 412.
    pub(super) async fn get(&self, request: &Request) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let conditions = Preconditions::of(request)?;
        let known = self.recipients.load(&key).await?;
        let recipient = known.ok_or_else(|| Problem::not_found("recipient"))?;
        let tag = entity_tag(&recipient);
        let answer = if conditions.is_known_to_caller(&tag)? {
            Response::not_modified()
        } else {
            Response::json(200, &RecipientView::of(&recipient))
        };
        Ok(answer.with_entity_tag(&tag))
    }

    /// Stores a profile: 201 or 200 with the profile, or 412. The recipient's own choices stay.
    pub(super) async fn put(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let mut body = request.json_value()?;
        let read_only = ReadOnly::take(&mut body);
        let config = self.config_for(&[&body]).await?;
        let next = |known: Option<&Recipient>| Profile::of_json(body.clone(), &config.settings.types, known, now);
        let stored = self.write_merged(request, &read_only, next, now).await?;
        let status = if stored.revision == 1 { 201 } else { 200 };
        Ok(Response::json(status, &RecipientView::of_profile(&stored)).with_entity_tag(&entity_tag(&stored)))
    }

    /// Patches a profile: 200 with the profile, 404, or 412.
    pub(super) async fn patch(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let patch = ProfilePatch::parse(request)?;
        let config = self.config_for(&[patch.members()]).await?;
        let next = |known: Option<&Recipient>| match known {
            Some(_) => patch.merged(known, &config.settings.types, now),
            None => Err(Problem::not_found("recipient")),
        };
        let stored = self.write_merged(request, &patch.read_only, next, now).await?;
        Ok(Response::json(200, &RecipientView::of_profile(&stored)).with_entity_tag(&entity_tag(&stored)))
    }

    /// Writes the profile that `next` returns for the stored state. Concurrent changes are kept: if the conditional
    /// write fails, `next` is applied to the new state.
    async fn write_merged(
        &self,
        request: &Request,
        read_only: &ReadOnly,
        next: impl Fn(Option<&Recipient>) -> Result<Profile, Problem>,
        now: Timestamp,
    ) -> Result<Recipient, Problem> {
        let (id, key) = self.recipient(request)?;
        let conditions = Preconditions::of(request)?;
        preconditions::retry_conflicts(|| async {
            let known = self.recipients.load(&key).await?;
            write_if(&conditions, known.as_ref())?;
            // The version was compared above, and the write requires it. Devices and suppressions do not change it.
            if conditions.names_versions() {
                unchanged(&read_only.of_profile(), &id, known.as_ref())?;
            } else {
                unchanged(read_only, &id, known.as_ref())?;
            }
            let profile = next(known.as_ref())?;
            let as_read = known.as_ref().map_or(WriteIf::Absent, |known| WriteIf::Version(ProfileVersion::of(known)));
            self.store(&id, &key, &profile, as_read, known, now).await
        })
        .await
    }

    /// Erases a recipient: 200 with the certificate, also if nothing was stored. If there is more to erase than one
    /// request can do, the response is 503. The same request without a precondition then continues.
    pub(super) async fn erase(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let (_, key) = self.recipient(request)?;
        let conditions = Preconditions::of(request)?;
        let deadline = Instant::now() + ERASURE_REQUEST_LIMIT;
        let erased = if conditions.is_empty() {
            self.erasure.erase(&key, now, deadline).await?
        } else {
            let known = self.recipients.load(&key).await?;
            let write_if = write_if(&conditions, known.as_ref())?;
            let erased = self.erasure.erase_if(&key, write_if, now, deadline).await?;
            erased.ok_or_else(preconditions::failed)?
        };
        if !erased.is_complete() {
            let detail = "The erasure is not complete. Repeat the request to continue.";
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(1));
        }
        tracing::info!(recipient = %key, devices = erased.devices, notifications = erased.notifications, "erased recipient");
        Ok(Response::json(200, &ErasureCertificate::of(&erased, now)))
    }

    /// Writes a profile; returns `None` if the condition fails. The result has the devices that were read.
    pub(super) async fn store(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        profile: &Profile,
        write_if: WriteIf,
        known: Option<Recipient>,
        now: Timestamp,
    ) -> Result<Option<Recipient>, Problem> {
        let suppressed = self.suppressions.of(profile).await?;
        let stored = self.recipients.put_profile_if(id, key, profile, &suppressed, write_if, now).await;
        let devices = known.map(|known| known.devices).unwrap_or_default();
        Ok(stored?.map(|stored| Recipient { devices, ..stored }))
    }
}

/// Returns the condition of the write that matches the caller's preconditions.
///
/// # Errors
/// 412 if the preconditions do not hold for the state that was read.
pub(super) fn write_if(conditions: &Preconditions, known: Option<&Recipient>) -> Result<WriteIf, Problem> {
    let matches = conditions
        .if_match
        .as_ref()
        .is_none_or(|tags| known.is_some_and(|known| tags.names_strongly(|tag| ProfileVersion::of(known).is_in(tag))));
    let is_excluded = conditions
        .if_none_match
        .as_ref()
        .is_some_and(|tags| known.is_some_and(|known| tags.names(|tag| tag == entity_tag(known))));
    if !matches || is_excluded {
        return Err(preconditions::failed());
    }
    Ok(match (conditions, known) {
        (conditions, _) if conditions.is_empty() => WriteIf::Always,
        (Preconditions { if_match: Some(TagList::Any), if_none_match: None }, _) => WriteIf::Exists,
        (_, Some(known)) => WriteIf::Version(ProfileVersion::of(known)),
        (_, None) => WriteIf::Absent,
    })
}

fn unchanged(read_only: &ReadOnly, id: &RecipientId, known: Option<&Recipient>) -> Result<(), Problem> {
    let changed = read_only.changed(id, known);
    if changed.is_empty() { Ok(()) } else { Err(Problem::invalid(changed)) }
}

#[cfg(test)]
#[path = "profile_routes_tests.rs"]
mod tests;
