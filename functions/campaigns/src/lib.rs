//! The function `campaigns`: plans, approves, launches and controls campaigns. Every minute it releases the tasks that
//! are due to the queue of `fanout`.

pub mod api;
pub mod config;
mod draft_routes;
pub mod handler;
mod hidden_values;
mod launch_routes;
mod pinning;
mod progress_routes;
mod recipient_routes;
mod reconciler;
mod resource;
mod results;
mod run_decisions;
mod samples;
mod test_routes;

pub use api::CampaignsApi;
