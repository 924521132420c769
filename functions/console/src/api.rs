//! The API routes of `console`: dispatch by route, and responses.

use jiff::Timestamp;
use serde::Serialize;

use super::capacity::{Capacity, CapacityReader};
use super::channels::ChannelsReport;
use super::comparison::{self, Comparison};
use super::config::ConsoleConfig;
use super::costs::{Costs, month_so_far};
use super::ended_sessions::EndedSessions;
use super::health::{Health, ProviderBreaker};
use super::report::WeeklyReport;
use super::sample_ratio::{ExpectedSplit, SampleRatio};
use super::series::{MetricsSeries, SeriesRequest};
use super::{metrics, targets};
use ::metrics::{Counters, Window};
use delivery::config::{ConfigSource, ParameterTexts};
use domain::breaker::Host;
use domain::budget::budget_usage;
use platform::clock::Clock;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::private::Private;
use platform::problem::Problem;
use rollout::RolloutController;
use store::metrics::MetricsStore;
use store::{AlertHistoryStore, AuditTrail, BreakerStore, BudgetStore, CatalogStore, LastKnownGood, SessionMarkStore};

/// Default window of a report: 7 days, in minutes.
const WEEK_MINUTES: i64 = 10_080;

/// The API of `console`.
#[derive(Debug)]
pub struct ConsoleApi {
    /// Reads the counters.
    pub metrics: MetricsStore,
    /// Reads the settings and the rollout.
    pub config: ConfigSource,
    /// Reads since when the rollout is unchanged.
    pub last_known_good: LastKnownGood,
    /// Reads the circuit breakers.
    pub breakers: BreakerStore,
    /// Reads the usage of budgets.
    pub budgets: BudgetStore,
    /// Changes the rollout, and reads its audit records.
    pub controller: RolloutController,
    /// Reads the history of alerts.
    pub alert_history: AlertHistoryStore,
    /// Reads the trail of all audit records.
    pub trail: AuditTrail,
    /// Reads and writes which sessions of the web console were ended.
    pub ended_sessions: EndedSessions,
    /// Reads the quota of SES and the age of due work.
    pub capacity: CapacityReader,
}

impl ConsoleApi {
    /// Creates the API with its own AWS clients.
    #[must_use]
    pub fn new(config: &ConsoleConfig, clock: Clock) -> Self {
        let ConsoleConfig { function, metrics_table, settings_table, notifications_table, control_table } = config;
        let (dynamodb, prefix) = (function.dynamodb(), function.parameter_prefix.as_str());
        let last_known_good = LastKnownGood::new(dynamodb.clone(), control_table.as_str());
        Self {
            metrics: MetricsStore::new(dynamodb.clone(), metrics_table.as_str()),
            config: ConfigSource::new(function.parameters(), prefix, clock)
                .with_last_known_good(last_known_good.clone())
                .with_catalog(CatalogStore::new(dynamodb.clone(), settings_table.as_str())),
            last_known_good,
            breakers: BreakerStore::new(dynamodb.clone(), control_table.as_str()),
            budgets: BudgetStore::new(dynamodb.clone(), control_table.as_str()),
            controller: RolloutController::new(&function.aws, prefix, (settings_table, control_table)),
            ended_sessions: EndedSessions::new(SessionMarkStore::new(dynamodb.clone(), settings_table.as_str())),
            capacity: CapacityReader::new(&function.aws, notifications_table),
            alert_history: AlertHistoryStore::new(dynamodb.clone(), settings_table.as_str()),
            trail: AuditTrail::new(dynamodb, settings_table.as_str()),
        }
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let answer = self.dispatch(request, now).await;
        answer.unwrap_or_else(|problem| Response::problem(&problem, &request.request_id))
    }

    /// Dispatches by route.
    async fn dispatch(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        preconditions::refuse_unsupported(request)?;
        match request.route.as_str() {
            "GET /v1/metrics" => json(self.metrics(request, now).await),
            "GET /v1/metrics/series" => json(self.series(request, now).await),
            "GET /v1/metrics/channels" => json(self.channels(request, now).await),
            "GET /v1/metrics/costs" => json(self.costs(request, now).await),
            "GET /v1/health" => json(self.health(request, now).await),
            "GET /v1/capacity" => json(self.capacity(request, now).await),
            "POST /v1/console/sessions/end" => json(self.end_sessions(request, now).await),
            "GET /v1/audit" => json(self.audit(request).await),
            "GET /v1/settings" => self.settings(request).await,
            "PUT /v1/settings" => self.change_settings(request, now).await,
            "GET /v1/rollout" => json(self.rollout(request, now).await),
            "PUT /v1/rollout" => json(self.change_rollout(request, now).await),
            "GET /v1/rollout/comparison" => json(self.comparison(request, now).await),
            "GET /v1/report" => self.report(request, now).await,
            _ => Err(Problem::not_found("route")),
        }
    }

    async fn metrics(&self, request: &Request, now: Timestamp) -> Result<metrics::MetricsReport, Problem> {
        let window = Window::parse(request, now)?;
        Ok(metrics::MetricsReport::new(window, &self.read(window).await?))
    }

    async fn series(&self, request: &Request, now: Timestamp) -> Result<MetricsSeries, Problem> {
        let SeriesRequest { window, step } = SeriesRequest::parse(request, now)?;
        Ok(MetricsSeries::new(window, step, &self.metrics.read_by(window, step.unit()).await?))
    }

    async fn channels(&self, request: &Request, now: Timestamp) -> Result<ChannelsReport, Problem> {
        let window = Window::parse(request, now)?;
        Ok(ChannelsReport::new(window, &self.read(window).await?))
    }

    async fn costs(&self, request: &Request, now: Timestamp) -> Result<Costs, Problem> {
        let window = Window::parse(request, now)?;
        let counters = self.read(window).await?;
        self.costs_of(window, &counters, now).await
    }

    async fn costs_of(&self, window: Window, counters: &Counters, now: Timestamp) -> Result<Costs, Problem> {
        let (month, used) = tokio::join!(self.read(month_so_far(now)), self.budgets.used(now));
        let used = used?;
        let settings = self.config.current().await.settings;
        let costs = Costs::new(window, counters, &month?, settings.budgets.month_micros, now);
        Ok(costs.with_budgets(budget_usage(&settings, settings.types.iter().map(|kind| &kind.id), &used, now)))
    }

    /// Returns the health of the last hour; the window is fixed, so the route takes no parameter.
    async fn health(&self, request: &Request, now: Timestamp) -> Result<Health, Problem> {
        request.only_parameters(&[])?;
        let window = Window::last(targets::HEALTH_MINUTES, now);
        let counters = self.read(window).await?;
        Ok(Health::new(window, &counters, self.breakers(now).await.as_deref()))
    }

    async fn capacity(&self, request: &Request, now: Timestamp) -> Result<Capacity, Problem> {
        request.only_parameters(&[])?;
        Ok(self.capacity.read(now).await)
    }

    /// Returns every circuit breaker that may not be CLOSED; `None` if the circuit breakers cannot be read.
    async fn breakers(&self, now: Timestamp) -> Option<Vec<ProviderBreaker>> {
        let opened = self.breakers.opened(now).await;
        let opened = opened.map_err(|error| tracing::warn!(%error, "failed to read circuit breakers")).ok()?;
        let view = |(host, breaker): (Host, domain::breaker::Breaker)| ProviderBreaker {
            channel: host.channel,
            provider: host.provider,
            is_closed: breaker.is_closed(),
        };
        Some(opened.into_iter().map(view).collect())
    }

    async fn comparison(&self, request: &Request, now: Timestamp) -> Result<Comparison, Problem> {
        let window = comparison::window(request, now)?;
        let counters = self.read(window).await?;
        self.comparison_of(window, &counters, now).await
    }

    async fn comparison_of(&self, window: Window, counters: &Counters, now: Timestamp) -> Result<Comparison, Problem> {
        let ratio = self.ratio(&self.expected_split().await, window, counters, now).await?;
        Ok(Comparison::new(window, counters, ratio))
    }

    /// Compares the arms with an expected split, in the part of a window in which it was in force.
    pub(super) async fn ratio(
        &self,
        expected: &ExpectedSplit,
        window: Window,
        counters: &Counters,
        now: Timestamp,
    ) -> Result<SampleRatio, Problem> {
        Ok(match expected.in_force_during(window, now) {
            Some(held) if held != window => SampleRatio::new(expected, Some(held), &self.read(held).await?),
            held => SampleRatio::new(expected, held, counters),
        })
    }

    /// Returns the split that the present rollout leads to.
    async fn expected_split(&self) -> ExpectedSplit {
        let rollout = self.config.current().await.rollout;
        let unchanged_since = self.unchanged_since(&self.config.valid_texts()).await;
        ExpectedSplit { percentage: rollout.percentage, listed: rollout.users.len(), unchanged_since }
    }

    /// Returns since when the rollout is unchanged. The time is known only if the stored last valid values, which
    /// rollup writes, have the same rollout.
    pub(super) async fn unchanged_since(&self, texts: &ParameterTexts) -> Option<Timestamp> {
        let since = self.last_known_good.unchanged_since(texts.percentage.as_ref(), texts.users.as_ref()).await;
        since.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to read the time of the last rollout change");
            None
        })
    }

    async fn report(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["minutes", "from", "to", "format"])?;
        let as_markdown = match request.query("format") {
            None | Some("json") => false,
            Some("markdown") => true,
            Some(_) => return Err(Problem::invalid_field("format", "must be json or markdown")),
        };
        let window = Window::parse_with_default(request, WEEK_MINUTES, now)?;
        let counters = self.read(window).await?;
        let costs = self.costs_of(window, &counters, now).await?;
        let comparison = self.comparison_of(window, &counters, now).await?;
        let report = WeeklyReport::new(window, &counters, costs, comparison, self.incidents(window).await?, now);
        Ok(if as_markdown { markdown(&report) } else { Response::json(200, &report) })
    }

    pub(super) async fn read(&self, window: Window) -> Result<Counters, Problem> {
        Ok(self.metrics.read(window).await?)
    }
}

fn json(answer: Result<impl Serialize, Problem>) -> Result<Response, Problem> {
    answer.map(|answer| Response::json(200, &answer))
}

fn markdown(report: &WeeklyReport) -> Response {
    let body = Private::new(report.to_markdown());
    Response { status: 200, headers: Vec::new(), content_type: "text/markdown; charset=utf-8", body }
}
