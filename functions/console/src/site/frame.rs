//! Frame of every page: title, navigation, stage, person, zone, messages, and the calls of the API that made it.

use jiff::Timestamp;

use super::api_call::encoded;
use super::assets;
use super::format::{self, ZoneChoice};
use super::role::Role;
use super::routes;

/// Sections of the navigation, in order: page and label.
const SECTIONS: [(&str, &str); 13] = [
    ("", "Overview"),
    ("send", "Send"),
    ("notifications", "Notifications"),
    ("recipients", "Recipients"),
    ("templates", "Templates"),
    ("types", "Types"),
    ("segments", "Segments"),
    ("campaigns", "Campaigns"),
    ("analytics", "Analytics"),
    ("rollout", "Rollout"),
    ("costs", "Costs"),
    ("settings", "Settings"),
    ("audit", "Audit"),
];

/// Link of the navigation or of the breadcrumb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLink {
    /// Address.
    pub href: String,
    /// Label.
    pub label: String,
    /// `true` for the section of the page.
    pub is_current: bool,
}

/// Frame of a page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Title and heading.
    pub title: String,
    /// Path of the console, such as `/console`.
    pub base: String,
    /// Stage.
    pub stage: String,
    /// Sections.
    pub sections: Vec<FrameLink>,
    /// Pages above this one.
    pub crumbs: Vec<FrameLink>,
    /// Person who is signed in; empty on pages without a session.
    pub person: String,
    /// Hash of the person, to which what the browser keeps belongs; empty on pages without a session.
    pub person_key: String,
    /// Role of the person.
    pub role: Role,
    /// Token of forms.
    pub csrf: String,
    /// Zone of times.
    pub zone: ZoneChoice,
    /// `true` if the organisation's zone is chosen, and none is set.
    pub lacks_organisation_zone: bool,
    /// Links that change the zone.
    pub zones: Vec<FrameLink>,
    /// Message about an action that has been done.
    pub notice: Option<&'static str>,
    /// `true` if the page answers a form, so that what was typed may not be stored.
    pub is_answer: bool,
    /// Calls of the API that made the page, as commands of curl.
    pub curls: Vec<String>,
    /// Calls of the API that forms of the page make, as commands of curl.
    pub offers: Vec<String>,
    /// Id of the request.
    pub request_id: String,
    /// Present time.
    pub now: Timestamp,
}

impl Frame {
    /// Returns the address of a page.
    #[must_use]
    pub fn href(&self, page: &str) -> String {
        href(&self.base, page)
    }

    /// Returns the address of a page about one thing; without its name, that of the page alone.
    #[must_use]
    pub fn href_of(&self, page: &str, name: &str, value: &str) -> String {
        if value.is_empty() {
            return self.href(page);
        }
        format!("{}/{page}?{name}={}", self.base, encoded(value))
    }

    /// Returns the address of the audit of one thing.
    #[must_use]
    pub fn audit_of(&self, kind: &str, subject: &str) -> String {
        format!("{}&subject={}", self.href_of("audit", "kind", kind), encoded(subject))
    }

    /// Returns the address of a file.
    #[must_use]
    pub fn asset(&self, file: &str) -> String {
        format!("{}/assets/{}", self.base, assets::name_of(file))
    }

    /// Returns a time as an element of HTML.
    #[must_use]
    pub fn time(&self, time: &Timestamp) -> String {
        format::time_element(*time, &self.zone, self.now)
    }

    /// Returns a time whose distance from now is visible.
    #[must_use]
    pub fn time_ago(&self, time: &Timestamp) -> String {
        format::time_with_distance(*time, &self.zone, self.now)
    }

    /// Returns a time that may be missing, with its visible distance from now.
    #[must_use]
    pub fn time_ago_or_dash(&self, time: &Option<Timestamp>) -> String {
        time.as_ref().map_or_else(|| "–".to_owned(), |time| self.time_ago(time))
    }

    /// Returns a time that may be missing as an element of HTML.
    #[must_use]
    pub fn time_or_dash(&self, time: &Option<Timestamp>) -> String {
        time.as_ref().map_or_else(|| "–".to_owned(), |time| self.time(time))
    }

    /// Returns `true` if the person may do an action.
    #[must_use]
    pub fn may(&self, page: &str, action: &str) -> bool {
        routes::may(self.role, page, action)
    }

    /// Returns `true` on a stage whose name begins with `prod`.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.stage.starts_with("prod")
    }
}

/// Returns the address of a page below the console's path.
#[must_use]
pub fn href(base: &str, page: &str) -> String {
    if page.is_empty() { base.to_owned() } else { format!("{base}/{page}") }
}

/// Returns the sections whose pages exist, with the one of `section` marked.
#[must_use]
pub fn sections(base: &str, section: &str) -> Vec<FrameLink> {
    SECTIONS
        .iter()
        .filter(|(page, _)| routes::route(page, "").is_some())
        .map(|(page, label)| FrameLink {
            href: href(base, page),
            label: (*label).to_owned(),
            is_current: *page == section,
        })
        .collect()
}

/// Returns the section of a page; empty if it is in none.
#[must_use]
pub fn section_of(page: &str) -> &'static str {
    match page {
        "notification" | "message" => "notifications",
        "recipient" | "recipient_segments" => "recipients",
        "template" => "templates",
        "type" | "caps" => "types",
        "segment" | "segment_count" => "segments",
        "campaign" | "campaign-csv" => "campaigns",
        "costs-csv" => "costs",
        "analytics-csv" => "analytics",
        "audit-csv" => "audit",
        "sessions" => "settings",
        other => SECTIONS.iter().find(|(page, _)| *page == other).map_or("", |(page, _)| page),
    }
}

/// Returns the label of a section.
#[must_use]
pub fn label_of(section: &str) -> &'static str {
    SECTIONS.iter().find(|(page, _)| *page == section).map_or("", |(_, label)| label)
}
