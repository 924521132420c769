//! Rules of the setting `campaigns.two_people`.

use crate::model::{Approval, Launch};
use crate::operator_kind::OperatorKind;

impl Approval {
    /// Returns `true` if another human than the approver acts with this identity, as far as identities show it. One
    /// human may have a login and the token of a client.
    #[must_use]
    pub fn is_by_another(&self, by: &str, kind: OperatorKind) -> bool {
        self.by != by && self.kind.is_none_or(|approver| approver == kind)
    }
}

impl Launch {
    /// Returns `true` if this identity may resume after the changes of the present pause, if two people are needed.
    #[must_use]
    pub fn is_revised_by_others(&self, by: &str, kind: OperatorKind) -> bool {
        let has_other_kind = self.reviser_kinds.is_empty() || self.reviser_kinds.contains(&kind);
        !self.revisers.contains(by) && has_other_kind
    }
}
