//! Signs direct calls with AWS Signature Version 4.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::body::SdkBody;
use http::Request;

use super::CallError;

/// Credentials and region of the signatures.
pub(super) struct Signer {
    identity: Identity,
    region: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(credentials: Credentials, region: String) -> Self {
        Self { identity: credentials.into(), region }
    }

    /// Adds the headers of a signature.
    pub(super) fn sign(&self, request: &mut Request<SdkBody>, body: &[u8], at: SystemTime) -> Result<(), CallError> {
        let params = SigningParams::builder().identity(&self.identity).region(&self.region).name("dynamodb").time(at);
        let params = params.settings(SigningSettings::default()).build();
        let params = params.map_err(|_| CallError::unbuilt("the signature lacks a parameter"))?.into();
        let uri = request.uri().to_string();
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(body));
        let signature = signable.and_then(|signable| sign(signable, &params));
        let (instructions, _) = signature.map_err(|_| CallError::unbuilt("the signature failed"))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
