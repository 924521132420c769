//! The function `catalog`: the types of notification, templates, the frequency caps, and segments. Sending functions
//! read the first three from the same table.

pub mod api;
mod campaign_use;
mod cap_routes;
pub mod config;
mod example_message;
pub mod handler;
mod mjml;
mod mjml_structure;
mod segment_count;
mod segment_export;
mod segment_resource;
mod segment_routes;
mod segment_scan;
mod template_breaking;
mod template_findings;
mod template_preview;
mod template_resource;
mod template_routes;
mod type_resource;
mod type_routes;

pub use api::CatalogApi;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

#[cfg(test)]
mod segment_routes_tests;

#[cfg(test)]
mod template_routes_tests;

#[cfg(test)]
mod type_routes_tests;
