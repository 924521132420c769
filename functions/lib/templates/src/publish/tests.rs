//! Checks before publishing.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::model::TemplateDraft;

/// Path, line and column, message.
type Found = (String, Option<(usize, usize)>, String);

fn draft(variables: Value, parts: Value) -> Value {
    let locale = parts.as_object().unwrap().keys().next().unwrap().clone();
    json!({"title": "T", "default_locale": locale, "variables": variables, "parts": parts})
}

fn findings(variables: Value, parts: Value) -> Vec<Found> {
    let (template, mut found) = CompiledTemplate::of_draft(TemplateDraft::parse(&draft(variables, parts)).unwrap());
    found.extend(publish_findings(&template, &[], RenderLimits::default()));
    found.into_iter().map(|f| (f.path, f.place.map(|p| (p.line, p.column)), f.message)).collect()
}

fn sms(text: &str) -> Vec<Found> {
    let variables = json!({"required": ["n"], "properties": {
        "n": {"type": "number", "example": 3}, "nick": {"type": "string"}, "list": {"type": "array", "items": {"type": "number"}},
    }});
    findings(variables, json!({"ru": {"sms": {"text": text}}}))
}

#[test]
fn each_error_of_a_source_has_its_line_and_column() {
    for (source, place, message) in [
        ("a\nb\n {{ n", Some((3, 6)), "syntax error"),
        ("a {{ n | shout }}", Some((1, 10)), "unknown filter: filter shout is unknown"),
        ("a\n{{ other }}", Some((2, 4)), "uses other, which variables does not declare"),
        ("a\n{{ n }} {{ nick }}", Some((2, 12)), "may be missing; use the filter default: nick"),
        ("{% if nick %}a{% endif %}", Some((1, 7)), "may be missing; use the filter default: nick"),
        ("{{ n | plural(one='a', other='b') }}", Some((1, 8)), "plural lacks few, many for the language ru"),
        ("{{ 'x' * 100000000 }}", Some((1, 4)), "takes too much work"),
        ("{{ 'x' * 5000 }}", Some((1, 1)), "larger than its limit"),
        ("a {{ n }}\n{{ ([1] * 100000000) | join }}", Some((2, 5)), "operator on a list"),
        (
            "{% for a in 'x' * 999 %}{% for b in 'x' * 999 %}{% if a == b %}x{% endif %}{% endfor %}{% endfor %}",
            Some((1, 52)),
            "takes too much work",
        ),
        ("{{ n.x.y }}", Some((1, 4)), "missing"),
        ("{% include 'a' %}", Some((1, 4)), "syntax error"),
        ("{{ n | safe }}", Some((1, 8)), "unknown filter"),
        ("a\n{{ list | join(',') | default('') }}", Some((2, 11)), "missing"),
        ("{{ n | plural(one=nick, few='a', many='b', other='c') }}", Some((1, 8)), "missing"),
        (
            "{% if n > 10 %}{{ n | plural(one='a', other='b') }}{% else %}x{% endif %}",
            Some((1, 23)),
            "plural lacks few, many for the language ru",
        ),
        ("{{ nick | default('\u{3164}') }}", Some((1, 1)), "must not be empty or invisible"),
    ] {
        let found = sms(source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        let (path, found_place, found_message) = &found[0];
        assert!(path == "parts.ru.sms.text" && found_message.contains(message), "{source}: {found:?}");
        let (Some((line, column)), Some((found_line, found_column))) = (place, *found_place) else {
            panic!("{source}: {found_place:?}");
        };
        assert!(found_line == line && found_column.abs_diff(column) <= 2, "{source}: {found_place:?}");
    }
}

#[test]
fn a_fine_source_has_no_finding() {
    for source in [
        "{{ n }} {{ nick | default('friend') }}",
        "{% if nick is defined %}{{ nick }}{% else %}x{% endif %}",
        "{{ n | plural(one='a', few='b', many='c', other='d') }}",
        "{{ plural(n, one='a', few='b', many='c', other='d') }}",
        "{% for x in list | default([]) %}{{ x | number }}{% if not loop.last %}, {% endif %}{% endfor %}-",
    ] {
        assert_eq!(sms(source), [], "{source}");
    }
}

#[test]
fn html_is_checked_in_every_branch() {
    let html = |html: &str| {
        let variables = json!({"required": ["n"], "properties": {"n": {"type": "number"}}});
        findings(variables, json!({"en": {"email": {"subject": "s", "text": "t", "html": html}}}))
    };
    let found = html("<p>\n{% if n > 5 %}<p style=\"width:{{ n }}px\">{% endif %}</p>");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1), ("parts.en.email.html", Some((2, 31))));
    assert_eq!(html("<p title=\"{{ n }}\">{{ n }}</p>"), []);
    for (source, place) in [
        ("<a href=\"{{ n }}\">x</a>", (1, 10)),
        ("<p>{{ n }}</p>\n{% if n %}<a href=\"ftp://example.com/\">x</a>{% endif %}", (2, 20)),
        ("<p>\n{{ n }}<a href=ftp://example.com/>x</a>", (2, 34)),
        ("<p>{{ n }}</p>\n  <!-- {{ 'x' }}", (2, 8)),
        ("<p>{{ n }}</p>\n <b title=\"x>", (2, 2)),
        ("{{ \"}}{#\" }}<p style=\"{{ n }}\">{{ \"#}\" }}", (1, 23)),
        ("{% if n < 0 %}{% raw %}{{ \"{% endraw %}<p style='{{ n }}'>{% endif %}{{ n }}", (1, 50)),
        ("{% if n < 0 %}<scr {#- -#} ipt>{{ n }}</script>{% endif %}{{ n }}", (1, 32)),
    ] {
        let found = html(source);
        assert_eq!((found.len(), found[0].1), (1, Some(place)), "{source}: {found:?}");
    }
}

#[test]
fn the_channels_of_a_type_are_required_in_the_default_locale() {
    let json = draft(json!({}), json!({"en": {"sms": {"text": "a"}}}));
    let template = CompiledTemplate::new(TemplateDraft::parse(&json).unwrap()).unwrap();
    let found = publish_findings(&template, &[Channel::Sms, Channel::Push], RenderLimits::default());
    assert_eq!(found.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), ["parts.en.push"]);
}

#[test]
fn every_source_with_an_error_has_a_finding() {
    let variables = json!({"required": ["n"], "properties": {"n": {"type": "number"}, "nick": {"type": "string"}}});
    let found = findings(
        variables,
        json!({
            "en": {
                "push": {"title": "{{ nick }}", "body": "a\n{{ other }}", "url": "{{ n }}"},
                "email": {"subject": "{{ n", "preheader": "{{ nick }}", "html": "<p style='{{ n }}'>", "text": "{{ n | shout }}"},
            },
            "ru": {"sms": {"text": "{{ n | plural(other='b') }} {{ nick }}"}, "push": {"title": "{{ 'x' * 201 }}", "body": "b"}},
        }),
    );
    let paths: BTreeSet<&str> = found.iter().map(|(path, _, _)| path.as_str()).collect();
    let expected = [
        "parts.en.email.html",
        "parts.en.email.preheader",
        "parts.en.email.subject",
        "parts.en.email.text",
        "parts.en.push.body",
        "parts.en.push.title",
        "parts.en.push.url",
        "parts.ru.push.title",
        "parts.ru.sms.text",
    ];
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), expected, "{found:?}");
    assert_eq!(found.len(), expected.len(), "one of each: {found:?}");
    let url = found.iter().find(|(path, _, _)| path.ends_with(".url")).unwrap();
    assert_eq!((url.1, url.2.as_str()), (Some((1, 1)), "must be a URL that begins with http://, https:// or mailto:"));
}
