//! Rules of the setting `campaigns.two_people`. They compare identities, not the names that people read.

use crate::model::{Approval, Launch};
use crate::operator_kind::OperatorKind;
use platform::caller::Author;

impl Approval {
    /// Returns `true` if another human than the approver acts with this identity, as far as identities show it. One
    /// human may have a login and the token of a client.
    #[must_use]
    pub fn is_by_another(&self, by: &Author, kind: OperatorKind) -> bool {
        let approver = Author { name: self.by.expose().clone(), sub: self.sub.clone() };
        !approver.is_same(by) && self.kind.is_none_or(|approver| approver == kind)
    }
}

impl Launch {
    /// Returns `true` if this identity may resume after the changes of the present pause, if two people are needed.
    #[must_use]
    pub fn is_revised_by_others(&self, by: &Author, kind: OperatorKind) -> bool {
        let has_other_kind = self.reviser_kinds.is_empty() || self.reviser_kinds.contains(&kind);
        let has_revised = [by.id(), &by.name].into_iter().any(|name| self.revisers.contains(name));
        !has_revised && has_other_kind
    }
}
