#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing_tables::{CONTROL, items, tables};
use domain::breaker::{Signal, Thresholds};
use domain::channel::Channel;

fn fcm() -> Host {
    Host::push("fcm.googleapis.com")
}

fn report(failed: u64, succeeded: u64, at_ms: i64) -> BreakerReport {
    let mut tally = SlotCounts::default();
    tally.add(SlotCounts::slot_of(at_ms), Count { failed, succeeded });
    BreakerReport { tally, began_ms: at_ms, failures: 1, retry_after_until_ms: None, at_ms }
}

async fn store() -> (DynamoClient, BreakerStore) {
    let client = tables().await.client();
    (client.clone(), BreakerStore::new(client, CONTROL))
}

async fn read(store: &BreakerStore, host: &Host) -> StoredBreaker {
    store.read(std::slice::from_ref(host)).await.unwrap().remove(0).1
}

#[tokio::test]
async fn reports_are_added_and_the_response_is_the_sum() {
    let (client, store) = store().await;
    assert_eq!(read(&store, &fcm()).await, StoredBreaker::default());
    store.count(&fcm(), &report(1, 7, 12_000)).await.unwrap();
    let sum = store.count(&fcm(), &report(1, 0, 13_000)).await.unwrap();
    assert_eq!(sum.tally.slots().collect::<Vec<_>>(), [(2, Count { failed: 2, succeeded: 7 })]);
    assert_eq!((read(&store, &fcm()).await, sum.breaker), (sum.clone(), Breaker::default()));
    let other = read(&store, &Host::paid(Channel::Email)).await;
    assert_eq!(other, StoredBreaker::default(), "one host's counts are not another's");
    let kept: i64 = items(&client, CONTROL).await[0]["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(kept, 13 + 86_400);
}

#[tokio::test]
async fn a_recipient_is_stored_once_per_slot_by_all_reports() {
    let (_, store) = store().await;
    let of = |failures: &[(i64, u32, bool)]| {
        let mut tally = SlotCounts::default();
        failures
            .iter()
            .for_each(|(at_ms, mark, asked)| tally.add_recipient(SlotCounts::slot_of(*at_ms), *mark, *asked));
        BreakerReport { tally, began_ms: 12_000, failures: failures.len(), retry_after_until_ms: None, at_ms: 12_000 }
    };
    store.count(&fcm(), &of(&[(12_000, 7, false), (12_000, u32::MAX, true)])).await.unwrap();
    let sum = store.count(&fcm(), &of(&[(13_000, 7, true), (17_000, 7, false)])).await.unwrap();
    assert_eq!(sum.tally, of(&[(12_000, 7, true), (12_000, u32::MAX, true), (17_000, 7, false)]).tally);
    assert_eq!(read(&store, &fcm()).await, sum);
    store.trim(&fcm(), &sum.tally.ended_by(15_000)).await.unwrap();
    assert_eq!(read(&store, &fcm()).await.tally, of(&[(17_000, 7, false)]).tally);
}

#[tokio::test]
async fn a_transition_is_stored_once_deletes_the_counts_and_rejects_late_ones() {
    let (_, store) = store().await;
    let counted = store.count(&fcm(), &report(20, 0, 12_000)).await.unwrap();
    let open = counted.breaker.opened(&Thresholds::default(), 12_000);
    store.replace(&fcm(), counted.breaker.revision, &open, 12_000).await.unwrap();
    let again = store.replace(&fcm(), counted.breaker.revision, &open, 12_000).await.unwrap_err();
    assert!(again.is_condition_failed());
    assert_eq!(read(&store, &fcm()).await, StoredBreaker { breaker: open, ..StoredBreaker::default() });
    assert!(store.count(&fcm(), &report(1, 0, 13_000)).await.unwrap_err().is_condition_failed());
    let half = open.probing(42_000).unwrap();
    store.replace(&fcm(), open.revision, &half, 42_000).await.unwrap();
    assert_eq!(read(&store, &fcm()).await.breaker, half);
    assert!(store.count(&fcm(), &report(1, 0, 42_000)).await.unwrap_err().is_condition_failed());
    let closed = half.probed(Signal::Success, &Thresholds::default(), 43_000);
    store.replace(&fcm(), half.revision, &closed, 43_000).await.unwrap();
    assert_eq!(read(&store, &fcm()).await.breaker, closed);
    let late = store.count(&fcm(), &report(1, 0, 37_000)).await.unwrap_err();
    assert!(late.is_condition_failed(), "the attempts began before the breaker closed, less the clock skew");
    assert_eq!(store.count(&fcm(), &report(1, 0, 43_500)).await.unwrap().breaker, closed);
}

#[tokio::test]
async fn an_opened_breaker_is_listed_for_two_days_with_its_present_state() {
    let (client, store) = store().await;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let late = at("2026-11-23T23:59:00Z");
    assert_eq!(store.opened(late).await.unwrap(), []);
    store.count(&Host::push("web.push.apple.com"), &report(1, 9, late.as_millisecond())).await.unwrap();
    let opened = Breaker::default().opened(&Thresholds::default(), late.as_millisecond());
    store.replace(&fcm(), 0, &opened, late.as_millisecond()).await.unwrap();
    let (tomorrow, later) = (at("2026-11-24T23:59:59Z"), at("2026-11-25T00:00:00Z"));
    for now in [late, tomorrow] {
        assert_eq!(store.opened(now).await.unwrap(), [(fcm(), opened)], "and none that never opened");
    }
    assert_eq!(store.opened(later).await.unwrap(), []);
    let half = opened.probing(late.as_millisecond() + 30_000).unwrap();
    store.replace(&fcm(), opened.revision, &half, late.as_millisecond() + 30_000).await.unwrap();
    let closed = half.probed(Signal::Success, &Thresholds::default(), late.as_millisecond() + 31_000);
    store.replace(&fcm(), half.revision, &closed, late.as_millisecond() + 31_000).await.unwrap();
    assert!(store.opened(late).await.unwrap()[0].1.is_closed());
    let days = items(&client, CONTROL).await;
    let days: Vec<_> = days.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("breakers#")).collect();
    assert_eq!((days.len(), days[0]["pk"].as_s().unwrap().as_str()), (1, "breakers#2026-11-23"));
}

#[tokio::test]
async fn stale_counts_are_removed_and_no_item_is_created() {
    let (client, store) = store().await;
    store.count(&fcm(), &report(1, 2, 12_000)).await.unwrap();
    let stored = store.count(&fcm(), &report(1, 0, 300_000)).await.unwrap();
    let stale = stored.tally.ended_by(200_000);
    store.trim(&fcm(), &stale).await.unwrap();
    assert_eq!(read(&store, &fcm()).await.tally.slots().collect::<Vec<_>>(), [(60, Count { failed: 1, succeeded: 0 })]);
    assert!(store.trim(&Host::push("x"), &stale).await.unwrap_err().is_condition_failed());
    assert_eq!(items(&client, CONTROL).await.len(), 1);
}

#[tokio::test]
async fn the_counts_of_a_full_minute_stay_within_1_kb() {
    let (client, store) = store().await;
    for second in 0..60 {
        store.count(&fcm(), &report(50, 9_999, 1_795_000_000_000 + second * 1_000)).await.unwrap();
    }
    let item = items(&client, CONTROL).await.remove(0);
    let bytes: usize = item.iter().map(|(name, value)| name.len() + format!("{value:?}").len()).sum();
    assert!(bytes < 1_024, "{bytes}");
}
