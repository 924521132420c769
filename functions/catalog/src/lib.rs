//! The function `catalog`: the types of notification. Sending functions read them from the same table.

pub mod api;
pub mod config;
pub mod handler;
mod type_resource;
mod type_routes;

pub use api::CatalogApi;

#[cfg(test)]
#[path = "type_routes_tests.rs"]
mod type_routes_tests;
