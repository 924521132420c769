//! The tables. Only what stands below here names the DynamoDB SDK; what is decided is decided elsewhere.

mod error;
mod item;
mod notifications;

pub use error::StoreError;
pub use item::{Item, ItemReader, ItemWriter, Malformed};
pub use notifications::{NotificationsStore, Page};
