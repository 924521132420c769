//! Variables of a template as inputs of a form, one for each property of the schema.
//!
//! The name of an input shows how its text is read: `var.number.days`. So the request needs no schema, and a form that
//! was filled before the template changed is still read as it was meant.

use serde_json::{Map, Number, Value};

use crate::site::{ApiProblem, Fields};

/// Beginning of the names of the inputs.
const PREFIX: &str = "var.";
/// Kinds of inputs: in the name, and in the schema.
const KINDS: [(&str, &str); 4] = [("text", "string"), ("number", "number"), ("number", "integer"), ("flag", "boolean")];
/// Kind of a value that is written as JSON: a list or an object.
const JSON_KIND: &str = "json";

/// Input of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableInput {
    /// Name of the variable.
    pub name: String,
    /// Name of the input.
    pub input: String,
    /// `text`, `number`, `flag` or `json`.
    pub kind: &'static str,
    /// Value.
    pub value: String,
    /// Meaning, format and example.
    pub hint: String,
    /// `true` if a message must have it.
    pub is_required: bool,
}

/// Returns the inputs of a schema with what was typed.
#[must_use]
pub fn variable_inputs(schema: &Value, form: &Fields) -> Vec<VariableInput> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let input = |(name, property): (&String, &Value)| {
        let known = KINDS.iter().find(|(_, kind)| property["type"] == *kind);
        let kind = known.map_or(JSON_KIND, |(kind, _)| kind);
        let input = format!("{PREFIX}{kind}.{name}");
        VariableInput {
            value: form.raw(&input).to_owned(),
            hint: hint(property),
            is_required: required.iter().any(|required| required == name) && property["default"].is_null(),
            name: name.clone(),
            input,
            kind,
        }
    };
    properties.map(input).collect()
}

fn hint(property: &Value) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let labelled = |name: &str, label: &str| {
        let value = &property[name];
        if value.is_null() { None } else { Some(format!("{label}{}", shown(value))) }
    };
    let parts = [("description", ""), ("format", "format "), ("example", "such as "), ("default", "default ")];
    parts.into_iter().filter_map(|(name, label)| labelled(name, label)).collect::<Vec<_>>().join("; ")
}

/// Returns the variables that were typed: the object of the field `variables`, and over it those of the inputs. `None`
/// if nothing was typed.
///
/// # Errors
/// Names the variable whose text is not of its kind.
pub fn typed_variables(form: &Fields) -> Result<Option<Value>, ApiProblem> {
    let mut variables = match form.optional("variables") {
        None => Map::new(),
        Some(text) => serde_json::from_str::<Map<String, Value>>(text)
            .map_err(|error| ApiProblem::field("variables", &format!("must be a JSON object: {error}")))?,
    };
    for (name, text) in form.iter() {
        let Some((kind, name)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')) else { continue };
        if !text.trim().is_empty() {
            variables.insert(name.to_owned(), value_of(kind, name, text)?);
        }
    }
    Ok(if variables.is_empty() { None } else { Some(Value::Object(variables)) })
}

fn value_of(kind: &str, name: &str, text: &str) -> Result<Value, ApiProblem> {
    let refused = |message: &str| ApiProblem::field(&format!("variables.{name}"), message);
    match kind {
        "number" => text
            .trim()
            .parse()
            .map(Value::Number)
            .map_err(|_: <Number as std::str::FromStr>::Err| refused("must be a number with a point, such as 12.5")),
        "flag" => text.trim().parse().map(Value::Bool).map_err(|_| refused("must be true or false")),
        JSON_KIND => serde_json::from_str(text).map_err(|error| refused(&format!("must be JSON: {error}"))),
        _ => Ok(Value::String(text.replace("\r\n", "\n"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_becomes_inputs_and_what_is_typed_becomes_values() {
        let schema = json!({"required": ["days", "who"], "properties": {
            "days": {"type": "integer", "example": 2, "description": "days left"},
            "who": {"type": "string", "default": "you"},
            "is_last": {"type": "boolean"},
            "items": {"type": "array", "items": {"type": "string"}}}});
        let form = Fields::parse(b"var.number.days=3&var.text.who=&var.flag.is_last=true&var.json.items=%5B%22a%22%5D");
        let inputs = variable_inputs(&schema, &form);
        let mut found: Vec<_> =
            inputs.iter().map(|it| (it.input.as_str(), it.value.as_str(), it.hint.as_str(), it.is_required)).collect();
        found.sort_unstable();
        let expected = [
            ("var.flag.is_last", "true", "", false),
            ("var.json.items", "[\"a\"]", "", false),
            ("var.number.days", "3", "days left; such as 2", true),
            ("var.text.who", "", "default you", false),
        ];
        assert_eq!(found, expected);
        assert_eq!(typed_variables(&form).unwrap(), Some(json!({"days": 3, "is_last": true, "items": ["a"]})));
    }

    #[test]
    fn inputs_stand_over_the_json_and_name_what_is_wrong() {
        let form = Fields::parse(b"variables=%7B%22a%22%3A1%2C%22b%22%3A2%7D&var.number.a=5");
        assert_eq!(typed_variables(&form).unwrap(), Some(json!({"a": 5, "b": 2})));
        assert_eq!(typed_variables(&Fields::parse(b"variables=&var.text.a=+")).unwrap(), None);
        for (form, field) in [
            ("var.number.days=two", "variables.days"),
            ("var.flag.is_last=yes", "variables.is_last"),
            ("var.json.items=%5B", "variables.items"),
            ("variables=%5B%5D", "variables"),
        ] {
            let problem = typed_variables(&Fields::parse(form.as_bytes())).unwrap_err();
            assert_eq!(problem.errors[0].0, field, "{form}");
        }
    }
}
