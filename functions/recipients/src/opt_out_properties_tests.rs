//! Law: no writer of a profile reverts what a person refused. Only the person does, through a link, the preference
//! page, or a caller that acts for the person.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::batch_tests::profiles;
use super::testing::TestApi;
use domain::NotificationTypes;
use domain::channel::{Channel, EmailAddress};
use domain::recipient::{
    Address, ChoiceAuthor, ChoiceScope, PersonChoices, ProfileVersion, RecipientId, RecipientKey, SuppressionReason,
};

const TYPES: [&str; 3] = ["DEFAULT", "CERTIFICATE_EXPIRING", "PAYMENT_DUE"];

/// Step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// The person unsubscribes from a type by a link.
    Unsubscribe(&'static str),
    /// The person chooses, through a caller or on the preference page.
    Choose(ChoiceAuthor, ChoiceScope, bool),
    /// The person sets or removes the quiet hours.
    QuietHours(ChoiceAuthor, Option<u8>),
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

fn kinds() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TYPES.to_vec())
}

fn scopes() -> impl Strategy<Value = ChoiceScope> {
    let channels = || prop::sample::select(Channel::ALL.to_vec());
    prop_oneof![
        kinds().prop_map(|kind| ChoiceScope::Type(kind.to_owned())),
        channels().prop_map(ChoiceScope::Channel),
        (kinds(), channels()).prop_map(|(kind, channel)| ChoiceScope::Cell(kind.to_owned(), channel)),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let mode = prop::sample::select(vec!["create", "upsert", "update_only"]);
    let author = || prop::sample::select(vec![ChoiceAuthor::Person, ChoiceAuthor::Link]);
    let patch = profiles().prop_map(|mut profile| {
        profile["preferences"] = Value::Null;
        profile
    });
    let item = (profiles(), prop::option::of(kinds()), any::<bool>()).prop_map(|(mut item, kind, is_removed)| {
        item["unsubscribed_types"] = json!(kind.as_slice());
        if is_removed {
            item["preferences"] = json!({"opted_out_types": [], "opted_out_channels": null, "quiet_hours": null});
        }
        item
    });
    prop_oneof![
        3 => kinds().prop_map(Step::Unsubscribe),
        6 => (author(), scopes(), prop::bool::weighted(0.3)).prop_map(|(by, scope, wants)| Step::Choose(by, scope, wants)),
        2 => (author(), prop::option::of(0_u8..24)).prop_map(|(by, hour)| Step::QuietHours(by, hour)),
        3 => "[a-c]".prop_map(|name| Step::Complain(format!("{name}@example.com"))),
        3 => profiles().prop_map(Step::Put),
        3 => prop_oneof![profiles(), patch].prop_map(Step::Patch),
        4 => (mode, item).prop_map(|(mode, item)| Step::Import(mode, item)),
        1 => any::<u8>().prop_map(Step::Register),
        1 => kinds().prop_map(Step::SubscribeAgain),
        1 => Just(Step::Lift),
    ]
}

/// Everything that the person refused and did not revert.
#[derive(Default)]
struct Refused {
    scopes: BTreeSet<ChoiceScope>,
    quiet_hours: Option<Value>,
    addresses: BTreeSet<String>,
}

impl Refused {
    fn choose(&mut self, scope: ChoiceScope, wants: bool) {
        if wants {
            self.scopes.remove(&scope);
        } else {
            self.scopes.insert(scope);
        }
    }

    /// Checks the recipient as the API shows it.
    fn check(&self, ada: &Value, step: &Step) {
        let choices = ada["preferences"]["choices"].as_array().cloned().unwrap_or_default();
        for scope in &self.scopes {
            let channel = scope.channel().map(Channel::as_str);
            let found =
                choices.iter().find(|one| one["type"].as_str() == scope.kind() && one["channel"].as_str() == channel);
            let found = found.unwrap_or_else(|| panic!("{step:?} lost {scope:?}"));
            assert!(found["wants"] == json!(false) && found["by"] != json!("caller"), "{step:?} changed {scope:?}");
        }
        let texts = ada["unsubscribed_types"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned());
        let types = self.scopes.iter().filter_map(|scope| match scope {
            ChoiceScope::Type(kind) => Some(kind.clone()),
            _ => None,
        });
        assert_eq!(texts.collect::<BTreeSet<_>>(), types.collect::<BTreeSet<_>>(), "{step:?}");
        if let Some(hours) = &self.quiet_hours {
            assert_eq!(&ada["preferences"]["quiet_hours"], hours, "{step:?}");
        }
        let is_refused = ada["email"].as_str().is_some_and(|email| self.addresses.contains(email));
        assert_eq!(ada["suppressed_channels"] == json!(["email"]), is_refused, "{step:?} {ada}");
    }
}

/// Returns the keys of everything that is refused, by any author.
fn refusals(ada: &Value) -> BTreeSet<String> {
    let choices = ada["preferences"]["choices"].as_array().cloned().unwrap_or_default();
    let refused = choices.iter().filter(|one| one["wants"] == json!(false));
    refused.map(|one| format!("{}|{}", one["type"], one["channel"])).collect()
}

impl TestApi {
    fn ada(&self) -> RecipientKey {
        self.api.hasher.recipient_key(&RecipientId::parse("ada").unwrap())
    }

    /// Chooses as a caller that acts for the person, or as the preference page.
    async fn choose(&self, by: ChoiceAuthor, choices: Value) {
        if by == ChoiceAuthor::Person {
            let (status, answer) = self.ask("PUT /v1/recipients/{id}/preferences", "ada", &choices.to_string()).await;
            assert!(matches!(status, 200 | 404), "{answer}");
        } else if let Some(known) = self.api.recipients.load(&self.ada()).await.unwrap() {
            let choices = PersonChoices::of_json(choices, &NotificationTypes::default()).unwrap();
            let next = choices.applied(&known.preferences, by, self.now);
            let version = ProfileVersion::of(&known);
            self.api.recipients.put_preferences_if(&self.ada(), &next, version, self.now).await.unwrap().unwrap();
        }
    }

    async fn carry_out(&self, step: &Step, refused: &mut Refused) {
        let is_known = self.get("ada").await.0 == 200;
        match step {
            Step::Unsubscribe(kind) => {
                self.api.recipients.unsubscribe(&self.ada(), kind, ChoiceAuthor::Link, self.now).await.unwrap();
                if is_known {
                    refused.choose(ChoiceScope::Type((*kind).to_owned()), false);
                }
            }
            Step::Choose(by, scope, wants) => {
                let choice = json!({"type": scope.kind(), "channel": scope.channel(), "wants": wants});
                self.choose(*by, json!({"choices": [choice]})).await;
                if is_known {
                    refused.choose(scope.clone(), *wants);
                }
            }
            Step::QuietHours(by, hour) => {
                let hours = hour.map(|hour| json!({"start": format!("{hour:02}:15"), "end": format!("{hour:02}:45")}));
                self.choose(*by, json!({"quiet_hours": hours})).await;
                if is_known {
                    refused.quiet_hours = hours;
                }
            }
            Step::Complain(address) => {
                let email = EmailAddress::parse(address).unwrap();
                let (reason, key) = (SuppressionReason::Complaint, self.ada());
                self.api.suppressions.suppress(Address::Email(&email), reason, Some(&key), self.now).await.unwrap();
                refused.addresses.insert(address.clone());
            }
            Step::Put(profile) => drop(self.put("ada", profile).await),
            Step::Patch(profile) => drop(self.ask("PATCH /v1/recipients/{id}", "ada", &profile.to_string()).await),
            Step::Import(mode, item) => self.carry_out_import(mode, item, refused).await,
            Step::Register(device) => drop(self.register("ada", &format!("d{}", device % 3)).await),
            Step::SubscribeAgain(kind) => {
                let path = [("id", "ada"), ("type", *kind)];
                self.send("DELETE /v1/recipients/{id}/unsubscribed/{type}", &path, &[], vec![]).await;
                refused.choose(ChoiceScope::Type((*kind).to_owned()), true);
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

    /// Imports a profile. An import removes no refusal of any author.
    async fn carry_out_import(&self, mode: &str, item: &Value, refused: &mut Refused) {
        let before = self.get("ada").await.1;
        let mut item = item.clone();
        item["id"] = json!("ada");
        let answer = self.import(mode, std::slice::from_ref(&item)).await;
        let after = self.get("ada").await.1;
        assert!(refusals(&before).is_subset(&refusals(&after)), "{before} became {after}");
        if answer["items"][0]["result"].is_string() {
            let kinds = item["unsubscribed_types"].as_array().unwrap().iter().filter_map(Value::as_str);
            kinds.for_each(|kind| refused.choose(ChoiceScope::Type(kind.to_owned()), false));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_no_of_a_person_outlasts_every_write_of_a_caller(history in prop::collection::vec(steps(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, mut refused) = (TestApi::new().await, Refused::default());
            for step in &history {
                world.carry_out(step, &mut refused).await;
                let (status, ada) = world.get("ada").await;
                if status == 200 {
                    refused.check(&ada, step);
                }
            }
        });
    }
}

/// Returns preferences as responses show them, without the times of a caller's decisions: an import is a new decision.
fn without_times_of_callers(preferences: &Value) -> Value {
    let mut shown = preferences.clone();
    let mut forget = |choice: &mut Value| {
        if choice["by"] == json!("caller") {
            choice.as_object_mut().unwrap().remove("at");
        }
    };
    shown.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut forget);
    shown.get_mut("quiet_hours_choice").into_iter().for_each(&mut forget);
    shown
}

/// Imports the export of a recipient: where it came from, which changes nothing, and where nobody is.
async fn import_of_an_export_changes_nothing(world: &TestApi) {
    let (_, document) = world.ask("GET /v1/recipients/{id}/export", "ada", "").await;
    let export = document["recipient"].clone();
    let before = world.everything().await;
    for mode in ["create", "upsert", "update_only"] {
        let answer = world.import(mode, std::slice::from_ref(&export)).await;
        assert_eq!(answer["counts"]["unchanged"], 1, "{export} {answer}");
        assert_eq!(world.everything().await, before);
    }
    let mut item = export.clone();
    for name in ["devices", "created_at", "updated_at", "suppressed_channels"] {
        item.as_object_mut().unwrap().remove(name);
    }
    let mut elsewhere = TestApi::new().await;
    elsewhere.now = world.now + jiff::SignedDuration::from_hours(1);
    let answer = elsewhere.import("create", &[item]).await;
    assert_eq!(answer["counts"]["created"], 1, "{answer}");
    let imported = elsewhere.get("ada").await.1;
    let [given, found] = [&export, &imported].map(|one| without_times_of_callers(&one["preferences"]));
    assert_eq!(given, found, "{export}");
    assert_eq!(export["unsubscribed_types"], imported["unsubscribed_types"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_export_holds_every_choice_with_its_author(history in prop::collection::vec(steps(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut world, mut refused) = (TestApi::new().await, Refused::default());
            for step in &history {
                world.now += jiff::SignedDuration::from_secs(1);
                world.carry_out(step, &mut refused).await;
            }
            if world.get("ada").await.0 == 200 {
                import_of_an_export_changes_nothing(&world).await;
            }
        });
    }
}

#[tokio::test]
async fn a_put_that_races_with_an_unsubscription_loses_none() {
    let world = std::sync::Arc::new(TestApi::new().await);
    world.put("ada", &json!({})).await;
    let mut at_once = tokio::task::JoinSet::new();
    for kind in TYPES {
        let unsubscribing = world.clone();
        at_once.spawn(async move {
            let (key, now) = (unsubscribing.ada(), unsubscribing.now);
            unsubscribing.api.recipients.unsubscribe(&key, kind, ChoiceAuthor::Link, now).await.unwrap();
            200
        });
        let putting = world.clone();
        at_once.spawn(async move { putting.put("ada", &json!({"attributes": {"last": kind}})).await.0 });
    }
    assert!(at_once.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(
        world.get("ada").await.1["unsubscribed_types"],
        json!(["CERTIFICATE_EXPIRING", "DEFAULT", "PAYMENT_DUE"])
    );
}
