//! Messages of a stored notification: `GET /v1/notifications/{id}?render=true`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::service::SendService;
use delivery::{Composer, TokenKeys, locale_of, preview_paid, preview_push};
use domain::channel::Channel;
use domain::notification::Notification;
use domain::recipient::Recipient;
use platform::private::Private;
use platform::problem::Problem;

/// Message of each channel; `None` if it cannot be composed, or if the recipient has no address there.
pub type RenderedMessages = BTreeMap<Channel, Option<Private<Value>>>;

impl SendService {
    /// Renders the messages of a notification. A template is rendered in the version and the locale that the
    /// notification stores; sensitive values are masked. Links have the real form, and their tokens grant nothing.
    ///
    /// # Errors
    /// 503 if a table does not answer.
    pub(super) async fn rendered(&self, notification: &Notification) -> Result<RenderedMessages, Problem> {
        let config = self.engine.config().current().await;
        let to = self.engine.stores().recipients().load(notification.id().recipient()).await?;
        let mut shown = notification.clone();
        let template = match notification.message().template() {
            Some(used) => self.engine.templates().get(&used.name, used.version).await?,
            None => None,
        };
        if let Some((template, used)) = template.as_ref().zip(notification.message().template()) {
            shown.replace_variables(template.draft().variables.masked(used.variables.expose()));
            if let Some(to) = &to {
                shown.fix_locale(|channels| locale_of(to, template, channels, &config.settings));
            }
        }
        let keys = TokenKeys::dummy();
        let (settings, links) = (&*config.settings, config.links(&keys));
        let composer = Composer { notification: &shown, template: template.as_deref(), settings, links };
        let message = |channel: &Channel| (*channel, self.message(*channel, &composer, to.as_ref()).map(Private::new));
        Ok(notification.channels().iter().map(message).collect())
    }

    fn message(&self, channel: Channel, composer: &Composer<'_>, to: Option<&Recipient>) -> Option<Value> {
        if channel == Channel::Push {
            return preview_push(composer);
        }
        let sender = self.engine.senders().paid().email_sender();
        composer.paid(channel, to?, sender).ok().map(|message| preview_paid(&message))
    }
}
