//! Actions of recipients on received messages: receipts, clicks and opt-outs.

use aws::secrets::LinkSigningKeys;
use delivery::{LinkAction, TokenKeys};
use domain::channel::Channel;
use domain::notification::NotificationId;
use domain::recipient::RecipientKey;
use jiff::SignedDuration;
use platform::private::Private;
use serde_json::{Value, json};

use super::answer::answered;
use super::functions::{BASE, LINK_KEY};
use super::{ApiResponse, SHOP, World};

impl World {
    /// The receipt token of the only notification, as its push contains it.
    pub fn receipt_token(&self) -> String {
        let id = NotificationId::parse(&self.only_id()).unwrap();
        keys().sign(&LinkAction::Receipt(id, Channel::Push), self.clock.now() + SignedDuration::from_hours(1))
    }

    /// The unsubscribe link of the only notification, as its e-mail would contain it.
    pub fn unsubscribe_link(&self) -> String {
        let recipient = NotificationId::parse(&self.only_id()).unwrap().recipient().clone();
        let permit = LinkAction::Unsubscribe(recipient, "DEFAULT".to_owned());
        format!("{BASE}/v1/unsubscribe/{}", keys().sign(&permit, self.clock.now() + SignedDuration::from_hours(1)))
    }

    /// The link of a recipient to the preference page, as a template would contain it.
    pub fn preferences_link(&self, id: &str) -> String {
        let profile = self.items("recipients").into_iter().find(|item| item["id"]["S"] == id).unwrap();
        let recipient = RecipientKey::from_stored(profile["pk"]["S"].as_str().unwrap()).unwrap();
        let until = self.clock.now() + SignedDuration::from_hours(1);
        format!("{BASE}/v1/preferences/{}", keys().sign(&LinkAction::Preferences(recipient), until))
    }

    /// Submits a form as a browser does.
    pub async fn submit(&self, link: &str, fields: &[(String, String)]) -> ApiResponse {
        let (path, token) = link.strip_prefix(BASE).unwrap().rsplit_once('/').unwrap();
        let encoded = |text: &str| text.bytes().map(form_byte).collect::<String>();
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let (route, body) = (format!("POST {path}/{{token}}"), json!(pairs.join("&")));
        let request = self.request("", "", &route, &[("token", token)], &[], &body, None);
        answered(&request, self.track.answer(&request, self.clock.now()).await)
    }

    pub fn mails(&self) -> Vec<String> {
        self.aws.state.lock().unwrap().mails.clone()
    }

    pub fn texts(&self) -> Vec<(String, String)> {
        self.aws.state.lock().unwrap().texts.clone()
    }

    /// Sends a receipt like a service worker.
    pub async fn receipt(&self, token: &str, event: &str, extra: Value) -> ApiResponse {
        let mut body = json!({"token": token, "event": event});
        body.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
        self.on_track("POST /v1/receipts", "", body).await
    }

    /// Follows a link of a message: the method of the route and the link.
    pub async fn follow(&self, method: &str, link: &str) -> ApiResponse {
        let (path, token) = link.strip_prefix(BASE).unwrap().rsplit_once('/').unwrap();
        self.on_track(&format!("{method} {path}/{{token}}"), token, Value::Null).await
    }

    /// The response without the check against the contract, which names no removed type.
    pub async fn get_whatever_its_type(&self, id: &str) -> (u16, Value) {
        let route = "GET /v1/notifications/{id}";
        let request = self.request(SHOP, "send", route, &[("id", id)], &[], &Value::Null, None);
        let response = self.send.answer(&request, self.clock.now(), self.hard_deadline()).await;
        (response.status, serde_json::from_str(response.body.expose()).unwrap())
    }

    /// Stored notifications after their type was removed from the settings.
    pub fn rename_type_of_every_notification(&self, name: &str) {
        for item in self.items("notifications") {
            let request = json!({
                "TableName": "notifications",
                "Key": {"pk": item["pk"], "sk": item["sk"]},
                "UpdateExpression": "SET #type = :type",
                "ExpressionAttributeNames": {"#type": "type"},
                "ExpressionAttributeValues": {":type": {"S": name}},
            });
            self.database.update_item(serde_json::from_value(request).unwrap()).unwrap();
        }
    }

    /// Removes an opt-out on behalf of a recipient.
    pub async fn resubscribe(&self, id: &str, kind: &str) -> ApiResponse {
        let route = "DELETE /v1/recipients/{id}/unsubscribed/{type}";
        let request = self.request(SHOP, "recipients", route, &[("id", id), ("type", kind)], &[], &Value::Null, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    pub async fn on_track(&self, route: &str, token: &str, body: Value) -> ApiResponse {
        let path: &[_] = if route.ends_with("{token}") { &[("token", token)] } else { &[] };
        let request = self.request("", "", route, path, &[], &body, None);
        answered(&request, self.track.answer(&request, self.clock.now()).await)
    }
}

/// The keys of the world's `link-signing-key`.
pub fn keys() -> TokenKeys {
    TokenKeys::new(&LinkSigningKeys { current: Private::new(LINK_KEY), previous: None })
}

fn form_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// The links in an e-mail or an SMS, unfolded.
pub fn links(text: &str) -> Vec<String> {
    let unfolded = text.replace("=\r\n", "").replace("=3D", "=");
    let starts = unfolded.match_indices(BASE).map(|(start, _)| start);
    let end =
        |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:/.".contains(c))).unwrap_or(rest.len());
    starts.map(|start| unfolded[start..][..end(&unfolded[start..])].to_owned()).collect()
}
