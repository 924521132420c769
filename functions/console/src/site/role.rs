//! Roles of the people who use the console.

use strum::{EnumIter, EnumString, IntoStaticStr};

/// Role, lowest first. Each role may do everything that the roles before it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Reads every page.
    Viewer,
    /// Sends notifications, and cancels them.
    Sender,
    /// Writes templates, types, segments and drafts of campaigns.
    Editor,
    /// Approves, launches and stops campaigns.
    Approver,
    /// Changes the rollout and the caps, exports and erases people.
    Admin,
}

impl Role {
    /// Returns the highest role among the groups of a person; `None` if no group is a role.
    pub fn highest<'a>(groups: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        groups.into_iter().filter_map(|group| group.parse().ok()).max()
    }

    /// Returns the name, as the groups of the user pool have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_group_counts_and_others_give_nothing() {
        assert_eq!(Role::highest(["viewer", "approver", "sender"]), Some(Role::Approver));
        assert_eq!(Role::highest(["Admin", "administrators", ""]), None);
        assert_eq!(Role::highest([]), None);
        assert!(Role::Viewer < Role::Sender && Role::Approver < Role::Admin);
    }
}
