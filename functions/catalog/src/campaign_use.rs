//! Campaigns that name an object which an operator archives or deletes.

use super::CatalogApi;
use campaign::Campaign;
use platform::problem::{Problem, ProblemKind};

/// Maximum number of campaigns that a problem names.
const MAX_NAMED: usize = 5;

impl CatalogApi {
    /// Refuses to remove something that campaigns need which have not ended. `what` is its kind.
    ///
    /// # Errors
    /// 409 with the ids of the campaigns.
    pub(super) async fn check_campaigns(&self, what: &str, needs: impl Fn(&Campaign) -> bool) -> Result<(), Problem> {
        let Some(named) = self.campaigns_that(needs).await? else { return Ok(()) };
        let detail = format!("Campaigns that have not ended name this {what}: {named}. Change or cancel them first.");
        Err(Problem::new(ProblemKind::Conflict, detail))
    }

    /// Returns the ids of the campaigns that have not ended and need something, as a text; `None` if there are none.
    pub(super) async fn campaigns_that(&self, needs: impl Fn(&Campaign) -> bool) -> Result<Option<String>, Problem> {
        let open = self.campaigns.open_campaigns().await?;
        let users: Vec<_> = open.iter().filter(|stored| needs(&stored.campaign)).map(|it| it.id.as_str()).collect();
        if users.is_empty() {
            return Ok(None);
        }
        let (named, more) = (users.iter().take(MAX_NAMED), users.len().saturating_sub(MAX_NAMED));
        let mut named = named.copied().collect::<Vec<_>>().join(", ");
        if more > 0 {
            named = format!("{named} and {more} more");
        }
        Ok(Some(named))
    }
}
