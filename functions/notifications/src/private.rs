//! Personal data as a type: what stands in a [`Private`] can be stored and sent, but never printed.
//!
//! Recipients, addresses, endpoints, tokens, titles and bodies are wrapped at the edge and unwrapped only where they
//! leave for a provider, a table or the caller's own answer. See docs/logging.md.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that no log line, error or panic can show: `Debug` masks it and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the place that sends or stores it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Places;
    use crate::channels::email::{EmailAddress, EmailMessage};
    use crate::channels::push::{
        BrowserSubscription, PushContent, PushEndpoint, PushMessage, Subscription, SubscriptionKeys, VapidCache,
        VapidKey,
    };
    use crate::channels::sms::{PhoneNumber, SmsMessage};
    use crate::http::{Caller, Request, Response};
    use crate::notification::{Content, Notification};
    use crate::recipients::{Device, KeyHasher, Profile, Recipient, RecipientId};
    use crate::rollout::{ListedUsers, Texts};
    use crate::secrets::Secrets;

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
        Texts,
        Places,
        Secrets,
    );

    #[test]
    fn debug_shows_nothing_of_the_value() {
        let address = Private::new("ada@example.com".to_owned());
        assert_eq!(format!("{address:?}"), "***");
        assert_eq!(address.expose(), "ada@example.com");
    }
}
