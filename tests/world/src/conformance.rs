//! Conformance of all requests and responses to the contract docs/openapi.yaml.

use std::collections::BTreeMap;

use super::openapi::{Exchange, contract};
use platform::http::{Request, Response};
use platform::private::Private;

/// Fails if the contract does not allow the response, or does not allow a request that succeeded.
pub fn assert_conforms(request: &Request, response: &Response) {
    let complaints = contract().complaints(&exchange(request, response));
    assert!(complaints.is_empty(), "docs/openapi.yaml: {complaints:#?}");
}

fn exchange(request: &Request, response: &Response) -> Exchange {
    let given = |parameters: &BTreeMap<String, Private<String>>| {
        parameters.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect()
    };
    let headers = response.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    Exchange {
        route: request.route.clone(),
        path: given(&request.path),
        query: given(&request.query),
        idempotency_key: request.idempotency_key.as_ref().map(|key| key.expose().clone()),
        request: request.body.expose().clone(),
        status: response.status,
        headers: headers.chain([("content-type".to_owned(), response.content_type.to_owned())]).collect(),
        answer: response.body.expose().clone().into_bytes(),
    }
}
