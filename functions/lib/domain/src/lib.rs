//! Pure rules: notifications, recipients, channels, budgets, breakers, the rollout and the settings. No AWS SDK and no tokio.

mod alert;
pub mod breaker;
pub mod budget;
pub mod channel;
pub mod country;
pub mod language;
pub mod notification;
pub mod recipient;
pub mod rollout;
pub mod settings;
pub mod text;

pub use alert::{Alert, AlertKey, Said, Severity};
