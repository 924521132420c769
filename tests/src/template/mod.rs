//! Routes and permissions of template.yaml, for comparison with the behaviour.
//!
//! The parser keeps a tag's value and drops the tag: `!GetAtt RecipientsTable.Arn` reads as `RecipientsTable.Arn`.

mod environment;

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

/// The functions, in flow order: `send` is `SendFunction` with `SendRole` in the template.
pub const FUNCTIONS: [&str; 10] =
    ["send", "cascade", "rollup", "cleanup", "recipients", "track", "console", "catalog", "campaigns", "fanout"];

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Function of the route.
    pub function: &'static str,
    pub method: String,
    /// Path, with its parameters in braces.
    pub path: String,
    /// Scopes of which one suffices, without `notifications/`; none for a public route.
    pub scopes: Vec<String>,
    /// Returns true if the route requires no token.
    pub is_public: bool,
}

impl Route {
    /// The route as API Gateway names it: `GET /v1/notifications/{id}`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// One action on one resource, allowed or denied to a function's role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub function: &'static str,
    pub is_allowed: bool,
    /// Action, such as `dynamodb:PutItem`.
    pub action: String,
    /// Resource, such as `notifications`, `notifications/index/due`, `parameter/settings`; see [`resource`].
    pub resource: String,
    /// Condition of the statement, in the parser's debug format.
    pub condition: Option<String>,
}

/// The template.
pub struct Template(Yaml);

impl Template {
    pub fn read() -> Self {
        Self::parse(include_str!("../../../template.yaml"))
    }

    /// The template of the data stack: tables and user pool.
    pub fn read_data() -> Self {
        Self::parse(include_str!("../../../infra/data.yaml"))
    }

    /// Parses a template.
    pub fn parse(source: &str) -> Self {
        Self(YamlLoader::load_from_str(source).unwrap().remove(0))
    }

    /// Every resource: logical id and type.
    pub fn resources(&self) -> Vec<(String, &str)> {
        pairs(&self.0["Resources"]).map(|(name, resource)| (name, text(&resource["Type"]))).collect()
    }

    /// A resource, with its policies and conditions.
    pub fn resource(&self, name: &str) -> &Yaml {
        &self.0["Resources"][name]
    }

    /// A parameter's declaration.
    pub fn parameter(&self, name: &str) -> &Yaml {
        &self.0["Parameters"][name]
    }

    /// A resource's properties.
    pub fn properties(&self, resource: &str) -> &Yaml {
        &self.0["Resources"][resource]["Properties"]
    }

    /// The stack's outputs, by name.
    pub fn outputs(&self) -> Vec<(String, String)> {
        pairs(&self.0["Outputs"]).map(|(name, output)| (name, shown(&output["Value"]))).collect()
    }

    /// The events of a function, whatever their type.
    pub fn events(&self, function: &str) -> Vec<&Yaml> {
        let events = &self.properties(&logical(function, "Function"))["Events"];
        pairs(events).map(|(_, event)| event).collect()
    }

    /// Every route, in flow order.
    pub fn routes(&self) -> Vec<Route> {
        let of = |function: &'static str| {
            let events = self.events(function).into_iter().filter(|event| event["Type"].as_str() == Some("HttpApi"));
            events.map(move |event| route(function, &event["Properties"])).collect::<Vec<_>>()
        };
        FUNCTIONS.into_iter().flat_map(of).collect()
    }

    /// The routes of the API, without the pages of the console.
    pub fn api_routes(&self) -> Vec<Route> {
        self.routes().into_iter().filter(|route| route.path.starts_with("/v1/")).collect()
    }

    /// All permissions and denials of a function's role, through its own policies and shared ones.
    pub fn grants(&self, function: &'static str) -> BTreeSet<Grant> {
        let role = self.properties(&logical(function, "Role"));
        let own = list(&role["Policies"]).map(|policy| &policy["PolicyDocument"]);
        let shared = list(&role["ManagedPolicyArns"]).map(|name| &self.properties(text(name))["PolicyDocument"]);
        let statements = own.chain(shared).flat_map(|document| list(&document["Statement"]));
        statements.flat_map(|statement| grants(function, statement)).collect()
    }
}

fn route(function: &'static str, properties: &Yaml) -> Route {
    let auth = &properties["Auth"];
    let scopes = list(&auth["AuthorizationScopes"]).map(|scope| text(scope).strip_prefix("notifications/").unwrap());
    Route {
        function,
        method: text(&properties["Method"]).to_owned(),
        path: text(&properties["Path"]).to_owned(),
        scopes: scopes.map(str::to_owned).collect(),
        is_public: auth["Authorizer"].as_str() == Some("NONE"),
    }
}

fn grants(function: &'static str, statement: &Yaml) -> Vec<Grant> {
    let is_allowed = match text(&statement["Effect"]) {
        "Allow" => true,
        "Deny" => false,
        other => panic!("{other} is no effect"),
    };
    let condition = Some(&statement["Condition"]).filter(|condition| !condition.is_badvalue()).map(shown);
    let one = |action: &Yaml, on: &Yaml| Grant {
        function,
        is_allowed,
        action: text(action).to_owned(),
        resource: resource(text(on)),
        condition: condition.clone(),
    };
    let resources: Vec<_> = list(&statement["Resource"]).collect();
    list(&statement["Action"]).flat_map(|action| resources.iter().map(move |on| one(action, on))).collect()
}

/// Short name of a policy's Resource: a table has its name in the functions' tests.
fn resource(written: &str) -> String {
    let written = written.trim_start_matches("${").replace('}', "");
    if let Some((table, rest)) = written.split_once(":table/${").and_then(|(_, table)| table.split_once("Table")) {
        return format!("{}{rest}", table.to_lowercase());
    }
    if let Some(table) = written.strip_suffix("Stream") {
        return format!("{}/stream", table.to_lowercase());
    }
    for (start, short) in [("/push-notifications/${Stage/", "parameter/"), (":sns:*:*:*", "topic/*")] {
        if let Some((_, name)) = written.split_once(start) {
            return format!("{short}{name}");
        }
    }
    if written.ends_with("Topic") {
        return format!("topic/{written}");
    }
    match written.split_once("${AWS::AccountId:") {
        Some((_, name)) => name.to_owned(),
        None => written,
    }
}

/// Logical id: `send` and `Role` are `SendRole`.
pub fn logical(function: &str, kind: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}{kind}", first.to_uppercase())
}

fn text(value: &Yaml) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text"))
}

/// The elements of a list; a single value is a list of one, and no value is an empty list.
fn list(value: &Yaml) -> impl Iterator<Item = &Yaml> {
    let (many, one) = match value {
        Yaml::Array(values) => (Some(values.iter()), None),
        Yaml::BadValue => (None, None),
        one => (None, Some(one)),
    };
    many.into_iter().flatten().chain(one)
}

/// The entries of a mapping, in their order.
pub fn pairs(value: &Yaml) -> impl Iterator<Item = (String, &Yaml)> {
    let entries = value.as_hash().into_iter().flat_map(|entries| entries.iter());
    entries.map(|(name, value)| (text(name).to_owned(), value))
}

fn shown(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => text.clone(),
        Yaml::Hash(_) => {
            pairs(value).map(|(name, value)| format!("{name}({})", shown(value))).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}
