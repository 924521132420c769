//! Names of the catalog that a campaign needs. Until it has ended, no operator may archive or delete them.

use crate::audience::{AudienceKind, Selection};
use crate::model::Campaign;
use crate::variants::Variant;
use domain::TypeId;
use segments::SegmentId;

impl Campaign {
    /// Returns `true` if the campaign has not ended and one of its messages has this template.
    #[must_use]
    pub fn needs_template(&self, name: &str) -> bool {
        let names =
            || self.parsed().is_ok_and(|it| it.variants.iter().filter_map(Variant::template).any(|it| it == name));
        let is_pinned = |launch: &crate::model::Launch| {
            launch.messages.iter().filter_map(|message| message.template.as_ref()).any(|used| used.name == name)
        };
        !self.state.is_final() && (self.launch.as_ref().is_some_and(is_pinned) || names())
    }

    /// Returns `true` if the campaign has not ended and its messages have this type.
    #[must_use]
    pub fn needs_type(&self, id: &TypeId) -> bool {
        !self.state.is_final() && self.parsed().is_ok_and(|definition| definition.kind == *id)
    }

    /// Returns `true` if the campaign has not ended and its audience, or its exclusion, names this segment.
    #[must_use]
    pub fn needs_segment(&self, id: &SegmentId) -> bool {
        let names = |selection: &Selection| match selection {
            Selection::Segment(named) => named == id,
            Selection::Filter(filter) => filter.references().any(|named| named == *id),
        };
        let Ok(definition) = self.parsed() else { return false };
        let of_audience = matches!(&definition.audience, AudienceKind::Selection(selection) if names(selection));
        !self.state.is_final() && (of_audience || definition.exclude.as_ref().is_some_and(names))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::state::CampaignState;

    fn campaign(body: Value) -> Campaign {
        let mut definition = json!({"title": "Autumn", "type": "NEWS"});
        definition.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        Campaign::draft(definition.as_object().unwrap().clone(), "ops".to_owned().into())
    }

    #[test]
    fn until_it_ends_a_campaign_needs_the_type_the_templates_and_the_segments_that_it_names() {
        let all = json!({"all": []});
        let mut one = campaign(json!({"template": {"name": "news"}, "segment": "gold"}));
        assert!(one.needs_template("news") && !one.needs_template("other"));
        let [gold, silver] = ["gold", "silver"].map(|id| SegmentId::parse(id).unwrap());
        assert!(one.needs_segment(&gold) && !one.needs_segment(&silver));
        let [news, offers] = ["NEWS", "OFFERS"].map(|id| TypeId::parse(id).unwrap());
        assert!(one.needs_type(&news) && !one.needs_type(&offers));
        one.state = CampaignState::Finished;
        assert!(!one.needs_template("news") && !one.needs_segment(&gold) && !one.needs_type(&news));
        let named = json!({"not": {"field": "segment", "op": "eq", "value": "silver"}});
        let inside = campaign(json!({"template": {"name": "news"}, "filter": named}));
        assert!(inside.needs_segment(&silver), "a filter names it");
        let left_out = campaign(json!({"template": {"name": "news"}, "filter": all, "exclude": {"segment": "gold"}}));
        assert!(left_out.needs_segment(&gold), "people of it are left out");
    }
}
