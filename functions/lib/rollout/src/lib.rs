//! Controller of the rollout. It records each change of the rollout's parameters in the audit, lets the guard lower the
//! percentage, and lets a ramp raise it.
//!
//! `rollup` calls [`RolloutController::reconcile`] every minute. Operators use `PUT /v1/rollout`, which calls
//! [`RolloutController::execute`]. Both use one record of the control table as their state. Before changing the
//! percentage, a writer stores an [`Intent`] in that record with a conditional write. Only one concurrent writer
//! succeeds.
//!
//! SSM has no conditional write. Therefore the writer reads the parameter again right before its write. The write's
//! description contains an ownership tag, which names the version that the write was meant to follow. After a crash,
//! SSM's history thus shows if an operator wrote in between, and the operator's value is restored.

mod command;
mod controller;
mod error;
mod history;
mod observation;
mod ownership_tag;
mod reconcile;
mod settings_write;
mod state;
mod write_percentage;

pub use command::{CommandError, RolloutCommand};
pub use controller::RolloutController;
pub use error::ReconcileError;
pub use observation::{Observation, ObservationRange, observe};
pub use reconcile::{REEVALUATION_DELAY, ReconcileOutcome};
pub use state::{ControllerState, Intent, RampState, SettingsIntent};
