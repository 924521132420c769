//! `PushSubscription.toJSON()`: a message can be encrypted and signed for every accepted subscription, whatever its
//! further fields.

use std::sync::LazyLock;

use channels::push::{PushContent, PushMessage, VapidCache, VapidKey, VapidSubject, sealed_request};
use domain::channel::push::{BrowserSubscription, ExtraOrigins, Subscription, Topic};
use domain::notification::{PushOptions, Urgency};
use jiff::Timestamp;

static VAPID: LazyLock<VapidCache> = LazyLock::new(|| {
    let key = VapidKey::parse("JCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQ").unwrap();
    VapidCache::new(key, VapidSubject::parse("mailto:ops@example.com").unwrap())
});

pub fn target(data: &[u8]) {
    let Ok(written) = serde_json::from_slice::<BrowserSubscription>(data) else { return };
    let extra = ExtraOrigins::default();
    let Ok(subscription) = written.parse(&extra) else { return };
    let keys = &subscription.keys;
    p256::PublicKey::from_sec1_bytes(keys.p256dh()).expect("a point of the curve");
    let again =
        Subscription::parse(subscription.endpoint.as_url(), &keys.p256dh_base64url(), &keys.auth_base64url(), &extra);
    assert_eq!(again.map(|again| (again.endpoint, again.keys)), Ok((subscription.endpoint.clone(), keys.clone())));
    let authorization = VAPID.authorization(&subscription.endpoint, Timestamp::UNIX_EPOCH).unwrap();
    let request = sealed_request(&subscription, &message(), authorization).expect("what is accepted can be sealed for");
    assert_eq!(request.uri().to_string(), subscription.endpoint.as_url());
}

fn message() -> PushMessage {
    let content = PushContent {
        notification_id: "id".to_owned(),
        title: "Hi".to_owned().into(),
        body: "there".to_owned().into(),
        url: None,
        icon: None,
        data: None,
        options: PushOptions::default(),
        receipt: None,
    };
    PushMessage::new(content, 60, Urgency::Normal, Topic::of_notification("id")).unwrap()
}
