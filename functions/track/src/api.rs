//! The routes of `track`. Nobody has an account here: what a request may do stands in its token.

use jiff::Timestamp;
use serde_json::json;

use super::request::ReceiptRequest;
use super::{client, contract, noting, page};
use delivery::{Permit, TokenError, TokenKeys, with_token};
use domain::channel::Channel;
use domain::channel::link::Link;
use domain::notification::{Effect, Event, Notification, NotificationId, Receipt};
use domain::recipient::{DeviceMark, RecipientKey};
use platform::http::{Request, Response};
use platform::problem::{Problem, ProblemKind};
use store::{NotificationsStore, RecipientsStore};

/// Everything the routes need.
#[derive(Debug, Clone)]
pub struct TrackApi {
    /// The notifications.
    pub notifications: NotificationsStore,
    /// The recipients, for opting out.
    pub recipients: RecipientsStore,
    /// What verifies tokens.
    pub keys: TokenKeys,
}

impl TrackApi {
    /// Answers a request.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let answered = match request.route.as_str() {
            "POST /v1/receipts" => self.receipt(request, now).await,
            "GET /v1/clicks/{token}" => self.click(request, now).await,
            "GET /v1/unsubscribe/{token}" => self.wish(request, now).map(|(_, kind)| page::ask(&kind)),
            "POST /v1/unsubscribe/{token}" => self.unsubscribe(request, now).await,
            "GET /v1/client/worker.js" => Ok(for_any_page(client::worker())),
            "GET /v1/client/client.js" => Ok(for_any_page(client::page())),
            "GET /v1/client/client.mjs" => Ok(for_any_page(client::module())),
            "GET /v1/client/client.d.ts" => Ok(for_any_page(client::types())),
            "GET /v1/openapi.json" => Ok(for_any_page(contract::contract())),
            _ => Err(Problem::not_found("route")),
        };
        answered.unwrap_or_else(|problem| Self::refusal(request, &problem))
    }

    /// A refusal in the form of its route: a page for people who followed a link, JSON for scripts.
    #[must_use]
    pub fn refusal(request: &Request, problem: &Problem) -> Response {
        let route = request.route.as_str();
        if route.ends_with("/clicks/{token}") || route.ends_with("/unsubscribe/{token}") {
            page::problem(problem)
        } else {
            for_any_page(Response::problem(problem, &request.request_id))
        }
    }

    async fn receipt(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let told = ReceiptRequest::parse(request)?;
        let (id, channel, device) = match self.keys.open(told.token.expose(), now).map_err(refused)? {
            Permit::DeviceReceipt(id, device) => (id, Channel::Push, Some(device)),
            Permit::Receipt(id, channel) => (id, channel, None),
            // Whoever followed a mail's link may say what came of it, and nothing else.
            Permit::Click(id, channel) if told.event == Event::Converted => (id, channel, None),
            _ => return Err(refused(TokenError::Invalid)),
        };
        let at = told.at.unwrap_or(now);
        let receipt = Receipt { event: told.event, channel, at, value_micros: told.value_micros };
        let (noted, ()) =
            tokio::join!(self.note(&id, receipt, |_| Ok(()), now), self.heard_of(id.recipient(), device, now));
        let (_, effect) = noted?;
        if effect == Effect::OtherValue {
            return Err(Problem::new(ProblemKind::Conflict, "It converted already, with another value."));
        }
        Ok(for_any_page(Response::json(200, &json!({"recorded": effect != Effect::Nothing}))))
    }

    /// Writes down that a device is in use, which keeps it from cleanup. A failure is no failure of the receipt: the next one
    /// says the same.
    async fn heard_of(&self, recipient: &RecipientKey, device: Option<DeviceMark>, now: Timestamp) {
        let Some(device) = device else { return };
        if let Err(error) = self.recipients.heard_of(recipient, device, now).await {
            tracing::warn!(%error, %recipient, "failed to store a device's use");
        }
    }

    /// 302 to the notification's own link and to no other. A reader gets there also when the click cannot be counted.
    async fn click(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let Permit::Click(id, channel) = self.keys.open(request.path("token"), now).map_err(refused)? else {
            return Err(refused(TokenError::Invalid));
        };
        let notification =
            if request.is_prefetch { self.find(&id).await? } else { self.clicked(&id, channel, now).await? };
        let url = own_link(&notification)?;
        let response = Response::text(302, "text/plain; charset=utf-8", "")
            .with_header("Location", with_token(url.as_str(), request.path("token")))
            .with_header("Cache-Control", "no-store")
            .with_header("Referrer-Policy", "no-referrer");
        Ok(response)
    }

    async fn clicked(&self, id: &NotificationId, channel: Channel, now: Timestamp) -> Result<Notification, Problem> {
        let click = Receipt { event: Event::Clicked, channel, at: now, value_micros: None };
        match self.note(id, click, |notification| own_link(notification).map(drop), now).await {
            Ok((notification, _)) => Ok(notification),
            Err(problem) if problem.kind.status() < 500 => Err(problem),
            Err(problem) => {
                let found = self.find(id).await.map_err(|_| problem)?;
                tracing::warn!(notification = %id, "a click was followed and not counted");
                Ok(found)
            }
        }
    }

    /// Adds a receipt to what is stored, if that is `fit` for it: one read, and one write unless it is known already.
    async fn note(
        &self,
        id: &NotificationId,
        receipt: Receipt,
        fit: impl Fn(&Notification) -> Result<(), Problem>,
        now: Timestamp,
    ) -> Result<(Notification, Effect), Problem> {
        let noted = noting::note(&self.notifications, id, |notification| match fit(notification) {
            Ok(()) => receipt.apply(notification, now),
            Err(_) => Effect::Impossible,
        });
        let noted = noted.await.map_err(Problem::from)?;
        let (notification, effect) = noted.ok_or_else(|| Problem::not_found("notification"))?;
        if effect == Effect::Impossible {
            fit(&notification)?;
        }
        Ok((notification, effect))
    }

    async fn find(&self, id: &NotificationId) -> Result<Notification, Problem> {
        let found = self.notifications.get(id).await.map_err(Problem::from)?;
        found.ok_or_else(|| Problem::not_found("notification"))
    }

    /// Who wants no more of which type.
    fn wish(&self, request: &Request, now: Timestamp) -> Result<(RecipientKey, String), Problem> {
        match self.keys.open(request.path("token"), now).map_err(refused)? {
            Permit::Unsubscribe(recipient, kind) => Ok((recipient, kind)),
            _ => Err(refused(TokenError::Invalid)),
        }
    }

    /// RFC 8058: the POST alone is the wish, whatever its body and without a cookie. Done is done, also the second time,
    /// and also when the recipient has been erased.
    async fn unsubscribe(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (recipient, kind) = self.wish(request, now)?;
        let done = self.recipients.unsubscribe(&recipient, &kind, now).await.map_err(Problem::from)?;
        tracing::info!(%recipient, kind, ?done, "unsubscribed");
        Ok(page::done(&kind))
    }
}

/// Where a notification's click leads.
fn own_link(notification: &Notification) -> Result<Link, Problem> {
    let url = notification.content.url.as_ref().and_then(|url| Link::parse(url.expose()).ok());
    url.ok_or_else(|| Problem::not_found("link"))
}

fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Invalid => Problem::new(ProblemKind::InvalidToken, "It may have been copied incompletely."),
        TokenError::Expired => Problem::new(ProblemKind::ExpiredToken, "The message it came with is too old."),
    }
}

/// Pages of any origin may call: there is no cookie and no account, only the token. Where the API has CORS origins of its
/// own, API Gateway puts its answer in the place of this.
fn for_any_page(response: Response) -> Response {
    response.with_header("Access-Control-Allow-Origin", "*")
}
