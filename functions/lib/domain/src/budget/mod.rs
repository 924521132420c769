//! What sending may cost: which ceilings hold for a paid call, what is set aside for it and where, and how the budgets stand.
//!
//! Everything here is pure. [`store::BudgetStore`] sets money aside and gives it back, [`delivery`] asks it to.

mod ceiling;
mod limits;
mod period;
mod reservation;
mod standing;

pub use ceiling::Ceiling;
pub use limits::Limit;
pub use period::Period;
pub use reservation::Reservation;
pub use standing::{Standing, Used, standings};
