#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn definition(changes: &Value) -> CampaignDefinition {
    let mut body = json!({"title": "A", "type": "NEWS", "content": {"title": "A", "body": "B"}, "filter": {"all": []}});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    CampaignDefinition::parse(body).unwrap()
}

fn by_local_time() -> CampaignDefinition {
    definition(&json!({"at_local": {"date_time": "2026-12-01T09:00:00", "default_time_zone": "UTC"}}))
}

fn done(matched: u64) -> CampaignTask {
    CampaignTask {
        is_done: true,
        tally: PeopleTally { matched, sent: matched, ..PeopleTally::default() },
        ..CampaignTask::default()
    }
}

fn launch(slots: usize, slot_people: &[u64]) -> Launch {
    let slots = (0..slots).map(|slot| at(i64::try_from(slot).unwrap() * 3_600)).collect();
    Launch { segments: 4, slots, slot_people: slot_people.to_vec(), expected_people: 100, ..Launch::default() }
}

#[test]
fn the_pass_for_people_who_moved_waits_for_every_other_task() {
    let (launch, definition) = (launch(3, &[50, 50]), by_local_time());
    let mut tasks: BTreeMap<u32, CampaignTask> = (0..7).map(|task| (task, done(1))).collect();
    let releasable = |closed: &ClosedSlots, tasks: &BTreeMap<u32, CampaignTask>| {
        launch.releasable_slots(&definition, closed, tasks).len()
    };
    assert_eq!(releasable(&ClosedSlots::default(), &tasks), 2, "task 7 was not taken");
    tasks.insert(7, CampaignTask { lease_until: Some(at(9)), ..CampaignTask::default() });
    assert_eq!(releasable(&ClosedSlots::default(), &tasks), 2, "task 7 is worked on");
    let mut closed = ClosedSlots::default();
    closed.close(&launch, &tasks);
    assert_eq!((closed.slots, releasable(&closed, &tasks.split_off(&4))), (1, 2));
    let tasks: BTreeMap<u32, CampaignTask> = (4..8).map(|task| (task, done(1))).collect();
    assert_eq!(releasable(&closed, &tasks), 3);
    let at_once = Launch { slots: vec![at(0)], ..launch.clone() };
    assert_eq!(at_once.releasable_slots(&self::definition(&json!({})), &ClosedSlots::default(), &tasks).len(), 1);
}

#[test]
fn a_task_has_the_people_of_its_slot_and_the_last_pass_has_none() {
    let rounded = |launch: &Launch, test| -> Vec<f64> { launch.people_per_task(test) };
    assert_eq!(
        rounded(&launch(3, &[150, 50]), None),
        [18.75, 6.25, 0.0],
        "the plan counted those who are held out, too"
    );
    assert_eq!(rounded(&launch(1, &[]), None), [25.0]);
    assert_eq!(rounded(&launch(3, &[]), None), [12.5, 12.5, 12.5], "of an earlier release");
    let text = |name: &str| json!({"name": name, "weight_bp": 5_000, "content": {"title": "A", "body": "B"}});
    let test = json!({"share_percent": 20, "hours": 1, "metric": "clicked", "then": "winner"});
    let tested = json!({"content": null, "variants": [text("a"), text("b")], "test": test});
    let test = definition(&tested).test;
    assert_eq!(rounded(&launch(2, &[]), test.as_ref()), [5.0, 20.0]);
}

#[test]
fn every_zone_of_a_plan_has_its_slot() {
    let Timing::AtLocal(local) = by_local_time().timing else { panic!() };
    let mut plan = PeopleTally::default();
    let names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    assert!(names.len() > 400, "{}", names.len());
    names.iter().for_each(|name| plan.add_locale_and_zone(None, Some(name)));
    let mut sum = PeopleTally::default();
    sum.merge(&plan);
    let slots = local.slots(&sum.by_time_zone, at(0));
    for name in &names {
        assert!(slots.contains_key(&local.instant(Some(name))), "{name}");
    }
    assert_eq!(slots.values().sum::<u64>(), names.len() as u64);
    assert!(slots.len() < 50, "{}", slots.len());
}

#[test]
fn a_campaign_ends_after_its_last_slot() {
    let plan = PeopleTally {
        matched: 900,
        by_time_zone: BTreeMap::from([("UTC".to_owned(), 600), ("America/New_York".to_owned(), 300)]),
        ..PeopleTally::default()
    };
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let ends = |definition: &CampaignDefinition, rate| {
        let waits = SignedDuration::from_secs(5);
        definition.ends_at(&plan, rate, waits, now).duration_since(now).as_secs()
    };
    assert_eq!(ends(&definition(&json!({})), 10.0), 95);
    assert_eq!(ends(&definition(&json!({"send_at": "2026-12-01T01:00:00Z"})), 10.0), 3_695);
    assert_eq!(ends(&definition(&json!({"send_at": "2026-11-30T23:59:00Z"})), 10.0), 95);
    assert_eq!(ends(&by_local_time(), 10.0), 14 * 3_600 + 30, "New York's people do not wait for a step");
    assert_eq!(
        ends(&by_local_time(), 0.01),
        9 * 3_600 + 90_000 + 5,
        "people of UTC are not all sent to when New York begins"
    );
}

#[test]
fn who_is_left_waits_for_the_later_slots() {
    let (launch, definition) = (launch(3, &[50, 50]), by_local_time());
    let left = |people, second: i64| {
        let end = launch.ends_at(None, people, 1.0, SignedDuration::from_secs(10), at(second));
        end.duration_since(at(second)).as_secs()
    };
    assert_eq!((left(100, 0), left(60, 0)), (7_200, 7_200), "the last pass begins with the third slot");
    assert_eq!((left(50, 3_600), left(30, 7_200), left(0, 9_000)), (3_600, 40, 10));
    let at_once = Launch { slots: vec![at(0)], slot_people: Vec::new(), ..launch.clone() };
    let end = at_once.ends_at(None, 100, 1.0, SignedDuration::from_secs(10), at(5));
    assert_eq!(end, at(115));
    let waits = |tasks_done, second| launch.waits_for_local_time(&definition, tasks_done, at(second));
    assert!(!waits(3, 0) && waits(4, 0) && !waits(4, 3_600) && waits(8, 3_600) && !waits(12, 7_200));
    assert!(!at_once.waits_for_local_time(&self::definition(&json!({})), 4, at(0)));
}

proptest! {
    /// Whatever is closed: the numbers are those of all tasks.
    #[test]
    fn closed_slots_change_no_number(counts in prop::collection::vec((any::<bool>(), 0..9_u64), 12)) {
        let launch = launch(3, &[]);
        let task = |(number, (is_done, matched)): (usize, &(bool, u64))| {
            (u32::try_from(number).unwrap(), CampaignTask { is_done: *is_done || number < 5, ..done(*matched) })
        };
        let mut tasks: BTreeMap<u32, CampaignTask> = counts.iter().enumerate().map(task).collect();
        let whole = CampaignTotals::of(launch.tasks(), tasks.values());
        let mut closed = ClosedSlots::default();
        closed.close(&launch, &tasks);
        prop_assert!(closed.slots >= 1);
        let open = tasks.split_off(&closed.first_open_task(&launch));
        prop_assert_eq!(closed.totals(&launch, open.values()), whole);
        let before = closed.clone();
        closed.close(&launch, &open);
        prop_assert_eq!(before, closed);
    }
}
