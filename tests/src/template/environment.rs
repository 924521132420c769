//! Values for a function's Environment block, derived from the template: a new variable needs no entry in any table.

use std::collections::HashMap;

use yaml_rust2::Yaml;

use super::{Template, logical, pairs};

/// Account and region of the made-up deployment.
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-south-1";
/// Value of everything that is unknown: more than one character, and a digit.
const ANY: &str = "x1";

impl Template {
    /// Every variable of a function, with a value that a deployment may give it.
    pub fn environment(&self, function: &str) -> Vec<(String, String)> {
        let variables = &self.properties(&logical(function, "Function"))["Environment"]["Variables"];
        let given = parameters_of_local_stage();
        pairs(variables).map(|(name, value)| (name, self.resolved(value, &given))).collect()
    }

    fn resolved(&self, value: &Yaml, given: &HashMap<String, String>) -> String {
        match value {
            Yaml::String(written) if written.contains("${") => self.substituted(written, given),
            Yaml::String(written) => self.named(written, given).unwrap_or_else(|| written.clone()),
            // In `!If [condition, value, other]` and similar, the last part is the one without the optional feature.
            Yaml::Array(parts) => parts.last().map(|part| self.resolved(part, given)).unwrap_or_default(),
            other => literal(other).unwrap_or_else(|| ANY.to_owned()),
        }
    }

    /// The text of `!Sub`, with each `${Name}` replaced.
    fn substituted(&self, written: &str, given: &HashMap<String, String>) -> String {
        let mut parts = written.split("${");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |done, part| {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            done + &self.named(name, given).unwrap_or_else(|| ANY.to_owned()) + rest
        })
    }

    /// The value of a `!Ref` or `!GetAtt`: a parameter, a resource, or a pseudo parameter.
    fn named(&self, name: &str, given: &HashMap<String, String>) -> Option<String> {
        match name {
            "AWS::NoValue" => return Some(String::new()),
            "AWS::Region" => return Some(REGION.to_owned()),
            "AWS::AccountId" => return Some(ACCOUNT.to_owned()),
            "AWS::Partition" => return Some("aws".to_owned()),
            _ if name.starts_with("AWS::") => return Some(ANY.to_owned()),
            _ => {}
        }
        let parameter = &self.0["Parameters"][name];
        if !parameter.is_badvalue() {
            let declared = literal(&parameter["Default"]).or_else(|| literal(&parameter["AllowedValues"][0]));
            return Some(given.get(name).cloned().or(declared).unwrap_or_else(|| ANY.to_owned()));
        }
        let (resource, attribute) = name.split_once('.').map_or((name, None), |(one, rest)| (one, Some(rest)));
        let kind = self.0["Resources"][resource]["Type"].as_str()?;
        Some(match (kind, attribute) {
            (_, Some("Arn")) | ("AWS::SNS::Topic", _) => {
                let service = kind.split("::").nth(1).unwrap_or_default().to_lowercase();
                format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
            }
            ("AWS::SQS::Queue", None) => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{resource}"),
            _ => resource.to_owned(),
        })
    }
}

/// A plain value as text.
fn literal(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `Key=value` of the stage `local` in samconfig.toml: values of a deployment of this template.
fn parameters_of_local_stage() -> HashMap<String, String> {
    let config = include_str!("../../../samconfig.toml");
    let (_, stage) = config.split_once("[local.deploy.parameters]").unwrap();
    let (stage, _) = stage.split_once("\n[").unwrap();
    let settings = stage.lines().filter(|line| !line.trim_start().starts_with('#'));
    let pairs = settings.filter_map(|line| line.split('"').nth(1)?.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
