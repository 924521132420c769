//! Types that hold personal data or a secret do not implement `Display`.

use std::fmt;

use alerts::Destinations;
use aws::secrets::Secrets;
use channels::email::EmailMessage;
use channels::push::{PushContent, PushMessage, VapidCache, VapidKey};
use channels::sms::SmsMessage;
use delivery::config::ParameterTexts;
use domain::channel::push::{BrowserSubscription, PushEndpoint, Subscription, SubscriptionKeys};
use domain::channel::{EmailAddress, PhoneNumber};
use domain::notification::{Content, Notification};
use domain::recipient::{Device, KeyHasher, Profile, Recipient, RecipientId};
use domain::rollout::ListedUsers;
use platform::caller::Caller;
use platform::http::{Request, Response};
use platform::private::Private;

/// A type with a `Display` implements `Unshown` in two ways, which is a compile error.
macro_rules! none_of_them_has_a_display {
    ($($holder:ty),* $(,)?) => {
        $(const _: fn() = || {
            trait Unshown<Way> {
                fn is_unshown() {}
            }
            struct ByDisplay;
            impl<T: ?Sized> Unshown<()> for T {}
            impl<T: ?Sized + fmt::Display> Unshown<ByDisplay> for T {}
            <$holder as Unshown<_>>::is_unshown();
        };)*
    };
}

// Types that hold a recipient, an address, a phone number, an endpoint, a key, a token, a title or a body. Their masked
// `Debug` output is tested with real values by the flow tests (`canaries`) and by each type's own tests.
none_of_them_has_a_display!(
    Private<String>,
    Private<Vec<u8>>,
    Private<serde_json::Value>,
    RecipientId,
    Profile,
    Recipient,
    Device,
    KeyHasher,
    Content,
    Notification,
    EmailAddress,
    EmailMessage,
    PhoneNumber,
    SmsMessage,
    PushEndpoint,
    SubscriptionKeys,
    Subscription,
    BrowserSubscription,
    PushContent,
    PushMessage,
    VapidKey,
    VapidCache,
    Caller,
    Request,
    Response,
    ListedUsers,
    ParameterTexts,
    Destinations,
    Secrets,
);
