//! Checks before a draft becomes a version.

use std::collections::BTreeSet;

use domain::channel::Channel;
use jiff::tz::TimeZone;
use platform::private::Private;

use crate::engine::{SourceKind, TemplateTag, misplaced_value, tags};
use crate::finding::{Finding, Place};
use crate::mjml_source::in_author_source;
use crate::render::{CompiledTemplate, RenderErrors, RenderLimits, RenderRequest, ServiceLinks, sources};
use crate::variables::{SERVICE_VARIABLES, VariableValues};

mod breaking;
mod plurals;

pub use breaking::breaking_variables;
use plurals::incomplete_plurals;

/// Returns every finding of the checks that a version must pass. `channels` are those of the types that use the
/// template: the default locale must have a part for each.
///
/// Each locale and channel must render with the examples of the schema: once with all variables, and once with only the
/// required ones. A plural must have every category of its language. Every variable must be declared, and no value may
/// stand where HTML would run or load it, in any branch.
#[must_use]
pub fn publish_findings(template: &CompiledTemplate, channels: &[Channel], limits: RenderLimits) -> Vec<Finding> {
    let draft = template.draft();
    let mut findings = Vec::new();
    for channel in channels.iter().filter(|channel| template.locale_for(**channel, &draft.default_locale).is_none()) {
        let path = format!("parts.{}.{channel}", draft.default_locale);
        findings.push(Finding::new(path, "is required: a type that uses the template has this channel"));
    }
    findings.extend(undeclared(template));
    findings.extend(incomplete_plurals(draft));
    for source in sources(draft).filter(|source| source.kind == SourceKind::Html) {
        let misplaced = misplaced_value(source.text);
        findings.extend(misplaced.map(|(place, rule)| Finding::new(source.path, rule.to_string()).at(place)));
    }
    let mut findings: Vec<_> = findings.into_iter().map(|finding| in_author_source(draft, finding)).collect();
    for with_optional in [true, false] {
        add_others(&mut findings, unrenderable(template, with_optional, limits));
    }
    findings
}

/// Adds the findings about sources that have none yet: a further one of the same source mostly follows from the first.
fn add_others(findings: &mut Vec<Finding>, more: Vec<Finding>) {
    let known: BTreeSet<String> = findings.iter().map(|finding| finding.path.clone()).collect();
    findings.extend(more.into_iter().filter(|finding| !known.contains(&finding.path)));
}

fn undeclared(template: &CompiledTemplate) -> Vec<Finding> {
    let draft = template.draft();
    let is_known = |name: &str| {
        draft.variables.properties().contains_key(name) || SERVICE_VARIABLES.contains(&name) || name == "plural"
    };
    let mut findings = Vec::new();
    for source in sources(draft) {
        for name in template.engine().used_names(&source.path).iter().filter(|name| !is_known(name)) {
            // The name is a word of the source, not a value of a message.
            let finding = Finding::new(source.path.as_str(), format!("uses {name}, which variables does not declare"));
            findings.push(finding.at(place_of_name(source.text, name)));
        }
    }
    findings
}

/// Returns the first place of a name inside an expression or statement.
fn place_of_name(source: &str, name: &str) -> Option<Place> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let places = tags(source).filter(|tag| !tag.is_comment()).filter_map(|TemplateTag { start, text }| {
        let is_name = |at: &usize| {
            let (before, after) =
                (text.get(..*at).unwrap_or_default(), text.get(at + name.len()..).unwrap_or_default());
            !before.ends_with(is_word) && !before.ends_with('.') && !after.starts_with(is_word)
        };
        text.match_indices(name).map(|(at, _)| at).find(is_name).map(|at| start + at)
    });
    places.map(|offset| Place::of_offset(source, offset)).next()
}

fn unrenderable(template: &CompiledTemplate, with_optional: bool, limits: RenderLimits) -> Vec<Finding> {
    let draft = template.draft();
    let values = match VariableValues::new(&draft.variables, &draft.variables.examples(with_optional)) {
        Ok(values) => values,
        Err(problems) => {
            return problems.into_errors().into_iter().map(|error| Finding::new(error.field, error.message)).collect();
        }
    };
    let link = |path: &str| Some(Private::new(format!("https://notifications.example/{path}/example")));
    let links = ServiceLinks { unsubscribe_url: link("unsubscribe"), preferences_url: link("preferences") };
    let mut findings = Vec::new();
    for locale in draft.parts.keys() {
        let request = RenderRequest {
            locale,
            zone: &TimeZone::UTC,
            values: &values,
            links: &links,
            needs_unsubscribe: true,
            limits,
        };
        let rendered = template.render(&request);
        // A locale without a part for a channel uses another locale's, which is checked under its own name.
        let errors = [
            rendered.push.filter(|part| part.locale == *locale).and_then(|part| part.message.err()),
            rendered.email.filter(|part| part.locale == *locale).and_then(|part| part.message.err()),
            rendered.sms.filter(|part| part.locale == *locale).and_then(|part| part.message.err()),
        ];
        findings.extend(errors.into_iter().flatten().flat_map(RenderErrors::into_findings));
    }
    findings
}

#[cfg(test)]
mod tests;
