//! The contract docs/openapi.yaml as the service serves it, and the check of an HTTP exchange against it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use track::CONTRACT;

/// HTTP methods of the document.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
/// Response headers that the contract must name.
const NAMED_HEADERS: [&str; 4] = ["location", "retry-after", "idempotency-replayed", "etag"];

/// The contract.
pub struct Contract {
    /// The document as it is served.
    pub document: Value,
    /// The same with every object closed, so that unnamed fields are found.
    closed: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// A route of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Method and path, such as `GET /v1/notifications/{id}`.
    pub key: String,
    /// Scopes of which one suffices, without `notifications/`; none for a public route.
    pub scopes: BTreeSet<String>,
    /// Requests per second, and the burst.
    pub throttle: (i64, i64),
    /// Statuses of the responses.
    pub statuses: BTreeSet<u16>,
}

/// A request and its response.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// The route as API Gateway names it.
    pub route: String,
    /// Parameters of the path, decoded.
    pub path: Vec<(String, String)>,
    /// Parameters of the query, decoded.
    pub query: Vec<(String, String)>,
    pub idempotency_key: Option<String>,
    pub request: Vec<u8>,
    pub status: u16,
    /// Names in lower case, and values; `content-type` included.
    pub headers: Vec<(String, String)>,
    pub answer: Vec<u8>,
}

impl Exchange {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The contract of the service, parsed once.
pub fn contract() -> &'static Contract {
    static READ: LazyLock<Contract> = LazyLock::new(|| Contract::of(serde_json::from_str(CONTRACT).unwrap()));
    &READ
}

impl Contract {
    pub fn of(document: Value) -> Self {
        let mut closed = document.clone();
        close(&mut closed);
        Self { document, closed, validators: Mutex::default() }
    }

    /// Every route, in the file's order.
    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = METHODS.into_iter().filter(|method| item.get(*method).is_some());
            methods.map(|method| operation(method, path, &item[method])).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// Names of a route's parameters in a place: `query`, `path` or `header`.
    pub fn parameters_of(&self, route: &str, place: &str) -> BTreeSet<String> {
        let pointer = self.pointer_to(route).unwrap();
        let item = pointer.rsplit_once('/').unwrap().0;
        let lists = [format!("{item}/parameters"), format!("{pointer}/parameters")];
        let parameters = lists.iter().flat_map(|list| self.parameters(list));
        let placed = parameters.filter(|(_, parameter)| parameter["in"] == place);
        placed.map(|(_, parameter)| parameter["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The route of a method and a path without its query, with the encoded parameters of the path.
    pub fn route_of(&self, method: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let given: Vec<_> = path.split('/').collect();
        let paths = self.document["paths"].as_object().unwrap();
        let fitting = paths.iter().filter(|(_, item)| item.get(method.to_ascii_lowercase()).is_some());
        let matched = fitting.filter_map(|(template, _)| Some((template, parameters(template, &given)?)));
        let (template, found) = matched.min_by_key(|(_, found)| found.len())?;
        Some((format!("{method} {template}"), found))
    }

    /// Describes the violations of the contract in an exchange. A request may violate it only if the response is a 4xx.
    pub fn complaints(&self, exchange: &Exchange) -> Vec<String> {
        let mut complaints = Vec::new();
        match self.pointer_to(&exchange.route) {
            None => complaints.push("is no route of the contract".to_owned()),
            Some(pointer) => {
                self.check_answer(&pointer, exchange, &mut complaints);
                if !(400..500).contains(&exchange.status) {
                    self.check_request(&pointer, exchange, &mut complaints);
                }
            }
        }
        let named = |what| format!("{} {}: {what}", exchange.route, exchange.status);
        complaints.into_iter().map(named).collect()
    }

    fn check_answer(&self, pointer: &str, exchange: &Exchange, complaints: &mut Vec<String>) {
        let answer = self.resolved(&format!("{pointer}/responses/{}", exchange.status));
        let Some((at, answer)) = answer else {
            return complaints.push("is no status of this route".to_owned());
        };
        self.check_headers(answer, exchange, complaints);
        let Some(contents) = answer.get("content").and_then(Value::as_object) else {
            if !exchange.answer.is_empty() {
                complaints.push("has a body".to_owned());
            }
            return;
        };
        let kind = exchange.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        if !contents.contains_key(kind) {
            return complaints.push(format!("has the content type {kind:?}"));
        }
        if kind.ends_with("json") {
            let schema = format!("{at}/content/{}/schema", escaped(kind));
            match serde_json::from_slice::<Value>(&exchange.answer) {
                Ok(body) => {
                    complaints.extend(self.errors(&schema, &body, "answer"));
                    complaints.extend(self.misused_problem(&body, exchange.status));
                }
                Err(error) => complaints.push(format!("is not JSON: {error}")),
            }
        }
    }

    fn check_headers(&self, answer: &Value, exchange: &Exchange, complaints: &mut Vec<String>) {
        let none = Map::new();
        let named = answer.get("headers").and_then(Value::as_object).unwrap_or(&none);
        for (name, header) in named {
            let header = self.followed(header);
            if header["required"] == true && exchange.header(&name.to_ascii_lowercase()).is_none() {
                complaints.push(format!("has no header {name}"));
            }
        }
        let is_named = |name: &str| named.keys().any(|known| known.eq_ignore_ascii_case(name));
        for name in NAMED_HEADERS.into_iter().filter(|name| exchange.header(name).is_some() && !is_named(name)) {
            complaints.push(format!("has the header {name}, which the contract does not name"));
        }
    }

    /// A problem's status equals that of the response and that of its type.
    fn misused_problem(&self, body: &Value, status: u16) -> Option<String> {
        let kind = body["type"].as_str().filter(|kind| kind.starts_with("urn:notifications:problem:"))?;
        let expected = self.problem_statuses().into_iter().find(|(known, _)| known == kind).map(|(_, status)| status);
        let is_right = expected == Some(status) && body["status"] == json!(status);
        (!is_right).then(|| format!("{kind} has another status"))
    }

    /// Every type of problem with its status.
    pub fn problem_statuses(&self) -> Vec<(String, u16)> {
        let kinds = &self.document["components"]["schemas"]["ProblemType"];
        let statuses = kinds["x-status"].as_array().unwrap().iter().map(|status| status.as_u64().unwrap() as u16);
        let names = kinds["enum"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned());
        names.zip(statuses).collect()
    }

    fn check_request(&self, pointer: &str, exchange: &Exchange, complaints: &mut Vec<String>) {
        let item = pointer.rsplit_once('/').unwrap().0;
        let lists = [format!("{item}/parameters"), format!("{pointer}/parameters")];
        let parameters: Vec<_> = lists.iter().flat_map(|list| self.parameters(list)).collect();
        let given = [("path", &exchange.path), ("query", &exchange.query)];
        for (place, name, value) in given.iter().flat_map(|(place, of)| of.iter().map(move |(n, v)| (*place, n, v))) {
            match parameters.iter().find(|(_, known)| known["in"] == place && known["name"] == json!(name)) {
                Some((at, known)) => {
                    let value = self.typed(known, value);
                    complaints.extend(self.errors(&format!("{at}/schema"), &value, name));
                }
                None => complaints.push(format!("took the {place} parameter {name}")),
            }
        }
        for (_, missing) in parameters.iter().filter(|(_, known)| known["in"] == "query" && known["required"] == true) {
            if !exchange.query.iter().any(|(name, _)| missing["name"] == json!(name)) {
                complaints.push(format!("took no query parameter {}", missing["name"]));
            }
        }
        // A route without this parameter ignores the header.
        let named = parameters.iter().find(|(_, known)| known["name"] == "Idempotency-Key");
        if let (Some(key), Some((at, _))) = (&exchange.idempotency_key, named) {
            complaints.extend(self.errors(&format!("{at}/schema"), &json!(key), "Idempotency-Key"));
        }
        self.check_body(pointer, exchange, complaints);
    }

    fn check_body(&self, pointer: &str, exchange: &Exchange, complaints: &mut Vec<String>) {
        let contents = &self.document.pointer(pointer).unwrap()["requestBody"]["content"];
        let Some((kind, _)) =
            contents.as_object().and_then(|kinds| kinds.iter().find(|(kind, _)| kind.ends_with("json")))
        else {
            return;
        };
        match serde_json::from_slice::<Value>(&exchange.request) {
            Ok(mut body) => {
                if drop_refused(&mut body, &exchange.answer) {
                    let schema = format!("{pointer}/requestBody/content/{}/schema", escaped(kind));
                    complaints.extend(self.errors(&schema, &body, "request"));
                }
            }
            // A batch succeeds although one of its messages contains an unrepresentable value.
            Err(_) if refuses_some(&exchange.answer) => {}
            Err(error) => complaints.push(format!("took what is not JSON: {error}")),
        }
    }

    /// The parameters of a list, each with its pointer.
    fn parameters(&self, list: &str) -> Vec<(String, &Value)> {
        let count = self.document.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).filter_map(|index| self.resolved(&format!("{list}/{index}"))).collect()
    }

    /// Converts a parameter's text to the type of its schema.
    fn typed(&self, parameter: &Value, text: &str) -> Value {
        match self.followed(&parameter["schema"])["type"].as_str() {
            Some("integer") => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
            _ => json!(text),
        }
    }

    fn pointer_to(&self, route: &str) -> Option<String> {
        let (method, path) = route.split_once(' ')?;
        let pointer = format!("/paths/{}/{}", escaped(path), method.to_ascii_lowercase());
        self.document.pointer(&pointer).map(|_| pointer)
    }

    /// The value at a pointer, or at the target of its reference, and the pointer to it.
    fn resolved(&self, pointer: &str) -> Option<(String, &Value)> {
        let found = self.document.pointer(pointer)?;
        match found.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolved(reference.strip_prefix('#')?),
            None => Some((pointer.to_owned(), found)),
        }
    }

    fn followed<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        reference.map_or(value, |pointer| self.resolved(pointer).unwrap_or_else(|| panic!("{pointer} is nowhere")).1)
    }

    /// Violations of the schema at a pointer.
    pub fn errors(&self, pointer: &str, value: &Value, what: &str) -> Vec<String> {
        let known = self.validators.lock().unwrap().get(pointer).cloned();
        let validator = known.unwrap_or_else(|| {
            let made = Arc::new(self.validator(pointer));
            self.validators.lock().unwrap().insert(pointer.to_owned(), Arc::clone(&made));
            made
        });
        let described = |error: jsonschema::ValidationError<'_>| format!("{what}{}: {error}", error.instance_path);
        validator.iter_errors(value).map(described).collect()
    }

    fn validator(&self, pointer: &str) -> Validator {
        let mut root = self.closed.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is nowhere")).clone();
        root["components"] = self.closed["components"].clone();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }
}

fn operation(method: &str, path: &str, operation: &Value) -> Operation {
    let number = |name: &str| operation["x-throttle"][name].as_i64().unwrap_or_else(|| panic!("{path}: x-throttle"));
    let wanted = operation["security"].as_array().unwrap().iter();
    let scopes = wanted.flat_map(|one| one["oauth"].as_array().unwrap()).map(|scope| scope.as_str().unwrap());
    Operation {
        key: format!("{} {path}", method.to_ascii_uppercase()),
        scopes: scopes.map(|scope| scope.strip_prefix("notifications/").unwrap().to_owned()).collect(),
        throttle: (number("rate"), number("burst")),
        statuses: operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap()).collect(),
    }
}

/// The parameters of a path that matches a template.
fn parameters(template: &str, given: &[&str]) -> Option<Vec<(String, String)>> {
    let parts: Vec<_> = template.split('/').collect();
    let mut found = Vec::new();
    for (part, value) in parts.iter().zip(given) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => found.push((name.to_owned(), (*value).to_owned())),
            None if part == value => {}
            None => return None,
        }
    }
    (parts.len() == given.len()).then_some(found)
}

/// Removes the refused parts from a batch of messages or recipients, which succeeds without them. Returns false if none
/// remains.
fn drop_refused(request: &mut Value, answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return true };
    let name = if request.get("messages").is_some() { "messages" } else { "items" };
    let parts = request.get_mut(name).and_then(Value::as_array_mut);
    let (Some(parts), Some(items)) = (parts, answer["items"].as_array()) else { return true };
    if parts.len() == items.len() {
        let mut items = items.iter();
        parts.retain(|_| items.next().is_some_and(|item| !is_problem(item)));
    }
    !parts.is_empty()
}

/// Returns true if an item of a batch's response is a problem, or has one.
fn is_problem(item: &Value) -> bool {
    item.get("detail").is_some() || item.get("problem").is_some()
}

/// Returns true if one item of a batch's response is a problem.
fn refuses_some(answer: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer["items"].as_array().is_some_and(|items| items.iter().any(is_problem))
}

/// A part of a JSON pointer, with `/` and `~` escaped.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// Closes every object that does not define further fields.
fn close(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            if entries.get("properties").is_some_and(Value::is_object) && entries.get("type").is_some() {
                entries.entry("additionalProperties").or_insert(json!(false));
            }
            entries.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
