//! Rights of the console: the role that each page and each action needs, and whether it needs a recent login.

use console::site::{PageReply, ROUTES, Role};

use world::World;
use world::console_pages::event;

const ROLES: [Role; 5] = [Role::Viewer, Role::Sender, Role::Editor, Role::Approver, Role::Admin];

/// Every page and every action of a page: page, action, lowest role, needs a login of the last 15 minutes. The table
/// of the console must be this one, so a right that changes by mistake is seen.
const RIGHTS: [(&str, &str, Role, bool); 85] = [
    ("", "", Role::Viewer, false),
    ("search", "", Role::Viewer, false),
    ("send", "", Role::Viewer, false),
    ("send", "find", Role::Sender, false),
    ("send", "preview", Role::Sender, false),
    ("send", "frame", Role::Sender, false),
    ("send", "self", Role::Sender, false),
    ("send", "send", Role::Sender, false),
    ("notifications", "", Role::Viewer, false),
    ("notification", "", Role::Viewer, false),
    ("message", "", Role::Viewer, false),
    ("notification", "cancel", Role::Sender, false),
    ("recipients", "", Role::Viewer, false),
    ("recipient", "", Role::Viewer, false),
    ("recipient_segments", "", Role::Viewer, false),
    ("recipient", "lift", Role::Admin, false),
    ("recipient", "remove_device", Role::Admin, false),
    ("recipient", "export", Role::Admin, true),
    ("recipient", "erase", Role::Admin, true),
    ("types", "", Role::Viewer, false),
    ("type", "", Role::Viewer, false),
    ("type", "check", Role::Editor, false),
    ("type", "save", Role::Editor, false),
    ("type", "archive", Role::Editor, false),
    ("analytics", "", Role::Viewer, false),
    ("analytics-csv", "", Role::Viewer, false),
    ("costs", "", Role::Viewer, false),
    ("costs-csv", "", Role::Viewer, false),
    ("settings", "", Role::Viewer, false),
    ("settings", "save", Role::Admin, true),
    ("settings", "check", Role::Admin, false),
    ("settings", "check_one", Role::Admin, false),
    ("settings", "save_one", Role::Admin, true),
    ("sessions", "", Role::Viewer, false),
    ("sessions", "end_mine", Role::Viewer, false),
    ("sessions", "end", Role::Admin, true),
    ("audit", "", Role::Viewer, false),
    ("audit-csv", "", Role::Viewer, false),
    ("campaigns", "", Role::Viewer, false),
    ("campaign", "", Role::Viewer, false),
    ("campaign-csv", "", Role::Viewer, false),
    ("campaign", "create", Role::Editor, false),
    ("campaign", "edit", Role::Editor, false),
    ("campaign", "save", Role::Editor, false),
    ("campaign", "plan", Role::Editor, false),
    ("campaign", "test", Role::Editor, false),
    ("campaign", "retry", Role::Editor, false),
    ("campaign", "approve", Role::Approver, false),
    ("campaign", "launch", Role::Approver, false),
    ("campaign", "resume", Role::Approver, false),
    ("campaign", "pause", Role::Approver, false),
    ("campaign", "cancel", Role::Approver, false),
    ("campaign", "pace", Role::Approver, false),
    ("campaign", "version", Role::Approver, false),
    ("templates", "", Role::Viewer, false),
    ("template", "", Role::Viewer, false),
    ("template", "preview", Role::Editor, false),
    ("template", "frame", Role::Editor, false),
    ("template", "save", Role::Editor, false),
    ("template", "remove", Role::Editor, false),
    ("template", "reviewed", Role::Editor, false),
    ("template", "test", Role::Editor, false),
    ("template", "publish", Role::Editor, false),
    ("template", "live", Role::Approver, false),
    ("template", "archive", Role::Editor, false),
    ("segments", "", Role::Viewer, false),
    ("segment", "", Role::Viewer, false),
    ("segment", "edit", Role::Viewer, false),
    ("segment", "preview", Role::Viewer, false),
    ("segment", "sample", Role::Viewer, false),
    ("segment", "test", Role::Viewer, false),
    ("segment", "funnel", Role::Viewer, false),
    ("segment", "exact", Role::Viewer, false),
    ("segment", "save", Role::Editor, false),
    ("segment", "delete", Role::Editor, false),
    ("segment_count", "", Role::Viewer, false),
    ("segment_count", "cancel", Role::Viewer, false),
    ("caps", "", Role::Viewer, false),
    ("caps", "check", Role::Admin, false),
    ("caps", "save", Role::Admin, false),
    ("rollout", "", Role::Viewer, false),
    ("rollout", "percentage", Role::Admin, true),
    ("rollout", "plan", Role::Admin, true),
    ("rollout", "stop_plan", Role::Admin, true),
    ("rollout", "zero", Role::Approver, false),
];

#[test]
fn the_table_of_the_console_is_the_one_that_was_agreed() {
    let own: Vec<_> =
        ROUTES.iter().map(|route| (route.page, route.action, route.role, route.needs_recent_login)).collect();
    for (own, agreed) in own.iter().zip(&RIGHTS) {
        assert_eq!(own, agreed);
    }
    assert_eq!(own.len(), RIGHTS.len());
}

/// Sends a form with nothing but its action.
async fn sends(world: &World, role: Role, page: &str, action: &str) -> PageReply {
    world.send_form(&world.person(role), page, &[("action", action)]).await
}

#[tokio::test]
async fn every_action_needs_its_role() {
    let world = World::start().await;
    for (page, action, needed, _) in RIGHTS.into_iter().filter(|(_, action, ..)| !action.is_empty()) {
        for role in ROLES.into_iter().filter(|role| *role < needed) {
            let refused = sends(&world, role, page, action).await;
            assert_eq!(refused.status, 403, "{page} {action} as {}", role.name());
            assert!(refused.text().contains(needed.name()), "the page names the role that is needed");
        }
        let done = sends(&world, needed, page, action).await;
        let is_there = ![403, 404].contains(&done.status) || done.text().contains("There is no such");
        assert!(is_there, "{page} {action}: {}", done.text());
    }
    assert_eq!(sends(&world, Role::Admin, "rollout", "dance").await.status, 404);
}

#[tokio::test]
async fn every_page_is_open_to_a_viewer_and_to_nobody_else() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    for (page, ..) in RIGHTS.into_iter().filter(|(_, action, ..)| action.is_empty()) {
        assert_ne!(world.open_page(&viewer, page, &[]).await.status, 403, "{page}");
        let of_nobody = world.console_event(event("GET", page, &[], &[], None, "none")).await;
        assert_eq!(of_nobody.status, 303, "{page}");
        assert!(of_nobody.header("location").unwrap().starts_with("/console/login?to="), "{page}");
    }
}

#[tokio::test]
async fn some_actions_need_a_login_of_the_last_quarter_of_an_hour() {
    let world = World::start().await;
    let people = ROLES.map(|role| world.person(role));
    world.advance(901);
    // This one would end the session of the actions after it.
    let is_tried = |(_, action, ..): &(&str, &str, Role, bool)| !["", "end_mine"].contains(action);
    for (page, action, needed, needs_recent_login) in RIGHTS.into_iter().filter(is_tried) {
        let person = people.iter().zip(ROLES).find(|(_, role)| *role == needed).unwrap().0;
        let page_shown = world.send_form(person, page, &[("action", action), ("typed", "kept")]).await;
        assert_eq!(page_shown.status == 401, needs_recent_login, "{page} {action}: {}", page_shown.text());
        if needs_recent_login {
            assert!(page_shown.text().contains("value=\"kept\""), "what was typed is kept: {}", page_shown.text());
        }
    }
    // The way back is open to an old login.
    assert_eq!(world.parameter("rollout-percentage"), "0");
}
