//! Law: no writer of a profile reverts what a person refused. Only the two explicit routes do.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::batch_tests::profiles;
use super::testing::TestApi;
use domain::channel::EmailAddress;
use domain::recipient::{Address, RecipientId, SuppressionReason};

/// Step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// The person unsubscribes from a type by a link.
    Unsubscribe(&'static str),
    /// The person complains about a message to this address.
    Complain(String),
    /// A caller writes the profile.
    Put(Value),
    Patch(Value),
    Import(&'static str, Value),
    Register(u8),
    /// The explicit reverts.
    SubscribeAgain(&'static str),
    Lift,
}

fn steps() -> impl Strategy<Value = Step> {
    let kind = || prop::sample::select(vec!["DEFAULT", "CERTIFICATE_EXPIRING", "PAYMENT_DUE"]);
    let mode = prop::sample::select(vec!["create", "upsert", "update_only"]);
    let patch = profiles().prop_map(|mut profile| {
        profile["preferences"] = Value::Null;
        profile
    });
    prop_oneof![
        3 => kind().prop_map(Step::Unsubscribe),
        3 => "[a-c]".prop_map(|name| Step::Complain(format!("{name}@example.com"))),
        2 => profiles().prop_map(Step::Put),
        2 => prop_oneof![profiles(), patch].prop_map(Step::Patch),
        4 => (mode, profiles()).prop_map(|(mode, profile)| Step::Import(mode, profile)),
        1 => any::<u8>().prop_map(Step::Register),
        1 => kind().prop_map(Step::SubscribeAgain),
        1 => Just(Step::Lift),
    ]
}

/// Everything that the person refused and did not revert.
#[derive(Default)]
struct Refused {
    types: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl TestApi {
    async fn carry_out(&self, step: &Step, refused: &mut Refused) {
        let key = self.api.hasher.recipient_key(&RecipientId::parse("ada").unwrap());
        match step {
            Step::Unsubscribe(kind) => {
                self.api.recipients.unsubscribe(&key, kind, self.now).await.unwrap();
                if self.get("ada").await.0 == 200 {
                    refused.types.insert((*kind).to_owned());
                }
            }
            Step::Complain(address) => {
                let email = EmailAddress::parse(address).unwrap();
                let reason = SuppressionReason::Complaint;
                self.api.suppressions.suppress(Address::Email(&email), reason, Some(&key), self.now).await.unwrap();
                refused.addresses.insert(address.clone());
            }
            Step::Put(profile) => drop(self.put("ada", profile).await),
            Step::Patch(profile) => drop(self.ask("PATCH /v1/recipients/{id}", "ada", &profile.to_string()).await),
            Step::Import(mode, profile) => {
                let before = self.get("ada").await.1;
                let mut item = profile.clone();
                item["id"] = json!("ada");
                self.import(mode, &[item]).await;
                let after = self.get("ada").await.1;
                for list in ["opted_out_types", "opted_out_channels"] {
                    let kept = before["preferences"][list].as_array().cloned().unwrap_or_default();
                    let now = after["preferences"][list].as_array().cloned().unwrap_or_default();
                    assert!(kept.iter().all(|one| now.contains(one)), "{list}: {kept:?} became {now:?}");
                }
            }
            Step::Register(device) => drop(self.register("ada", &format!("d{}", device % 3)).await),
            Step::SubscribeAgain(kind) => {
                let path = [("id", "ada"), ("type", *kind)];
                self.send("DELETE /v1/recipients/{id}/unsubscribed/{type}", &path, &[], vec![]).await;
                refused.types.remove(*kind);
            }
            Step::Lift => {
                if let Some(address) = self.get("ada").await.1["email"].as_str() {
                    let path = [("id", "ada"), ("channel", "email")];
                    self.send("DELETE /v1/recipients/{id}/suppressions/{channel}", &path, &[], vec![]).await;
                    refused.addresses.remove(address);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_no_of_a_person_outlasts_every_write_of_a_caller(history in prop::collection::vec(steps(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, mut refused) = (TestApi::new().await, Refused::default());
            for step in &history {
                world.carry_out(step, &mut refused).await;
                let (status, ada) = world.get("ada").await;
                if status == 200 {
                    let unsubscribed: BTreeSet<_> =
                        ada["unsubscribed_types"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
                    assert_eq!(unsubscribed, refused.types, "{step:?}");
                    let is_refused = ada["email"].as_str().is_some_and(|email| refused.addresses.contains(email));
                    let is_suppressed = ada["suppressed_channels"] == json!(["email"]);
                    assert_eq!(is_suppressed, is_refused, "{step:?} {ada}");
                }
            }
        });
    }
}
