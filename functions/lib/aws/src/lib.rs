//! AWS clients, configured by hand to keep a Lambda cold start short.
//!
//! The SDK's default chain reads profile files, web identities and the instance's metadata. In Lambda, the region and
//! the credentials are environment variables, and new credentials come with a new process. For each client it
//! creates, the SDK also reads and parses every root certificate of the machine. This takes longer than all other
//! work of a start. Here the TLS side is built with the first request ([`connector`]), and contains only AWS's own
//! five roots.

mod clients;
mod config;
mod connector;
pub mod deadline;
pub mod direct;
mod dynamo;
mod error_cause;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod fake_aws;
mod function_config;
mod limits;
mod mail_quota;
pub mod parameters;
pub mod queue;
mod recipient_hasher;
pub mod secrets;

pub use aws_types::SdkConfig;
pub use clients::{config, dynamodb, ses, sns, ssm, topics};
pub use config::AwsConfig;
pub use dynamo::DynamoClient;
pub use error_cause::{cause, has_expired};
pub use function_config::{FunctionConfig, TableNames};
pub use limits::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT, PAID_SEND_TIMEOUT, limits};
pub use mail_quota::MailQuotaReader;
pub use recipient_hasher::LazyKeyHasher;
