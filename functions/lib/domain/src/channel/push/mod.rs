//! Addresses of web push: endpoints, keys and topics. They come from outside and are not trusted until they are
//! parsed.

pub mod address;
mod endpoint;
mod hosts;
pub mod keys;
mod origins;
mod subscription;
mod topic;

pub use endpoint::{EndpointProblem, MAX_ENDPOINT_BYTES, PushEndpoint};
pub use hosts::{ExtraHosts, NotAHost, PUSH_HOSTS};
pub use keys::{KeyProblem, SubscriptionKeys};
pub use origins::{ExtraOrigins, NotAnOrigin};
pub use subscription::{BrowserSubscription, Subscription, SubscriptionProblem};
pub use topic::Topic;
