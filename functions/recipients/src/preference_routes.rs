//! `PUT /v1/recipients/{id}/preferences`: choices of the recipient, for whom a caller acts.

use jiff::Timestamp;

use super::RecipientsApi;
use super::profile_routes::write_if;
use domain::recipient::{ChoiceAuthor, PersonChoices, ProfileVersion, Recipient, RecipientView, entity_tag};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions};
use platform::problem::Problem;

impl RecipientsApi {
    /// Stores the choices of a recipient who is logged in at the caller: 200 with the profile, 404, or 412. What the
    /// body does not name stays.
    pub(super) async fn put_preferences(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let conditions = Preconditions::of(request)?;
        let body = request.json_value()?;
        let config = self.config_for(&[&body]).await?;
        let choices = PersonChoices::of_json(body, &config.settings.types)?;
        let stored = preconditions::retry_conflicts(|| async {
            let known = self.recipients.load(&key).await?.ok_or_else(|| Problem::not_found("recipient"))?;
            write_if(&conditions, Some(&known))?;
            let next = choices.applied(&known.preferences, ChoiceAuthor::Person, now);
            if next == known.preferences {
                return Ok(Some(known));
            }
            let stored = self.recipients.put_preferences_if(&key, &next, ProfileVersion::of(&known), now).await?;
            Ok(stored.map(|stored| Recipient { devices: known.devices, ..stored }))
        });
        let stored = stored.await?;
        Ok(Response::json(200, &RecipientView::of_profile(&stored)).with_entity_tag(&entity_tag(&stored)))
    }
}
