//! The API's handlers, created when a page first needs them.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::api_call::RequestTime;
use crate::ConsoleApi;
use aws::deadline;
use campaigns::CampaignsApi;
use campaigns::config::CampaignsConfig;
use catalog::CatalogApi;
use catalog::config::CatalogConfig;
use platform::clock::Clock;
use platform::environment::{Environment, EnvironmentError};
use platform::http::{Request, Response};
use platform::problem::Problem;
use platform::startup::StartError;
use platform::time_limits::CONSOLE_REQUEST_LIMIT;
use recipients::RecipientsApi;
use recipients::config::RecipientsConfig;
use send::SendApi;
use send::config::SendConfig;

/// Seconds after which a page may be loaded again if a handler could not start.
const START_RETRY_S: u32 = 2;

/// Configurations of the functions whose handlers the pages call.
#[derive(Debug, Clone)]
pub struct HandlersConfig {
    send: Arc<SendConfig>,
    recipients: Arc<RecipientsConfig>,
    catalog: CatalogConfig,
    campaigns: CampaignsConfig,
}

impl HandlersConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or invalid.
    pub fn read(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self {
            send: Arc::new(SendConfig::read(environment)?),
            recipients: Arc::new(RecipientsConfig::read(environment)?),
            catalog: CatalogConfig::read(environment)?,
            campaigns: CampaignsConfig::read(environment)?,
        })
    }
}

/// Handlers of the API in this process.
#[derive(Debug)]
pub struct ApiHandlers {
    config: HandlersConfig,
    clock: Clock,
    send: OnceCell<SendApi>,
    recipients: OnceCell<RecipientsApi>,
    catalog: OnceCell<CatalogApi>,
    campaigns: OnceCell<CampaignsApi>,
}

/// Function that answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Console,
    Send,
    Recipients,
    Catalog,
    Campaigns,
}

/// Returns the function that answers a route. A test compares the answers with template.yaml.
fn owner(route: &str) -> Option<Owner> {
    let (_, path) = route.split_once(" /v1/")?;
    if path.starts_with("templates/{name}/test") {
        return Some(Owner::Send);
    }
    match path.split('/').next()? {
        "notifications" => Some(Owner::Send),
        "recipients" | "vapid-public-key" => Some(Owner::Recipients),
        "types" | "templates" | "caps" | "segments" => Some(Owner::Catalog),
        "campaigns" => Some(Owner::Campaigns),
        "metrics" | "health" | "capacity" | "console" | "rollout" | "report" | "audit" | "settings" => {
            Some(Owner::Console)
        }
        _ => None,
    }
}

impl ApiHandlers {
    /// Creates no handler yet.
    #[must_use]
    pub fn new(config: HandlersConfig, clock: Clock) -> Self {
        Self {
            config,
            clock,
            send: OnceCell::new(),
            recipients: OnceCell::new(),
            catalog: OnceCell::new(),
            campaigns: OnceCell::new(),
        }
    }

    /// Answers a request as its function behind API Gateway does.
    pub async fn answer(&self, console: &ConsoleApi, request: &Request, time: RequestTime) -> Response {
        let answer = match owner(&request.route) {
            Some(Owner::Send) => self.send(request, time).await,
            Some(owner) => {
                deadline::with_timeout(CONSOLE_REQUEST_LIMIT, self.timed(owner, console, request, time)).await
            }
            None => Err(Problem::not_found("route")),
        };
        answer.unwrap_or_else(|problem| Response::problem(&problem, &request.request_id))
    }

    async fn send(&self, request: &Request, time: RequestTime) -> Result<Response, Problem> {
        let start = || send::handler::start(Arc::clone(&self.config.send), self.clock.clone());
        let api = self.send.get_or_try_init(start).await.map_err(|error| not_started(&error))?;
        // Boxed, because the layout of the nested futures is too deep for the compiler.
        Ok(Box::pin(api.answer(request, time.now, time.hard_deadline)).await)
    }

    async fn timed(
        &self,
        owner: Owner,
        console: &ConsoleApi,
        request: &Request,
        time: RequestTime,
    ) -> Result<Response, Problem> {
        Ok(match owner {
            Owner::Recipients => {
                let start = || recipients::handler::start(Arc::clone(&self.config.recipients), self.clock.clone());
                let api = self.recipients.get_or_try_init(start).await.map_err(|error| not_started(&error))?;
                Box::pin(api.answer(request, time.now)).await
            }
            Owner::Catalog => {
                let create = || std::future::ready(CatalogApi::new(&self.config.catalog, self.clock.clone()));
                Box::pin(self.catalog.get_or_init(create).await.answer(request, time.now)).await
            }
            Owner::Campaigns => {
                let create = || std::future::ready(CampaignsApi::new(&self.config.campaigns, self.clock.clone()));
                Box::pin(self.campaigns.get_or_init(create).await.answer(request, time.now)).await
            }
            Owner::Console | Owner::Send => Box::pin(console.answer(request, time.now)).await,
        })
    }
}

fn not_started(error: &StartError) -> Problem {
    tracing::warn!(%error, "failed to start a handler for the console");
    Problem::unavailable(START_RETRY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_goes_to_the_function_that_the_template_names() {
        let routes = ::tests::template::Template::read().routes();
        let mut compared = 0;
        for route in routes {
            let expected = match route.function {
                "send" => Some(Owner::Send),
                "recipients" => Some(Owner::Recipients),
                "catalog" => Some(Owner::Catalog),
                "campaigns" => Some(Owner::Campaigns),
                "console" => Some(Owner::Console),
                _ => None,
            };
            if route.key().contains(" /v1/") {
                assert_eq!(owner(&route.key()), expected, "{}", route.key());
                compared += 1;
            }
        }
        assert!(compared > 70, "{compared}");
    }
}
