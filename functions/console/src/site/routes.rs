//! Routes of the console: the role that each needs, and whether it needs a recent login.
//!
//! This table is the only place where rights are decided. A form names its action in the field `action`.

use super::role::Role;

/// One page, or one action of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRoute {
    /// Name of the page below `/console`; empty for the overview.
    pub page: &'static str,
    /// Action of a form; empty for the page itself.
    pub action: &'static str,
    /// Lowest role that may.
    pub role: Role,
    /// `true` if the login must not be older than a quarter of an hour.
    pub needs_recent_login: bool,
}

const fn page(page: &'static str) -> PageRoute {
    PageRoute { page, action: "", role: Role::Viewer, needs_recent_login: false }
}

const fn act(page: &'static str, action: &'static str, role: Role) -> PageRoute {
    PageRoute { page, action, role, needs_recent_login: false }
}

const fn act_after_login(page: &'static str, action: &'static str, role: Role) -> PageRoute {
    PageRoute { page, action, role, needs_recent_login: true }
}

/// Lowest role that sees addresses and attributes of people in full. Others see them masked.
pub const FULL_ADDRESSES: Role = Role::Editor;

/// All routes.
pub const ROUTES: &[PageRoute] = &[
    page(""),
    page("search"),
    page("send"),
    act("send", "find", Role::Sender),
    act("send", "preview", Role::Sender),
    act("send", "frame", Role::Sender),
    act("send", "self", Role::Sender),
    act("send", "send", Role::Sender),
    page("notifications"),
    page("notification"),
    page("message"),
    act("notification", "cancel", Role::Sender),
    page("recipients"),
    page("recipient"),
    page("recipient_segments"),
    act("recipient", "lift", Role::Admin),
    act("recipient", "remove_device", Role::Admin),
    act_after_login("recipient", "export", Role::Admin),
    act_after_login("recipient", "erase", Role::Admin),
    page("types"),
    page("type"),
    act("type", "check", Role::Editor),
    act("type", "save", Role::Editor),
    act("type", "archive", Role::Editor),
    page("analytics"),
    page("analytics-csv"),
    page("costs"),
    page("costs-csv"),
    page("settings"),
    act_after_login("settings", "save", Role::Admin),
    act("settings", "check", Role::Admin),
    act("settings", "check_one", Role::Admin),
    act_after_login("settings", "save_one", Role::Admin),
    page("sessions"),
    act("sessions", "end_mine", Role::Viewer),
    act_after_login("sessions", "end", Role::Admin),
    page("audit"),
    page("audit-csv"),
    page("campaigns"),
    page("campaign"),
    page("campaign-csv"),
    act("campaign", "create", Role::Editor),
    act("campaign", "edit", Role::Editor),
    act("campaign", "save", Role::Editor),
    act("campaign", "plan", Role::Editor),
    act("campaign", "test", Role::Editor),
    act("campaign", "retry", Role::Editor),
    act("campaign", "approve", Role::Approver),
    // Over 10,000 people the page needs a recent login and the typed number too.
    act("campaign", "launch", Role::Approver),
    act("campaign", "resume", Role::Approver),
    act("campaign", "pause", Role::Approver),
    act("campaign", "cancel", Role::Approver),
    act("campaign", "pace", Role::Approver),
    act("campaign", "version", Role::Approver),
    page("templates"),
    page("template"),
    act("template", "preview", Role::Editor),
    act("template", "frame", Role::Editor),
    act("template", "save", Role::Editor),
    act("template", "remove", Role::Editor),
    act("template", "reviewed", Role::Editor),
    act("template", "test", Role::Editor),
    act("template", "publish", Role::Editor),
    act("template", "live", Role::Approver),
    act("template", "archive", Role::Editor),
    page("segments"),
    page("segment"),
    act("segment", "edit", Role::Viewer),
    act("segment", "preview", Role::Viewer),
    act("segment", "sample", Role::Viewer),
    act("segment", "test", Role::Viewer),
    act("segment", "funnel", Role::Viewer),
    act("segment", "exact", Role::Viewer),
    act("segment", "save", Role::Editor),
    act("segment", "delete", Role::Editor),
    page("segment_count"),
    act("segment_count", "cancel", Role::Viewer),
    page("caps"),
    act("caps", "check", Role::Admin),
    act("caps", "save", Role::Admin),
    page("rollout"),
    act_after_login("rollout", "percentage", Role::Admin),
    act_after_login("rollout", "plan", Role::Admin),
    act_after_login("rollout", "stop_plan", Role::Admin),
    act("rollout", "zero", Role::Approver),
];

/// Returns `true` if a role may do an action.
#[must_use]
pub fn may(role: Role, page: &str, action: &str) -> bool {
    route(page, action).is_some_and(|route| role >= route.role)
}

/// Returns the route of a page and an action; `None` if there is none.
#[must_use]
pub fn route(page: &str, action: &str) -> Option<&'static PageRoute> {
    ROUTES.iter().find(|route| route.page == page && route.action == action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_twice_and_every_action_has_a_page() {
        for (place, route) in ROUTES.iter().enumerate() {
            let is_same = |other: &PageRoute| (other.page, other.action) == (route.page, route.action);
            assert!(!ROUTES[..place].iter().any(is_same), "{route:?}");
            assert!(self::route(route.page, "").is_some(), "{route:?}");
        }
    }

    #[test]
    fn a_viewer_changes_nothing() {
        // Forms that only read: an edited filter is shown, counted and tried, and not stored. Every role may sign out.
        const READING: [(&str, &str); 8] = [
            ("sessions", "end_mine"),
            ("segment", "edit"),
            ("segment", "preview"),
            ("segment", "sample"),
            ("segment", "test"),
            ("segment", "funnel"),
            ("segment", "exact"),
            ("segment_count", "cancel"),
        ];
        for route in ROUTES.iter().filter(|route| !route.action.is_empty()) {
            assert!(route.role > Role::Viewer || READING.contains(&(route.page, route.action)), "{route:?}");
        }
    }
}
