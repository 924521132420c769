//! Property test: a sum is exactly the reserved money and never exceeds its ceiling, in any order of concurrent calls.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::testing::Dynamo;
use crate::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, items, tables};
use crate::{Item, NotificationsStore, RecipientsStore};
use domain::TypeId;
use domain::budget::Period;
use domain::channel::Channel;
use domain::notification::sample;
use domain::recipient::{KeyHasher, RecipientId, RecipientKey};
use domain::settings::Settings;

const START: &str = "2026-11-30T21:30:00Z";

struct TestBudgets {
    dynamo: Dynamo,
    budgets: BudgetStore,
    recipients: RecipientsStore,
    notifications: NotificationsStore,
}

fn person(number: u8) -> RecipientKey {
    KeyHasher::new(&[7; 32]).recipient_key(&RecipientId::parse(&format!("user-{number}")).unwrap())
}

fn start() -> Timestamp {
    START.parse().unwrap()
}

impl TestBudgets {
    async fn new() -> Self {
        let dynamo = tables().await;
        Self {
            budgets: BudgetStore::new(dynamo.client(), CONTROL),
            recipients: RecipientsStore::new(dynamo.client(), RECIPIENTS, CONTROL),
            notifications: NotificationsStore::new(dynamo.client(), NOTIFICATIONS),
            dynamo,
        }
    }

    /// Reserves money for a new notification. The reservation is `None` if no budget applies.
    async fn reserve(&self, pay: Pay, settings: &Settings, at: Timestamp) -> (Option<Reservation>, ReserveResult) {
        let kind = &TypeId::parse(pay.kind).unwrap();
        let limits = Limit::all_for(pay.channel, kind, settings);
        let needed = Reservation::needed(pay.channel, kind, pay.price_micros, &limits, at);
        let Some(reservation) = needed else { return (None, ReserveResult::Reserved) };
        let claim = self.notifications.put_in_transaction(&mut sample(pay.kind, at), true).unwrap();
        let cap = self.recipients.count_sms_in_transaction(&person(pay.to), &reservation, &limits).unwrap();
        let reserved = self.budgets.reserve(claim, cap, &reservation, &limits).await.unwrap();
        (Some(reservation), reserved)
    }

    async fn release(&self, to: u8, reservation: &Reservation) {
        let cap = self.recipients.uncount_sms_in_transaction(&person(to), reservation).unwrap();
        self.budgets.release(reservation, cap).await;
    }

    /// Returns all sums that are not 0, by item and attribute.
    async fn sums(&self) -> BTreeMap<String, i64> {
        let client = self.dynamo.client();
        let name = |item: &Item, key: &str| item.get(key).map_or("", |value| value.as_s().unwrap()).to_owned();
        let mut sums = BTreeMap::new();
        for item in items(&client, CONTROL).await {
            for (attribute, value) in &item {
                if let (Ok(value), true) = (value.as_n(), attribute != "expires_at") {
                    let key = format!("{} {} {attribute}", name(&item, "pk"), name(&item, "sk"));
                    sums.insert(key, value.parse().unwrap());
                }
            }
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }
}

/// Returns the ceiling, the sum and the amount of each addition of a reservation.
fn adds(to: u8, reservation: &Reservation) -> Vec<(Ceiling, String, i64)> {
    let at = reservation.at;
    let add = |ceiling: &Ceiling| match ceiling {
        Ceiling::SmsRecipient => (*ceiling, format!("sms-count#{}#{}  used", person(to), at.strftime("%F")), 1),
        other => {
            let attribute = period_sums::attribute(*other, reservation.type_id.as_str(), at);
            let period = if *other == Ceiling::Month { Period::Month } else { Period::Day };
            (*other, format!("{}  {attribute}", period_sums::period_key(period, at)), reservation.price_micros)
        }
    };
    reservation.counted.iter().map(add).collect()
}

#[derive(Debug, Clone, Copy)]
struct Pay {
    channel: Channel,
    kind: &'static str,
    to: u8,
    price_micros: i64,
    /// Result of the call, if its money is reserved.
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The call is accepted, its outcome is unknown, or the process crashed: the money stays reserved.
    Stays,
    /// The call failed, and its money is released some rounds later, possibly in another hour, day or month.
    ComesBack { after: usize },
}

/// Concurrent calls under these settings, and the pause before the next round.
#[derive(Debug, Clone)]
struct Round {
    settings: &'static str,
    pays: Vec<Pay>,
    pause_minutes: i64,
}

const SETTINGS: [&str; 5] = [
    "{}",
    r#"{"budgets": {"hour_micros": 250000, "day_micros": 400000, "month_micros": 600000}}"#,
    r#"{"budgets": {"hour_micros": 90000}, "sms": {"per_recipient_per_day": 1}}"#,
    r#"{"budgets": {"month_micros": 300000}, "types": {"PAYMENT_DUE": {"day_micros": 100000}}}"#,
    r#"{"sms": {"daily_ceiling_micros": 150000, "per_recipient_per_day": 2}, "budgets": {"day_micros": 0}}"#,
];

fn pay() -> impl Strategy<Value = Pay> {
    let channel = prop_oneof![Just(Channel::Email), Just(Channel::Sms), Just(Channel::Sms)];
    let kind = prop_oneof![Just("DEFAULT"), Just("PAYMENT_DUE")];
    let fate = prop_oneof![Just(Fate::Stays), (0..3usize).prop_map(|after| Fate::ComesBack { after })];
    (channel, kind, 0..3u8, prop_oneof![Just(92), Just(70_000), Just(80_000)], fate)
        .prop_map(|(channel, kind, to, price_micros, fate)| Pay { channel, kind, to, price_micros, fate })
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let settings = (0..SETTINGS.len()).prop_map(|which| SETTINGS[which]);
    let pauses = prop_oneof![Just(0), Just(20), Just(60), Just(24 * 60)];
    let round = (settings, prop::collection::vec(pay(), 1..8), pauses);
    let round = round.prop_map(|(settings, pays, pause_minutes)| Round { settings, pays, pause_minutes });
    prop::collection::vec(round, 1..7)
}

/// Model of the reserved money.
#[derive(Default)]
struct Model {
    sums: BTreeMap<String, i64>,
    to_come_back: Vec<(usize, u8, Reservation)>,
}

impl Model {
    fn add(&mut self, to: u8, reservation: &Reservation, sign: i64) {
        for (_, key, by) in adds(to, reservation) {
            *self.sums.entry(key).or_default() += sign * by;
        }
        self.sums.retain(|_, sum| *sum != 0);
    }
}

async fn check(rounds: Vec<Round>) {
    let books = TestBudgets::new().await;
    let (mut model, mut now) = (Model::default(), start());
    for (turn, round) in rounds.into_iter().enumerate() {
        let settings = Settings::parse(round.settings).unwrap();
        let before = model.sums.clone();
        let (due, later): (Vec<_>, Vec<_>) = model.to_come_back.drain(..).partition(|(when, ..)| *when <= turn);
        model.to_come_back = later;
        let releases = join_all(due.iter().map(|(_, to, reservation)| books.release(*to, reservation)));
        let pays = join_all(round.pays.iter().map(|pay| books.reserve(*pay, &settings, now)));
        let (_, results) = tokio::join!(releases, pays);
        due.iter().for_each(|(_, to, reservation)| model.add(*to, reservation, -1));
        let mut at_most = before.clone();
        for (pay, (reservation, _)) in
            round.pays.iter().zip(&results).filter(|(_, (_, done))| *done == ReserveResult::Reserved)
        {
            let Some(reservation) = reservation else { continue };
            model.add(pay.to, reservation, 1);
            adds(pay.to, reservation).into_iter().for_each(|(_, key, by)| *at_most.entry(key).or_default() += by);
            if let Fate::ComesBack { after } = pay.fate {
                model.to_come_back.push((turn + 1 + after, pay.to, reservation.clone()));
            }
        }
        assert_eq!(books.sums().await, model.sums, "{round:?}");
        assert!(model.sums.values().all(|sum| *sum > 0));
        assert_within_limits(&round, &results, &settings, &model.sums, &before, &at_most);
        now += round.pause_minutes.minutes();
    }
}

/// Asserts that no sum exceeds a ceiling that applied to it, and that nothing was refused within the ceilings.
fn assert_within_limits(
    round: &Round,
    results: &[(Option<Reservation>, ReserveResult)],
    settings: &Settings,
    sums: &BTreeMap<String, i64>,
    before: &BTreeMap<String, i64>,
    at_most: &BTreeMap<String, i64>,
) {
    let sum = |sums: &BTreeMap<String, i64>, key: &str| sums.get(key).copied().unwrap_or(0);
    for (pay, (reservation, reserved)) in round.pays.iter().zip(results) {
        let Some(reservation) = reservation else { continue };
        let limits = Limit::all_for(pay.channel, &TypeId::parse(pay.kind).unwrap(), settings);
        for (ceiling, key, by) in adds(pay.to, reservation) {
            let Some(limit) = limits.iter().find(|limit| limit.ceiling == ceiling) else { continue };
            match reserved {
                ReserveResult::Reserved => {
                    assert!(sum(sums, &key) <= limit.most.max(sum(before, &key)), "{key} in {round:?}")
                }
                ReserveResult::Exceeded(refused) if *refused == ceiling => {
                    assert!(sum(at_most, &key) + by > limit.most, "{key} in {round:?}");
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_sum_is_the_reserved_money_and_never_exceeds_its_ceiling(rounds in rounds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(rounds));
    }
}

fn text(price_micros: i64) -> Pay {
    Pay { channel: Channel::Sms, kind: "PAYMENT_DUE", to: 1, price_micros, fate: Fate::Stays }
}

#[tokio::test]
async fn a_refusal_names_the_ceiling_in_the_order_of_the_settings() {
    for (settings, wanted) in [
        (r#"{"budgets": {"hour_micros": 99999, "day_micros": 99999}}"#, Ceiling::Hour),
        (r#"{"budgets": {"hour_micros": 160000, "day_micros": 99999}}"#, Ceiling::Day),
        (r#"{"budgets": {"month_micros": 99999}}"#, Ceiling::Month),
        (r#"{"types": {"PAYMENT_DUE": {"day_micros": 99999}}}"#, Ceiling::TypeDay),
        (r#"{"sms": {"daily_ceiling_micros": 99999}}"#, Ceiling::SmsDay),
        (r#"{"sms": {"per_recipient_per_day": 1}}"#, Ceiling::SmsRecipient),
    ] {
        let (books, settings) = (TestBudgets::new().await, Settings::parse(settings).unwrap());
        let all = r#"{"budgets": {"month_micros": 1000000}, "types": {"PAYMENT_DUE": {"day_micros": 1000000}}}"#;
        let (_, first) = books.reserve(text(80_000), &Settings::parse(all).unwrap(), start()).await;
        let (_, second) = books.reserve(text(80_000), &settings, start()).await;
        assert_eq!((first, second), (ReserveResult::Reserved, ReserveResult::Exceeded(wanted)));
    }
}

#[tokio::test]
async fn a_price_above_the_ceiling_is_refused_by_an_empty_budget() {
    let settings = Settings::parse(r#"{"budgets": {"month_micros": 79999}}"#).unwrap();
    let books = TestBudgets::new().await;
    assert_eq!(books.reserve(text(80_000), &settings, start()).await.1, ReserveResult::Exceeded(Ceiling::Month));
    assert_eq!(books.sums().await, BTreeMap::new());
}

#[tokio::test]
async fn a_release_subtracts_from_the_periods_of_the_reservation() {
    let settings = Settings::parse(r#"{"budgets": {"month_micros": 1000000}}"#).unwrap();
    let books = TestBudgets::new().await;
    let eve: Timestamp = "2026-11-30T23:59:59.900Z".parse().unwrap();
    let (first, _) = books.reserve(text(80_000), &settings, eve).await;
    let (_, second) = books.reserve(text(70_000), &settings, eve + SignedDuration::from_secs(1)).await;
    assert_eq!(second, ReserveResult::Reserved);
    books.release(1, &first.unwrap()).await;
    let (old, new) = (books.budgets.used(eve).await.unwrap(), books.budgets.used(eve + 1.second()).await.unwrap());
    assert_eq!(old, SpentAmounts::default());
    assert_eq!(
        (new.hour_micros, new.day_micros, new.month_micros, new.sms_day_micros),
        (70_000, 70_000, 70_000, 70_000)
    );
}

#[tokio::test]
async fn money_is_released_although_the_recipients_count_is_erased() {
    let books = TestBudgets::new().await;
    let (reservation, _) = books.reserve(text(80_000), &Settings::default(), start()).await;
    let is_count = |item: &&Item| item["pk"].as_s().unwrap().starts_with("sms-count#");
    let client = books.dynamo.client();
    let stored = items(&client, CONTROL).await;
    let key = Item::from([("pk".to_owned(), stored.iter().find(is_count).unwrap()["pk"].clone())]);
    client.delete_item().table_name(CONTROL).set_key(Some(key)).send().await.unwrap();
    books.release(1, &reservation.unwrap()).await;
    assert_eq!(books.sums().await, BTreeMap::new());
    assert_eq!(items(&client, CONTROL).await.iter().filter(is_count).count(), 0);
}

#[tokio::test]
async fn a_days_item_stays_within_1_kb_and_expires_days_after_its_period() {
    let all = r#"{"budgets": {"month_micros": 9000000000}, "types": {"PAYMENT_DUE": {"day_micros": 9000000000}},
        "sms": {"daily_ceiling_micros": 9000000000, "per_recipient_per_day": 99}}"#;
    let (books, settings) = (TestBudgets::new().await, Settings::parse(all).unwrap());
    let midnight: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
    for hour in 0..24 {
        let at = midnight + hour.hours();
        assert_eq!(books.reserve(text(123_456_789), &settings, at).await.1, ReserveResult::Reserved);
    }
    let control = items(&books.dynamo.client(), CONTROL).await;
    let (month, day) = (&control[0], &control[1]);
    let size = |item: &Item| item.keys().map(|name| name.len() + 10).sum::<usize>();
    assert!(size(day) < 512 && size(month) < 64, "{}", size(day));
    let gone = |item: &Item| Timestamp::from_second(item["expires_at"].as_n().unwrap().parse().unwrap()).unwrap();
    assert_eq!(
        (gone(day).to_string(), gone(month).to_string()),
        ("2026-12-04T00:00:00Z".into(), "2026-12-04T00:00:00Z".into())
    );
    let used = books.budgets.used(midnight + 5.hours()).await.unwrap();
    assert_eq!((used.hour_micros, used.day_micros), (123_456_789, 24 * 123_456_789));
    assert_eq!(used.type_day_micros, BTreeMap::from([("PAYMENT_DUE".to_owned(), 24 * 123_456_789)]));
}
