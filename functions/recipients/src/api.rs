//! Routes of the recipients API. A request is parsed completely before anything is written.
//!
//! [`platform::gateway`] decodes percent-encoding of path parameters, so ids are used here unchanged.

use std::sync::Arc;

use aws::deadline;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use delivery::config::ConfigSource;
use domain::caps::CapRuleUse;
use domain::channel::Channel;
use domain::channel::push::{BrowserSubscription, ExtraOrigins, PushEndpoint, SubscriptionError};
use domain::notification::NotificationView;
use domain::recipient::{Address, Device, KeyHasher, RecipientId, RecipientKey, base32};
use jiff::Timestamp;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::Problem;
use platform::time_limits::{RECIPIENTS_BATCH_LIMIT, RECIPIENTS_REQUEST_LIMIT};
use store::{ErasureStore, NotificationsStore, RecipientsStore, RegistrationResult, SuppressionsStore};

/// Everything that the routes need.
#[derive(Debug, Clone)]
pub struct RecipientsApi {
    /// Stores recipients and devices.
    pub recipients: RecipientsStore,
    /// Reads a recipient's notifications.
    pub notifications: NotificationsStore,
    /// Erases recipients from both tables.
    pub erasure: ErasureStore,
    /// Stores suppressed addresses.
    pub suppressions: SuppressionsStore,
    /// Computes recipient keys from ids, and device ids from endpoints.
    pub hasher: KeyHasher,
    /// Origins accepted in addition to those of the known push services.
    pub extra_origins: ExtraOrigins,
    /// Reads the types of notification.
    pub config: Arc<ConfigSource>,
    /// VAPID public key for subscriptions: an uncompressed P-256 point.
    pub vapid_public_key: [u8; 65],
}

impl RecipientsApi {
    /// Answers a request.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let answered = match request.route.as_str() {
            "DELETE /v1/recipients/{id}" => self.erase(request, now).await,
            "POST /v1/recipients/batch" => {
                deadline::with_timeout(RECIPIENTS_BATCH_LIMIT, self.route(request, now)).await
            }
            _ => deadline::with_timeout(RECIPIENTS_REQUEST_LIMIT, self.route(request, now)).await,
        };
        answered.unwrap_or_else(|problem| Response::problem(&problem, &request.request_id))
    }

    async fn route(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        preconditions::refuse_unsupported(request)?;
        match request.route.as_str() {
            // Public route: query parameters that caches and proxies add are ignored.
            "GET /v1/vapid-public-key" => {}
            "GET /v1/recipients/{id}/notifications" => request.only_parameters(&["limit", "after"])?,
            "GET /v1/recipients/{id}/export" => request.only_parameters(&["after"])?,
            "DELETE /v1/recipients/{id}/devices" => request.only_parameters(&["endpoint"])?,
            _ => request.only_parameters(&[])?,
        }
        match request.route.as_str() {
            "PUT /v1/recipients/{id}" => self.put(request, now).await,
            "GET /v1/recipients/{id}" => self.get(request).await,
            "PATCH /v1/recipients/{id}" => self.patch(request, now).await,
            "PUT /v1/recipients/{id}/preferences" => self.put_preferences(request, now).await,
            "POST /v1/recipients/batch" => self.import(request, now).await,
            "PUT /v1/recipients/{id}/devices" => self.put_device(request, now).await,
            "DELETE /v1/recipients/{id}/devices" => self.delete_endpoint(request).await,
            "DELETE /v1/recipients/{id}/devices/{device_id}" => self.delete_device(request).await,
            "DELETE /v1/recipients/{id}/suppressions/{channel}" => self.lift(request).await,
            "GET /v1/recipients/{id}/notifications" => self.history(request).await,
            "GET /v1/recipients/{id}/export" => self.export(request, now).await,
            "GET /v1/recipients/{id}/caps" => self.caps(request, now).await,
            "DELETE /v1/recipients/{id}/unsubscribed/{type}" => self.subscribe_again(request, now).await,
            "GET /v1/vapid-public-key" => Ok(self.vapid_public_key()),
            _ => Err(Problem::not_found("route")),
        }
    }

    /// Registers a device: 201 or 200 with its id. If the body names a replaced subscription, the new device takes its
    /// place.
    async fn put_device(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (id, key) = self.recipient(request)?;
        let NewDevice { device, replaced } = self.new_device(&request.json()?, now)?;
        let registered = self.recipients.register(&id, &key, &device, replaced.as_deref()).await;
        let status = match registered? {
            RegistrationResult::New => 201,
            RegistrationResult::Known => 200,
        };
        Ok(Response::json(status, &serde_json::json!({ "device_id": device.device_id })))
    }

    /// Checks a browser's subscription, which is registered now.
    ///
    /// # Errors
    /// 422 with the field that is wrong.
    pub(super) fn new_device(&self, body: &BrowserSubscription, now: Timestamp) -> Result<NewDevice, Problem> {
        let subscription = body.parse(&self.extra_origins).map_err(invalid_subscription)?;
        let replaced = body.replaced().map(|url| self.hasher.keyed("endpoint", &url));
        let ended = || Problem::invalid_field("expirationTime", "must be in the future, in milliseconds since 1970");
        let device = Device::registering(&subscription, &self.hasher, now).ok_or_else(ended)?;
        Ok(NewDevice { device, replaced })
    }

    /// Deletes a device: 204, also if the device or the recipient does not exist. A caller may repeat the request after
    /// a lost response. The uniform status also hides which recipients exist.
    async fn delete_device(&self, request: &Request) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let device_id = request.path("device_id");
        if device_id.len() != RecipientKey::CHARS || !device_id.bytes().all(base32::is_digit) {
            return Err(Problem::invalid_field("device_id", "must be an id that a registration returned"));
        }
        self.recipients.delete_device(&key, device_id).await?;
        Ok(Response::no_content())
    }

    /// Deletes the device with an endpoint, for a browser that has its endpoint but no device id: 204, also if it
    /// does not exist. The host is not checked, so a device can be deleted after its host was disallowed.
    async fn delete_endpoint(&self, request: &Request) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let endpoint = request.query("endpoint").ok_or_else(|| Problem::invalid_field("endpoint", "is required"))?;
        let url = PushEndpoint::normalized(endpoint).map_err(|wrong| invalid_subscription(wrong.into()))?;
        let device_id = self.hasher.keyed("endpoint", &url);
        self.recipients.delete_device(&key, &device_id).await?;
        Ok(Response::no_content())
    }

    /// Undoes an unsubscription: 204, also if the recipient had not unsubscribed or is unknown. Only this explicit call
    /// undoes a recipient's own unsubscription.
    async fn subscribe_again(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let name = request.path("type");
        let config = self.config_with(&[name]).await?;
        let kind = config.settings.types.known(name);
        let kind = kind.map_err(|unknown| Problem::invalid_field("type", unknown.to_string()))?;
        self.recipients.subscribe_again(&key, kind.id.as_str(), now).await?;
        Ok(Response::no_content())
    }

    /// Lifts the suppression of the recipient's present address: 204, also if the address was not suppressed; 404 if
    /// the recipient is unknown.
    async fn lift(&self, request: &Request) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let channel = Channel::parse(request.path("channel")).filter(|channel| channel.is_paid());
        let channel = channel.ok_or_else(|| Problem::invalid_field("channel", "must be email or sms"))?;
        let known = self.recipients.load(&key).await?;
        let known = known.ok_or_else(|| Problem::not_found("recipient"))?;
        let address = match channel {
            Channel::Sms => known.phone.as_ref().map(Address::Phone),
            _ => known.email.as_ref().map(Address::Email),
        };
        if let Some(address) = address {
            self.suppressions.lift(&key, address).await?;
            tracing::info!(recipient = %key, %channel, "lifted suppression");
        }
        Ok(Response::no_content())
    }

    /// Returns a page of notifications: 200 `{items, next}`, newest first; empty for an unknown recipient.
    async fn history(&self, request: &Request) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let limit = request.limit()?;
        let after = Self::history_position(request)?;
        let page = self.notifications.history(&key, after, limit).await?;
        let items: Vec<_> = page.items.iter().map(NotificationView::of).collect();
        Ok(Response::json(200, &serde_json::json!({ "items": items, "next": page.next })))
    }

    /// Returns `?after=`, the time-ordered half of a notification's id.
    pub(super) fn history_position(request: &Request) -> Result<Option<&str>, Problem> {
        let after = request.query("after");
        if after.is_some_and(|after| after.len() != RecipientKey::CHARS || !after.bytes().all(base32::is_digit)) {
            return Err(Problem::invalid_cursor());
        }
        Ok(after)
    }

    /// Returns the use of each rule of the frequency caps: 200, or 404 if the recipient is unknown.
    async fn caps(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let (_, key) = self.recipient(request)?;
        let (known, config) = tokio::join!(self.recipients.load_with_caps(&key), self.config.current());
        let known = known?.ok_or_else(|| Problem::not_found("recipient"))?;
        let local = known.local_zone(config.settings.organisation.time_zone.as_deref());
        let rules = config.caps.iter().map(|rule| CapRuleUse::of(rule, &known.caps, &local.zone, now));
        let rules: Vec<_> = rules.collect();
        let (zone, source) = (local.time_zone, local.time_zone_source);
        let body = serde_json::json!({"time_zone": zone, "time_zone_source": source, "rules": rules});
        Ok(Response::json(200, &body))
    }

    fn vapid_public_key(&self) -> Response {
        Response::json(200, &serde_json::json!({ "public_key": URL_SAFE_NO_PAD.encode(self.vapid_public_key) }))
            .with_header("Cache-Control", "public, max-age=300")
            .with_header("Access-Control-Allow-Origin", "*")
    }

    pub(super) fn recipient(&self, request: &Request) -> Result<(RecipientId, RecipientKey), Problem> {
        let id =
            RecipientId::parse(request.path("id")).map_err(|error| Problem::invalid_field("id", error.to_string()))?;
        let key = self.hasher.recipient_key(&id);
        Ok((id, key))
    }
}

/// Device that registers, and the id of the device that it replaces.
pub(super) struct NewDevice {
    pub device: Device,
    pub replaced: Option<String>,
}

fn invalid_subscription(wrong: SubscriptionError) -> Problem {
    Problem::invalid_field(wrong.field, wrong.message)
}

#[cfg(test)]
#[path = "timeout_tests.rs"]
mod timeout_tests;

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
