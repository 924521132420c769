#![allow(clippy::unwrap_used)]
use super::*;

/// People of a task of each slot.
const PEOPLE: [f64; 2] = [100.0, 100.0];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn mails(mail: Option<MailPace>) -> ProviderPaces {
    ProviderPaces { mail, sms: None }
}

fn done() -> CampaignTask {
    CampaignTask { is_done: true, ..CampaignTask::default() }
}

fn input<'a>(
    slots: &'a [Timestamp],
    steps: &'a [CampaignStep],
    tasks: &'a BTreeMap<u32, CampaignTask>,
) -> ReleaseInput<'a> {
    ReleaseInput {
        segments: 100,
        slots,
        steps,
        rate_per_second: 100,
        paces: ProviderPaces::default(),
        resumed_at: None,
        people_per_task: &PEOPLE,
        tasks,
    }
}

#[test]
fn tasks_are_released_for_the_next_minute_at_an_even_rate() {
    let (slots, tasks) = ([at(0)], BTreeMap::new());
    let first = release(input(&slots, &[], &tasks), &TaskRelease::default(), at(10));
    assert_eq!(first.tasks.len(), 75);
    assert_eq!((first.tasks[0], first.tasks[74]), ((0, 0), (74, 74)));
    let second = release(input(&slots, &[], &tasks), &first.release, at(70));
    assert_eq!((second.tasks[0], second.tasks.len()), ((75, 15), 25), "the rest follows what is spread already");
    assert!(!second.is_complete);
    let tasks: BTreeMap<u32, CampaignTask> = (0..100).map(|task| (task, done())).collect();
    let last = release(input(&slots, &[], &tasks), &second.release, at(130));
    assert!(last.is_complete && last.tasks.is_empty());
}

#[test]
fn the_send_rate_of_ses_spreads_the_tasks_and_the_people_of_each() {
    let (slots, tasks) = ([at(0)], BTreeMap::new());
    let mail = |people_per_second, people_left| Some(MailPace { people_per_second, people_left });
    let of = |mail| {
        release(ReleaseInput { paces: mails(mail), ..input(&slots, &[], &tasks) }, &TaskRelease::default(), at(0))
    };
    let slower = of(mail(10.0, None));
    assert_eq!((slower.tasks.len(), slower.tasks[1], slower.interval_ms), (8, (1, 10), Some(100)));
    assert_eq!(slower.release.provider_limit.map(|limit| limit.by), Some(ProviderLimitKind::MailRate));
    let slowest = of(mail(0.7, None));
    assert_eq!((slowest.tasks.len(), slowest.tasks[1]), (2, (1, 45)), "one worker after the other, none waits");
    let faster = of(mail(200.0, None));
    assert_eq!((faster.tasks.len(), faster.interval_ms, faster.release.provider_limit), (75, None, None));
}

#[test]
fn the_lowest_rate_of_a_provider_is_the_pace() {
    let (slots, tasks) = ([at(0)], BTreeMap::new());
    let of = |mail: Option<f64>, sms| {
        let mail = mail.map(|people_per_second| MailPace { people_per_second, people_left: None });
        let released = release(
            ReleaseInput { paces: ProviderPaces { mail, sms }, ..input(&slots, &[], &tasks) },
            &TaskRelease::default(),
            at(0),
        );
        (released.release.provider_limit.map(|limit| limit.by), released.interval_ms)
    };
    assert_eq!(of(None, Some(14.0)), (Some(ProviderLimitKind::SmsRate), Some(72)));
    assert_eq!(of(Some(10.0), Some(14.0)), (Some(ProviderLimitKind::MailRate), Some(100)));
    assert_eq!(of(Some(20.0), Some(14.0)), (Some(ProviderLimitKind::SmsRate), Some(72)));
    assert_eq!(of(None, Some(140.0)), (None, None));
    let before = r#"{"mail_limit": {"by": "ses_quota", "people_per_second": 1.5}}"#;
    let before: TaskRelease = serde_json::from_str(before).unwrap();
    assert_eq!(before.provider_limit.map(|limit| limit.by), Some(ProviderLimitKind::MailQuota), "an earlier release");
}

#[test]
fn the_quota_of_ses_for_a_day_holds_tasks_back_with_those_that_are_worked_on() {
    let slots = [at(0)];
    let mut tasks: BTreeMap<u32, CampaignTask> = (0..4).map(|task| (task, done())).collect();
    tasks.insert(4, CampaignTask { lease_until: Some(at(400)), ..CampaignTask::default() });
    tasks.insert(5, CampaignTask { claims: 1, ..CampaignTask::default() });
    let before = TaskRelease { by_slot: vec![6], last_at: Some(at(0)), ..TaskRelease::default() };
    let sent = |people_left: f64| {
        let mail = Some(MailPace { people_per_second: 1_000.0, people_left: Some(people_left) });
        let released = release(ReleaseInput { paces: mails(mail), ..input(&slots, &[], &tasks) }, &before, at(60));
        let by = released.release.provider_limit.map(|limit| limit.by);
        (released.tasks.into_iter().map(|(task, _)| task).collect::<Vec<_>>(), by)
    };
    assert_eq!(sent(399.0), (vec![5, 6], Some(ProviderLimitKind::MailQuota)), "300 people, of whom 100 are worked on");
    assert_eq!(sent(199.0), (vec![], Some(ProviderLimitKind::MailQuota)));
    assert_eq!(sent(0.0), (vec![], Some(ProviderLimitKind::MailQuota)));
    assert_eq!((sent(1e6).0.len(), sent(1e6).1), (75, None));
}

#[test]
fn a_step_waits_for_its_tasks_and_its_hold() {
    let steps = [CampaignStep { percent: 10.0, hold_minutes: 5 }, CampaignStep { percent: 100.0, hold_minutes: 0 }];
    let slots = [at(0)];
    let none = BTreeMap::new();
    let first = release(input(&slots, &steps, &none), &TaskRelease::default(), at(0));
    assert_eq!(first.tasks.len(), 10);
    let ten: BTreeMap<u32, CampaignTask> = (0..10).map(|task| (task, done())).collect();
    let held = release(input(&slots, &steps, &ten), &first.release, at(60));
    assert_eq!((held.tasks.len(), held.release.step), (0, 0));
    let next = release(input(&slots, &steps, &ten), &held.release, at(360));
    assert_eq!((next.tasks[0], next.release.step), ((10, 0), 1));
}

#[test]
fn a_hold_counts_from_the_first_slot_by_local_time() {
    let steps = [CampaignStep { percent: 10.0, hold_minutes: 90 }, CampaignStep { percent: 100.0, hold_minutes: 0 }];
    let slots = [at(0), at(3_600), at(7_200)];
    let people = [100.0; 3];
    let (mut tasks, mut before) = (BTreeMap::new(), TaskRelease::default());
    let mut ends = Vec::new();
    for minute in 0..200 {
        let now = at(minute * 60);
        let input = ReleaseInput { people_per_task: &people, ..input(&slots, &steps, &tasks) };
        let released = release(input, &before, now);
        ends.push(released.release.by_slot.clone());
        before = released.release;
        for (task, _) in released.tasks {
            tasks.insert(task, done());
        }
    }
    assert_eq!((&ends[0], &ends[59]), (&vec![10, 0, 0], &vec![10, 0, 0]));
    assert_eq!((&ends[60], &ends[90]), (&vec![10, 10, 0], &vec![10, 10, 0]), "the second slot begins with a tenth");
    assert_eq!(ends[96], [100, 100, 0], "91 minutes after the first slot, and at the rate");
    assert_eq!(ends[125], [100, 100, 100], "the third slot is not held");
}

#[test]
fn what_was_given_back_or_lost_is_released_again() {
    let slots = [at(0)];
    let mut tasks: BTreeMap<u32, CampaignTask> = (0..98).map(|task| (task, done())).collect();
    tasks.insert(0, CampaignTask { claims: 1, ..CampaignTask::default() });
    tasks.insert(1, CampaignTask { lease_until: Some(at(400)), ..CampaignTask::default() });
    let before = TaskRelease { by_slot: vec![100], last_at: Some(at(100)), ..TaskRelease::default() };
    let sent = |before: &TaskRelease, second| {
        let released = release(input(&slots, &[], &tasks), before, at(second)).tasks;
        released.into_iter().map(|(task, _)| task).collect::<Vec<_>>()
    };
    assert_eq!(sent(&before, 160), [0], "given back");
    assert_eq!(sent(&before, 400), [0, 1, 98, 99], "its worker died; two messages were lost");
    let resumed = TaskRelease { must_resend: true, ..before };
    assert_eq!(sent(&resumed, 160), [0, 98, 99], "the messages were dropped during a pause");
}

#[test]
fn a_resume_sends_dropped_messages_again_once() {
    let (slots, none) = ([at(0)], BTreeMap::new());
    let first = release(input(&slots, &[], &none), &TaskRelease::default(), at(0));
    assert_eq!(first.tasks.len(), 75);
    // The pause and the resume may be within the second of the last release.
    let resumed = ReleaseInput { resumed_at: Some(at(0)), ..input(&slots, &[], &none) };
    let again = release(resumed, &first.release, at(0));
    assert_eq!((again.tasks[0], again.tasks.len()), ((0, 0), 75), "from now on, at the same rate");
    let more = release(resumed, &again.release, at(10));
    assert_eq!((more.tasks[0], more.tasks.len()), ((75, 65), 10), "what the resume released is not released again");
    let later = ReleaseInput { resumed_at: Some(at(20)), ..resumed };
    assert_eq!(release(later, &more.release, at(20)).tasks[0], (0, 0));
}

#[test]
fn a_slot_waits_for_its_time() {
    let (slots, tasks) = ([at(0), at(3_600)], BTreeMap::new());
    let first = release(input(&slots, &[], &tasks), &TaskRelease::default(), at(0));
    assert!(first.tasks.iter().all(|(task, _)| *task < 100));
    let tasks: BTreeMap<u32, CampaignTask> = (0..100).map(|task| (task, done())).collect();
    let released = TaskRelease { by_slot: vec![100, 0], ..TaskRelease::default() };
    let before = release(input(&slots, &[], &tasks), &released, at(3_599));
    assert!(before.tasks.is_empty() && !before.is_complete);
    assert_eq!(release(input(&slots, &[], &tasks), &released, at(3_600)).tasks[0], (100, 0));
}

#[test]
fn each_task_takes_the_time_of_the_people_of_its_slot() {
    let (slots, tasks) = ([at(0), at(0), at(0)], BTreeMap::new());
    let people = [100.0, 20.0, 0.0];
    let of = |by_slot: Vec<u32>, mail| {
        let before = TaskRelease { by_slot, last_at: Some(at(0)), ..TaskRelease::default() };
        release(
            ReleaseInput { people_per_task: &people, paces: mails(mail), ..input(&slots, &[], &tasks) },
            &before,
            at(0),
        )
    };
    let released = of(vec![98, 0, 0], None);
    assert_eq!(released.tasks[..4], [(98, 0), (99, 1), (100, 2), (101, 2)], "one second each, and then a fifth");
    assert_eq!(released.tasks.len(), 202, "those who moved take next to no time");
    assert_eq!(released.release.by_slot, [100, 100, 100]);
    let worked_on = 98.0 * 100.0;
    let mail = Some(MailPace { people_per_second: 1e6, people_left: Some(worked_on + 230.0) });
    let short = of(vec![98, 0, 0], mail);
    assert_eq!(short.release.by_slot, [100, 1, 0], "twice 100 people and once 20");
    assert_eq!(short.release.provider_limit.map(|limit| limit.by), Some(ProviderLimitKind::MailQuota));
}

#[test]
fn closed_slots_are_not_looked_at_again() {
    let slots = [at(0), at(3_600)];
    let none = BTreeMap::new();
    let closed = ClosedSlots { slots: 1, ..ClosedSlots::default() };
    let before = TaskRelease { by_slot: vec![100, 0], last_at: Some(at(0)), closed, ..TaskRelease::default() };
    let waits = release(input(&slots, &[], &none), &before, at(3_599));
    assert!(waits.tasks.is_empty() && !waits.is_complete);
    let steps = [CampaignStep { percent: 10.0, hold_minutes: 0 }, CampaignStep { percent: 100.0, hold_minutes: 0 }];
    let next = release(input(&slots, &steps, &none), &TaskRelease { step: 1, ..before }, at(3_600));
    assert_eq!(next.tasks[0], (100, 0));
    let done: BTreeMap<u32, CampaignTask> = (100..200).map(|task| (task, done())).collect();
    let released = TaskRelease { by_slot: vec![100, 100], ..next.release };
    assert!(release(input(&slots, &steps, &done), &released, at(3_700)).is_complete);
}

#[test]
fn lost_messages_of_one_minute_are_sent_again_while_other_tasks_are_released() {
    let slots = [at(0)];
    let mut tasks = BTreeMap::new();
    let (mut state, mut sent_at) = (TaskRelease::default(), Vec::new());
    for minute in 0..10 {
        let input = ReleaseInput { segments: 1_000, ..input(&slots, &[], &tasks) };
        let released = release(input, &state, at(60 * minute));
        state = released.release;
        assert!(!released.tasks.is_empty(), "tasks are released in each minute");
        for (task, _) in released.tasks {
            // The message of task 7 does not reach the queue.
            if task == 7 {
                sent_at.push(minute);
            } else {
                tasks.insert(task, done());
            }
        }
    }
    assert_eq!(sent_at, [0, 7], "five minutes after the last task of its minute");
    assert!(state.batches.len() <= 2, "{:?}", state.batches);
}
