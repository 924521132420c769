//! The function `campaigns`: plans, approves, launches and controls campaigns. Every minute it releases the tasks that
//! are due to the queue of `fanout`.

pub mod api;
mod campaign_change;
pub mod config;
mod draft_routes;
mod due_shards;
pub mod handler;
mod hidden_values;
mod launch_routes;
mod pinning;
mod progress_routes;
mod recipient_routes;
pub mod reconciler;
mod resource;
mod results;
mod run_decisions;
mod samples;
mod test_routes;
mod type_changes;
mod variants;

pub use api::CampaignsApi;
