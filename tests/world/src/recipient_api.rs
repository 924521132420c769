//! Actions of recipients, and of callers on behalf of recipients.

use platform::http::Request;
use serde_json::{Value, json};

use super::answer::answered;
use super::push::FakePushService;
use super::{ApiResponse, Browser, SHOP, World};

impl World {
    /// Registers a browser for a recipient, at the push service's path `/push/<device>`.
    pub async fn subscribe(&self, id: &str, device: &str) -> Browser {
        self.subscribe_at(&self.push, id, device).await
    }

    /// Registers a browser at this push service.
    pub async fn subscribe_at(&self, service: &FakePushService, id: &str, device: &str) -> Browser {
        let browser = Self::browser(device);
        let keys = json!({"p256dh": browser.p256dh(), "auth": browser.auth()});
        let body = json!({"endpoint": format!("{}/push/{device}", service.origin), "keys": keys});
        let answer = self.on_recipient("PUT /v1/recipients/{id}/devices", id, body).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        browser
    }

    /// The browser that subscribes as this device.
    pub fn browser(device: &str) -> Browser {
        let mut scalar = [0x42; 32];
        scalar[31] = device.bytes().fold(1, u8::wrapping_add);
        Browser::new(&scalar, *b"sixteen secrets!")
    }

    pub async fn put_profile(&self, id: &str, profile: Value) {
        let answer = self.on_recipient("PUT /v1/recipients/{id}", id, profile).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    pub async fn on_recipient(&self, route: &str, id: &str, body: Value) -> ApiResponse {
        let request = self.request(SHOP, "recipients", route, &[("id", id)], &[], &body, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// Imports a batch of recipients.
    pub async fn import(&self, mode: &str, items: Vec<Value>) -> ApiResponse {
        let body = json!({"mode": mode, "items": items});
        let request = self.request(SHOP, "recipients", "POST /v1/recipients/batch", &[], &[], &body, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// The same with `If-Match` and the recipient's entity tag.
    pub async fn on_recipient_if(&self, route: &str, id: &str, tag: &str, body: Value) -> ApiResponse {
        let request = self.request(SHOP, "recipients", route, &[("id", id)], &[], &body, None);
        let request = Request { if_match: Some(tag.to_owned()), ..request };
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    pub async fn remove_device(&self, id: &str, device_id: &str) -> ApiResponse {
        let route = "DELETE /v1/recipients/{id}/devices/{device_id}";
        let path = [("id", id), ("device_id", device_id)];
        let request = self.request(SHOP, "recipients", route, &path, &[], &Value::Null, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// Removes the suppression of this channel's address, as an operator.
    pub async fn lift_suppression(&self, id: &str, channel: &str) -> ApiResponse {
        let route = "DELETE /v1/recipients/{id}/suppressions/{channel}";
        let request = self.request("ops", "ops", route, &[("id", id), ("channel", channel)], &[], &Value::Null, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// Number of a recipient's devices.
    pub async fn devices(&self, id: &str) -> usize {
        self.on_recipient("GET /v1/recipients/{id}", id, json!({})).await.body["devices"].as_array().map_or(0, Vec::len)
    }
}
