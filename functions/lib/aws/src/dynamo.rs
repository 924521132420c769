//! Client of DynamoDB.

use std::ops::Deref;

use crate::config::AwsConfig;
use crate::deadline::Deadline;
use crate::direct::DirectCalls;

/// Client of DynamoDB: that of the SDK, and direct calls for what a send does.
#[derive(Debug, Clone)]
pub struct DynamoClient {
    sdk: aws_sdk_dynamodb::Client,
    direct: DirectCalls,
}

impl DynamoClient {
    pub(crate) fn new(config: &AwsConfig) -> Self {
        let sdk = aws_sdk_dynamodb::config::Builder::from(&**config).interceptor(Deadline);
        Self { sdk: aws_sdk_dynamodb::Client::from_conf(sdk.build()), direct: DirectCalls::new(config) }
    }

    /// Returns the direct calls.
    #[must_use]
    pub const fn direct(&self) -> &DirectCalls {
        &self.direct
    }
}

impl Deref for DynamoClient {
    type Target = aws_sdk_dynamodb::Client;

    fn deref(&self) -> &aws_sdk_dynamodb::Client {
        &self.sdk
    }
}
