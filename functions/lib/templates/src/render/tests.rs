//! Rendering: locales, missing variables, limits, and values that never become markup.

#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::*;
use crate::model::TemplateDraft;
use crate::variables::{VariableValues, Variables};

fn compiled(parts: Value) -> CompiledTemplate {
    let draft = json!({
        "title": "T", "default_locale": "en", "parts": parts,
        "variables": {"properties": {
            "name": {"type": "string"}, "n": {"type": "number"}, "at": {"type": "string", "format": "date-time"},
            "url": {"type": "string", "format": "uri"}, "sum": {"type": "string", "format": "money"},
            "user": {"type": "object", "properties": {"nick": {"type": "string"}}},
            "list": {"type": "array", "items": {"type": "string"}},
        }},
    });
    CompiledTemplate::new(TemplateDraft::parse(&draft).unwrap()).unwrap()
}

fn with<T>(template: &CompiledTemplate, locale: &str, values: &Value, run: impl Fn(&RenderRequest<'_>) -> T) -> T {
    let values = VariableValues::new(&template.draft().variables, values).unwrap();
    let zone = TimeZone::get("Europe/Rome").unwrap();
    run(&RenderRequest {
        locale,
        zone: &zone,
        values: &values,
        links: &ServiceLinks { unsubscribe_url: Some("https://n.example/u".to_owned().into()), preferences_url: None },
        needs_unsubscribe: true,
        limits: RenderLimits::default(),
    })
}

/// Renders a text as the SMS in Italian and in English.
fn sms(source: &str, locale: &str, values: &Value) -> Result<String, RenderError> {
    let template = compiled(json!({"en": {"sms": {"text": source}}, "it": {"sms": {"text": source}}}));
    let part = with(&template, locale, values, |request| template.sms(request).unwrap());
    part.message.map(|sms| sms.text.into_exposed()).map_err(RenderErrors::into_first)
}

#[test]
fn each_channel_has_the_nearest_locale_of_its_own() {
    let template = compiled(json!({
        "en": {"push": {"title": "t", "body": "b"}, "sms": {"text": "en"}},
        "it": {"sms": {"text": "it"}},
        "it-CH": {"push": {"title": "t", "body": "b"}},
    }));
    for (locale, push, sms) in
        [("it-CH", "it-CH", "it"), ("it", "en", "it"), ("fr", "en", "en"), ("IT-ch-x-a", "it-CH", "it")]
    {
        assert_eq!(template.locale_for(Channel::Push, locale), Some(push), "{locale}");
        assert_eq!(template.locale_for(Channel::Sms, locale), Some(sms), "{locale}");
        assert_eq!(template.locale_for(Channel::Email, locale), None);
    }
    let rendered = with(&template, "it-CH", &json!({}), |request| template.render(request));
    assert!(
        rendered.email.is_none() && rendered.push.unwrap().locale == "it-CH" && rendered.sms.unwrap().locale == "it"
    );
}

#[test]
fn an_sms_has_plain_spaces_in_place_of_all_others() {
    for space in ['\u{a0}', '\u{2002}', '\u{2003}', '\u{2007}', '\u{2009}', '\u{200a}', '\u{202f}', '\u{3000}'] {
        let source = format!("Your{space}code: {{{{ name }}}}\nBye{space}");
        let values = json!({"name": format!("12{space}34")});
        assert_eq!(sms(&source, "en", &values).as_deref(), Ok("Your code: 12 34\nBye"), "{space:?}");
    }
    assert_eq!(sms("{{ name }}", "en", &json!({"name": "\u{200f}שלום\u{200e}"})).as_deref(), Ok("שלום"));
}

#[test]
fn filters_write_in_the_locale_and_zone_of_the_recipient() {
    let values = json!({"n": 1234.5, "at": "2026-11-30T23:05:00Z", "sum": "1234.5 EUR", "list": ["a", "b"]});
    for (source, locale, text) in [
        ("{{ n | number }}", "it", "1234,5"),
        ("{{ n | number(digits=2) }}", "it-CH", "1234.50"),
        ("{{ n | number }}", "fr", "1,234.5"),
        ("{{ sum | money }}", "it", "1234,50 €"),
        ("{{ 5 | money('USD') }}", "en-US", "$5.00"),
        ("{{ at | date }}", "it", "1 dicembre 2026"),
        ("{{ at | date(length='short') }}", "en-GB", "01/12/2026"),
        ("{{ at | time }}", "en-GB", "00:05"),
        ("{{ at | datetime }}", "it", "1 dicembre 2026 alle ore 00:05"),
        ("{{ 2 | plural(one='# day', other='# days') }}", "en", "2 days"),
        ("{{ list | join('; ') | upper }} {{ list | length }} {{ list | first }}", "en", "A; B 2 a"),
        ("{{ n }} {{ true }} {{ 'a' ~ 1 }}", "en", "1234.5 true a1"),
    ] {
        assert_eq!(sms(source, locale, &values).as_deref(), Ok(text), "{source} {locale}");
    }
}

#[test]
fn all_missing_variables_of_a_source_are_named() {
    let missing = |source: &str, values: &Value| match sms(source, "en", values).map_err(|error| error.kind) {
        Err(RenderErrorKind::Missing(names)) => names,
        other => panic!("{source}: {other:?}"),
    };
    assert_eq!(missing("{{ n }} {{ name }} {{ url | default('x') }}", &json!({})), ["n", "name"]);
    assert_eq!(missing("{{ user.nick }}", &json!({"user": {}})), ["user.nick"]);
    assert_eq!(missing("{{ user.nick }}", &json!({})), ["user"]);
    assert_eq!(missing("{% for x in list %}x{% endfor %}", &json!({})), ["list"]);
    assert_eq!(missing("{% if name %}x{% endif %}", &json!({})), ["name"]);
    assert_eq!(missing("{{ name | upper }}", &json!({})), ["name"]);
    assert_eq!(missing("{{ name ~ 'x' }}", &json!({})), ["name"]);
    assert_eq!(missing("{{ at | date }}", &json!({})), ["at"]);
    assert_eq!(missing("{{ list | join }}", &json!({})), ["list"]);
}

#[test]
fn all_missing_variables_of_a_part_are_named() {
    let template = compiled(json!({"en": {
        "push": {"title": "{{ name }}", "body": "{{ n }} {{ user.nick }}", "url": "{{ url }}"},
        "email": {"subject": "{{ name }}", "preheader": "{{ n }}", "html": "<p>{{ at }}</p>", "text": "{{ sum }} {{ name }}"},
    }}));
    let rendered = with(&template, "en", &json!({"user": {}}), |request| template.render(request));
    assert_eq!(rendered.push.unwrap().message.unwrap_err().missing(), ["n", "name", "url", "user.nick"]);
    assert_eq!(rendered.email.unwrap().message.unwrap_err().missing(), ["at", "n", "name", "sum"]);
}

#[test]
fn a_link_that_the_service_does_not_make_is_named_as_missing() {
    let source = "{{ preferences_url }} {{ name | default('x') }}";
    let error = sms(source, "en", &json!({})).unwrap_err();
    assert_eq!(error.kind, RenderErrorKind::Missing(vec!["preferences_url".to_owned()]));
    let error = sms("{{ preferences_url }} {{ name }}", "en", &json!({})).unwrap_err();
    assert_eq!(error.kind, RenderErrorKind::Missing(vec!["name".to_owned(), "preferences_url".to_owned()]));
    assert_eq!(sms("{{ preferences_url | default('none') }}", "en", &json!({})).as_deref(), Ok("none"));
}

#[test]
fn a_value_that_is_no_url_has_the_place_of_its_expression() {
    let place = |part: Value, values: &Value| {
        let template = compiled(json!({"en": part}));
        let rendered = with(&template, "en", values, |request| template.render(request));
        let push = rendered.push.and_then(|part| part.message.err());
        let errors = push.or_else(|| rendered.email.and_then(|part| part.message.err())).unwrap();
        let finding = errors.into_first().finding;
        (finding.path, finding.place.map(|place| (place.line, place.column)))
    };
    let values = json!({"name": "x", "url": "mailto:a@b.example", "list": ["a", "b"]});
    let loops = "{% for x in list %}\n{{ x }}{% endfor %}{# {{ #}\n <a href='{{ name }}'>{{ name }}</a>";
    let email = |html: &str| json!({"email": {"subject": "s", "text": "t", "html": html}});
    let push = |url: &str| json!({"push": {"title": "t", "body": "b", "url": url}});
    for (part, path, at) in [
        (push("{{ name }}"), "parts.en.push.url", Some((1, 1))),
        (push("{% if n is undefined %}\n  {{ name }}{% endif %}"), "parts.en.push.url", Some((2, 3))),
        (push(" {{ url }}"), "parts.en.push.url", Some((1, 2))),
        (push("ftp://a.example"), "parts.en.push.url", Some((1, 1))),
        (email(loops), "parts.en.email.html", Some((3, 11))),
        (email("<a href=\"java{{ 'script:x' }}\">x</a>"), "parts.en.email.html", Some((1, 14))),
        (email("{% set x %}{{ name }}{% endset %}<a href='{{- x -}}'>x</a>"), "parts.en.email.html", Some((1, 43))),
    ] {
        assert_eq!(place(part.clone(), &values), (path.to_owned(), at), "{part}");
    }
}

#[test]
fn nothing_is_printed_as_an_empty_text_silently() {
    for (source, is_fine) in [
        ("{{ name | default('') }}x", true),
        ("{{ [] | first }}x", false),
        ("{{ none }}x", false),
        ("{{ list }}x", false),
        ("{{ user }}x", false),
        ("{{ '' }}", false),
    ] {
        assert_eq!(sms(source, "en", &json!({"list": [], "user": {}})).is_ok(), is_fine, "{source}");
    }
}

#[test]
fn only_what_is_sent_counts_to_the_limit() {
    // Each value has one byte and 6 bytes of marks around it.
    let values = json!({"list": vec!["a"; 1_500]});
    let text = sms("{% for x in list %}{{ x }}{% endfor %}", "en", &values).map(|text| text.len());
    assert_eq!(text, Ok(1_500));
}

#[test]
fn the_preheader_and_the_footer_count_to_the_limit_of_an_email() {
    let email = |preheader: Option<&str>, html_bytes: usize, text_bytes: usize| {
        let part = json!({"subject": "s", "preheader": preheader, "html": "x".repeat(html_bytes), "text": "x".repeat(text_bytes)});
        let mut part = part.as_object().unwrap().clone();
        part.retain(|_, value| !value.is_null());
        let template = compiled(json!({"en": {"email": part}}));
        let limits = RenderLimits { email_bytes: 1_000, text_bytes: 100 };
        let rendered = with(&template, "en", &json!({}), |request| {
            template.email(&RenderRequest { limits, needs_unsubscribe: preheader.is_none(), ..*request }).unwrap()
        });
        rendered
            .message
            .map(|email| email.html.expose().len() + email.text.expose().len())
            .map_err(|errors| errors.into_first().finding.path)
    };
    assert!(email(None, 300, 300).is_ok() && email(Some("p"), 300, 500).is_ok());
    for (preheader, html, text, path) in [
        (None, 990, 10, "parts.en.email.html"),
        (None, 300, 990, "parts.en.email.text"),
        (Some("p"), 990, 10, "parts.en.email.html"),
        (None, 500, 400, "parts.en.email.html"),
    ] {
        assert_eq!(email(preheader, html, text), Err(path.to_owned()));
    }
}

#[test]
fn a_push_is_a_content_within_its_limits() {
    let push = |url: &str, values: Value| {
        let template = compiled(json!({"en": {"push": {
            "title": "{{ name }}", "body": "b", "url": url, "actions": [{"action": "go", "title": "Go {{ name }}", "url": "{{ url }}"}],
        }}}));
        with(&template, "en", &values, |request| template.push(request).unwrap()).message
    };
    let content =
        push("https://a.example/{{ name }}", json!({"name": "a\r\nb", "url": "https://b.example"})).unwrap().content;
    assert_eq!(content.title.expose(), "a b");
    assert_eq!(content.url.unwrap().expose(), "https://a.example/a%0Ab");
    assert_eq!(content.actions[0].url.as_ref().unwrap().expose(), "https://b.example/");
    let error =
        push("{{ url }}", json!({"name": "x".repeat(201), "url": "mailto:a@b.example"})).unwrap_err().into_first();
    assert_eq!((error.kind, error.finding.path.as_str()), (RenderErrorKind::NotAllowed, "parts.en.push.title"));
    let error =
        push("{{ name }}", json!({"name": "javascript:x", "url": "https://b.example"})).unwrap_err().into_first();
    assert_eq!(error.finding.path, "parts.en.push.url");
}

#[test]
fn a_captured_text_is_no_markup_either() {
    let html = |source: &str| {
        let template = compiled(json!({"en": {"email": {"subject": "s", "text": "t", "html": source}}}));
        let values = json!({"name": "<b>"});
        let part = with(&template, "en", &values, |request| template.email(request).unwrap());
        part.message.map(|email| email.html.into_exposed())
    };
    let footer_starts = |html: String| html.split("<p style").next().unwrap().to_owned();
    for (source, expected) in [
        ("{% set x %}<i>{{ name }}</i>{% endset %}{{ x }}", "&lt;i&gt;&lt;b&gt;&lt;/i&gt;"),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", "&lt;b&gt;"),
        ("{{ '<' ~ name }}", "&lt;&lt;b&gt;"),
        ("{% filter upper %}<i>{% endfilter %}", "&lt;I&gt;"),
    ] {
        assert_eq!(html(source).map(footer_starts).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn an_email_without_the_unsubscribe_link_gets_a_footer() {
    let email = |html: &str, text: &str| {
        let template =
            compiled(json!({"en": {"email": {"subject": "s", "preheader": "p & q", "html": html, "text": text}}}));
        with(&template, "en", &json!({}), |request| template.email(request).unwrap()).message.unwrap()
    };
    let bare = email("<body>x</body>", "x");
    assert_eq!(bare.html.expose().matches("https://n.example/u").count(), 1);
    assert!(bare.html.expose().contains("p &amp; q"));
    assert_eq!(bare.text.expose(), "x\n\nUnsubscribe: https://n.example/u");
    let own = email("<a href=\"{{ unsubscribe_url }}\">x</a>", "{{ unsubscribe_url }}");
    assert_eq!(own.html.expose().matches("https://n.example/u").count(), 1);
    assert_eq!(own.text.expose(), "https://n.example/u");
}

#[test]
fn a_rendering_that_never_ends_or_grows_is_stopped() {
    // Without optimisation, a source may take 20 times the limit of 50 ms.
    let limit = std::time::Duration::from_millis(50) * if cfg!(debug_assertions) { 20 } else { 1 };
    for source in [
        "{{ 'x' * 100000000 }}",
        "{% for a in list %}{% for b in list %}{% for c in list %}{{ c }}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{% set x = 'x' * 1000 %}{% for a in list %}{% for b in list %}{{ x }}{% endfor %}{% endfor %}",
        "{% set x = 'x' * 1000 %}{{ [x, x, x, x, x, x, x, x, x, x] | join('y' * 100000) }}",
        "{{ ('x' * 100000) | upper | lower | upper | length }}{{ 'ß' * 1000000 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ n | number(digits=1000000000) }}{{ 'x' * 5000 }}",
        "{{ 1 | plural(other='#' * 100000) }}",
        "{% set s = ' ' * 600000 %}{% for a in list %}{% for b in list %}{{ n | plural(one=s, other='x') }}{% endfor %}{% endfor %}",
        "{% for a in list %}{% for b in list %}{{ list[0:] | last }}{{ list[::-1] | first }}{% endfor %}{% endfor %}",
    ] {
        let started = std::time::Instant::now();
        let values = json!({"n": 1, "list": vec!["a"; 400]});
        assert!(sms(source, "en", &values).is_err(), "{source}");
        assert!(started.elapsed() <= limit, "{source}: {:?}", started.elapsed());
    }
}

/// Without this, each of the six forms would be copied in each of the 300 rounds: 1 GB.
#[test]
fn a_plural_copies_and_charges_the_chosen_form_alone() {
    let source = |form: &str| {
        let forms = "zero=s,one=s,two=s,few=s,many=s,other=s".replace(&format!("{form}=s"), &format!("{form}='# x'"));
        format!("{{% set s = ' ' * 600000 %}}{{% for a in list %}}{{{{ n | plural({forms}) }}}}{{% endfor %}}")
    };
    let rendered = |form: &str, n: f64| sms(&source(form), "en", &json!({"n": n, "list": vec!["a"; 300]}));
    assert_eq!(rendered("other", 7.0).as_deref(), Ok("7 x".repeat(300).as_str()));
    assert_eq!(rendered("one", 1.0).as_deref(), Ok("1 x".repeat(300).as_str()));
    assert_eq!(rendered("few", 7.0).map_err(|error| error.kind), Err(RenderErrorKind::OutOfFuel));
}

/// A source that would exhaust the stack, or run without fuel, is refused before it is compiled.
#[test]
fn a_source_that_would_exhaust_the_stack_or_time_when_it_is_compiled_is_refused() {
    let finding = |source: &str| {
        let draft = json!({"title": "T", "default_locale": "en", "parts": {"en": {"sms": {"text": source}}},
            "variables": {"properties": {"n": {"type": "number"}, "list": {"type": "array", "items": {"type": "number"}}}}});
        let mut findings = CompiledTemplate::new(TemplateDraft::parse(&draft).unwrap()).unwrap_err();
        assert_eq!(findings.len(), 1);
        let Finding { place, message, .. } = findings.remove(0);
        (place.map(|place| (place.line, place.column)), message)
    };
    let nested = |open: &str, close: &str, count: usize| format!("{}n{}", open.repeat(count), close.repeat(count));
    for (source, place, message) in [
        (format!("{{{{ {}n }}}}", "-".repeat(60_000)), (1, 204), "200 operators"),
        (format!("{{{{ {}n }}}}", "not ".repeat(15_000)), (1, 804), "200 operators"),
        (format!("\n{{{{ n{} }}}}", "+n".repeat(30_000)), (2, 405), "200 operators"),
        (format!("{{{{ n{} }}}}", "|upper".repeat(10_000)), (1, 1_205), "200 operators"),
        (format!("{{{{ n{} }}}}", "(x)()".repeat(10_000)), (1, 505), "200 operators"),
        (format!("{{{{ {} }}}}", nested("[", "]", 30_000)), (1, 24), "nest brackets"),
        (format!("{{% set {}n = 1 %}}", "(".repeat(60_000)), (1, 28), "nest brackets"),
        (nested("{% if n %}", "{% endif %}", 3_000), (1, 204), "nest statements"),
        (format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(5_000)), (1, 1_214), "100 elif"),
        ("{{ 5 in ([1] * 100000000) }}".to_owned(), (1, 10), "operator on a list"),
        ("x\n{% if n > 5 %}{{ ([n] * 100000000) | last }}{% endif %}".to_owned(), (2, 20), "operator on a list"),
        ("{{ ([1] * 100000000) == ([1] * 100000000) }}".to_owned(), (1, 5), "operator on a list"),
        ("{{ 'a' ~ list }}".to_owned(), (1, 10), "operator on a list"),
        ("{% set a = [a] %}".to_owned(), (1, 12), "from itself"),
    ] {
        let start: String = source.chars().take(40).collect();
        let (found, text) = finding(&source);
        assert!(text.contains(message), "{start}: {text}");
        let (line, column) = found.unwrap();
        assert!(line == place.0 && column.abs_diff(place.1) <= 2, "{start}: {found:?}");
    }
}

/// The largest structures that are allowed are compiled and rendered on the stack of a thread.
#[test]
fn the_largest_allowed_structures_are_rendered() {
    let nested = |open: &str, close: &str, count: usize| format!("{}1{}", open.repeat(count), close.repeat(count));
    for (source, text) in [
        (format!("{{{{ 0{} }}}}", "+n".repeat(200)), "200"),
        (format!("{{{{ {}n }}}}", "- ".repeat(200)), "1"),
        (format!("{{{{ {}n }}}}", "not ".repeat(199)), "false"),
        (format!("{{{{ 'a'{} }}}}", "|upper".repeat(200)), "A"),
        (format!("{{{{ {}n }}}}", "1 if n == 2 else ".repeat(66)), "1"),
        (format!("{{{{ {} }}}}", nested("(", ")", 20)), "1"),
        (nested("{% if n %}", "{% endif %}", 18), "1"),
        (format!("{{% if n == 0 %}}{}{{% endif %}}", "{% elif n == 1 %}1".repeat(100)), "1"),
        (format!("{{{{ n{} }}}}", " and n".repeat(200)), "1"),
        (format!("{{{{ 'a'{} }}}}", " ~ ''".repeat(200)), "a"),
    ] {
        assert_eq!(sms(&source, "en", &json!({"n": 1})).as_deref(), Ok(text), "{source}");
    }
}

proptest! {
    #[test]
    fn no_value_breaks_out_of_any_channel(name in any::<String>(), nick in "\\PC{0,20}(https?://)?[a-z]{2,9}\\.[a-z]{2,6}[<>\"'\r\n]?") {
        let schema = Variables::parse(&json!({"properties": {"v": {"type": "string"}}})).unwrap();
        let is_given = VariableValues::new(&schema, &json!({"v": name})).is_ok();
        let name = if is_given { name } else { String::new() };
        let source = "{{ name }} {{ user.nick }}";
        let template = compiled(json!({"en": {
            "push": {"title": "T {{ name }}", "body": source, "url": "https://a.example/?q={{ name }}"},
            "email": {"subject": format!("S {source}"), "html": format!("<p title=\"{source}\"><a href='https://a.example/{source}'>{source}</a></p>"), "text": format!("T {source}")},
            "sms": {"text": source},
        }}));
        let rendered = with(&template, "en", &json!({"name": name, "user": {"nick": nick}}), |request| template.render(request));
        let one_line = |text: &str| !text.contains(['\r', '\n', '\t', '\0']);
        if let Ok(push) = rendered.push.unwrap().message {
            assert!(one_line(push.content.title.expose()));
        }
        if let Ok(email) = rendered.email.unwrap().message {
            assert!(one_line(email.subject.expose()));
            let html = email.html.expose();
            assert_eq!((html.matches('<').count(), html.matches('\'').count()), (8, 2), "{html}");
            let text = email.text.expose().replace("https://n.example/u", "");
            assert!(!text.contains("://"), "{text}");
            let characters: Vec<char> = text.chars().collect();
            assert!(!characters.windows(3).any(|w| w[0].is_alphanumeric() && w[1] == '.' && w[2].is_alphabetic()), "{text}");
        }
    }

    #[test]
    fn no_source_is_a_panic_or_larger_than_its_limit(source in "([{]{1,2}[%#]?|[%#]?[}]{1,2}|[a-z ]{0,6}|[|.,()*'\"\\[\\]0-9 ]|for x in list|endfor|if|endif|set|name|n|list|default\\('a'\\)|plural\\(|\\PC){0,12}") {
        let draft = json!({"title": "T", "default_locale": "en", "parts": {"en": {"email": {"subject": "s", "text": source, "html": source}}}});
        if let Ok(template) = TemplateDraft::parse(&draft).and_then(CompiledTemplate::new) {
            let limits = RenderLimits { email_bytes: 100, text_bytes: 100 };
            let part = with(&template, "en", &json!({}), |request| template.email(&RenderRequest { limits, needs_unsubscribe: false, ..*request }));
            if let Some(Ok(email)) = part.map(|part| part.message) {
                assert!(email.text.expose().len() <= 100 && email.html.expose().len() <= 100);
            }
        }
    }
}
