//! Plural forms that a source lacks, in any branch.

use std::collections::BTreeSet;

use crate::engine::{TemplateTag, tags};
use crate::finding::{Finding, Place};
use crate::format::required_categories;
use crate::locale::language;
use crate::model::TemplateDraft;
use crate::render::sources;

/// Name of the filter and of the function.
const PLURAL: &str = "plural";

/// Returns a finding for each use of `plural` without a form for every category of its language.
pub fn incomplete_plurals(draft: &TemplateDraft) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources(draft) {
        let locale = source.path.split('.').nth(1).unwrap_or_default();
        let language = language(locale);
        let mut required = None;
        for (offset, given) in plurals(source.text) {
            let required = required.get_or_insert_with(|| required_categories(language));
            let missing: Vec<_> = required.iter().copied().filter(|category| !given.contains(category)).collect();
            if !missing.is_empty() {
                let message = format!("plural lacks {} for the language {language}", missing.join(", "));
                let place = Place::of_offset(source.text, offset);
                findings.push(Finding::new(source.path.as_str(), message).at(Some(place)));
            }
        }
    }
    findings
}

/// Returns the offset and the named arguments of each use of `plural`.
fn plurals(source: &str) -> Vec<(usize, BTreeSet<&str>)> {
    let tags = tags(source).filter(|tag| !tag.is_comment());
    tags.flat_map(|TemplateTag { start, text }| uses(text).map(move |(at, names)| (start + at, names))).collect()
}

/// Returns the offset and the named arguments of each use of `plural` in a tag.
fn uses(tag: &str) -> impl Iterator<Item = (usize, BTreeSet<&str>)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts = tag.match_indices(PLURAL).map(|(start, _)| start).filter(move |start| {
        let (before, after) =
            (tag.get(..*start).unwrap_or_default(), tag.get(start + PLURAL.len()..).unwrap_or_default());
        !before.ends_with(is_word) && !before.ends_with(['.', '\'', '"']) && after.trim_start().starts_with('(')
    });
    starts.map(move |start| {
        let after = tag.get(start + PLURAL.len()..).unwrap_or_default();
        (start, argument_names(after.trim_start().get(1..).unwrap_or_default()))
    })
}

/// Returns the names of the arguments of a call; `rest` begins after its opening parenthesis.
fn argument_names(rest: &str) -> BTreeSet<&str> {
    let (mut names, mut depth, mut quote, mut word) = (BTreeSet::new(), 0_u32, None, None::<usize>);
    let mut characters = rest.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => _ = characters.next(),
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => (quote, word) = (Some(c), None),
            (None, '(' | '[' | '{') => (depth, word) = (depth + 1, None),
            (None, ')' | ']' | '}') if depth == 0 => break,
            (None, ')' | ']' | '}') => (depth, word) = (depth - 1, None),
            (None, '=') if depth == 0 && characters.peek().is_none_or(|(_, next)| *next != '=') => {
                names.extend(word.take().and_then(|start| rest.get(start..at)).map(str::trim_end));
            }
            (None, c) if c.is_whitespace() => {}
            (None, c) if c.is_alphanumeric() || c == '_' => word = word.or(Some(at)),
            (None, _) => word = None,
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_every_plural_are_found() {
        let names = |source: &str| -> Vec<String> {
            let found = plurals(source).into_iter();
            found.map(|(at, names)| format!("{at} {}", names.into_iter().collect::<Vec<_>>().join(","))).collect()
        };
        assert_eq!(names("{{ n | plural(one='a', other='b') }}"), ["7 one,other"]);
        assert_eq!(names("{{ plural(n, one = 'many=x', other=f(few='x')) }}"), ["3 one,other"]);
        assert_eq!(names("{% set x = n|plural(one=\"a\\\"\", other=b) %}{{- plural(n) -}}"), ["13 one,other", "46 "]);
        assert_eq!(
            names("{{ plural(n, one='a)', other=(1 == 2)) }}{{ m | plural (two='x') }}"),
            ["3 one,other", "48 two"]
        );
        for none in [
            "plural(n)",
            "{# plural(n) #}",
            "{% raw %}{{ plural(n) }}{% endraw %}",
            "{{ plurals(n) }}",
            "{{ 'plural(' }}",
        ] {
            assert_eq!(names(none), Vec::<String>::new(), "{none}");
        }
    }
}
