#![allow(clippy::unwrap_used)]
use jiff::SignedDuration;
use platform::caller::Author;
use proptest::prelude::*;

use super::*;

const WEEK: i64 = 7 * 24 * 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn launch(slot: i64) -> Launch {
    Launch {
        at: at(0),
        by: "ops".to_owned().into(),
        segments: 4,
        expected_people: 100,
        filter: None,
        exclude: None,
        messages: Vec::new(),
        slots: vec![at(slot)],
        ..Launch::default()
    }
}

fn approval() -> Approval {
    Approval { hash: "h".to_owned(), by: "ops".to_owned().into(), sub: None, kind: None, at: at(0) }
}

fn draft() -> Campaign {
    Campaign::draft(Map::new(), "ops".to_owned().into())
}

#[test]
fn a_campaign_goes_from_draft_to_finished() {
    let mut campaign = draft();
    assert_eq!(campaign.launch(launch(0), at(0)).unwrap_err().state, CampaignState::Draft);
    campaign.approve(approval()).unwrap();
    campaign.launch(launch(60), at(0)).unwrap();
    assert_eq!(campaign.state, CampaignState::Scheduled);
    assert_eq!(campaign.launch(launch(60), at(0)).unwrap_err().state, CampaignState::Scheduled, "twice");
    assert!(!campaign.begin(at(59)) && campaign.begin(at(60)));
    campaign.pause(PauseReason::Operator, None).unwrap();
    campaign.resume(at(70)).unwrap();
    assert!(campaign.finish(true, WEEK, at(80)));
    assert_eq!((campaign.state, campaign.sent_at), (CampaignState::Finishing, Some(at(80))));
    assert!(campaign.finish(false, WEEK, at(90)));
    assert_eq!(
        (campaign.state, campaign.cancel(at(91)).unwrap_err().state),
        (CampaignState::Finished, CampaignState::Finished)
    );
}

#[test]
fn a_change_ends_an_approval() {
    let mut campaign = draft();
    campaign.approve(approval()).unwrap();
    let mut changed = Map::new();
    changed.insert("title".to_owned(), json!("B"));
    campaign.redefine(changed.clone()).unwrap();
    assert_eq!((campaign.state, &campaign.approval), (CampaignState::Draft, &None));
    campaign.approve(approval()).unwrap();
    campaign.redefine(changed).unwrap();
    assert_eq!(campaign.state, CampaignState::Approved, "nothing changed");
}

#[test]
fn without_a_lifetime_of_its_own_finishing_ends_with_that_of_the_type() {
    let mut campaign = draft();
    campaign.approve(approval()).unwrap();
    campaign.launch(launch(0), at(0)).unwrap();
    campaign.finish(true, WEEK, at(10));
    assert!(!campaign.clone().finish(true, WEEK, at(9 + WEEK)));
    assert!(campaign.finish(true, WEEK, at(10 + WEEK)));
}

#[test]
fn a_campaign_whose_tasks_are_done_is_looked_at_less_often_after_an_hour() {
    let mut campaign = draft();
    campaign.approve(approval()).unwrap();
    campaign.launch(launch(0), at(0)).unwrap();
    assert!(campaign.is_check_due(at(1)));
    campaign.finish(true, WEEK, at(0));
    let looks = |minutes: std::ops::Range<i64>| minutes.filter(|minute| campaign.is_check_due(at(minute * 60))).count();
    assert_eq!((looks(0..60), looks(60..120)), (60, 6));
}

#[test]
fn a_resume_accepts_the_version_that_was_taken() {
    let mut campaign = draft();
    campaign.approve(approval()).unwrap();
    campaign.launch(Launch { revisers: ["ada".to_owned()].into(), ..launch(0) }, at(0)).unwrap();
    campaign.pause(PauseReason::Operator, None).unwrap();
    campaign.resume(at(1)).unwrap();
    assert_eq!(campaign.launch.unwrap().revisers, [].into());
}

#[test]
fn finishing_ends_with_the_longest_lifetime() {
    let mut campaign = draft();
    campaign.definition.insert("ttl_seconds".to_owned(), json!(100));
    campaign.approve(approval()).unwrap();
    campaign.launch(launch(0), at(0)).unwrap();
    campaign.finish(true, WEEK, at(10));
    assert!(!campaign.finish(true, WEEK, at(109)));
    assert!(campaign.finish(true, WEEK, at(110)));
}

/// A person who moved to the last zone gets the message after the last task.
#[test]
fn by_local_time_the_lifetime_counts_from_the_last_zone() {
    let mut campaign = draft();
    campaign.definition =
        json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "b"}, "segment": "all",
        "ttl_seconds": 100, "at_local": {"date_time": "1970-01-01T09:00:00", "default_time_zone": "UTC"}})
        .as_object()
        .cloned()
        .unwrap();
    campaign.approve(approval()).unwrap();
    campaign.launch(launch(0), at(0)).unwrap();
    campaign.finish(true, WEEK, at(10));
    let last = 21 * 3_600;
    assert!(!campaign.clone().finish(true, WEEK, at(last + 99)));
    assert!(campaign.finish(true, WEEK, at(last + 100)));
}

/// Otherwise one human could approve with a login, and launch with the token of a client.
#[test]
fn a_person_and_a_client_may_be_one_human() {
    use OperatorKind::{Client, Person};
    let by = |kind| Approval { kind, ..approval() };
    let [ops, bob, ci, ada] = ["ops", "bob", "ci", "ada"].map(Author::of_id);
    assert!(by(Some(Person)).is_by_another(&bob, Person) && by(Some(Client)).is_by_another(&ci, Client));
    assert!(!by(Some(Person)).is_by_another(&ops, Person) && !by(Some(Person)).is_by_another(&ci, Client));
    assert!(by(None).is_by_another(&ci, Client), "an earlier release stored no kind");
    let revised = |kinds: &[OperatorKind]| Launch {
        revisers: ["ada".to_owned()].into(),
        reviser_kinds: kinds.iter().copied().collect(),
        ..launch(0)
    };
    assert!(revised(&[Person]).is_revised_by_others(&bob, Person));
    assert!(!revised(&[Person]).is_revised_by_others(&ada, Person));
    assert!(!revised(&[Person]).is_revised_by_others(&ci, Client));
    assert!(
        revised(&[Person, Client]).is_revised_by_others(&ci, Client) && launch(0).is_revised_by_others(&ci, Client)
    );
}

#[test]
fn a_changed_e_mail_address_does_not_make_two_people_of_one() {
    let login = |name: &str, sub: &str| Author { name: name.to_owned(), sub: Some(sub.to_owned()) };
    let (ada, renamed, namesake) = (login("ada", "s-1"), login("ada.new", "s-1"), login("ada", "s-2"));
    let person = OperatorKind::Person;
    let approval = Approval { by: ada.name.clone().into(), sub: ada.sub.clone(), kind: Some(person), ..approval() };
    assert!(!approval.is_by_another(&renamed, person) && approval.is_by_another(&namesake, person));
    let earlier = Approval { sub: None, ..approval };
    assert!(!earlier.is_by_another(&ada, person), "an earlier release stored the name alone");
    let revised = |identity: &str| Launch { revisers: [identity.to_owned()].into(), ..launch(0) };
    assert!(!revised("s-1").is_revised_by_others(&renamed, person));
    assert!(revised("s-1").is_revised_by_others(&namesake, person));
    assert!(!revised("ada").is_revised_by_others(&ada, person), "an earlier release stored the name");
}

#[test]
fn the_hash_changes_with_everything_that_decides() {
    let id = CampaignId::parse("0123456789abcdefghjkmnpqrs").unwrap();
    let hash = |launch: &Launch, rules: Value| hash_of(&id, &Map::new(), launch, &rules);
    let first = hash(&launch(0), json!(1));
    assert_eq!(first, hash(&Launch { segments: 9, slots: Vec::new(), ..launch(0) }, json!(1)), "not how it is divided");
    assert_ne!(first, hash(&launch(0), json!(2)));
    assert_ne!(first, hash(&Launch { filter: Some(json!({})), ..launch(0) }, json!(1)));
}

proptest! {
    /// Whatever is asked for in whatever order: a final state stays, and only an approved campaign is launched, once.
    #[test]
    fn no_order_of_actions_leaves_the_graph(actions in prop::collection::vec(0..8_u8, 1..40)) {
        let mut campaign = draft();
        let mut launches = 0;
        for (second, action) in actions.into_iter().enumerate() {
            let now = at(0) + SignedDuration::from_secs(i64::try_from(second).unwrap());
            let before = campaign.clone();
            let done = match action {
                0 => campaign.approve(approval()),
                1 => campaign.launch(launch(5), now).inspect(|()| launches += 1),
                2 => campaign.pause(PauseReason::Operator, None),
                3 => campaign.resume(now),
                4 => campaign.cancel(now),
                5 => campaign.redefine(Map::from_iter([("title".to_owned(), json!(second))])),
                6 => { campaign.begin(now); Ok(()) }
                _ => { if before.state == CampaignState::Running { campaign.finish(second % 2 == 0, WEEK, now); } Ok(()) }
            };
            if before.state.is_final() || done.is_err() {
                prop_assert_eq!(before.state, campaign.state);
            }
            prop_assert!(launches <= 1);
            prop_assert_eq!(campaign.launch.is_some(), launches == 1);
            let needs_launch = campaign.state.is_launched() || campaign.state == CampaignState::Finished;
            prop_assert!(!needs_launch || campaign.launch.is_some());
        }
    }
}
