//! Flow tests: stories over the `world`, in which everything is real except the clock and the providers. The providers
//! are servers of this process that record requests and send scripted responses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod alarms;
mod breaker;
mod budgets;
mod campaign_chaos;
mod campaign_faults;
mod campaign_requests;
mod campaign_units;
mod campaigns;
mod canaries;
mod caps;
mod console;
mod console_caps;
mod console_pages;
mod console_recipients;
mod console_segments;
mod console_types;
mod crashes;
mod crowd;
mod deliveries;
mod engagement;
mod erasure;
mod faults;
mod feedback;
mod guard;
mod idempotency;
mod imports;
mod later;
mod links;
mod metrics;
mod money;
mod permissions;
mod preference_laws;
mod preference_page;
mod preferences;
mod private_data;
mod push_services;
mod requests;
mod retries;
mod rollout;
mod rollout_api;
mod secrets;
mod segments;
mod slow_hosts;
mod template_deploy;
mod template_sends;
mod templates;
mod topics;
mod track;
mod twice;
mod types;
mod uncertain;
mod words;
mod writes;
