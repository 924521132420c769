//! References to other segments: each is replaced by that segment's filter, so an evaluation needs no other segment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::condition::Test;
use crate::filter::Filter;
use crate::history::MAX_CAMPAIGNS;
use crate::segment_id::SegmentId;

/// Maximum number of conditions, groups and references of a filter with all its references.
const MAX_RESOLVED: usize = 1_000;
/// Maximum number of groups around a condition with all references. A group is up to two levels of JSON, and stored
/// JSON of more than 128 levels cannot be read.
const MAX_RESOLVED_DEPTH: usize = 50;

/// Requirement that the references of a filter do not meet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The filter names too many campaigns.
    #[error("must name at most {} campaigns with those of the segments it names", MAX_CAMPAIGNS)]
    TooManyCampaigns,
    /// The filter has too many conditions.
    #[error("must have at most {} conditions with those of the segments it names", MAX_RESOLVED)]
    TooManyConditions,
    /// A condition is in too many groups.
    #[error("must have at most {} groups around a condition, with those of the segments it names", MAX_RESOLVED_DEPTH)]
    TooDeep,
    /// A segment contains itself by these segments.
    #[error("must not contain itself: {}", joined(.0))]
    Cycle(Vec<SegmentId>),
    /// The segment does not exist.
    #[error("names the segment {}, which does not exist", .0.as_str())]
    Missing(SegmentId),
}

fn joined(ids: &[SegmentId]) -> String {
    ids.iter().map(SegmentId::as_str).collect::<Vec<_>>().join(", ")
}

/// Returns the filters of stored segments by their ids, from the ids and definitions. Malformed ones are left out.
pub fn filters_of<'a>(
    stored: impl IntoIterator<Item = (&'a str, &'a Map<String, Value>)>,
) -> BTreeMap<SegmentId, Filter> {
    let filter = |(id, definition): (&str, &Map<String, Value>)| {
        let filter = Filter::parse(definition.get("filter")?, "filter").ok()?;
        Some((SegmentId::parse(id)?, filter))
    };
    stored.into_iter().filter_map(filter).collect()
}

/// Resolves the references of `filter` by the filters of the segments. `own` is the id of the segment that is resolved,
/// if it has one.
///
/// # Errors
/// Returns the requirement that a reference does not meet: the segment exists, no segment contains itself, and the
/// whole is not too large or too deep.
pub fn resolve(
    filter: &Filter,
    own: Option<&SegmentId>,
    segments: &BTreeMap<SegmentId, Filter>,
) -> Result<Filter, ReferenceError> {
    let mut open: Vec<SegmentId> = own.into_iter().cloned().collect();
    let mut conditions = 0;
    let whole = resolved(filter, segments, &mut open, &mut conditions, 0)?;
    if whole.campaigns().len() > MAX_CAMPAIGNS {
        return Err(ReferenceError::TooManyCampaigns);
    }
    Ok(whole)
}

fn resolved(
    filter: &Filter,
    segments: &BTreeMap<SegmentId, Filter>,
    open: &mut Vec<SegmentId>,
    conditions: &mut usize,
    depth: usize,
) -> Result<Filter, ReferenceError> {
    // Groups and references count as well, so that no filter grows without bound.
    *conditions += 1;
    if *conditions > MAX_RESOLVED {
        return Err(ReferenceError::TooManyConditions);
    }
    if depth > MAX_RESOLVED_DEPTH {
        return Err(ReferenceError::TooDeep);
    }
    let mut list = |parts: &[Filter]| -> Result<Vec<_>, ReferenceError> {
        parts.iter().map(|part| resolved(part, segments, open, conditions, depth + 1)).collect()
    };
    let condition = match filter {
        Filter::All(parts) => return Ok(Filter::All(list(parts)?)),
        Filter::Any(parts) => return Ok(Filter::Any(list(parts)?)),
        Filter::Not(part) => return Ok(Filter::Not(Box::new(resolved(part, segments, open, conditions, depth + 1)?))),
        Filter::Leaf(condition) => condition,
    };
    let (id, is_in) = match &condition.test {
        Test::InSegment(id) => (id, true),
        Test::NotInSegment(id) => (id, false),
        _ => return Ok(filter.clone()),
    };
    if open.contains(id) {
        return Err(ReferenceError::Cycle(open.iter().chain([id]).cloned().collect()));
    }
    let Some(named) = segments.get(id) else {
        return Err(ReferenceError::Missing(id.clone()));
    };
    open.push(id.clone());
    let named = resolved(named, segments, open, conditions, depth + usize::from(!is_in))?;
    open.pop();
    Ok(if is_in { named } else { Filter::Not(Box::new(named)) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn filter(value: &Value) -> Filter {
        Filter::parse(value, "filter").unwrap()
    }

    fn names(id: &str) -> Value {
        json!({"field": "segment", "op": "eq", "value": id})
    }

    fn id(text: &str) -> SegmentId {
        SegmentId::parse(text).unwrap()
    }

    #[test]
    fn references_are_replaced_by_the_filters_that_they_name() {
        let plan = json!({"field": "attributes.plan", "op": "eq", "value": "gold"});
        let segments = BTreeMap::from([
            (id("gold"), filter(&plan)),
            (id("others"), filter(&json!({"field": "segment", "op": "ne", "value": "gold"}))),
        ]);
        let both = filter(&json!({"any": [names("others"), names("gold")]}));
        let whole = resolve(&both, None, &segments).unwrap();
        assert_eq!(whole.to_json(), json!({"any": [{"not": plan}, plan]}), "the same segment may stand twice");
        assert_eq!(whole.references().count(), 0);
        let missing = resolve(&filter(&names("silver")), None, &segments).unwrap_err();
        assert_eq!(missing.to_string(), "names the segment silver, which does not exist");
    }

    #[test]
    fn a_chain_of_segments_is_as_deep_as_stored_json_can_be() {
        // Each segment puts five groups around the one before.
        let around = |inner: Value| (0..5).fold(inner, |inner, _| json!({"all": [inner]}));
        let mut segments = BTreeMap::from([(id("s0"), filter(&around(json!({"field": "locale", "op": "exists"}))))]);
        for number in 1..12 {
            segments.insert(id(&format!("s{number}")), filter(&around(names(&format!("s{}", number - 1)))));
        }
        let deepest = resolve(&filter(&names("s9")), None, &segments).unwrap().to_json();
        // A campaign stores it three levels below its row, and an audit record five.
        let stored = (0..20).fold(deepest, |inner, _| json!([inner]));
        assert!(serde_json::from_str::<Value>(&stored.to_string()).is_ok());
        let refused = resolve(&filter(&names("s10")), None, &segments).unwrap_err();
        assert_eq!(refused, ReferenceError::TooDeep);
        assert!(refused.to_string().starts_with("must have at most 50 groups around a condition"), "{refused}");
        let except = filter(&json!({"field": "segment", "op": "ne", "value": "s9"}));
        assert!(resolve(&except, None, &segments).is_err(), "it is a group as well");
    }

    #[test]
    fn a_cycle_and_a_growth_without_bound_are_refused() {
        let cycle = BTreeMap::from([(id("a"), filter(&names("b"))), (id("b"), filter(&names("a")))]);
        let refused = |filter: &Filter, own: &str| resolve(filter, Some(&id(own)), &cycle).unwrap_err().to_string();
        assert_eq!(refused(&cycle[&id("a")], "a"), "must not contain itself: a, b, a");
        assert_eq!(refused(&filter(&names("own")), "own"), "must not contain itself: own, own");
        // Each segment names the one before ten times: 10^9 conditions.
        let mut segments = BTreeMap::from([(id("s0"), filter(&json!({"field": "locale", "op": "exists"})))]);
        for number in 1..10 {
            let parts = vec![names(&format!("s{}", number - 1)); 10];
            segments.insert(id(&format!("s{number}")), filter(&json!({"all": parts})));
        }
        assert_eq!(resolve(&filter(&names("s9")), None, &segments), Err(ReferenceError::TooManyConditions));
        segments.insert(id("s0"), filter(&json!({"all": []})));
        assert_eq!(resolve(&filter(&names("s9")), None, &segments), Err(ReferenceError::TooManyConditions));
        assert!(ReferenceError::TooManyConditions.to_string().starts_with("must have at most 1000"));
    }
}
