//! The service as it is deployed, in one process: the functions' own code over an embedded DynamoDB, servers that stand
//! for the other AWS services and for push services, and a clock that the test moves. [`World`] has one method per
//! action.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The functions' nested futures exceed the default limit.
#![recursion_limit = "256"]

mod account_rate;
mod answer;
mod any_route;
mod aws;
pub mod callers;
pub mod calls;
mod campaign_runs;
mod conformance;
pub mod console_pages;
mod functions;
mod inspection;
mod interruption;
pub mod logs;
pub mod openapi;
mod operators;
mod pause;
mod providers;
mod push;
mod readers;
mod recipient_api;
mod rollout_control;
mod schedule;
pub mod ssm;
mod traffic;
mod unprocessed;

use std::sync::Mutex;

use campaigns::CampaignsApi;
use catalog::CatalogApi;
use console::ConsoleApi;
use console::site::Site;
use delivery::Sweeper;
use dynoxide::Database;
use fanout::Worker;
use platform::clock::Clock;
use recipients::RecipientsApi;
use send::SendApi;
use tests::{browser, dynamo, faults, http, request, template};
use track::{FeedbackProcessor, TrackApi};

pub use account_rate::AccountRate;
pub use answer::ApiResponse;
pub use browser::Browser;
pub use calls::Call;
use cleanup::handler::CleanupServices;
use faults::Faults;
pub use faults::{CrashPoint, CrashTiming, RunOutcome};
pub use functions::BASE;
use functions::Endpoints;
pub use http::Reply;
pub use interruption::Interruption;
pub use providers::{bounced, complained, delivered, sms_log};
pub use readers::{keys, links};
use rollup::handler::RollupServices;
pub use traffic::Traffic;

/// The default caller.
pub const SHOP: &str = "shop-client";

pub struct World {
    pub clock: Clock,
    pub push: push::FakePushService,
    /// A second push service.
    pub other_push: push::FakePushService,
    pub aws: aws::Aws,
    faults: Faults,
    database: Database,
    endpoints: Endpoints,
    pub send: SendApi,
    pub cascade: Sweeper,
    rollup: RollupServices,
    cleaner: CleanupServices,
    pub recipients: RecipientsApi,
    pub track: TrackApi,
    pub feedback: FeedbackProcessor,
    console: ConsoleApi,
    site: Box<Site>,
    catalog: CatalogApi,
    campaigns: CampaignsApi,
    pub fanout: Worker,
    folded_records: Mutex<usize>,
    synthetic_records: Mutex<u64>,
}

impl World {
    /// A fresh deployment with everybody in version 2.
    pub async fn start() -> Self {
        Self::start_by(Clock::manual("2026-11-23T10:00:00Z".parse().unwrap())).await
    }

    /// The same with a clock that may advance by itself.
    pub async fn start_by(clock: Clock) -> Self {
        logs::listen();
        let database = dynamo::tables();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamo = listener.local_addr().unwrap().to_string();
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let faults = Faults::default();
        let aws = aws::Aws::start(dynamo, faults.clone()).await;
        let push = push::FakePushService::start(faults.clone()).await;
        let other_push = push::FakePushService::start(faults.clone()).await;
        {
            let parameters = &mut aws.state.lock().unwrap().parameters;
            parameters.clock = Some(clock.clone());
            functions::parameters().for_each(|(name, value)| parameters.set(&name, &value));
        }
        let push_origins = format!("{},{}", push.origin, other_push.origin);
        let endpoints = Endpoints { aws_url: aws.url.clone(), push_origins };
        let (track, feedback) = endpoints.track(&clock).await;
        Self {
            send: endpoints.send(&clock).await,
            cascade: endpoints.cascade(&clock).await,
            rollup: endpoints.rollup(&clock),
            cleaner: endpoints.cleanup(&clock),
            recipients: endpoints.recipients(&clock).await,
            track,
            feedback,
            console: endpoints.console(&clock),
            site: Box::new(endpoints.site(&clock)),
            catalog: endpoints.catalog(&clock),
            campaigns: endpoints.campaigns(&clock),
            fanout: endpoints.fanout(&clock).await,
            clock,
            push,
            other_push,
            aws,
            faults,
            database,
            endpoints,
            folded_records: Mutex::new(0),
            synthetic_records: Mutex::new(0),
        }
    }
}

/// Fails if a function made a call that its role does not allow.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let refused = calls::refused(&self.calls());
            assert!(refused.is_empty(), "template.yaml does not allow what the functions do: {refused:#?}");
        }
    }
}
