//! Frequency caps: the maximum number of notifications to one recipient in a period.
//!
//! This module is pure. `RecipientsStore` in the crate `store` stores the claims of a recipient; the gates in the crate
//! `delivery` call it. The invariants are in `properties_tests.rs`.

mod decision;
mod period;
#[cfg(test)]
mod properties_tests;
mod rules;
mod usage;

pub use decision::{CapCheck, CapDecision, CapRuleUse};
pub use period::CapPeriod;
pub use rules::{CapRule, CapRules, CapSubject, MAX_CAP_RULES, MAX_CLAIMS};
pub use usage::{CapClaim, CapTag, CapUsage};
