//! Segments of recipients. A filter is a tree of conditions on a recipient. It is parsed once, and evaluated on each
//! recipient that a Scan reads: there is no index, and nothing runs while nobody looks.
//!
//! Everything here is pure.

mod condition;
mod estimate;
mod evaluate;
mod field;
mod filter;
mod references;

pub use condition::{Condition, Operand, Test};
pub use estimate::{Estimate, SegmentSample};
pub use evaluate::{ConditionResult, Person};
pub use field::Field;
pub use filter::{Filter, MAX_DEPTH, MAX_LEAVES, MAX_VALUES, SegmentId};
pub use references::resolve;

#[cfg(test)]
mod laws;
