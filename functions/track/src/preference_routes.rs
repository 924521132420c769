//! The preference page, and the pages of an unsubscription. The token of a link is the permission, so no cookie and no
//! login is needed, and another site cannot submit the form.

use jiff::Timestamp;

use super::TrackApi;
use super::api::refused;
use super::page::{self, HtmlPage};
use super::page_texts::PageTexts;
use super::preference_form::{PreferenceForm, PreferenceFormError};
use super::preference_page::{Notice, PreferencePage};
use super::receipt_merge::merge;
use delivery::config::ConfigSnapshot;
use delivery::{LinkAction, TokenError};
use domain::channel::Channel;
use domain::notification::{Effect, Notification, NotificationId};
use domain::recipient::{ChoiceAuthor, ChoiceScope, PersonChoices, ProfileVersion, Recipient, RecipientKey};
use domain::{NotificationType, NotificationTypes};
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::{Problem, ProblemKind};

/// Recipient and type of an unsubscription, and the message of a campaign that had the link.
type Unsubscription = (RecipientKey, String, Option<NotificationId>);

impl TrackApi {
    /// Shows the preference page, and changes nothing.
    pub(super) async fn show_preferences(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (key, _) = self.chooser(request, now)?;
        let (known, config) = tokio::join!(self.recipients.load(&key), self.config.current());
        let known = known?.ok_or_else(nothing_stored)?;
        check_types(&config)?;
        Ok(preference_page(&known, &config.settings.types, None, Notice::None))
    }

    /// Stores what the recipient changed on the preference page, and shows the page again.
    pub(super) async fn save_preferences(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (key, message) = self.chooser(request, now)?;
        let config = self.config.current().await;
        check_types(&config)?;
        let types = &config.settings.types;
        let form = PreferenceForm::parse(request.body.expose());
        let choices = form.as_ref().ok_or(PreferenceFormError::Outdated).and_then(|form| form.choices(types));
        preconditions::retry_conflicts(|| async {
            let known = self.recipients.load(&key).await?.ok_or_else(nothing_stored)?;
            let choices = match &choices {
                Ok(choices) => choices,
                Err(error) => {
                    let shown = form.as_ref().filter(|_| *error != PreferenceFormError::Outdated);
                    return Ok(Some(preference_page(&known, types, shown, Notice::Error(*error))));
                }
            };
            let next = choices.applied(&known.preferences, ChoiceAuthor::Link, now);
            if next == known.preferences {
                return Ok(Some(preference_page(&known, types, None, Notice::Saved)));
            }
            let read = ProfileVersion::of(&known);
            if let Some(stored) = self.recipients.put_preferences_if(&key, &next, read, now).await? {
                tracing::info!(recipient = %key, choices = choices.choices.len(), "stored choices of preference page");
                if let Some(id) = &message {
                    self.count_opt_out(id, Some(choices), now).await;
                }
                return Ok(Some(preference_page(&stored, types, None, Notice::Saved)));
            }
            Ok(None)
        })
        .await
    }

    /// Returns the recipient of a link to the preference page, and the message of a campaign that had the link. An
    /// unsubscribe link leads to the page too.
    fn chooser(&self, request: &Request, now: Timestamp) -> Result<(RecipientKey, Option<NotificationId>), Problem> {
        match self.keys.open(request.path("token"), now).map_err(refused)? {
            LinkAction::Preferences(recipient) | LinkAction::Unsubscribe(recipient, _) => Ok((recipient, None)),
            LinkAction::UnsubscribeFrom(id, _) | LinkAction::PreferencesFrom(id) => {
                Ok((id.recipient().clone(), Some(id)))
            }
            _ => Err(refused(TokenError::Invalid)),
        }
    }

    /// Returns the recipient and the type that an unsubscribe token names, and the message of a campaign that had the
    /// link.
    fn unsubscription(&self, request: &Request, now: Timestamp) -> Result<Unsubscription, Problem> {
        match self.keys.open(request.path("token"), now).map_err(refused)? {
            LinkAction::Unsubscribe(recipient, kind) => Ok((recipient, kind, None)),
            LinkAction::UnsubscribeFrom(id, kind) => Ok((id.recipient().clone(), kind, Some(id))),
            _ => Err(refused(TokenError::Invalid)),
        }
    }

    /// Requires the confirmation of an unsubscription, with the preference page below. The request changes nothing,
    /// because mail scanners open links too.
    pub(super) async fn ask_unsubscribe(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (key, kind, _) = self.unsubscription(request, now)?;
        let (known, config) = tokio::join!(self.recipients.load(&key), self.config.current());
        let (known, types) = (known?, &config.settings.types);
        let texts = PageTexts::of(known.as_ref().and_then(|known| known.locale.as_deref()));
        let mut content = page::confirm(types, &kind, texts);
        if let Some(known) = &known {
            let choices = PreferencePage {
                action: page::preferences_url(request.path("token")),
                ..contents(known, types, None, Notice::None)
            };
            content.push_str(&format!("\n<h2>{}</h2>\n{}", texts.title, choices.html()));
        }
        Ok(HtmlPage { status: 200, texts, title: texts.unsubscribe, content }.response())
    }

    /// Unsubscribes (RFC 8058): the POST alone is sufficient, with any body and without a cookie. A repetition gets the
    /// same page, as does a recipient who has been erased.
    pub(super) async fn unsubscribe(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (recipient, kind, message) = self.unsubscription(request, now)?;
        let done = self.recipients.unsubscribe(&recipient, &kind, ChoiceAuthor::Link, now).await?;
        tracing::info!(%recipient, kind, result = ?done.result, "processed unsubscription");
        if let Some(id) = message {
            self.count_opt_out(&id, None, now).await;
        }
        let texts = PageTexts::of(done.locale.as_deref());
        let content =
            page::unsubscribed(&self.config.current().await.settings.types, &kind, texts, request.path("token"));
        Ok(HtmlPage { status: 200, texts, title: texts.unsubscribed, content }.response())
    }
}

impl TrackApi {
    /// Records the opt-out at the message that led to it, for the guards of its campaign. `choices` are those of the
    /// preference page, which may be about something else; `None` is an unsubscription. They are stored already.
    async fn count_opt_out(&self, id: &NotificationId, choices: Option<&PersonChoices>, now: Timestamp) {
        let record = |notification: &mut Notification| match choices {
            Some(choices) if !refuses_message(choices, notification) => Effect::Nothing,
            _ => notification.record_opt_out(now),
        };
        // Without a refusal, nothing is read.
        if choices.is_some_and(|choices| choices.choices.values().all(|wants| *wants)) {
            return;
        }
        if let Err(error) = merge(&self.notifications, id, record).await {
            tracing::warn!(notification = %id, %error, "failed to count an opt-out at its message");
        }
    }
}

/// Returns `true` if a choice refuses what a message was: its type, its channel, or both together.
fn refuses_message(choices: &PersonChoices, message: &Notification) -> bool {
    let is_type = |kind: &str| kind == message.type_id().as_str();
    let is_channel = |channel: Channel| match message.channel() {
        Some(used) => used == channel,
        None => message.channels().contains(&channel),
    };
    choices.choices.iter().filter(|(_, wants)| !**wants).any(|(scope, _)| match scope {
        ChoiceScope::Type(kind) => is_type(kind),
        ChoiceScope::Channel(channel) => is_channel(*channel),
        ChoiceScope::Cell(kind, channel) => is_type(kind) && is_channel(*channel),
    })
}

/// Checks that the page shows every type. A process that has never read the catalog has the built-in ones alone.
///
/// # Errors
/// 503 if the catalog was not read yet.
fn check_types(config: &ConfigSnapshot) -> Result<(), Problem> {
    Ok(config.check_type(NotificationType::DEFAULT)?)
}

fn contents<'a>(
    known: &'a Recipient,
    types: &'a NotificationTypes,
    submitted: Option<&'a PreferenceForm>,
    notice: Notice,
) -> PreferencePage<'a> {
    PreferencePage {
        texts: PageTexts::of(known.locale.as_deref()),
        types,
        preferences: &known.preferences,
        time_zone: known.time_zone.as_deref(),
        action: String::new(),
        submitted,
        notice,
    }
}

fn preference_page(
    known: &Recipient,
    types: &NotificationTypes,
    submitted: Option<&PreferenceForm>,
    notice: Notice,
) -> Response {
    let page = contents(known, types, submitted, notice);
    let status = if matches!(notice, Notice::Error(_)) { 422 } else { 200 };
    HtmlPage { status, texts: page.texts, title: page.texts.title, content: page.html() }.response()
}

fn nothing_stored() -> Problem {
    Problem::new(ProblemKind::NotFound, "The recipient of the message is no longer stored, and receives no messages.")
}
