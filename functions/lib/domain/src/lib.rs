//! Pure rules of notifications, recipients, channels, budgets, circuit breakers, the rollout and the settings. This
//! crate uses neither the AWS SDK nor tokio.

mod alert;
mod audit;
pub mod breaker;
pub mod budget;
pub mod channel;
pub mod language;
pub mod notification;
mod notification_type;
pub mod recipient;
pub mod rollout;
pub mod settings;
pub mod text;

pub use alert::{Alert, AlertKey, PublishedAlert, Severity};
pub use audit::{Actor, AuditRecord, ManagedParameter};
pub use notification_type::{MAX_TTL_SECONDS, NotificationType, OnUncertain, TypeBudgets, TypeId, TypeRules};
pub use settings::{NotificationTypes, UnknownType};
