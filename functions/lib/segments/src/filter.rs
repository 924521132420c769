//! Filters: trees of conditions, as callers write them.
//!
//! ```json
//! {"all": [
//!   {"field": "attributes.plan", "op": "in", "value": ["gold", "silver"]},
//!   {"not": {"field": "last_engaged_at", "op": "within_last", "value": "P30D"}}
//! ]}
//! ```

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::condition::{Condition, Operand, Test};
use crate::field::Field;
use crate::history::MAX_CAMPAIGNS;
use crate::segment_id::SegmentId;
use domain::CampaignId;
use platform::problem::FieldError;

/// Maximum number of conditions, and of parts of one group.
pub const MAX_LEAVES: usize = 50;
/// Maximum number of groups (`all`, `any`, `not`) around a condition.
pub const MAX_DEPTH: usize = 5;
/// Maximum number of errors that one problem names.
const MAX_ERRORS: usize = 20;

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every part matches. Without parts, all recipients match.
    All(Vec<Filter>),
    /// At least one part matches.
    Any(Vec<Filter>),
    /// The part does not match.
    Not(Box<Filter>),
    /// A condition.
    Leaf(Condition),
}

/// Parser that collects every error.
struct Parser {
    errors: Vec<FieldError>,
    leaves: usize,
    /// `true` for what a caller wrote.
    is_limited: bool,
}

impl Filter {
    /// Parses a filter. `path` is its place in the request.
    ///
    /// # Errors
    /// Every error, with its path such as `filter.all[2].any[0].op`.
    pub fn parse(value: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut parser = Parser { errors: Vec::new(), leaves: 0, is_limited: true };
        let filter = parser.filter(value, path, 0);
        if parser.leaves > MAX_LEAVES {
            parser.refuse(path, format!("must have at most {MAX_LEAVES} conditions"));
        }
        if filter.as_ref().is_some_and(|filter| filter.campaigns().len() > MAX_CAMPAIGNS) {
            parser.refuse(path, format!("must name at most {MAX_CAMPAIGNS} campaigns"));
        }
        match filter {
            Some(filter) if parser.errors.is_empty() => Ok(filter),
            _ => Err(parser.errors),
        }
    }

    /// Parses a filter that was stored without references, which may be larger than one that a caller writes.
    #[must_use]
    pub fn parse_resolved(value: &Value) -> Option<Self> {
        let mut parser = Parser { errors: Vec::new(), leaves: 0, is_limited: false };
        parser.filter(value, "filter", 0).filter(|_| parser.errors.is_empty())
    }

    /// Returns the filter as JSON, as it was written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |parts: &[Self]| parts.iter().map(Self::to_json).collect::<Vec<_>>();
        match self {
            Self::All(parts) => json!({"all": list(parts)}),
            Self::Any(parts) => json!({"any": list(parts)}),
            Self::Not(part) => json!({"not": part.to_json()}),
            Self::Leaf(condition) => condition.to_json(),
        }
    }

    /// Returns the hash of the filter as it was written: SHA-256 of its JSON, in hexadecimal. Two spellings of one
    /// filter, such as `5` and `5.0`, have two hashes.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = digest(&SHA256, self.to_json().to_string().as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the conditions, from left to right, with the path of each below `path`.
    #[must_use]
    pub fn conditions(&self, path: &str) -> Vec<(String, &Condition)> {
        let parts: Vec<(String, &Self)> = match self {
            Self::All(parts) => at_places(path, "all", parts),
            Self::Any(parts) => at_places(path, "any", parts),
            Self::Not(part) => vec![(format!("{path}.not"), &**part)],
            Self::Leaf(condition) => return vec![(path.to_owned(), condition)],
        };
        parts.into_iter().flat_map(|(path, part)| part.conditions(&path)).collect()
    }

    /// Returns the segments that the filter names.
    pub fn references(&self) -> impl Iterator<Item = SegmentId> {
        let conditions = self.conditions("");
        conditions.into_iter().filter_map(|(_, condition)| match &condition.test {
            Test::InSegment(id) | Test::NotInSegment(id) => Some(id.clone()),
            _ => None,
        })
    }

    /// Returns the types of notification that the filter names, each with the path of its value below `path`.
    #[must_use]
    pub fn types(&self, path: &str) -> Vec<(String, &str)> {
        let conditions = self.conditions(path).into_iter();
        let named = conditions.filter_map(|(path, condition)| Some((format!("{path}.value"), condition.type_name()?)));
        named.collect()
    }

    /// Returns the campaigns that the filter names.
    #[must_use]
    pub fn campaigns(&self) -> BTreeSet<CampaignId> {
        let conditions = self.conditions("");
        conditions.into_iter().filter_map(|(_, condition)| condition.campaign().cloned()).collect()
    }

    /// Returns the path of the first condition on a campaign, below `path`.
    #[must_use]
    pub fn path_of_campaign(&self, campaign: &CampaignId, path: &str) -> Option<String> {
        let conditions = self.conditions(path);
        let found = conditions.into_iter().find(|(_, condition)| condition.campaign() == Some(campaign));
        found.map(|(path, _)| format!("{path}.field"))
    }
}

impl Condition {
    const fn campaign(&self) -> Option<&CampaignId> {
        if let Field::Campaign(campaign) = &self.field { Some(campaign) } else { None }
    }

    /// Returns the type of notification that the condition names.
    fn type_name(&self) -> Option<&str> {
        match (&self.field, &self.test) {
            (Field::OptedOutOf, Test::Contains(Operand::Text(name))) => Some(name),
            _ => None,
        }
    }
}

/// Returns the parts of a group, each with its path.
fn at_places<'a>(path: &str, name: &str, parts: &'a [Filter]) -> Vec<(String, &'a Filter)> {
    parts.iter().enumerate().map(|(index, part)| (format!("{path}.{name}[{index}]"), part)).collect()
}

impl Parser {
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError::new(path, message));
        }
    }

    /// `depth` is the number of groups around the value.
    fn filter(&mut self, value: &Value, path: &str, depth: usize) -> Option<Filter> {
        const SHAPE: &str = "must be an object: a condition with field, op and value, or one of all, any and not";
        let Value::Object(object) = value else {
            self.refuse(path, SHAPE);
            return None;
        };
        if object.contains_key("field") || object.contains_key("op") {
            return self.leaf(object, path);
        }
        let mut entries = object.iter();
        let (Some((name, part)), None) = (entries.next(), entries.next()) else {
            self.refuse(path, SHAPE);
            return None;
        };
        let below = format!("{path}.{name}");
        if !["all", "any", "not"].contains(&name.as_str()) {
            self.refuse(&below, "is not known: a group has one of all, any and not");
            return None;
        }
        if self.is_limited && depth == MAX_DEPTH {
            self.refuse(path, format!("must be a condition: at most {MAX_DEPTH} groups may stand around one"));
            return None;
        }
        if name == "not" {
            return self.filter(part, &below, depth + 1).map(|part| Filter::Not(Box::new(part)));
        }
        let parts = self.parts(part, &below, depth)?;
        if name == "all" {
            return Some(Filter::All(parts));
        }
        if parts.is_empty() {
            self.refuse(&below, "must have a part");
        }
        Some(Filter::Any(parts))
    }

    fn parts(&mut self, value: &Value, path: &str, depth: usize) -> Option<Vec<Filter>> {
        let Value::Array(parts) = value else {
            self.refuse(path, "must be an array");
            return None;
        };
        if self.is_limited && parts.len() > MAX_LEAVES {
            self.refuse(path, format!("must have at most {MAX_LEAVES} parts"));
            return None;
        }
        let parsed: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(index, part)| self.filter(part, &format!("{path}[{index}]"), depth + 1))
            .collect();
        parsed.into_iter().collect()
    }

    fn leaf(&mut self, object: &Map<String, Value>, path: &str) -> Option<Filter> {
        self.leaves += 1;
        match Condition::parse(object, path) {
            Ok(condition) => Some(Filter::Leaf(condition)),
            Err(errors) => {
                errors.into_iter().for_each(|error| self.refuse(&error.field, error.message));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn errors(filter: &Value) -> Vec<String> {
        Filter::parse(filter, "filter").unwrap_err().into_iter().map(|e| format!("{} {}", e.field, e.message)).collect()
    }

    fn leaf() -> Value {
        json!({"field": "attributes.plan", "op": "eq", "value": "gold"})
    }

    fn nested(groups: usize) -> Value {
        (0..groups).fold(leaf(), |inner, _| json!({"not": inner}))
    }

    #[test]
    fn a_filter_is_read_as_it_was_written() {
        let filter = json!({"all": [
            leaf(),
            {"any": [{"field": "locale", "op": "exists"}, {"field": "devices.count", "op": "gte", "value": 2}]},
            {"not": {"field": "last_engaged_at", "op": "within_last", "value": "P7D"}},
            {"field": "bucket", "op": "in", "value": {"salt": "spring", "from": 0, "to": 5000}},
            {"field": "attributes.tags", "op": "contains", "value": "vip"},
            {"field": "attributes.born", "op": "before", "value": "2000-01-01"},
        ]});
        let parsed = Filter::parse(&filter, "filter").unwrap();
        assert_eq!(parsed.to_json(), filter);
        assert_eq!(Filter::parse(&parsed.to_json(), "filter").unwrap().hash(), parsed.hash());
        assert_eq!(parsed.conditions("filter")[1].0, "filter.all[1].any[0]");
    }

    #[test]
    fn limits_hold_and_their_errors_name_the_place() {
        assert!(Filter::parse(&nested(MAX_DEPTH), "filter").is_ok());
        assert!(Filter::parse_resolved(&json!({"all": vec![nested(9); 60]})).is_some());
        let deep = errors(&nested(MAX_DEPTH + 1));
        assert_eq!(deep, ["filter.not.not.not.not.not must be a condition: at most 5 groups may stand around one"]);
        let leaves = |number: usize| json!({"all": vec![leaf(); number]});
        assert!(Filter::parse(&leaves(50), "filter").is_ok());
        assert_eq!(errors(&json!({"all": [leaves(50), leaf()]})), ["filter must have at most 50 conditions"]);
        assert_eq!(errors(&leaves(51)), ["filter.all must have at most 50 parts"]);
        assert_eq!(errors(&leaves(100_000)), ["filter.all must have at most 50 parts"]);
        // None of the conditions after 50 groups without a part is left out.
        let groups = |number: usize| [vec![json!({"all": []}); number], vec![leaf(); 2]].concat();
        assert_eq!(Filter::parse(&json!({"any": groups(48)}), "filter").unwrap().conditions("filter").len(), 2);
        assert_eq!(errors(&json!({"not": {"any": groups(49)}})), ["filter.not.any must have at most 50 parts"]);
        let values = |number: usize| json!({"field": "locale", "op": "in", "value": vec!["it"; number]});
        assert!(Filter::parse(&values(1_000), "filter").is_ok());
        assert_eq!(errors(&values(1_001)), ["filter.value must have 1 to 1000 values"]);
        assert_eq!(Filter::parse(&json!({"all": []}), "filter"), Ok(Filter::All(Vec::new())));
    }

    #[test]
    fn a_time_follows_the_rules_of_all_times_and_may_be_a_date() {
        let parsed = |value: &str| {
            let filter = json!({"field": "created_at", "op": "after", "value": value});
            Filter::parse(&filter, "filter").map_err(|errors| errors[0].message.clone())
        };
        for value in
            ["2026-11-23T10:00:00.1234567890Z", "2026-11-23t10:00:00z", "2026-11-23T10:00:00+02:00", "2026-11-23"]
        {
            assert!(parsed(value).is_ok(), "{value}: {:?}", parsed(value));
        }
        let only_a_date = "must be a time such as 2026-11-23T10:00:00Z, or a date such as 2026-11-23";
        for (value, wanted) in [
            (
                "2026-11-23T10:00:00",
                "the zone is missing: add Z or an offset such as +02:00, or a date such as 2026-11-23",
            ),
            ("2026-11-23T10:00:00+02", "the zone must be Z or an offset with a colon"),
            ("2026-11-23T10:00:00+01:00[Europe/Rome]", "the zone must be Z or an offset with a colon"),
            ("2026-02-30", "this date or time of day does not exist"),
            ("20261123", only_a_date),
        ] {
            let message = parsed(value).unwrap_err();
            assert!(message.contains(wanted), "{value}: {message}");
        }
    }

    #[test]
    fn each_mistake_is_named_at_its_place() {
        for (filter, wanted) in [
            (json!([]), "filter must be an object"),
            (json!({}), "filter must be an object"),
            (json!({"all": [], "any": []}), "filter must be an object"),
            (json!({"xor": []}), "filter.xor is not known"),
            (json!({"any": []}), "filter.any must have a part"),
            (json!({"all": leaf()}), "filter.all must be an array"),
            (
                json!({"all": [leaf(), {"any": [{"field": "age", "op": "eq", "value": 1}]}]}),
                "filter.all[1].any[0].field must be",
            ),
            (json!({"field": "locale", "op": "like", "value": "it"}), "filter.op must be one of"),
            (json!({"field": "devices.count", "op": "starts_with", "value": "1"}), "filter.op must be one of"),
            (json!({"field": "locale", "op": "eq", "value": 5}), "filter.value must be a text"),
            (json!({"field": "has.push", "op": "eq", "value": "yes"}), "filter.value must be true or false"),
            (json!({"field": "attributes.n", "op": "lt", "value": "5"}), "filter.value must be a number"),
            (json!({"field": "created_at", "op": "before", "value": "soon"}), "filter.value must be a time"),
            (json!({"field": "created_at", "op": "within_last", "value": "P1M"}), "filter.value must be a duration"),
            (json!({"field": "locale", "op": "exists", "value": true}), "filter.value must be left out"),
            (json!({"field": "locale", "op": "eq"}), "filter.value must be given"),
            (json!({"field": "locale", "op": "in", "value": []}), "filter.value must have 1 to 1000 values"),
            (json!({"field": "locale", "op": "in", "value": ["it", 5]}), "filter.value[1] must be a text"),
            (json!({"field": "locale", "op": "eq", "value": "it", "not": 1}), "filter.not is not known"),
            (
                json!({"field": "bucket", "op": "in", "value": {"salt": "s", "from": 10, "to": 10}}),
                "filter.value.to must be",
            ),
            (json!({"field": "bucket", "op": "in", "value": {"from": 10, "to": 20}}), "filter.value.salt must be"),
            (json!({"field": "segment", "op": "eq", "value": "Gold!"}), "filter.value must be a small letter"),
            (json!({"field": "campaign.spring", "op": "eq", "value": "sent"}), "filter.field must be"),
            (
                json!({"field": "campaign.01arz3ndektsv4rrffq69g5fav", "op": "eq", "value": "opened"}),
                "filter.value must be one of sent, delivered, clicked, converted, failed, skipped",
            ),
            (
                json!({"field": "campaign.01arz3ndektsv4rrffq69g5fav", "op": "contains", "value": "sent"}),
                "filter.op must be one of eq, ne",
            ),
            (
                json!({"all": (0..6).map(|n| json!({"field": format!("campaign.0{n}arz3ndektsv4rrffq69g5fav"),
                    "op": "exists"})).collect::<Vec<_>>()}),
                "filter must name at most 5 campaigns",
            ),
        ] {
            let found = errors(&filter);
            assert!(found.iter().any(|error| error.starts_with(wanted)), "{filter}: {found:?}");
        }
    }
}
