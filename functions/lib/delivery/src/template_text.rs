//! Texts of a notification's template: its variables, its links and the recipient's locale go into the one renderer.

use jiff::tz::TimeZone;

use crate::compose_error::ComposeError;
use crate::links::Links;
use domain::NotificationClass;
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::notification::{MessageLocale, Notification, TemplateUse};
use domain::recipient::Recipient;
use domain::settings::Settings;
use platform::private::Private;
use serde_json::Value;
use templates::{
    CompiledTemplate, RenderLimits, RenderRequest, RenderedEmail, RenderedPart, RenderedPush, RenderedSms,
    ServiceLinks, VariableValues,
};

/// Returns the channels for which a template has a text in its default locale, in the given order.
#[must_use]
pub fn channels_with_text(channels: &[Channel], template: &CompiledTemplate) -> Vec<Channel> {
    let has_text = |channel: &Channel| template.locale_for(*channel, &template.draft().default_locale).is_some();
    channels.iter().copied().filter(has_text).collect()
}

/// Template of one notification.
#[derive(Debug, Clone, Copy)]
pub struct TemplateText<'a> {
    pub(crate) notification: &'a Notification,
    pub(crate) used: &'a TemplateUse,
    pub(crate) template: &'a CompiledTemplate,
    pub(crate) links: Option<Links<'a>>,
    pub(crate) class: NotificationClass,
}

impl TemplateText<'_> {
    /// Returns the content of the push.
    ///
    /// # Errors
    /// If the template has no push, or the variables do not fit.
    pub fn push(&self) -> Result<RenderedPush, ComposeError> {
        // The page of a push reports clicks itself, so its link stays as it is.
        self.rendered(None, |request| self.template.push(request))
    }

    /// Returns the texts of the e-mail.
    ///
    /// # Errors
    /// If the template has no e-mail, or the variables do not fit.
    pub fn email(&self) -> Result<RenderedEmail, ComposeError> {
        self.rendered(self.click(Channel::Email).as_ref(), |request| self.template.email(request))
    }

    /// Returns the text of the SMS, with a click link in place of its own link if `with_click` is set.
    ///
    /// # Errors
    /// If the template has no SMS, or the variables do not fit.
    pub fn sms(&self, with_click: bool) -> Result<RenderedSms, ComposeError> {
        let click = self.click(Channel::Sms).filter(|_| with_click);
        self.rendered(click.as_ref(), |request| self.template.sms(request))
    }

    fn click(&self, channel: Channel) -> Option<Link> {
        self.links.and_then(|links| links.click(self.notification, channel))
    }

    fn rendered<T>(
        &self,
        click: Option<&Link>,
        render: impl FnOnce(&RenderRequest<'_>) -> Option<RenderedPart<T>>,
    ) -> Result<T, ComposeError> {
        let draft = self.template.draft();
        let given = self.used.variables_with_link(click).into_exposed();
        let values = VariableValues::new(&draft.variables, &Value::Object(given))?;
        let MessageLocale { tag, time_zone, .. } = match &self.used.locale {
            Some(locale) => locale.clone(),
            None => {
                MessageLocale { tag: draft.default_locale.clone(), time_zone: "UTC".to_owned(), fallback: Vec::new() }
            }
        };
        let part = render(&RenderRequest {
            locale: &tag,
            zone: &TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC),
            values: &values,
            links: &self.service_links(),
            needs_unsubscribe: self.class == NotificationClass::Marketing,
            limits: RenderLimits::default(),
        });
        Ok(part.ok_or(ComposeError::NoPart)?.message?)
    }

    fn service_links(&self) -> ServiceLinks {
        let link = |link: Link| Private::new(link.as_str().to_owned());
        let unsubscribe = self.links.and_then(|links| links.unsubscribe(self.notification));
        let preferences = self.links.and_then(|links| links.preferences(self.notification));
        // A recipient cannot unsubscribe from a critical type, but can choose about all others.
        let unsubscribe = unsubscribe.or_else(|| preferences.clone());
        ServiceLinks { unsubscribe_url: unsubscribe.map(link), preferences_url: preferences.map(link) }
    }
}

/// Returns the locale in which a template is written for a recipient on these channels.
#[must_use]
pub fn locale_of(
    recipient: &Recipient,
    template: &CompiledTemplate,
    channels: &[Channel],
    settings: &Settings,
) -> MessageLocale {
    let tag = recipient.locale.as_ref().unwrap_or(&template.draft().default_locale).clone();
    let zone = recipient.local_zone(settings.organisation.time_zone.as_deref());
    let fallback = channels.iter().copied().filter(|channel| template.lacks_language(*channel, &tag)).collect();
    MessageLocale { tag, time_zone: zone.time_zone.to_owned(), fallback }
}
