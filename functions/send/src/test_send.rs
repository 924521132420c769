//! Test sends: `POST /v1/templates/{name}/test` sends a template for real, marked as a test and kept out of all
//! figures.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::{SendContext, SendRequest};
use super::service::{Deadlines, NotificationResult, SendService};
use super::template_request::{LoadedTemplates, TemplateVersion};
use delivery::DRAFT;
use delivery::config::ConfigSnapshot;
use domain::NotificationType;
use domain::channel::Channel;
use domain::notification::NotificationId;
use domain::recipient::RecipientId;
use platform::http::Request;
use platform::private::Private;
use platform::problem::{FieldError, Problem};
use templates::CompiledTemplate;

/// Maximum number of recipients of a test.
const MAX_RECIPIENTS: usize = 10;

/// Body of a test send.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    to: Vec<RecipientId>,
    /// Published version; the draft when absent.
    version: Option<u32>,
    r#type: Option<String>,
    channels: Option<Vec<Channel>>,
    /// Values; the sample data of the draft and the examples of the schema when absent.
    variables: Option<Private<Map<String, Value>>>,
}

impl SendService {
    /// Returns the version or the draft that is tested.
    ///
    /// # Errors
    /// 422 if there is none, or with everything that prevents rendering the draft.
    async fn tested(&self, version: &TemplateVersion) -> Result<Arc<CompiledTemplate>, Problem> {
        let missing = |message| Problem::invalid_field("version", message);
        if version.number != DRAFT {
            let template = self.engine.templates().get(&version.name, version.number).await?;
            return template.ok_or_else(|| missing("must be the number of a published version"));
        }
        match self.engine.templates().draft(&version.name).await? {
            Some(Ok(draft)) => Ok(Arc::new(draft)),
            Some(Err(findings)) => Err(Problem::invalid(findings.into_iter().map(FieldError::from).collect())),
            None => Err(missing("is required: the draft was never saved")),
        }
    }

    /// Sends a version or the draft of a template. Gates, budgets and frequency caps hold as for any other message.
    ///
    /// # Errors
    /// 404 for an unknown template, 422 for a field that is wrong, 503 if the row of the type or of the template could
    /// not be read.
    pub(super) async fn test_template(
        &self,
        request: &Request,
        deadlines: Deadlines,
    ) -> Result<Vec<NotificationResult>, Problem> {
        let body: TestRequest = request.json()?;
        if body.to.is_empty() || body.to.len() > MAX_RECIPIENTS {
            return Err(Problem::invalid_field("to", "must name 1 to 10 recipients"));
        }
        if body.version == Some(0) {
            return Err(Problem::invalid_field("version", "must be the number of a published version"));
        }
        let config = &self.engine.config().current().await;
        let version = TemplateVersion { name: request.path("name").to_owned(), number: body.version.unwrap_or(DRAFT) };
        let is_known = |config: &ConfigSnapshot| config.templates.get(&version.name).is_some();
        let kind = body.r#type.as_deref().unwrap_or(NotificationType::DEFAULT);
        let knows_names = is_known(config) && config.settings.types.get(kind).is_some();
        let config = if knows_names { config } else { &self.engine.config().with_new_names().await };
        config.check_type(kind)?;
        config.check_template(&version.name)?;
        if !is_known(config) {
            return Err(Problem::not_found("template"));
        }
        let template = self.tested(&version).await?;
        let variables = body.variables.unwrap_or_else(|| Private::new(template.draft().sample_values()));
        let templates = &LoadedTemplates::only(version.clone(), Arc::clone(&template));
        let (links, now) = (self.engine.senders().links(config), self.engine.clock().now());
        let messages = body.to.into_iter().zip(0u32..).map(|(to, index)| {
            let (caller, hasher, test_of) = (request.caller.id.as_str(), &self.hasher, Some(&version));
            let context = SendContext { caller, hasher, index, now, config, templates, links, test_of };
            let channels = body.channels.clone();
            let message = SendRequest {
                channels,
                variables: Some(variables.clone()),
                ..SendRequest::to(to, body.r#type.clone())
            };
            message.into_notification(context, |recipient| NotificationId::random(recipient, now))
        });
        // A field that is wrong for one recipient is wrong for all.
        let messages: Vec<NotificationResult> =
            messages.map(|message| message.map(Ok)).collect::<Result<_, Problem>>()?;
        Ok(self.run_messages(messages, deadlines).await)
    }
}
