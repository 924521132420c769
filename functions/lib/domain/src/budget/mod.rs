//! Budgets: the ceilings for a paid call, the reservation of its price, and the current usage.
//!
//! This module is pure. `BudgetStore` in the crate `store` reserves and returns money; the crate `delivery` calls it.

mod ceiling;
mod limits;
mod period;
mod reservation;
mod usage;

pub use ceiling::Ceiling;
pub use limits::Limit;
pub use period::Period;
pub use reservation::Reservation;
pub use usage::{BudgetUsage, SpentAmounts, budget_usage};
