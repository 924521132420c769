//! Access to the DynamoDB tables. This crate reads and writes items; other crates contain the rules.

mod alert_history;
mod audit;
mod audit_trail;
mod batch_get;
mod batch_put;
mod breaker;
mod breaker_repository;
mod budget;
mod campaign_state;
mod campaign_tasks;
mod campaigns;
mod catalog;
mod catalog_row;
mod cursor;
mod direct;
mod due_drains;
mod erasure;
mod error;
mod idempotency;
mod item;
mod last_known_good;
pub mod metrics;
mod notifications;
mod recipients;
mod record;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
mod segments;
mod session_marks;
mod sms_message;
mod templates;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod testing;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod testing_tables;
mod transaction;
mod versioned;

pub use self::segments::{SegmentStore, StoredSegments};
pub use alert_history::AlertHistoryStore;
pub use audit::AuditStore;
pub use audit_trail::{AuditTrail, TrailChange, TrailEntry};
pub use breaker::BreakerStore;
pub use breaker_repository::BreakerRepository;
pub use budget::{BudgetStore, ReserveResult};
pub use campaign_tasks::PEOPLE_PER_PART;
pub use campaigns::{CampaignKey, CampaignStore, StoredCampaign};
pub use catalog::{Catalog, CatalogKey, CatalogStore};
pub use catalog_row::CatalogRow;
pub use cursor::{Cursor, CursorStore, ScanProgress};
pub use erasure::{Erasure, ErasureMarker, ErasureStore, RecheckResult};
pub use error::StoreError;
pub use idempotency::{IdempotencyRecord, IdempotencyStore, KEY_LIFETIME};
pub use item::{Item, ItemReader, ItemWriter, MalformedItemError, ReadItem, ReadValue};
pub use last_known_good::{LastKnownGood, ParameterRecord, ParameterText, RecordEntry};
pub use notifications::{
    DUE_SHARDS, DueChange, DueNotification, Histories, HistoryReader, NewerMessage, NotificationsStore, Page,
    SaveResult, bulk_due_shards, due_shards, is_bulk_shard, notification_from_item, notification_to_item,
    single_due_shards,
};
pub use recipients::{
    CapClaimResult, DevicePage, OptOutResult, PeoplePage, RecipientsStore, RegistrationResult, ScanPosition,
    ScannedDevice, StoredSuppression, SuppressionsStore, Unsubscription, UsedCount, WriteIf,
};
pub use record::RecordStore;
pub use session_marks::{SessionMark, SessionMarkStore};
pub use sms_message::SmsMessageStore;
pub use templates::{PublishedVersion, TemplateBody, TemplateStore, TemplateWrite};
pub use versioned::Versioned;
