//! Batches of which DynamoDB processes only a part.

use serde_json::{Value, json};

/// A part of a batch that DynamoDB does not see.
pub struct Unprocessed {
    call: &'static str,
    table: String,
    request: Value,
}

impl Unprocessed {
    /// Takes the last write or key out of a batch of several.
    pub fn take_from(call: &'static str, body: &mut Value) -> Option<Self> {
        let (table, requests) = body["RequestItems"].as_object_mut()?.iter_mut().next()?;
        let requests = if call == "BatchGetItem" { &mut requests["Keys"] } else { requests };
        let requests = requests.as_array_mut().filter(|requests| requests.len() > 1)?;
        Some(Self { call, table: table.clone(), request: requests.pop()? })
    }

    /// Adds it to the response to the rest.
    pub fn add_to(self, answer: &[u8]) -> Vec<u8> {
        let mut answer: Value = serde_json::from_slice(answer).unwrap();
        match self.call {
            "BatchGetItem" => answer["UnprocessedKeys"] = json!({(self.table): {"Keys": [self.request]}}),
            _ => answer["UnprocessedItems"] = json!({(self.table): [self.request]}),
        }
        answer.to_string().into_bytes()
    }
}
