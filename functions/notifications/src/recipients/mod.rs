//! The people: ids and keys, how each can be reached, and what they said they want.

mod id;

pub use id::{InvalidRecipientId, KeyHasher, RecipientId, RecipientKey, base32};
