//! Types of notification, templates and rules of the frequency caps as the catalog stores them: the last valid
//! definition of each.

use std::sync::Arc;

use super::known_templates::{KnownTemplates, TemplateState};

use domain::caps::CapRules;
use domain::settings::{CatalogCoverage, Settings};
use domain::{NotificationType, TypeId};
use serde_json::Value;
use store::{Catalog, CatalogKey};

/// Definitions that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCatalog {
    types: Arc<Vec<NotificationType>>,
    coverage: CatalogCoverage,
    templates: Arc<KnownTemplates>,
    caps: Arc<CapRules>,
}

impl StoredCatalog {
    /// Takes one read of the catalog. A row that cannot be parsed keeps its last valid definition. Returns the rows
    /// that cannot be parsed.
    pub fn take(&mut self, catalog: Catalog) -> Vec<CatalogKey> {
        let mut unreadable = catalog.malformed;
        let (mut types, mut templates, mut caps) = (Vec::new(), Vec::new(), None);
        for (key, row) in catalog.rows {
            let is_parsed = match &key {
                CatalogKey::Type(id) => {
                    let kind = NotificationType::from_stored(id.clone(), row.definition);
                    kind.map(|kind| types.push(kind)).is_some()
                }
                CatalogKey::Template(name) => {
                    let state = TemplateState::from_stored(&row.definition);
                    state.map(|state| templates.push((name.clone(), state))).is_some()
                }
                CatalogKey::Caps => {
                    caps = CapRules::from_stored(Value::Object(row.definition));
                    caps.is_some()
                }
            };
            if !is_parsed {
                unreadable.push(key);
            }
        }
        let is_unreadable = |id: &TypeId| unreadable.contains(&CatalogKey::Type(id.clone()));
        let kept: Vec<_> = self.types.iter().filter(|kind| is_unreadable(&kind.id)).cloned().collect();
        let is_unreadable = |name: &String| unreadable.contains(&CatalogKey::Template(name.clone()));
        let kept_templates = self.templates.into_iter().filter(|(name, _)| is_unreadable(name));
        templates.extend(kept_templates.map(|(name, state)| (name.clone(), *state)));
        let is_known = |key: &CatalogKey| match key {
            CatalogKey::Type(id) => NotificationType::is_built_in(id) || kept.iter().any(|kind| kind.id == *id),
            CatalogKey::Template(name) => templates.iter().any(|(known, _)| known == name),
            CatalogKey::Caps => true,
        };
        self.coverage = match unreadable.iter().all(is_known) {
            true => CatalogCoverage::Complete,
            false => CatalogCoverage::Partial,
        };
        types.extend(kept);
        self.types = Arc::new(types);
        self.templates = Arc::new(templates.into_iter().collect());
        if !unreadable.contains(&CatalogKey::Caps) {
            self.caps = Arc::new(caps.unwrap_or_default());
        }
        unreadable
    }

    /// Returns `true` once a read succeeded.
    pub fn was_read(&self) -> bool {
        self.coverage != CatalogCoverage::Unread
    }

    /// Returns the templates.
    pub fn templates(&self) -> Arc<KnownTemplates> {
        Arc::clone(&self.templates)
    }

    /// Returns the rules of the frequency caps.
    pub fn caps(&self) -> Arc<CapRules> {
        Arc::clone(&self.caps)
    }

    /// Returns settings with these types instead of the built-in ones.
    pub fn in_settings(&self, settings: &Settings) -> Settings {
        Settings { types: settings.types.with_stored(&self.types, self.coverage), ..settings.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;
    use serde_json::json;
    use store::CatalogRow;

    use super::*;

    fn key(name: &str) -> CatalogKey {
        CatalogKey::Type(TypeId::parse(name).unwrap())
    }

    fn row(name: &str, definition: Value) -> (CatalogKey, CatalogRow) {
        let definition = definition.as_object().unwrap().clone();
        let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        (key(name), CatalogRow { definition, revision: 1, created_at, updated_at })
    }

    fn valid(name: &str, tries: u32) -> (CatalogKey, CatalogRow) {
        row(name, json!({"title": name, "class": "marketing", "channels": ["push"], "tries": tries}))
    }

    fn tries(types: &StoredCatalog, name: &str) -> Option<u32> {
        types.in_settings(&Settings::default()).types.get(name).map(|kind| kind.rules.tries)
    }

    fn coverage(types: &StoredCatalog) -> CatalogCoverage {
        types.in_settings(&Settings::default()).types.coverage()
    }

    #[test]
    fn an_unreadable_row_keeps_its_last_valid_definition() {
        let mut types = StoredCatalog::default();
        assert_eq!(coverage(&types), CatalogCoverage::Unread);
        let both = Catalog { rows: vec![valid("OFFERS", 2), valid("NEWS", 3)], malformed: Vec::new() };
        assert_eq!(types.take(both), []);
        assert_eq!(coverage(&types), CatalogCoverage::Complete);
        let broken = Catalog { rows: vec![row("OFFERS", json!({"title": 1}))], malformed: vec![key("NEWS")] };
        assert_eq!(types.take(broken).len(), 2);
        assert_eq!((tries(&types, "OFFERS"), tries(&types, "NEWS")), (Some(2), Some(3)));
        assert_eq!(coverage(&types), CatalogCoverage::Complete);
        assert_eq!(types.take(Catalog::default()), []);
        assert_eq!(tries(&types, "OFFERS"), None, "a removed row is removed");
    }

    #[test]
    fn an_unreadable_row_without_a_valid_definition_makes_the_types_incomplete() {
        let mut types = StoredCatalog::default();
        types.take(Catalog { rows: Vec::new(), malformed: vec![key("DEFAULT")] });
        assert_eq!(coverage(&types), CatalogCoverage::Complete, "it is built in");
        types.take(Catalog { rows: Vec::new(), malformed: vec![key("OFFERS")] });
        assert_eq!(coverage(&types), CatalogCoverage::Partial);
    }

    #[test]
    fn an_unreadable_row_of_a_template_keeps_its_last_live_version() {
        let template = |definition: Value| {
            let (_, row) = row("OFFERS", definition);
            Catalog { rows: vec![(CatalogKey::Template("welcome".to_owned()), row)], malformed: Vec::new() }
        };
        let mut stored = StoredCatalog::default();
        assert_eq!(stored.take(template(json!({"state": "active", "live": 2}))), []);
        assert_eq!(stored.take(template(json!({"state": "active", "live": "2"}))).len(), 1);
        assert_eq!(stored.templates().version("welcome", None), Ok(2));
        assert_eq!(coverage(&stored), CatalogCoverage::Complete);
        stored.take(Catalog::default());
        assert!(stored.templates().version("welcome", None).is_err(), "a removed row is removed");
    }

    #[test]
    fn unreadable_rules_of_the_caps_keep_the_last_valid_ones() {
        let caps = |definition: Value| {
            let (_, row) = row("OFFERS", definition);
            Catalog { rows: vec![(CatalogKey::Caps, row)], malformed: Vec::new() }
        };
        let mut types = StoredCatalog::default();
        assert_eq!(types.take(caps(json!({"rules": [{"id": "daily", "max": 3, "per": "day"}]}))), []);
        assert_eq!(types.caps().iter().count(), 1);
        assert_eq!(types.take(caps(json!({"rules": [{"id": "daily"}]}))), [CatalogKey::Caps]);
        assert_eq!(types.caps().iter().count(), 1);
        assert_eq!(coverage(&types), CatalogCoverage::Complete);
        assert_eq!(types.take(Catalog::default()), []);
        assert_eq!(types.caps().iter().count(), 0);
    }
}
