//! Versions that refuse messages which the live version accepts.

use super::CatalogApi;
use super::template_resource::version_in;
use super::template_routes::malformed;
use platform::problem::{Problem, ProblemKind};
use store::CatalogRow;
use templates::{TemplateDraft, TemplateName, breaking_variables};

impl CatalogApi {
    /// Refuses a version that would refuse messages which the live one accepts, while a type or a campaign uses the
    /// template. `types` are the names of the types that use it.
    ///
    /// # Errors
    /// 409 with the changes.
    pub(super) async fn refuse_breaking_change(
        &self,
        name: &TemplateName,
        row: &CatalogRow,
        version: &TemplateDraft,
        types: &[String],
    ) -> Result<(), Problem> {
        let live = version_in(row, "live");
        if live == 0 {
            return Ok(());
        }
        let live = TemplateDraft::parse_stored(&self.version_json(name, live).await?).map_err(|_| malformed())?;
        let breaking = breaking_variables(&live.variables, &version.variables);
        if breaking.is_empty() {
            return Ok(());
        }
        // Boxed, because the reads of campaigns are nested deeply.
        let campaigns = Box::pin(self.campaigns_that(|campaign| campaign.needs_template(name.as_str()))).await?;
        let users = match (types, campaigns.as_deref()) {
            ([], None) => return Ok(()),
            ([], Some(campaigns)) => format!("Campaigns use the template ({campaigns})"),
            _ => "A type uses the template".to_owned(),
        };
        let changes = breaking.join(", ");
        let detail = format!(
            "{users}, and the version refuses messages that the live one accepts: {changes}. Keep \
             these variables as they are, give new ones a default, or repeat the request with confirm=true."
        );
        Err(Problem::new(ProblemKind::BreakingChange, detail))
    }
}
