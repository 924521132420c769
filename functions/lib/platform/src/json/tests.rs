#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Outer {
    inner: Option<Inner>,
    kind: Option<Kind>,
    list: Option<Vec<Inner>>,
    name: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    count: u32,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    High,
}

fn errors(body: &str) -> Vec<(String, String)> {
    let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::Invalid, "{body}: {problem:?}");
    problem.errors.into_iter().map(|error| (error.field, error.message)).collect()
}

fn error(body: &str) -> (String, String) {
    errors(body).remove(0)
}

fn at(field: &str, message: &str) -> (String, String) {
    (field.to_owned(), message.to_owned())
}

#[test]
fn a_whole_number_may_be_written_with_a_point_or_an_exponent() {
    for (text, count) in [("5.0", 5), ("5e3", 5_000), ("0.0", 0), ("-0.0", 0), ("1E2", 100), ("4294967295.0", u32::MAX)]
    {
        let outer = parse::<Outer>(format!(r#"{{"inner": {{"count": {text}}}}}"#).as_bytes()).unwrap();
        assert_eq!(outer.inner, Some(Inner { count }), "{text}");
    }
    for text in ["5.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e20", "1e300", r#""5""#, "true"] {
        let message = "must be a whole number from 0 to 4,294,967,295";
        assert_eq!(error(&format!(r#"{{"inner": {{"count": {text}}}}}"#)), at("inner.count", message), "{text}");
    }
}

#[test]
fn an_unknown_field_is_named_and_one_with_a_point_stands_in_brackets() {
    for (body, field) in [
        (r#"{"a": 1}"#, "a"),
        (r#"{"a.b": 1}"#, r#"["a.b"]"#),
        (r#"{"inner": {"count": 1, "a": 1}}"#, "inner.a"),
        (r#"{"inner": {"count": 1, "a.b": 1}}"#, r#"inner["a.b"]"#),
        (r#"{"list": [{"count": 1, "a.b@c": 1}]}"#, r#"list[0]["a.b@c"]"#),
        (r#"{"inner": {"count": 1, "inner": 1}}"#, "inner.inner"),
    ] {
        assert_eq!(error(body), at(field, UNKNOWN_FIELD), "{body}");
    }
}

#[test]
fn a_list_is_no_object_and_an_object_is_no_word() {
    assert_eq!(error("[]"), at("body", "must be an object"));
    assert_eq!(error("[null, null, null, null]"), at("body", "must be an object"));
    assert_eq!(error(r#""text""#), at("body", "must be an object"));
    assert_eq!(error(r#"{"inner": [1]}"#), at("inner", "must be an object"));
    assert_eq!(error(r#"{"list": [{"count": 1}, [1]]}"#), at("list[1]", "must be an object"));
    assert_eq!(error(r#"{"list": {"0": {"count": 1}}}"#), at("list", "must be a list"));
    assert_eq!(error(r#"{"kind": {"high": null}}"#), at("kind", "must be a string"));
    assert_eq!(error(r#"{"kind": ["high"]}"#), at("kind", "must be a string"));
    assert_eq!(error(r#"{"kind": 0}"#), at("kind", "must be a string"));
    assert_eq!(error(r#"{"name": {"a": 1}}"#), at("name", "must be a string"));
    let right = r#"{"inner": {"count": 1}, "kind": "high", "list": [], "name": null}"#;
    let expected = Outer { inner: Some(Inner { count: 1 }), kind: Some(Kind::High), list: Some(vec![]), name: None };
    assert_eq!(parse::<Outer>(right.as_bytes()).unwrap(), expected);
}

#[test]
fn a_value_that_cannot_be_held_is_an_error_of_its_own_field() {
    let half = "must not contain half of a surrogate pair (\\ud800 to \\udfff by itself)";
    assert_eq!(error(r#"{"name": "a\ud83d"}"#), at("name", half));
    assert_eq!(error(r#"{"list": [{"count": 1}, {"count": "\udc00"}]}"#), at("list[1].count", half));
    assert_eq!(error(r#"{"inner": {"count": 1e400}}"#), at("inner.count", "is a number out of range"));
    assert_eq!(error(r#"{"inner": {"count": -1e999}}"#), at("inner.count", "is a number out of range"));
    assert_eq!(error(r#"{"a\ud800": 1}"#), at("body", "has a field whose name is not valid Unicode"));
    let both = errors(r#"{"name": "\ud83d", "inner": {"count": 1e400}}"#);
    assert_eq!(both.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["name", "inner.count"]);
}

#[test]
fn an_integer_that_would_be_rounded_is_an_error_of_its_own_field() {
    let rounded = "is a number out of range: an integer this large would be rounded; send it as a string";
    for text in ["12345678901234567890123", "18446744073709551617", "-9223372036854775809", "100000000000000000000000"]
    {
        assert_eq!(error(&format!(r#"{{"list": [{{"count": {text}}}]}}"#)), at("list[0].count", rounded), "{text}");
    }
    let held = [
        "18446744073709551615",
        "-9223372036854775808",
        "18446744073709551616",
        "-18446744073709551616",
        "1e23",
        "12345678901234567890123.0",
        "1.2345678901234567890123e22",
        "-0",
        "0.1",
    ];
    for text in held {
        assert!(value(format!(r#"{{"count": {text}}}"#).as_bytes()).is_ok(), "{text}");
    }
    let among = br#"{"items": [{"id": 12345678901234567890123}, {"id": 1e23}, {"id": 7}]}"#;
    let items = list(among, "items").unwrap();
    assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(items[0].as_ref().unwrap_err().errors[0].field, "id");
}

#[test]
fn a_name_that_appears_twice_is_refused_at_every_level() {
    assert_eq!(error(r#"{"name": "a", "name": "b"}"#), at("name", "must not appear twice"));
    assert_eq!(error(r#"{"name": "a", "n\u0061me": "a"}"#), at("name", "must not appear twice"));
    let nested = r#"{"list": [{"count": 1}, {"count": 1, "x": [{"y": 1, "y": 1}]}]}"#;
    assert_eq!(error(nested), at("list[1].x[0].y", "must not appear twice"));
}

#[test]
fn levels_are_counted_and_one_too_many_is_named() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(value(nested(MAX_DEPTH).as_bytes()).is_ok());
    for levels in [MAX_DEPTH + 1, 129, 5_000, 100_000] {
        let problem = value(format!(r#"{{"data": {}}}"#, nested(levels)).as_bytes()).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Invalid, "{levels}");
        assert!(problem.errors[0].field.starts_with("data[0][0]"), "{problem:?}");
        assert!(problem.errors[0].message.contains("nested too deep"), "{problem:?}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_with_the_reason() {
    let detail = |bytes: &[u8]| {
        let problem = value(bytes).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::NotJson);
        problem.detail
    };
    assert_eq!(detail(b""), "The body is empty.");
    assert_eq!(detail(b" \r\n"), "The body is empty.");
    assert_eq!(detail(b"\xEF\xBB\xBF"), "The body is empty.");
    assert_eq!(detail(b"{\"a\": 1,}"), "Line 1, column 9: key must be a string.");
    assert_eq!(detail(b"{\n\"a\" 1}"), "Line 2, column 5: expected `:`.");
    assert_eq!(detail(b"{} {}"), "Line 1, column 4: trailing characters.");
    assert!(detail(b"{\"a\": NaN}").starts_with("Line 1, column 7: "));
    assert!(detail(b"{\"a\": \"\x80\"}").contains("not UTF-8: byte 8"));
    assert!(detail(b"\xFF\xFE{\0}\0").contains("UTF-16"));
    assert!(detail(b"{\0}\0").contains("UTF-16"));
    for (text, encoding) in [
        ("\u{fffd}\u{fffd}{\0\"\0", "UTF-16"),
        ("\u{fffd}\u{fffd}\0{\0\"", "UTF-16"),
        ("\u{fffd}\u{fffd}\0\0{\0\0\0", "UTF-16 or UTF-32"),
        ("{\0\0\0}\0\0\0", "UTF-32"),
        ("\0\0\0{\0\0\0}", "UTF-32"),
        ("\u{1f}\u{fffd}\u{8}\0", "gzip"),
        ("\u{fffd}{}", "another encoding"),
    ] {
        assert!(detail(text.as_bytes()).contains(encoding), "{text:?}: as API Gateway hands it over");
    }
    assert!(detail(b"\x1F\x8B\x08\0").contains("gzip"));
    for zero_of_a_string in ["{}\0", "\0{}", "{}\0\0"] {
        assert!(!detail(zero_of_a_string.as_bytes()).contains("UTF-"), "{zero_of_a_string:?}");
    }
    assert!(detail(b"\0\0\0{").contains("UTF-32"));
    assert!(detail(b"\x80{}").contains("not UTF-8: byte 1"));
    assert_eq!(value(b"\xEF\xBB\xBF{\"a\": 1}").unwrap(), json!({"a": 1}));
}

#[test]
fn a_list_among_other_fields_is_read_element_by_element() {
    let read = |body: &str| list_among(body.as_bytes(), "items").and_then(|(others, items)| Ok((others, items?)));
    let (others, items) = read(r#"{"mode": "upsert", "items": [{"a": "]}"}, 1e400], "dry_run": true}"#).unwrap();
    assert_eq!(others, json!({"mode": "upsert", "dry_run": true}));
    assert_eq!(items[0], Ok(json!({"a": "]}"})));
    assert_eq!((items.len(), items[1].as_ref().unwrap_err().errors[0].field.as_str()), (2, "body"));
    for (body, field) in [
        (r#"{"mode": "upsert"}"#, "items"),
        (r#"{"items": [], "items": []}"#, "items"),
        (r#"{"items": {}}"#, "items"),
        (r#"{"items": [], "mode": 1, "mode": 2}"#, "mode"),
        ("[]", "body"),
    ] {
        assert_eq!(read(body).unwrap_err().errors[0].field, field, "{body}");
    }
    assert_eq!(read("{").unwrap_err().kind, ProblemKind::NotJson);
}

#[test]
fn an_element_of_a_list_answers_for_itself() {
    let read = |body: &str| list(body.as_bytes(), "messages");
    let body = r#"{"messages": [{"a": "]},\"{["}, {"a": "\ud83d"}, 1e400, {"b": 1, "b": 2}, [[]], null, {"c": 3}]}"#;
    let found: Vec<_> =
        read(body).unwrap().into_iter().map(|one| one.map_err(|problem| problem.errors[0].field.clone())).collect();
    let refused = |field: &str| Err(field.to_owned());
    let expected = [
        Ok(json!({"a": "]},\"{["})),
        refused("a"),
        refused("body"),
        refused("b"),
        Ok(json!([[]])),
        Ok(json!(null)),
        Ok(json!({"c": 3})),
    ];
    assert_eq!(found, expected);
    assert_eq!(read(r#" { "messages" : [ ] } "#).unwrap().len(), 0);
    let refused = |body: &str| read(body).unwrap_err().errors.remove(0);
    assert_eq!(refused("[{}]"), FieldError::new("body", "must be an object"));
    assert_eq!(refused("{}"), FieldError::new("messages", "is required"));
    assert_eq!(refused(r#"{"messages": {}}"#), FieldError::new("messages", "must be a list"));
    assert_eq!(refused(r#"{"messages": [], "messages": []}"#), FieldError::new("messages", "must not appear twice"));
    assert_eq!(refused(r#"{"messages": [], "x": 1}"#), FieldError::new("x", "is not a known field"));
    assert_eq!(read("{").unwrap_err().kind, ProblemKind::NotJson);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_read_as_the_library_reads_it(expected in any_value()) {
        for text in [expected.to_string(), serde_json::to_string_pretty(&expected).unwrap()] {
            prop_assert_eq!(&value(text.as_bytes()).unwrap(), &expected);
            prop_assert!(value_errors::of(&text).is_empty());
            let body = format!("{{\"messages\":[{text},\n{text} ]}}");
            let read: Vec<_> = list(body.as_bytes(), "messages").unwrap().into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(read, [expected.clone(), expected.clone()]);
        }
    }

    #[test]
    fn no_bytes_panic_and_no_problem_repeats_them(bytes in prop::collection::vec(prop_oneof![
        any::<u8>(), prop::sample::select(b"{}[]\",:\\u0d8 1e9-.".to_vec())], 0..60)) {
        let _ = value(&bytes);
        let _ = list(&bytes, "messages");
    }
}
