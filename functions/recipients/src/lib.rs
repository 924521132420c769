//! The function `recipients`: the API of recipients, their devices and their erasure.

mod api;
mod certificate;
pub mod config;
#[cfg(test)]
mod device_tests;
pub mod handler;
mod merge_patch;
mod profile_routes;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

pub use api::RecipientsApi;
pub use certificate::Certificate;
pub use merge_patch::ProfilePatch;
