//! Messages of a notification as they would be sent, checked before it is stored.

use delivery::{ComposeError, Composer, Links, PushLinks, push_message};
use domain::channel::Channel;
use domain::notification::Notification;
use domain::settings::Settings;
use platform::problem::{FieldError, Problem};
use templates::CompiledTemplate;

/// Checks every message of a notification before anything is stored. A template is rendered in its default locale,
/// because the recipient is not known yet. A push has the longest possible links, so it is never larger when it is
/// sent.
///
/// # Errors
/// 422 that names every missing variable and every field that does not fit.
pub fn check_composition(
    notification: &Notification,
    template: Option<&CompiledTemplate>,
    settings: &Settings,
    links: Option<Links<'_>>,
) -> Result<(), Problem> {
    let composer = Composer { notification, template, settings, links };
    let mut errors: Vec<FieldError> = Vec::new();
    for channel in notification.channels() {
        let found = match channel {
            Channel::Push => check_push(&composer),
            Channel::Email if template.is_some() => {
                composer.text().and_then(|text| text.email()).err().map(ComposeError::into_errors)
            }
            Channel::Sms if template.is_some() => {
                composer.text().and_then(|text| text.sms(true)).err().map(ComposeError::into_errors)
            }
            Channel::Email | Channel::Sms => None,
        };
        for error in found.into_iter().flatten() {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn check_push(composer: &Composer<'_>) -> Option<Vec<FieldError>> {
    let content = match composer.push_content() {
        Ok(content) => content,
        Err(error) => return Some(error.into_errors()),
    };
    let notification = composer.notification;
    let field = if composer.template.is_some() { "variables" } else { "content" };
    let composed = push_message(notification, &content, Some(PushLinks::longest()), notification.due_at());
    composed.err().map(|too_large| vec![FieldError::new(field, too_large.to_string())])
}
