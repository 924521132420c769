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
