//! The function `recipients`: the API of recipients, their devices and their erasure.

mod api;
mod batch;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod batch_tests;
pub mod config;
#[cfg(test)]
mod device_tests;
mod erasure_certificate;
mod export;
pub mod handler;
mod import_item;
mod merge_patch;
mod named_types;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod opt_out_properties_tests;
mod preference_routes;
mod profile_routes;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

pub use api::RecipientsApi;
pub use erasure_certificate::ErasureCertificate;
pub use merge_patch::ProfilePatch;
