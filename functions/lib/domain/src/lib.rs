//! Pure rules of notifications, recipients, channels, budgets, circuit breakers, the rollout and the settings. This
//! crate uses neither the AWS SDK nor tokio.

mod alert;
mod audit;
pub mod breaker;
pub mod budget;
mod campaign_id;
pub mod caps;
mod catalog_change;
pub mod channel;
pub mod language;
pub mod notification;
mod notification_type;
pub mod quiet_hours;
pub mod recipient;
pub mod rollout;
pub mod settings;
mod signed_cursor;
pub mod text;
pub mod time_zone;

pub use alert::{Alert, AlertKey, PublishedAlert, Severity, raised};
pub use audit::{Actor, AuditRecord, ManagedParameter};
pub use campaign_id::CampaignId;
pub use catalog_change::{CatalogChange, ChangeAction};
pub use notification_type::{
    BudgetView, CapMode, ChannelOrderError, DefaultOpt, MAX_BUDGET_MICROS, MAX_TTL_SECONDS, NotificationClass,
    NotificationType, OnCap, OnUncertain, QuietHoursMode, TypeBudgets, TypeId, TypeRules, TypeState, TypeView,
};
pub use settings::{NotificationTypes, UnknownTypeError, resembling};
pub use signed_cursor::SignedCursor;
