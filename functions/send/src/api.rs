//! The API routes of `send`: dispatch by route, deadlines, and responses.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rendered::RenderedMessages;
use super::service::{Deadlines, NotificationResult, SendService};
use super::{Explanation, list};
use aws::deadline;
use delivery::time_left;
use domain::notification::{Notification, NotificationId, NotificationView, Status};
use platform::alarm::AlarmLine;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::{Problem, ProblemKind};
use platform::time_limits::{
    BATCH_REQUEST_LIMIT, REQUEST_CLEANUP_LIMIT, SEND_ABORT_MARGIN, SINGLE_REQUEST_LIMIT, TRANSFER_MARGIN,
};
use store::StoreError;

/// Maximum number of messages in a batch.
pub const MAX_BATCH: usize = 500;
/// Maximum number of tries of a cancellation when the notification changes concurrently.
const CANCEL_TRIES: u32 = 3;

/// The API of `send`.
#[derive(Debug)]
pub struct SendApi {
    /// Sends, and gives access to the stores.
    pub service: SendService,
}

impl SendApi {
    /// Answers a request that arrived at `arrived`.
    ///
    /// `hard_deadline` is the moment at which this invocation is certainly over, clock skew included. If a request
    /// takes almost that long, the response is 503. Its stored notifications then end through the index `due`, like the
    /// work of a crashed function.
    pub async fn answer(&self, request: &Request, arrived: Timestamp, hard_deadline: Timestamp) -> Response {
        let left = hard_deadline.duration_since(self.service.engine.clock().now()) - SEND_ABORT_MARGIN;
        let left = Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(0));
        let answer = match tokio::time::timeout(left, self.dispatch_in_time(request, arrived, hard_deadline)).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::error!(
                    alarm = AlarmLine::RequestTooSlow.as_str(),
                    route = request.route,
                    "aborted a request before the function's timeout"
                );
                Err(Problem::unavailable(5))
            }
        };
        answer.unwrap_or_else(|problem| Response::problem(&problem, &request.request_id))
    }

    async fn dispatch_in_time(
        &self,
        request: &Request,
        arrived: Timestamp,
        hard_deadline: Timestamp,
    ) -> Result<Response, Problem> {
        if request.caller.id.is_empty() {
            let detail = "The token names no caller: it needs client_id, azp or sub.";
            return Err(Problem::new(ProblemKind::NoCaller, detail));
        }
        let allowed = if request.route.ends_with("/batch") { BATCH_REQUEST_LIMIT } else { SINGLE_REQUEST_LIMIT };
        let until = arrived.checked_add(allowed).unwrap_or(hard_deadline);
        let left = time_left(until, self.service.engine.clock().now());
        let response_deadline = arrived.checked_add(allowed - TRANSFER_MARGIN).unwrap_or(hard_deadline);
        let deadlines = Deadlines {
            response_deadline,
            hard_deadline,
            cleanup_deadline: Instant::now() + left + REQUEST_CLEANUP_LIMIT,
        };
        deadline::with_timeout(left, self.dispatch(request, deadlines)).await
    }

    /// Dispatches by route. The future's type is erased: its parts are nested more deeply than the compiler's recursion
    /// limit allows.
    fn dispatch<'a>(&'a self, request: &'a Request, deadlines: Deadlines) -> BoxFuture<'a, Result<Response, Problem>> {
        Box::pin(async move {
            preconditions::refuse_unsupported(request)?;
            request.only_parameters(match request.route.as_str() {
                "GET /v1/notifications" => &list::PARAMETERS,
                "GET /v1/notifications/{id}" => &["render"],
                _ => &[],
            })?;
            match request.route.as_str() {
                "POST /v1/notifications" => self.post(request, deadlines).await,
                "POST /v1/notifications/batch" => self.post_batch(request, deadlines).await,
                "POST /v1/notifications/explain" => self.explain(request).await,
                "POST /v1/templates/{name}/test" => self.test_template(request, deadlines).await,
                "GET /v1/notifications" => list::answer(&self.service.engine, request).await,
                "GET /v1/notifications/{id}" => self.get(request).await,
                "DELETE /v1/notifications/{id}" => self.cancel(request).await,
                _ => Err(Problem::not_found("route")),
            }
        })
    }

    async fn post(&self, request: &Request, deadlines: Deadlines) -> Result<Response, Problem> {
        let message = request.json_value()?;
        let mut answered = self.service.send(request, &[Ok(message)], deadlines).await?;
        let notification = answered.sent.pop().ok_or_else(|| Problem::not_found("notification"))??;
        let response = Response::json(202, &NotificationView::of(&notification))
            .with_header("Location", format!("/v1/notifications/{}", notification.id()));
        Ok(with_replay_header(response, answered.replayed))
    }

    async fn post_batch(&self, request: &Request, deadlines: Deadlines) -> Result<Response, Problem> {
        let messages = request.json_list("messages")?;
        if messages.is_empty() || messages.len() > MAX_BATCH {
            return Err(Problem::invalid_field("messages", "must hold 1 to 500 messages"));
        }
        let answered = self.service.send(request, &messages, deadlines).await?;
        let all_failed = answered.sent.iter().all(is_server_error);
        if let (true, Some(Err(problem))) = (all_failed, answered.sent.first()) {
            return Err(problem.clone());
        }
        let items = answered.sent.iter().enumerate().map(|(index, sent)| batch_item(index, sent, &request.request_id));
        let response = Response::json(202, &json!({"items": items.collect::<Vec<_>>()}));
        Ok(with_replay_header(response, answered.replayed))
    }

    /// Sends a version or the draft of a template to a few recipients: 202, 404 or 422.
    async fn test_template(&self, request: &Request, deadlines: Deadlines) -> Result<Response, Problem> {
        let sent = Box::pin(self.service.test_template(request, deadlines)).await?;
        let items = sent.iter().map(|sent| match sent {
            Ok(notification) => json!(NotificationView::of(notification)),
            Err(problem) => problem.to_json(&request.request_id),
        });
        Ok(Response::json(202, &json!({"items": items.collect::<Vec<_>>()})))
    }

    async fn explain(&self, request: &Request) -> Result<Response, Problem> {
        // Boxed, so that the state of these reads does not enlarge the future of every request.
        let explanation = Box::pin(Explanation::of(&self.service, request)).await?;
        Ok(Response::json(200, &explanation))
    }

    async fn get(&self, request: &Request) -> Result<Response, Problem> {
        let is_rendered = request.flag("render")?;
        let notification = self.find(request).await?;
        if !is_rendered {
            return Ok(Response::json(200, &NotificationView::of(&notification)));
        }
        let rendered = Box::pin(self.service.rendered(&notification)).await?;
        let response =
            Response::json(200, &RenderedNotification { notification: NotificationView::of(&notification), rendered });
        Ok(response.with_header("Cache-Control", "no-store"))
    }

    async fn cancel(&self, request: &Request) -> Result<Response, Problem> {
        let store = self.service.engine.stores().notifications();
        for _ in 0..CANCEL_TRIES {
            let mut notification = self.find(request).await?;
            let before = notification.status();
            notification.cancel(self.service.engine.clock().now()).map_err(|status| {
                let detail = format!(
                    "A notification that is {} cannot be cancelled; only scheduled, held and cascading ones can.",
                    status.as_str()
                );
                Problem::new(ProblemKind::Conflict, detail)
            })?;
            if before != notification.status() {
                match store.save(&mut notification).await {
                    Err(StoreError::ConditionFailed { .. }) => continue,
                    saved => saved?,
                }
                if before == Status::Cascading {
                    Box::pin(self.service.engine.release_cap_slot(&notification, None)).await;
                }
            }
            return Ok(Response::json(200, &NotificationView::of(&notification)));
        }
        Err(Problem::new(ProblemKind::Conflict, "The notification is being processed. Retry later.").retry_after(1))
    }

    /// Returns the notification in the path if the caller may see it. Another caller's notification gives the same 404
    /// as an unknown id, unless the caller has the scope `ops`.
    async fn find(&self, request: &Request) -> Result<Notification, Problem> {
        let missing = || Problem::not_found("notification");
        let id = NotificationId::parse(request.path("id")).ok_or_else(missing)?;
        let found = self.service.engine.stores().notifications().get(&id).await?;
        let allowed = |found: &Notification| found.caller() == request.caller.id || request.caller.has_scope("ops");
        found.filter(allowed).ok_or_else(missing)
    }
}

/// Notification with its messages.
#[derive(Serialize)]
struct RenderedNotification<'a> {
    #[serde(flatten)]
    notification: NotificationView<'a>,
    rendered: RenderedMessages,
}

fn with_replay_header(response: Response, replayed: bool) -> Response {
    if replayed { response.with_header("Idempotency-Replayed", "true") } else { response }
}

fn is_server_error(sent: &NotificationResult) -> bool {
    sent.as_ref().is_err_and(|problem| problem.kind.status() >= 500)
}

/// Returns one entry of a batch's response. Field names of a problem are paths from the root of the batch.
fn batch_item(index: usize, sent: &NotificationResult, request_id: &str) -> Value {
    match sent {
        Ok(notification) => json!(NotificationView::of(notification)),
        Err(problem) => problem.clone().below(&format!("messages[{index}]")).to_json(request_id),
    }
}
