//! Findings that prevent publishing a draft: those of the templates themselves, and messages that no send could send.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::CatalogApi;
use super::example_message::ExampleMessage;
use super::mjml::with_html_where_right;
use super::template_preview::too_long;
use delivery::ComposeError;
use delivery::config::ConfigSnapshot;
use domain::NotificationType;
use domain::channel::Channel;
use domain::notification::{MessageLocale, TemplateUse};
use platform::problem::Problem;
use templates::{CompiledTemplate, Finding, RenderLimits, TemplateDraft, TemplateName, publish_findings};

impl CatalogApi {
    /// Returns what prevents publishing a draft.
    pub(super) async fn findings_of(
        &self,
        name: &TemplateName,
        draft: &TemplateDraft,
        now: Timestamp,
    ) -> Result<Vec<Finding>, Problem> {
        let (_, channels) = self.channels_of_users(name).await?;
        Ok(self.checked(draft.clone(), &channels, now).await.1)
    }

    /// Compiles a draft, and returns everything that prevents publishing it. A source that is wrong is replaced in the
    /// compiled template, so that the others are checked as well. `channels` are those of the types that use it.
    pub(super) async fn checked(
        &self,
        draft: TemplateDraft,
        channels: &[Channel],
        now: Timestamp,
    ) -> (CompiledTemplate, Vec<Finding>) {
        let (draft, mut findings) = with_html_where_right(draft);
        let (template, wrong) = CompiledTemplate::of_draft(draft);
        findings.extend(wrong);
        let known: BTreeSet<String> = findings.iter().map(|finding| finding.path.clone()).collect();
        let mut more = publish_findings(&template, channels, RenderLimits::default());
        more.extend(examples_too_large(&template));
        more.extend(oversized(&template, &self.config.current().await, now));
        findings.extend(more.into_iter().filter(|finding| !known.contains(&finding.path)));
        (template, findings)
    }
}

/// Returns a finding if every send with the examples or with the sample data would be refused, because they are larger
/// than a message may store.
fn examples_too_large(template: &CompiledTemplate) -> Vec<Finding> {
    let draft = template.draft();
    let examples = draft.variables.examples(true).as_object().cloned().unwrap_or_default();
    let checked = [("variables", examples), ("sample", draft.sample_values())];
    let large = checked.into_iter().filter(|(_, values)| !TemplateUse::is_sendable(values));
    large
        .map(|(path, _)| {
            Finding::new(path, format!("has examples that no message can have: {}", TemplateUse::TOO_LARGE))
        })
        .collect()
}

/// Returns a finding for each locale whose push or SMS, with the examples, a send would refuse or skip because it is
/// too long.
fn oversized(template: &CompiledTemplate, config: &ConfigSnapshot, now: Timestamp) -> Vec<Finding> {
    let draft = template.draft();
    let Some(kind) = config.settings.types.get(NotificationType::DEFAULT) else { return Vec::new() };
    let examples = draft.variables.examples(true).as_object().cloned().unwrap_or_default();
    let mut findings = Vec::new();
    for locale in draft.parts.keys() {
        let tag = MessageLocale { tag: locale.clone(), time_zone: "UTC".to_owned(), fallback: Vec::new() };
        let Some(message) = ExampleMessage::new(kind, tag, examples.clone(), now) else { continue };
        // Sends check a push in the default locale before they accept the message, with the longest links.
        let needs_links = *locale == draft.default_locale;
        let is_own = |channel: &Channel| template.locale_for(*channel, locale) == Some(locale.as_str());
        for channel in [Channel::Push, Channel::Sms].into_iter().filter(is_own) {
            let error = match channel {
                Channel::Push if needs_links => message.push_with_longest_links(template, config).err(),
                Channel::Push => message.push(template, config).err(),
                paid => message.paid(paid, template, config).err(),
            };
            findings.extend((error == Some(ComposeError::TooLong)).then(|| too_long(channel, locale, config)));
        }
    }
    findings
}
