//! Values of a message, checked against their schema.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn schema() -> Variables {
    Variables::parse(&json!({
        "required": ["name", "days", "user", "colour"],
        "properties": {
            "name": {"type": "string"},
            "days": {"type": "number"},
            "due": {"type": "string", "format": "date"},
            "at": {"type": "string", "format": "date-time"},
            "link": {"type": "string", "format": "uri"},
            "sum": {"type": "string", "format": "money"},
            "colour": {"type": "string", "default": "red"},
            "rows": {"type": "array", "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}},
            "user": {"type": "object", "required": ["id"], "properties": {
                "id": {"type": "string", "sensitive": true}, "nick": {"type": "string"}}},
        },
    }))
    .unwrap()
}

#[test]
fn all_missing_variables_are_named() {
    let problems = VariableValues::new(&schema(), &json!({"user": {}})).unwrap_err();
    assert_eq!(problems.missing, ["days", "name", "user.id"]);
    let errors = problems.into_errors();
    assert!(errors.iter().any(|error| error.field == "variables.user.id"), "{errors:?}");
}

#[test]
fn a_wrong_value_is_named_and_not_repeated() {
    let given = json!({
        "name": 5, "days": "secret", "due": "2026-02-30", "at": "2026-02-03", "link": "javascript:secret",
        "sum": "secret", "rows": [{"n": 1}, {"n": "secret"}], "user": [], "more": "secret",
    });
    let problems = VariableValues::new(&schema(), &given).unwrap_err();
    let fields: Vec<&str> = problems.errors.iter().map(|error| error.field.as_str()).collect();
    let expected = [
        "variables",
        "variables.at",
        "variables.days",
        "variables.due",
        "variables.link",
        "variables.name",
        "variables.rows[1].n",
        "variables.sum",
        "variables.user",
    ];
    assert_eq!(fields, expected);
    assert!(problems.errors.iter().all(|error| !error.message.contains("secret")));
}

#[test]
fn a_text_that_only_looks_empty_is_refused_and_an_empty_one_is_not() {
    let given = |text: &str| json!({"name": text, "days": 1, "rows": [], "user": {"id": "x", "nick": text}});
    for text in
        [" ", "\n\t", "\u{200b}", "\u{fdd0}", "\u{feff}\u{2060}", "\u{3164}", "\u{a0}\u{3000}", "\0", "\u{e0020}"]
    {
        let problems = VariableValues::new(&schema(), &given(text)).unwrap_err();
        let fields: Vec<&str> = problems.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["variables.name", "variables.user.nick"], "{text:?}");
        assert!(problems.errors[0].message.contains("invisible"), "{:?}", problems.errors[0].message);
    }
    for text in ["", " x ", "\u{1f600}", "0"] {
        assert!(VariableValues::new(&schema(), &given(text)).is_ok(), "{text:?}");
    }
    let separator = json!({"properties": {"a": {"type": "string", "default": " ", "example": " "}}});
    let separator = Variables::parse(&separator).unwrap();
    assert!(VariableValues::new(&separator, &json!({})).is_ok());
    assert!(VariableValues::new(&separator, &json!({"a": " "})).is_err());
}

#[test]
fn a_name_that_is_not_declared_is_answered_with_the_nearest_declared_one() {
    let message = |given: Value, schema: Value| {
        let problems = VariableValues::new(&Variables::parse(&schema).unwrap(), &given).unwrap_err();
        let [error] = &problems.errors[..] else { panic!("{problems:?}") };
        (error.field.clone(), error.message.clone())
    };
    let text = json!({"type": "string"});
    let user = json!({"type": "object", "properties": {"nick": text}});
    let schema = json!({"properties": {"days": {"type": "number"}, "first_name": text, "user": user}});
    for (given, field, hint) in [
        (json!({"day": 1}), "variables", "did you mean days?"),
        (json!({"day": 1, "firstName": "secret", "zzzzzz": 1}), "variables", "did you mean days, first_name?"),
        (json!({"zzzzzzzz": 1}), "variables", "it declares days, first_name, user"),
        (json!({"": 1}), "variables", "it declares days, first_name, user"),
        (json!({"user": {"nik": "x"}}), "variables.user", "did you mean nick?"),
    ] {
        let expected = format!("has a name that the template does not declare; {hint}");
        assert_eq!(message(given, schema.clone()), (field.to_owned(), expected));
    }
    let (_, none) = message(json!({"a": 1}), json!({}));
    assert!(none.ends_with("; it declares none"), "{none}");
    let many: Map<String, Value> = (0..20).map(|number| (format!("variable_{number:02}"), text.clone())).collect();
    let (_, listed) = message(json!({"a": 1}), json!({"properties": many}));
    assert!(listed.ends_with("variable_08, variable_09 and others"), "{listed}");
}

#[test]
fn what_is_absent_is_listed_and_defaults_are_filled_in() {
    let values =
        VariableValues::new(&schema(), &json!({"name": "Ada\u{0}\u{fdd0}", "days": 1, "user": {"id": "7"}})).unwrap();
    assert_eq!(values.absent(), ["at", "due", "link", "rows", "sum", "user.nick"]);
    assert_eq!(values.values()["colour"].as_str(), Some("red"));
    assert_eq!(values.values()["name"].as_str(), Some("Ada"));
    let filled = values.with_all_but(&schema(), "due");
    assert!(!filled.contains_key("due") && filled.contains_key("at"));
    assert_eq!(filled["user"].get_attr("nick").unwrap().as_str(), Some("Text"));
    assert!(!format!("{values:?}").contains("Ada"));
}

#[test]
fn a_uri_is_http_https_or_mailto() {
    assert_eq!(cleaned_uri("HTTPS://Example.com/ä").as_deref(), Ok("https://example.com/%C3%A4"));
    assert_eq!(cleaned_uri("mailto:ada@example.com").as_deref(), Ok("mailto:ada@example.com"));
    for text in ["", "javascript:alert(1)", "mailto:", "mailto:a\"b", "data:text/html,x", "/path", "www.example.com"] {
        assert!(cleaned_uri(text).is_err_and(|error| error.to_string().contains("mailto")), "{text}");
    }
    for (text, reason) in [
        ("https://a@b.example", "user name"),
        ("https://a.example:99999/", "port"),
        ("https://256.1.1.1/", "IPv4"),
        ("https://", "the host is missing"),
    ] {
        let found = cleaned_uri(text).unwrap_err().to_string();
        assert!(found.contains(reason), "{text}: {found}");
    }
}

#[test]
fn sensitive_values_are_masked_at_any_depth_and_fit_the_schema() {
    let schema = Variables::parse(&json!({"properties": {
        "code": {"type": "string", "sensitive": true}, "due": {"type": "string", "format": "date", "sensitive": true},
        "name": {"type": "string"}, "rows": {"type": "array", "items": {"type": "object", "properties": {
            "iban": {"type": "string", "sensitive": true}, "n": {"type": "number"}}}},
    }}))
    .unwrap();
    let given = json!({"code": "secret", "due": "2026-01-01", "name": "Ada", "rows": [{"iban": "secret", "n": 1}]});
    let masked = Value::Object(schema.masked(given.as_object().unwrap()));
    let expected = json!({"code": "***", "due": "2026-11-30", "name": "Ada", "rows": [{"iban": "***", "n": 1}]});
    assert_eq!(masked, expected);
    assert!(VariableValues::new(&schema, &masked).is_ok());
}

#[test]
fn sensitive_variables_are_known_by_name() {
    assert_eq!(schema().sensitive().collect::<Vec<_>>(), ["user"]);
}
