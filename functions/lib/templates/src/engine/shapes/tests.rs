//! Operators on lists and objects, and lists that contain themselves.

#![allow(clippy::unwrap_used)]

use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use serde_json::json;

use super::*;

fn refusal(source: &str) -> Option<(usize, &'static str)> {
    let variables = Variables::parse(&json!({"properties": {
        "n": {"type": "number"}, "name": {"type": "string"}, "is_new": {"type": "boolean"},
        "list": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object", "properties": {
            "price": {"type": "number"}, "label": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        }}},
        "user": {"type": "object", "properties": {"age": {"type": "number"}, "names": {"type": "array", "items": {"type": "string"}}}},
    }}))
    .unwrap();
    let parsed = parse(source, "source", SyntaxConfig::default()).unwrap();
    check_shapes(&parsed, &variables).err().map(|refusal| (refusal.offset, refusal.message))
}

#[test]
fn no_operator_has_a_list_or_an_object() {
    for (source, at) in [
        ("{{ ([n] * 100000000) | last }}", "[n]"),
        ("{{ (100000000 * [n]) | first }}", "[n]"),
        ("{{ [[n] * 10000000] | join }}", "[n]"),
        ("{{ 'a' ~ ([n] * 10000000) }}", "[n]"),
        ("{{ ([n] * 10000000) in 'abc' }}", "[n]"),
        ("{{ 5 in ([1] * 100000000) }}", "[1]"),
        ("{{ ([1] * 100000000) == ([1] * 100000000) }}", "[1]"),
        ("{% if n > 5 %}{{ 'a' ~ ([1] * 10000000) }}{% endif %}", "[1]"),
        ("{% if n > 5 %}{{ ([n] * 100000000) | last }}{% endif %}", "[n]"),
        ("{{ list * 100000000 }}", "list"),
        ("{{ (list | default([])) * 2 }}", "default"),
        ("{{ user * 2 }}", "user"),
        ("{{ user.names * 2 }}", "user"),
        ("{{ rows[0] * 2 }}", "rows"),
        ("{{ rows[n].tags * 2 }}", "[n].tags"),
        ("{% for row in rows %}{{ row.tags * n }}{% endfor %}", "row.tags"),
        ("{% for row in rows %}{{ row.price * n }}{{ n - row }}{% endfor %}", "row }}{%"),
        ("{% set a = [1] %}{% set a = a + a %}{{ a | last }}", "a + a"),
        ("{% for x in list %}{{ b * 2 }}{% set b = [1] %}{% endfor %}", "b * 2"),
        ("{% set a, b = [[1], 2] %}{{ a * 2 }}", "a * 2"),
        ("{% with a = (1, 2) %}{{ a * 2 }}{% endwith %}", "a * 2"),
        ("{% set a = {'b': [1]} %}{{ a.b * 2 }}", "a.b"),
        ("{% set a %}x{% endset %}{% set a = list %}{{ a * 2 }}", "a * 2"),
        ("{{ (list if n else 1) * 2 }}", "(list if"),
        ("{{ (n and list) * 2 }}", "n and"),
        ("{{ (rows | first) * 2 }}", "first"),
        ("{{ -list }}", "list"),
        ("{{ list == list }}", "list =="),
        ("{{ 1 < n < list }}", "list"),
        ("{{ 1 in list == 2 }}", "list"),
        ("{{ list in [[1]] }}", "list"),
        ("{{ {list: 1} }}", "list"),
        ("{{ user[list] }}", "list"),
        ("{{ list[list:] }}", "list:"),
        ("{{ list[1:] ~ 'a' }}", "list"),
        ("{% for x in list %}{{ loop.cycle([1], [2]) * 2 }}{% endfor %}", ".cycle"),
        ("{% for x in list %}{{ loop.changed(list) }}{% endfor %}", "loop.changed"),
        ("{% for x in [1] recursive %}{{ x * 2 }}{% set f = loop %}{{ f([[1]]) }}{% endfor %}", "x * 2"),
        ("{{ plural(list * 2, other='x') }}", "list"),
        ("{{ n | default(list * 2) }}", "list"),
        ("{% if list * 2 is defined %}{% endif %}", "list"),
        ("{% set a | default(list) %}x{% endset %}{{ a * 2 }}", "a * 2"),
        ("{% filter default(list + list) %}x{% endfilter %}", "list"),
        ("{% do plural(list + 1) %}", "list"),
        ("{% autoescape list + 1 %}{% endautoescape %}", "list"),
        ("{% for x in list if list + 1 %}{% else %}{% endfor %}", "list + 1"),
    ] {
        let (offset, message) = refusal(source).unwrap();
        assert!(message == OPERATOR || message == KEY, "{source}: {message}");
        assert!(source[offset..].starts_with(at), "{source}: {}", &source[offset..]);
    }
}

#[test]
fn a_list_contains_itself_in_no_way() {
    for source in [
        "{% set a = [a] %}",
        "{% set a = (1, a) %}",
        "{% set a = {'b': a} %}",
        "{% set a = [b] %}{% set b = [a] %}",
        "{% set list = list[1:] %}",
        "{% for x in list %}{% set a = [a | default([])] %}{% endfor %}",
        "{% for x in [1] recursive %}{{ loop([[x]]) }}{% endfor %}",
        "{% set a = [n if n else [a]] %}",
        "{{ [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]] }}",
    ] {
        assert_eq!(refusal(source).map(|(_, message)| message), Some(NESTED), "{source}");
    }
    let chain: String = (0..20).map(|name| format!("{{% set a{name} = [a{}] %}}", name + 1)).collect();
    assert_eq!(refusal(&chain).map(|(_, message)| message), Some(NESTED));
    let chain: String = (0..2_000).map(|name| format!("{{% set a{name} = a{} %}}", name + 1)).collect();
    assert_eq!(refusal(&format!("{chain}{{% set a2000 = 1 %}}")).map(|(_, message)| message), Some(ENTANGLED));
}

#[test]
fn a_text_has_no_slice_with_a_step() {
    assert_eq!(refusal("{{ name[::-1] }}"), Some((3, STEP)));
    assert_eq!(refusal("{{ (name or list)[0:1:-1] | join }}").map(|(_, message)| message), Some(STEP));
}

#[test]
fn what_templates_need_is_allowed() {
    for source in [
        "{{ n * 2 + n / 3 - n ** 2 }}{{ name * 3 }}{{ 'x' * 100000000 }}{{ -n }}{{ missing * 2 }}",
        "{% for row in rows %}{{ row.price * loop.index }} {{ row.label ~ ', ' ~ row.tags[0] }}{% endfor %}",
        "{% for row in rows | default([]) %}{{ row.price * 2 }}{% endfor %}",
        "{% for row in rows[:3] %}{{ row.price * 2 }}{% endfor %}{{ rows[0].price * 2 }}{{ (rows | last).price + 1 }}",
        "{% for row in rows[::-1] %}{{ row.label }}{% endfor %}{% for x in [1, 2] if x > 1 %}{{ x * 2 }}{% endfor %}",
        "{{ user['age'] + 1 }}{{ user.names | join(', ') }}{{ (user | default({})).age }}",
        "{% if name in ['a', 'b'] and n not in [1, 2] and 'x' in list %}{% endif %}",
        "{% if list and not rows %}{{ list | length + 1 }}{% endif %}{{ list | first ~ '!' }}",
        "{{ {'a': 'Alpha', 'b': 'Beta'}[name] ~ '!' }}{{ name[:10] ~ '…' }}",
        "{% set total = 0 %}{% for row in rows %}{% set total = total + row.price %}{% endfor %}{{ total }}",
        "{% for key in user %}{{ key ~ '!' }}{% endfor %}{% for c in name %}{{ c ~ '-' }}{% endfor %}",
        "{% for x in list %}{{ loop.cycle('odd', 'even') ~ x }}{% if loop.changed(x) %}{% endif %}{% endfor %}",
        "{% for a, b in [[1, 2], [3, 4]] %}{{ a * b }}{% endfor %}{% set a, b = 1, 2 %}{{ a * b }}",
        "{% set x %}a{% endset %}{{ x ~ 'b' }}{{ plural(n, one='a', other='b') ~ 'c' }}",
        "{% for x in [[1]] recursive %}{{ loop(x) if x is defined }}{% endfor %}",
    ] {
        assert_eq!(refusal(source), None, "{source}");
    }
}
