//! Access to the DynamoDB tables. This crate reads and writes items; other crates contain the rules.

mod audit;
mod breaker;
mod budget;
mod chronicle;
mod cursor;
mod erasure;
mod error;
mod idempotency;
mod item;
mod ledger;
pub mod metrics;
mod notifications;
mod recipients;
mod record;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
mod sms_messages;
mod sort_keys;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod testing;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod testing_tables;

pub use audit::AuditStore;
pub use breaker::BreakerStore;
pub use budget::{BudgetStore, Reserved};
pub use chronicle::ChronicleStore;
pub use cursor::{Cursor, CursorStore, Segment};
pub use erasure::{Erasure, ErasureNote, ErasureStore, SecondLook};
pub use error::StoreError;
pub use idempotency::{IdempotencyRecord, IdempotencyStore, REMEMBERED};
pub use item::{Item, ItemReader, ItemWriter, Malformed};
pub use ledger::Ledger;
pub use notifications::{
    DUE_SHARDS, Due, Newer, NotificationsStore, Page, Saved, due_shards, notification_from_item, notification_to_item,
};
pub use recipients::{
    OptedOut, RecipientsStore, Registered, SuppressionsStore, SweepPage, SweepPosition, SweptDevice, WriteIf,
};
pub use record::{RecordStore, Recorded};
pub use sms_messages::SmsMessages;
