//! The API routes of `track`. Requests have no account: the token alone grants what a request may do.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::request::ReceiptRequest;
use super::{client, contract, page, receipt_merge};
use delivery::config::ConfigSource;
use delivery::{LinkAction, TokenError, TokenKeys, with_token};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::notification::{Effect, Notification, NotificationId, Receipt, ReceiptEvent};
use domain::recipient::{DeviceMark, RecipientKey};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use store::{NotificationsStore, RecipientsStore};

/// Seconds after which a receipt or a click finds a notification that was not stored yet.
const UNSTORED_RETRY_SECONDS: u32 = 2;
/// End of the route of clicks.
const CLICK: &str = "/clicks/{token}";
/// Ends of the other routes that answer with pages.
const PAGES: [&str; 2] = ["/unsubscribe/{token}", "/preferences/{token}"];

/// Everything that the routes need.
#[derive(Debug, Clone)]
pub struct TrackApi {
    /// Stores notifications.
    pub notifications: NotificationsStore,
    /// Stores recipients, for unsubscriptions and the last use of devices.
    pub recipients: RecipientsStore,
    /// Reads the types of notification.
    pub config: Arc<ConfigSource>,
    /// Verifies tokens.
    pub keys: TokenKeys,
}

impl TrackApi {
    /// Answers a request.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let answered = match request.route.as_str() {
            "POST /v1/receipts" => self.receipt(request, now).await,
            "GET /v1/clicks/{token}" => self.click(request, now).await,
            "GET /v1/unsubscribe/{token}" => self.ask_unsubscribe(request, now).await,
            "POST /v1/unsubscribe/{token}" => self.unsubscribe(request, now).await,
            "GET /v1/preferences/{token}" => self.show_preferences(request, now).await,
            "POST /v1/preferences/{token}" => self.save_preferences(request, now).await,
            "GET /v1/client/worker.js" => Ok(for_any_page(client::worker())),
            "GET /v1/client/client.js" => Ok(for_any_page(client::page())),
            "GET /v1/client/client.mjs" => Ok(for_any_page(client::module())),
            "GET /v1/client/client.d.ts" => Ok(for_any_page(client::types())),
            "GET /v1/openapi.json" => Ok(for_any_page(contract::contract())),
            _ => Err(Problem::not_found("route")),
        };
        answered.unwrap_or_else(|problem| Self::refusal(request, &problem))
    }

    /// Returns a problem in the format of its route: an HTML page for links, JSON for scripts.
    #[must_use]
    pub fn refusal(request: &Request, problem: &Problem) -> Response {
        if request.route.ends_with(CLICK) {
            page::click_problem(problem)
        } else if PAGES.iter().any(|page| request.route.ends_with(page)) {
            page::problem(problem)
        } else {
            for_any_page(Response::problem(problem, &request.request_id))
        }
    }

    async fn receipt(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let body = ReceiptRequest::parse(request)?;
        let (id, channel, device) = match self.keys.open(body.token.expose(), now).map_err(refused)? {
            LinkAction::DeviceReceipt(id, device) => (id, Channel::Push, Some(device)),
            LinkAction::Receipt(id, channel) => (id, channel, None),
            // The token of a click link also allows the receipt `converted`, and no other.
            LinkAction::Click(id, channel) if body.event == ReceiptEvent::Converted => (id, channel, None),
            _ => return Err(refused(TokenError::Invalid)),
        };
        let at = body.at.unwrap_or(now);
        let receipt = Receipt { event: body.event, channel, at, value_micros: body.value_micros };
        let is_engaged = matches!(body.event, ReceiptEvent::Opened | ReceiptEvent::Clicked | ReceiptEvent::Converted);
        let noted = self.note(&id, receipt, |_| Ok(()), now).await;
        // The device is in use even if its message is no longer stored.
        self.record_use(id.recipient(), device, is_engaged && noted.is_ok(), now).await;
        let (_, effect) = noted?;
        if effect == Effect::OtherValue {
            return Err(Problem::new(ProblemKind::Conflict, "A conversion with another value is already recorded."));
        }
        Ok(for_any_page(Response::json(200, &json!({"recorded": effect != Effect::Nothing}))))
    }

    /// Stores that a device is in use, so that cleanup keeps it, and that the recipient is engaged, for segments. An
    /// error does not fail the receipt, since the next receipt stores the same.
    async fn record_use(&self, recipient: &RecipientKey, device: Option<DeviceMark>, is_engaged: bool, now: Timestamp) {
        if device.is_none() && !is_engaged {
            return;
        }
        if let Err(error) = self.recipients.record_use(recipient, device, is_engaged, now).await {
            tracing::warn!(%error, %recipient, "failed to store the use of a device");
        }
    }

    /// Redirects (302) to the notification's own link and no other. The redirect works also if the click cannot be
    /// counted.
    async fn click(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let LinkAction::Click(id, channel) = self.keys.open(request.path("token"), now).map_err(refused)? else {
            return Err(refused(TokenError::Invalid));
        };
        let notification =
            if request.is_prefetch { self.find(&id, now).await? } else { self.clicked(&id, channel, now).await? };
        let url = own_link(&notification)?;
        let response = Response::text(302, "text/plain; charset=utf-8", "")
            .with_header("Location", with_token(url.as_str(), request.path("token")))
            .with_header("Cache-Control", "no-store")
            .with_header("Referrer-Policy", "no-referrer");
        Ok(response)
    }

    async fn clicked(&self, id: &NotificationId, channel: Channel, now: Timestamp) -> Result<Notification, Problem> {
        let click = Receipt { event: ReceiptEvent::Clicked, channel, at: now, value_micros: None };
        match self.note(id, click, |notification| own_link(notification).map(drop), now).await {
            Ok((notification, effect)) => {
                // A repeated click does not wait for this.
                if effect != Effect::Nothing {
                    self.record_use(id.recipient(), None, true, now).await;
                }
                Ok(notification)
            }
            Err(problem) if problem.kind.status() < 500 => Err(problem),
            Err(problem) => {
                let found = self.find(id, now).await.map_err(|_| problem)?;
                tracing::warn!(notification = %id, "failed to count click; redirected nevertheless");
                Ok(found)
            }
        }
    }

    /// Adds a receipt to the stored notification if the notification is `fit`: one read, and one write unless the
    /// receipt is already stored.
    async fn note(
        &self,
        id: &NotificationId,
        receipt: Receipt,
        fit: impl Fn(&Notification) -> Result<(), Problem>,
        now: Timestamp,
    ) -> Result<(Notification, Effect), Problem> {
        let config = self.config.current().await;
        let noted = receipt_merge::merge(&self.notifications, id, |notification| match fit(notification) {
            Ok(()) => receipt.apply(notification, &config.settings.types, now),
            Err(_) => Effect::Impossible,
        });
        let noted = noted.await?;
        let (notification, effect) = noted.ok_or_else(|| missing(id, now))?;
        if effect == Effect::Impossible {
            fit(&notification)?;
        }
        Ok((notification, effect))
    }

    async fn find(&self, id: &NotificationId, now: Timestamp) -> Result<Notification, Problem> {
        self.notifications.get(id).await?.ok_or_else(|| missing(id, now))
    }
}

/// Returns the problem of a notification that is not stored. A device may react within milliseconds, before the
/// function that pushed has stored the result, so a young one is not missing yet.
fn missing(id: &NotificationId, now: Timestamp) -> Problem {
    if id.may_be_unstored(now) {
        let detail = "The message has just been sent and is not stored yet.";
        return Problem::new(ProblemKind::Unavailable, detail).retry_after(UNSTORED_RETRY_SECONDS);
    }
    Problem::not_found("notification")
}

/// Returns the link of a notification.
fn own_link(notification: &Notification) -> Result<Link, Problem> {
    notification.message().link().ok_or_else(|| Problem::not_found("link"))
}

pub(super) fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Invalid => {
            Problem::new(ProblemKind::InvalidToken, "The link is invalid. It may have been copied incompletely.")
        }
        TokenError::Expired => {
            Problem::new(ProblemKind::ExpiredToken, "The link has expired, because its message is too old.")
        }
    }
}

/// Allows calls from pages of any origin. Access depends on the token only; there are no cookies or accounts. If the
/// API has CORS origins of its own, API Gateway replaces this header.
fn for_any_page(response: Response) -> Response {
    response.with_header("Access-Control-Allow-Origin", "*")
}
