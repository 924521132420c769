//! Segments of recipients. A filter is a tree of conditions on a recipient. It is parsed once, and evaluated on each
//! recipient that a Scan reads: there is no index, and nothing runs without a request.
//!
//! Everything here is pure.

mod condition;
mod estimate;
mod evaluate;
mod exact_number;
mod field;
mod filter;
mod history;
mod references;
mod segment_id;

pub use condition::{Condition, MAX_VALUES, Operand, Test};
pub use estimate::{Estimate, SegmentSample};
pub use evaluate::{ConditionResult, Person, is_usable};
pub use field::Field;
pub use filter::{Filter, MAX_DEPTH, MAX_LEAVES};
pub use history::{CampaignFact, CampaignHistory, CampaignLaunches, MAX_CAMPAIGNS};
pub use references::{ReferenceError, filters_of, resolve};
pub use segment_id::SegmentId;

#[cfg(test)]
mod profile_properties_tests;
#[cfg(test)]
mod properties_tests;
#[cfg(test)]
mod testing_filters;
