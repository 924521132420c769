//! Addresses of web push: endpoints, keys and topics. They come from outside and are not trusted until they are
//! parsed.

pub mod address;
mod endpoint;
mod hosts;
pub mod keys;
mod origins;
mod subscription;
mod topic;

pub use endpoint::{EndpointError, MAX_ENDPOINT_BYTES, PushEndpoint};
pub use hosts::{ExtraHosts, HostError, PUSH_HOSTS};
pub use keys::{SubscriptionKeyError, SubscriptionKeys};
pub use origins::{ExtraOrigins, OriginError};
pub use subscription::{BrowserSubscription, Subscription, SubscriptionError};
pub use topic::Topic;
