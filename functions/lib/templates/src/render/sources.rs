//! All sources of a draft with their paths.

use crate::engine::SourceKind;
use crate::model::{EmailPart, PushPart, SmsPart, TemplateDraft};

/// Source of a draft.
pub struct Source<'a> {
    /// JSON path, which is also its name in the engine.
    pub path: String,
    /// Source.
    pub text: &'a str,
    /// Kind of the source.
    pub kind: SourceKind,
}

/// Returns all sources.
pub fn sources(draft: &TemplateDraft) -> impl Iterator<Item = Source<'_>> {
    draft.parts.iter().flat_map(|(locale, parts)| {
        let push = parts.push.iter().flat_map(push);
        let sms = parts.sms.iter().flat_map(sms);
        let named = push.chain(parts.email.iter().flat_map(email)).chain(sms);
        named.map(move |(name, text, kind)| Source { path: format!("parts.{locale}.{name}"), text, kind })
    })
}

type Named<'a> = (String, &'a str, SourceKind);

fn some<'a>(name: &str, text: Option<&'a String>, kind: SourceKind) -> Option<Named<'a>> {
    text.map(|text| (name.to_owned(), text.as_str(), kind))
}

fn push(part: &PushPart) -> impl Iterator<Item = Named<'_>> {
    let own = [
        some("push.title", Some(&part.title), SourceKind::Line),
        some("push.body", Some(&part.body), SourceKind::Text),
        some("push.url", part.url.as_ref(), SourceKind::Url),
        some("push.icon", part.icon.as_ref(), SourceKind::Url),
        some("push.image", part.image.as_ref(), SourceKind::Url),
    ];
    let actions = part.actions.iter().enumerate().flat_map(|(index, action)| {
        let path = format!("push.actions[{index}]");
        [
            some(&format!("{path}.title"), Some(&action.title), SourceKind::Line),
            some(&format!("{path}.url"), action.url.as_ref(), SourceKind::Url),
        ]
    });
    own.into_iter().chain(actions).flatten()
}

fn email(part: &EmailPart) -> impl Iterator<Item = Named<'_>> {
    let own = [
        some("email.subject", Some(&part.subject), SourceKind::Line),
        some("email.preheader", part.preheader.as_ref(), SourceKind::Line),
        some("email.html", part.html.as_ref(), SourceKind::Html),
        some("email.text", Some(&part.text), SourceKind::Mail),
    ];
    own.into_iter().flatten()
}

fn sms(part: &SmsPart) -> impl Iterator<Item = Named<'_>> {
    some("sms.text", Some(&part.text), SourceKind::Sms).into_iter()
}

/// Replaces the source at a path.
pub fn replace_source(draft: &mut TemplateDraft, path: &str, text: &str) {
    for (locale, parts) in &mut draft.parts {
        let Some(name) = path.strip_prefix("parts.").and_then(|path| path.strip_prefix(locale.as_str())) else {
            continue;
        };
        let (push, email, sms) = (parts.push.as_mut(), parts.email.as_mut(), parts.sms.as_mut());
        let place = match name {
            ".push.title" => push.map(|push| &mut push.title),
            ".push.body" => push.map(|push| &mut push.body),
            ".push.url" => push.and_then(|push| push.url.as_mut()),
            ".push.icon" => push.and_then(|push| push.icon.as_mut()),
            ".push.image" => push.and_then(|push| push.image.as_mut()),
            ".email.subject" => email.map(|email| &mut email.subject),
            ".email.preheader" => email.and_then(|email| email.preheader.as_mut()),
            ".email.html" => email.and_then(|email| email.html.as_mut()),
            ".email.text" => email.map(|email| &mut email.text),
            ".sms.text" => sms.map(|sms| &mut sms.text),
            _ => push.and_then(|push| action_source(push, name)),
        };
        if let Some(place) = place {
            text.clone_into(place);
        }
    }
}

/// Returns the source of a button, such as `.push.actions[0].title`.
fn action_source<'a>(push: &'a mut PushPart, name: &str) -> Option<&'a mut String> {
    let (index, field) = name.strip_prefix(".push.actions[")?.split_once("].")?;
    let action = push.actions.get_mut(index.parse::<usize>().ok()?)?;
    match field {
        "title" => Some(&mut action.title),
        "url" => action.url.as_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn every_source_is_found_by_its_path() {
        let push = json!({"title": "t", "body": "b", "url": "u", "icon": "i", "image": "m", "actions": [
            {"action": "a", "title": "t", "url": "u"}, {"action": "b", "title": "t"}]});
        let email = json!({"subject": "s", "preheader": "p", "html": "h", "text": "t"});
        let parts =
            json!({"en": {"push": push, "email": email, "sms": {"text": "t"}}, "en-GB": {"sms": {"text": "t"}}});
        let draft = json!({"title": "T", "default_locale": "en", "parts": parts});
        let mut draft = TemplateDraft::parse(&draft).unwrap();
        let paths: Vec<String> = sources(&draft).map(|source| source.path).collect();
        assert_eq!(paths.len(), 14);
        for (index, path) in paths.iter().enumerate() {
            replace_source(&mut draft, path, &format!("new {index}"));
        }
        let expected: Vec<String> = (0..paths.len()).map(|index| format!("new {index}")).collect();
        assert_eq!(sources(&draft).map(|source| source.text.to_owned()).collect::<Vec<_>>(), expected);
    }
}
