//! Parsing of a schema, with every finding.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::SERVICE_VARIABLES;
use super::schema::{TextFormat, VariableKind, VariableSchema, Variables};
use super::values::checked;
use crate::finding::Finding;

/// Maximum number of variables and properties in all.
const MAX_FIELDS: usize = 100;
/// Maximum nesting of objects and arrays.
const MAX_DEPTH: usize = 5;
/// Maximum length of a name.
const MAX_NAME_BYTES: usize = 64;

type Properties = BTreeMap<String, VariableSchema>;

struct SchemaParser {
    findings: Vec<Finding>,
    fields: usize,
}

impl Variables {
    /// Parses a schema. Every finding begins with the path `variables`.
    ///
    /// # Errors
    /// Returns all findings.
    pub fn parse(source: &Value) -> Result<Self, Vec<Finding>> {
        let (properties, required) = variables(source)?;
        Ok(Self::new(source.clone(), properties, required))
    }
}

/// Parses the schema of all variables: an object, which may leave out its type.
fn variables(source: &Value) -> Result<(Properties, BTreeSet<String>), Vec<Finding>> {
    let mut parser = SchemaParser { findings: Vec::new(), fields: 0 };
    let found = match source {
        Value::Object(schema) => {
            if schema.get("type").is_some_and(|kind| kind != "object") {
                parser.add("variables.type", "must be object");
            }
            parser.unknown(schema, "variables", &["type", "properties", "required", "description"]);
            parser.object(schema, "variables", 0)
        }
        _ => {
            parser.add("variables", "must be an object: a schema");
            Default::default()
        }
    };
    for name in SERVICE_VARIABLES {
        if found.0.contains_key(name) {
            parser
                .add(format!("variables.properties.{name}"), "must have another name: the service provides this link");
        }
    }
    if parser.fields > MAX_FIELDS {
        parser.add("variables", "must have at most 100 variables and properties");
    }
    if parser.findings.is_empty() { Ok(found) } else { Err(parser.findings) }
}

impl SchemaParser {
    fn add(&mut self, path: impl Into<String>, message: &str) {
        self.findings.push(Finding::new(path, message));
    }

    fn unknown(&mut self, schema: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in schema.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("is not supported; the keywords here are {}", known.join(", "));
            self.add(format!("{path}.{name}"), &message);
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, path: &str, depth: usize) -> (Properties, BTreeSet<String>) {
        let mut properties = BTreeMap::new();
        match schema.get("properties") {
            None => {}
            Some(Value::Object(fields)) => {
                self.fields += fields.len();
                for (name, field) in fields {
                    let path = format!("{path}.properties.{name}");
                    if !is_name(name) {
                        self.add(
                            path.as_str(),
                            "must be named with 1 to 64 of a-z, 0-9 and _, and begin with a letter",
                        );
                    }
                    if let Some(field) = self.field(field, &path, depth + 1) {
                        properties.insert(name.clone(), field);
                    }
                }
            }
            Some(_) => self.add(format!("{path}.properties"), "must be an object: schemas by name"),
        }
        let required = self.required(schema, path, &properties);
        (properties, required)
    }

    fn required(&mut self, schema: &Map<String, Value>, path: &str, properties: &Properties) -> BTreeSet<String> {
        let Some(required) = schema.get("required") else { return BTreeSet::new() };
        let names = required.as_array().and_then(|names| names.iter().map(|n| n.as_str().map(str::to_owned)).collect());
        let Some(names): Option<BTreeSet<String>> = names else {
            self.add(format!("{path}.required"), "must be a list of names");
            return BTreeSet::new();
        };
        for name in names.iter().filter(|name| !properties.contains_key(*name)) {
            // A name of the template's own schema, not a value of a message.
            self.add(format!("{path}.required"), &format!("names {name}, which properties does not have"));
        }
        names
    }

    fn field(&mut self, schema: &Value, path: &str, depth: usize) -> Option<VariableSchema> {
        let Value::Object(schema) = schema else {
            self.add(path, "must be an object: a schema");
            return None;
        };
        if depth > MAX_DEPTH {
            self.add(path, "must be nested at most 5 deep");
            return None;
        }
        let kind = self.kind(schema, path, depth)?;
        let is_sensitive = schema.get("sensitive").unwrap_or(&Value::Bool(false)).as_bool();
        if is_sensitive.is_none() {
            self.add(format!("{path}.sensitive"), "must be true or false");
        }
        if schema.get("description").is_some_and(|text| !text.is_string()) {
            self.add(format!("{path}.description"), "must be a string");
        }
        let (default, example) = (schema.get("default").cloned(), schema.get("example").cloned());
        let field = VariableSchema { kind, default: None, example: None, is_sensitive: is_sensitive.unwrap_or(true) };
        for (keyword, value) in [("default", &default), ("example", &example)] {
            let problems = value.as_ref().map(|value| checked(&field, value)).unwrap_or_default();
            for (inner, message) in problems {
                self.add(format!("{path}.{keyword}{inner}"), &message);
            }
        }
        Some(VariableSchema { default, example, ..field })
    }

    fn kind(&mut self, schema: &Map<String, Value>, path: &str, depth: usize) -> Option<VariableKind> {
        let always = ["type", "default", "example", "sensitive", "description"];
        let with = |more: &[&'static str]| [always.as_slice(), more].concat();
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => {
                self.unknown(schema, path, &with(&["properties", "required"]));
                let (properties, required) = self.object(schema, path, depth);
                Some(VariableKind::Object { properties, required })
            }
            Some("array") => {
                self.unknown(schema, path, &with(&["items"]));
                let Some(items) = schema.get("items") else {
                    self.add(format!("{path}.items"), "is required: the schema of each item");
                    return None;
                };
                self.fields += 1;
                Some(VariableKind::Array(Box::new(self.field(items, &format!("{path}.items"), depth + 1)?)))
            }
            Some("string") => {
                self.unknown(schema, path, &with(&["format"]));
                Some(VariableKind::Text(self.format(schema, path)))
            }
            Some("number") => {
                self.unknown(schema, path, &always);
                Some(VariableKind::Number)
            }
            Some("boolean") => {
                self.unknown(schema, path, &always);
                Some(VariableKind::Boolean)
            }
            _ => {
                self.add(format!("{path}.type"), "must be object, array, string, number or boolean");
                None
            }
        }
    }

    fn format(&mut self, schema: &Map<String, Value>, path: &str) -> Option<TextFormat> {
        let format = schema.get("format")?;
        let known = format.as_str().and_then(|name| name.parse().ok());
        if known.is_none() {
            self.add(format!("{path}.format"), "must be date, date-time, uri or money");
        }
        known
    }
}

fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= MAX_NAME_BYTES
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && name.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(schema: &Value) -> Vec<String> {
        variables(schema).err().into_iter().flatten().map(|finding| finding.path).collect()
    }

    #[test]
    fn every_error_is_found_with_its_path() {
        let schema = json!({
            "type": "object",
            "required": ["gone", "name"],
            "properties": {
                "Name": {"type": "string"},
                "name": {"type": "text"},
                "due": {"type": "string", "format": "day", "pattern": ".*"},
                "days": {"type": "number", "default": "three", "example": 3},
                "rows": {"type": "array"},
                "user": {"type": "object", "properties": {"id": {"type": "string", "sensitive": "yes"}}, "example": {"id": 1}},
                "unsubscribe_url": {"type": "string"},
            },
            "oneOf": [],
        });
        let mut found = paths(&schema);
        found.sort();
        let expected = [
            "variables.oneOf",
            "variables.properties.Name",
            "variables.properties.days.default",
            "variables.properties.due.format",
            "variables.properties.due.pattern",
            "variables.properties.name.type",
            "variables.properties.rows.items",
            "variables.properties.unsubscribe_url",
            "variables.properties.user.example.id",
            "variables.properties.user.properties.id.sensitive",
            "variables.required",
            "variables.required",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn depth_and_number_are_limited() {
        let nested = (0..6).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
        assert_eq!(paths(&json!({"properties": {"a": nested}})).len(), 1);
        let many: Map<String, Value> = (0..101).map(|n| (format!("v{n}"), json!({"type": "string"}))).collect();
        assert_eq!(paths(&json!({"properties": many})), ["variables"]);
        assert_eq!(paths(&json!([])), ["variables"]);
        assert!(paths(&json!({})).is_empty());
    }
}
