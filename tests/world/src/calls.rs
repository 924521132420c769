//! Recorded AWS calls, compared with the roles of template.yaml. Each function of the world signs with an access key of
//! its own name, as on AWS it signs with its role's key.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::request::Arrival;
use super::template::{FUNCTIONS, Grant, Template};

/// One action of one function on one resource, in the terms of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub function: String,
    /// Action, such as `dynamodb:PutItem`.
    pub action: String,
    /// Resource, such as `notifications/index/due`.
    pub resource: String,
}

impl Call {
    /// Permissions that a request needs: one for each parameter, and one for each item of a transaction.
    pub fn of(arrival: &Arrival) -> Vec<Self> {
        let function = signer(arrival);
        let asked = match arrival.header("x-amz-target").split_once('.') {
            Some(("AmazonSSM", action)) => parameters(action, &json(arrival)),
            // IAM has one action for single messages and batches.
            Some(("AmazonSQS", _)) => vec![("sqs:SendMessage".into(), "CampaignTasksQueue.Arn".into())],
            Some((_, action)) => tables(action, &json(arrival)),
            None => messages(arrival),
        };
        let call = |(action, resource)| Self { function: function.clone(), action, resource };
        asked.into_iter().map(call).collect()
    }

    /// Returns true if the function's role allows the call: some statement allows it and none denies it.
    pub fn is_allowed(&self) -> bool {
        static GRANTS: LazyLock<Vec<Grant>> = LazyLock::new(|| {
            let template = Template::read();
            FUNCTIONS.into_iter().flat_map(|function| template.grants(function)).collect()
        });
        let matching: Vec<_> = GRANTS.iter().filter(|grant| self.matches(grant)).collect();
        !matching.is_empty() && matching.iter().all(|grant| grant.is_allowed)
    }

    /// Returns true if a grant covers this call.
    pub fn matches(&self, grant: &Grant) -> bool {
        let is_resource = match grant.resource.split_once('*') {
            Some((start, "")) => self.resource.starts_with(start),
            _ => self.resource == grant.resource,
        };
        (self.function.as_str(), self.action.as_str()) == (grant.function, grant.action.as_str()) && is_resource
    }
}

/// Describes the calls that no role allows.
pub fn refused(calls: &BTreeSet<Call>) -> Vec<String> {
    let refused = calls.iter().filter(|call| !call.is_allowed());
    refused.map(|call| format!("{} may not {} on {}", call.function, call.action, call.resource)).collect()
}

/// Access key of `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/...`.
pub fn signer(arrival: &Arrival) -> String {
    let (_, credential) = arrival.header("authorization").split_once("Credential=").expect("a signed request");
    credential.split('/').next().unwrap().to_owned()
}

fn json(arrival: &Arrival) -> Value {
    serde_json::from_slice(&arrival.body).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn parameters(action: &str, body: &Value) -> Vec<(String, String)> {
    let name = |name: &Value| format!("parameter/{}", text(name).rsplit('/').next().unwrap());
    let names = body["Names"].as_array().cloned().unwrap_or_else(|| vec![body["Name"].clone()]);
    names.iter().map(|parameter| (format!("ssm:{action}"), name(parameter))).collect()
}

/// IAM has no action for transactions: each of their items needs the permission of the single call.
fn tables(action: &str, body: &Value) -> Vec<(String, String)> {
    let on = |action: &str, table: &str| (format!("dynamodb:{action}"), table.to_owned());
    match action {
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let action =
                |kind: &str| if kind == "ConditionCheck" { "ConditionCheckItem".into() } else { format!("{kind}Item") };
            items.map(|(kind, item)| on(&action(kind), text(&item["TableName"]))).collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            body["RequestItems"].as_object().unwrap().keys().map(|table| on(action, table)).collect()
        }
        _ => match body["IndexName"].as_str() {
            Some(index) => vec![on(action, &format!("{}/index/{index}", text(&body["TableName"])))],
            None => vec![on(action, text(&body["TableName"]))],
        },
    }
}

/// The resource of SES is the sender's identity. For SNS a phone number is no resource; a topic is.
fn messages(arrival: &Arrival) -> Vec<(String, String)> {
    let form = arrival.form();
    vec![match form["Action"].as_str() {
        "SendRawEmail" => ("ses:SendRawEmail".into(), format!("identity/{}", form["Source"])),
        "GetSendQuota" => ("ses:GetSendQuota".into(), "the account".into()),
        "Publish" if form.contains_key("PhoneNumber") => ("sns:Publish".into(), "phone number".into()),
        "Publish" => ("sns:Publish".into(), format!("topic/{}", form["TopicArn"].rsplit(':').next().unwrap())),
        other => panic!("unexpected call {other}"),
    }]
}
