//! No type that holds personal data or a secret can be printed with `Display`.

use std::fmt;

use alerts::Places;
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
use platform::http::{Caller, Request, Response};
use platform::private::Private;

/// Does not compile for a type that has a `Display`: there are two ways then in which it is `Unshown`.
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

// What holds a recipient, an address, a phone number, an endpoint, a key, a token, a title or a body. That each is masked
// when it is printed for debugging is shown with real values by the flow tests (`canaries`) and by each type's own.
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
    Places,
    Secrets,
);
