//! The one renderer: a version, a recipient's locale and zone, and a message's variables become its texts.

use std::collections::{BTreeMap, BTreeSet};

use domain::channel::Channel;
use domain::notification::{ActionButton, Content};
use domain::text::is_blank;
use minijinja::value::Value as EngineValue;
use platform::private::Private;

use crate::engine::{CONTEXT_NAME, EngineError, EngineErrorKind, Localization, SourceKind, TemplateEngine};
use crate::finding::Finding;
use crate::locale::language;
use crate::mjml_source::in_author_source;
use crate::model::{EmailPart, PushPart, SmsPart, TemplateDraft};
use crate::variables::SERVICE_VARIABLES;

mod errors;
mod footer;
mod locale_choice;
mod request;
mod sources;
mod visible;

use errors::RenderErrorCollector;
pub use errors::{RenderError, RenderErrorKind, RenderErrors};
pub use request::{RenderLimits, RenderRequest, ServiceLinks};
use sources::replace_source;
pub(crate) use sources::{Source, sources};
use visible::shows_something;

/// Link in place of one that the service does not make, in the search for what is missing.
const EXAMPLE_LINK: &str = "https://example.com/";

/// Message for a text that shows nothing.
const INVISIBLE: &str = "must not be empty or invisible";

/// Texts of all channels that the version has.
#[derive(Debug)]
pub struct Rendered {
    /// Push.
    pub push: Option<RenderedPart<RenderedPush>>,
    /// E-mail.
    pub email: Option<RenderedPart<RenderedEmail>>,
    /// SMS.
    pub sms: Option<RenderedPart<RenderedSms>>,
}

/// Text of one channel, with the locale of the part that was used.
#[derive(Debug)]
pub struct RenderedPart<T> {
    /// Locale of the part.
    pub locale: String,
    /// Text, or the reasons why there is none.
    pub message: Result<T, RenderErrors>,
}

/// Content of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPush {
    /// Title, body, links and buttons, cleaned and within the limits of a content.
    pub content: Content,
}

/// Texts of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// Subject: one line.
    pub subject: Private<String>,
    /// HTML part.
    pub html: Private<String>,
    /// Text part. It must not be cleaned again: that would remove the breaks that keep values from becoming links.
    pub text: Private<String>,
}

/// Text of an SMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedSms {
    /// Text.
    pub text: Private<String>,
}

/// Version or draft whose sources are compiled.
#[derive(Debug)]
pub struct CompiledTemplate {
    draft: TemplateDraft,
    engine: TemplateEngine,
    /// Names of the sources that use the unsubscribe link.
    with_unsubscribe: BTreeSet<String>,
}

impl CompiledTemplate {
    /// Compiles every source. An e-mail's MJML is not compiled here: its HTML is.
    ///
    /// # Errors
    /// Returns the first error of each source, with line and column.
    pub fn new(draft: TemplateDraft) -> Result<Self, Vec<Finding>> {
        let (template, findings) = Self::of_draft(draft);
        if findings.is_empty() { Ok(template) } else { Err(findings) }
    }

    /// Compiles the sources that are right, so that a check can continue with them. Returns the first error of each
    /// other source, which is replaced by a short text.
    #[must_use]
    pub fn of_draft(mut draft: TemplateDraft) -> (Self, Vec<Finding>) {
        let mut engine = TemplateEngine::new();
        let (mut findings, mut wrong) = (Vec::new(), Vec::new());
        let mut with_unsubscribe = BTreeSet::new();
        for Source { path, text, kind } in sources(&draft) {
            match engine.add(&path, text, &draft.variables) {
                Ok(()) if engine.used_names(&path).contains("unsubscribe_url") => {
                    with_unsubscribe.insert(path);
                }
                Ok(()) => {}
                Err(error) => {
                    let finding = Finding::new(path.as_str(), error.message).at(error.place);
                    findings.push(in_author_source(&draft, finding));
                    wrong.push((path, kind));
                }
            }
        }
        for (path, kind) in wrong {
            let text = if kind == SourceKind::Url { "https://example.com/" } else { "-" };
            // A plain text has no error of syntax.
            let _ = engine.add(&path, text, &draft.variables);
            replace_source(&mut draft, &path, text);
        }
        (Self { draft, engine, with_unsubscribe }, findings)
    }

    /// Returns the sources.
    #[must_use]
    pub const fn draft(&self) -> &TemplateDraft {
        &self.draft
    }

    /// Returns the engine, for the checks before publishing.
    pub(crate) const fn engine(&self) -> &TemplateEngine {
        &self.engine
    }

    /// Renders every channel.
    #[must_use]
    pub fn render(&self, request: &RenderRequest<'_>) -> Rendered {
        Rendered { push: self.push(request), email: self.email(request), sms: self.sms(request) }
    }

    /// Renders the push.
    #[must_use]
    pub fn push(&self, request: &RenderRequest<'_>) -> Option<RenderedPart<RenderedPush>> {
        let rendering = self.rendering(Channel::Push, request)?;
        let part = self.draft.parts.get(rendering.locale)?.push.as_ref()?;
        Some(rendering.part(rendering.push(part)))
    }

    /// Renders the e-mail.
    #[must_use]
    pub fn email(&self, request: &RenderRequest<'_>) -> Option<RenderedPart<RenderedEmail>> {
        let rendering = self.rendering(Channel::Email, request)?;
        let part = self.draft.parts.get(rendering.locale)?.email.as_ref()?;
        Some(rendering.part(rendering.email(part)))
    }

    /// Renders the SMS.
    #[must_use]
    pub fn sms(&self, request: &RenderRequest<'_>) -> Option<RenderedPart<RenderedSms>> {
        let rendering = self.rendering(Channel::Sms, request)?;
        let part = self.draft.parts.get(rendering.locale)?.sms.as_ref()?;
        Some(rendering.part(rendering.sms(part)))
    }

    fn rendering<'a>(&'a self, channel: Channel, request: &'a RenderRequest<'a>) -> Option<Rendering<'a>> {
        let locale = self.locale_for(channel, request.locale)?;
        let is_own = language(locale).eq_ignore_ascii_case(language(request.locale));
        let links =
            [("unsubscribe_url", &request.links.unsubscribe_url), ("preferences_url", &request.links.preferences_url)];
        let links: BTreeMap<&str, &str> =
            links.into_iter().filter_map(|(name, link)| Some((name, link.as_ref()?.expose().as_str()))).collect();
        let uris = request.values.uris().iter().map(String::as_str).chain(links.values().copied());
        let localization = Localization {
            part_locale: locale.to_owned(),
            format_locale: if is_own { request.locale } else { locale }.to_owned(),
            zone: request.zone.clone(),
            uris: uris.map(str::to_owned).collect(),
        };
        let localization = EngineValue::from_object(localization);
        let path = format!("parts.{locale}.{channel}");
        let mut rendering =
            Rendering { template: self, request, locale, path, links, localization, context: EngineValue::UNDEFINED };
        rendering.context = rendering.context_of(request.values.values());
        Some(rendering)
    }
}

/// Rendering of one part.
struct Rendering<'a> {
    template: &'a CompiledTemplate,
    request: &'a RenderRequest<'a>,
    locale: &'a str,
    path: String,
    links: BTreeMap<&'a str, &'a str>,
    localization: EngineValue,
    context: EngineValue,
}

impl Rendering<'_> {
    fn part<T>(&self, message: Result<T, RenderErrors>) -> RenderedPart<T> {
        RenderedPart { locale: self.locale.to_owned(), message }
    }

    fn context_of(&self, values: &BTreeMap<String, EngineValue>) -> EngineValue {
        let values = values.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let links = self.links.iter().map(|(name, link)| (*name, EngineValue::from(*link)));
        let all = values.chain(links).chain([(CONTEXT_NAME, self.localization.clone())]);
        EngineValue::from(all.collect::<BTreeMap<_, _>>())
    }

    fn push(&self, part: &PushPart) -> Result<RenderedPush, RenderErrors> {
        let mut errors = RenderErrorCollector::default();
        let mut content = Content {
            title: errors.take(self.source("title", SourceKind::Line)).into(),
            body: errors.take(self.source("body", SourceKind::Text)).into(),
            url: errors.take(self.url(part.url.as_ref(), "url")),
            icon: errors.take(self.url(part.icon.as_ref(), "icon")),
            image: errors.take(self.url(part.image.as_ref(), "image")),
            lang: Some(self.locale.to_owned().into()),
            ..Content::default()
        };
        for (index, action) in part.actions.iter().enumerate() {
            content.actions.push(ActionButton {
                action: action.action.clone().into(),
                title: errors.take(self.source(&format!("actions[{index}].title"), SourceKind::Line)).into(),
                icon: None,
                url: errors.take(self.url(action.url.as_ref(), &format!("actions[{index}].url"))),
            });
        }
        let content = content.cleaned();
        for error in content.errors() {
            let field = error.field.trim_start_matches("content").trim_start_matches('.');
            errors.add_unless_known(self.not_allowed(field, &error.message));
        }
        errors.result(RenderedPush { content })
    }

    fn email(&self, part: &EmailPart) -> Result<RenderedEmail, RenderErrors> {
        let mut errors = RenderErrorCollector::default();
        let subject = errors.take(self.subject());
        let preheader = part.preheader.as_ref().map(|_| errors.take(self.source("preheader", SourceKind::Line)));
        let html = errors.take(self.html(preheader.as_deref()));
        let text = errors.take(self.mail_text());
        if let Err(error) = self.check_size("html", SourceKind::Html, html.len() + text.len()) {
            errors.add_unless_known(error);
        }
        errors.result(RenderedEmail { subject: subject.into(), html: html.into(), text: text.into() })
    }

    fn subject(&self) -> Result<String, RenderError> {
        let subject = self.source("subject", SourceKind::Line)?;
        if subject.is_empty() || subject.chars().count() > Content::MAX_TITLE_CHARS {
            return Err(self.not_allowed("subject", "must be 1 to 200 characters, not all of them invisible"));
        }
        Ok(subject)
    }

    fn html(&self, preheader: Option<&str>) -> Result<String, RenderError> {
        let mut html = self.source("html", SourceKind::Html)?;
        if !shows_something(&html) {
            return Err(self.not_allowed("html", INVISIBLE));
        }
        if let Some(preheader) = preheader {
            footer::insert_preheader(&mut html, preheader);
        }
        if let Some(link) = self.footer_link("html") {
            footer::append_to_html(&mut html, self.locale, link);
        }
        self.check_size("html", SourceKind::Html, html.len())?;
        Ok(html)
    }

    fn mail_text(&self) -> Result<String, RenderError> {
        let mut text = self.source("text", SourceKind::Mail)?;
        if is_blank(&text) {
            return Err(self.not_allowed("text", INVISIBLE));
        }
        if let Some(link) = self.footer_link("text") {
            footer::append_to_text(&mut text, self.locale, link);
        }
        self.check_size("text", SourceKind::Mail, text.len())?;
        Ok(text)
    }

    /// Returns the link of the footer that a source of an e-mail needs, because it lacks the link.
    fn footer_link(&self, name: &str) -> Option<&str> {
        let link = self.links.get("unsubscribe_url").filter(|_| self.request.needs_unsubscribe);
        link.copied().filter(|_| !self.template.with_unsubscribe.contains(&format!("{}.{name}", self.path)))
    }

    fn sms(&self, _: &SmsPart) -> Result<RenderedSms, RenderErrors> {
        let text = self.source("text", SourceKind::Sms)?;
        if text.is_empty() {
            return Err(self.not_allowed("text", INVISIBLE).into());
        }
        Ok(RenderedSms { text: text.into() })
    }

    fn url(&self, source: Option<&String>, name: &str) -> Result<Option<Private<String>>, RenderError> {
        let url = source.map(|_| self.source(name, SourceKind::Url)).transpose()?;
        Ok(url.filter(|url| !url.is_empty()).map(Private::new))
    }

    fn source(&self, name: &str, kind: SourceKind) -> Result<String, RenderError> {
        let (path, limit) = (format!("{}.{name}", self.path), self.limit(kind));
        let done = self.template.engine.render(&path, kind, self.context.clone(), limit);
        done.map_err(|error| self.render_error(path, kind, limit, error))
    }

    /// Refuses a text that is larger than its limit, with everything that was added to it.
    fn check_size(&self, name: &str, kind: SourceKind, bytes: usize) -> Result<(), RenderError> {
        let (path, limit) = (format!("{}.{name}", self.path), self.limit(kind));
        if bytes <= limit {
            return Ok(());
        }
        let place = self.template.engine.place_of_first_expression(&path);
        Err(self.render_error(path, kind, limit, EngineError::too_large().at(place)))
    }

    const fn limit(&self, kind: SourceKind) -> usize {
        let limits = &self.request.limits;
        if matches!(kind, SourceKind::Html | SourceKind::Mail) { limits.email_bytes } else { limits.text_bytes }
    }

    fn render_error(&self, path: String, kind: SourceKind, limit: usize, error: EngineError) -> RenderError {
        let reason = match error.kind {
            EngineErrorKind::Undefined => RenderErrorKind::Missing(self.missing(&path, kind, limit)),
            EngineErrorKind::TooLarge => RenderErrorKind::NotAllowed,
            EngineErrorKind::OutOfFuel => RenderErrorKind::OutOfFuel,
            EngineErrorKind::Source => RenderErrorKind::Source,
        };
        let finding = Finding::new(path, error.message).at(error.place);
        RenderError { kind: reason, finding: in_author_source(&self.template.draft, finding) }
    }

    /// Returns the names of all absent values and links without which a source cannot be rendered. Each is left out
    /// alone, with examples for the others.
    fn missing(&self, path: &str, kind: SourceKind, limit: usize) -> Vec<String> {
        let values = self.request.values;
        let used = self.template.engine.used_names(path);
        let links = SERVICE_VARIABLES.into_iter().filter(|name| !self.links.contains_key(name));
        let is_needed = |absent: &str| {
            if !absent.split('.').next().is_some_and(|name| used.contains(name)) {
                return false;
            }
            let mut others = values.with_all_but(&self.template.draft.variables, absent);
            let other_links = links.clone().filter(|name| *name != absent);
            others.extend(other_links.map(|name| (name.to_owned(), EngineValue::from(EXAMPLE_LINK))));
            let done = self.template.engine.render(path, kind, self.context_of(&others), limit);
            done.is_err_and(|error| error.kind == EngineErrorKind::Undefined)
        };
        let absent = values.absent().iter().map(String::as_str).chain(links.clone());
        absent.filter(|absent| is_needed(absent)).map(str::to_owned).collect()
    }

    fn not_allowed(&self, name: &str, message: &str) -> RenderError {
        let path = if name.is_empty() { self.path.clone() } else { format!("{}.{name}", self.path) };
        let place = self.template.engine.place_of_first_expression(&path);
        let finding = in_author_source(&self.template.draft, Finding::new(path, message).at(place));
        RenderError { kind: RenderErrorKind::NotAllowed, finding }
    }
}

#[cfg(test)]
mod tests;
