//! Examples of how instances open, probe and close a breaker.

use super::*;

async fn attempt(breakers: &Breakers<BreakerRepositoryModel>, clock: &Clock, answer: &Answer) -> bool {
    attempt_to(breakers, clock, None, answer).await
}

async fn attempt_to(
    breakers: &Breakers<BreakerRepositoryModel>,
    clock: &Clock,
    recipient: Option<RecipientHash>,
    answer: &Answer,
) -> bool {
    match breakers.enter(&host(0)).await {
        CallDecision::Allowed(kind) => {
            breakers.count(&host(0), recipient, kind, answer, clock.now(), &USUAL).await;
            true
        }
        CallDecision::CircuitOpen(_) => false,
    }
}

fn transitions(model: &BreakerRepositoryModel) -> Vec<(Breaker, Breaker)> {
    model.state(|state| state.writes.iter().filter_map(|(_, transition)| *transition).collect())
}

#[test]
fn thirty_instances_open_it_once_and_one_of_them_probes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instances: Vec<_> = (0..30).map(|_| breakers(&model, &clock)).collect();
        let at_once = |answer: Answer| join_all(instances.iter().map(|one| attempt_owned(one, &clock, answer.clone())));
        at_once(failed()).await;
        assert_eq!(transitions(&model).len(), 1, "opened once");
        clock.advance(Duration::from_secs(6));
        join_all(instances.iter().map(Breakers::refresh)).await;
        assert!(at_once(failed()).await.iter().all(|went_out| !went_out));
        clock.advance(Duration::from_secs(25));
        assert!(at_once(ok()).await.iter().any(|went_out| *went_out));
        assert_eq!(transitions(&model).iter().filter(|(_, to)| matches!(to.phase, Phase::HalfOpen { .. })).count(), 1);
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

async fn attempt_owned(breakers: &Breakers<BreakerRepositoryModel>, clock: &Clock, answer: Answer) -> bool {
    attempt(breakers, clock, &answer).await
}

#[test]
fn one_percent_of_failures_is_one_percent_of_writes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        for number in 1..=2_000 {
            let answer = if number % 100 == 0 { failed() } else { ok() };
            assert!(attempt(&instance, &clock, &answer).await);
            clock.advance(Duration::from_millis(100));
        }
        let writes = model.state(|state| state.writes.len());
        assert!((20..=22).contains(&writes), "{writes}");
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

#[test]
fn failures_at_the_same_moment_share_a_write() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        join_all((0..8).map(|_| attempt_owned(&instance, &clock, failed()))).await;
        let failed: u64 = model.stored(&host(0)).tally.slots().map(|(_, count)| count.failed).sum();
        assert_eq!(failed, 8);
        assert!(model.state(|state| state.writes.len()) <= 3);
    });
}

#[test]
fn the_table_is_read_for_all_hosts_in_one_go_every_five_seconds() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        for _ in 0..600 {
            join_all((0..3).map(|_| instance.refresh())).await;
            clock.advance(Duration::from_millis(100));
        }
        let reads = model.state(|state| state.reads);
        assert!((12..=15).contains(&reads), "{reads} in a minute");
        let wanderer = Host::push("eu-1.notify.windows.com");
        assert_eq!(instance.open_until(&wanderer), None);
        model.state(|state| {
            let open = Breaker::default().opened(&USUAL, clock.now().as_millisecond());
            state.items.entry(wanderer.clone()).or_default().breaker = open;
        });
        instance.refresh().await;
        assert!(
            instance.open_until(&wanderer).is_some(),
            "a host heard of for the first time is read at the next chance"
        );
    });
}

#[test]
fn without_the_table_sending_continues_and_only_the_first_call_waits_for_it() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        model.state(|state| state.is_down = true);
        instance.refresh().await;
        for _ in 0..50 {
            assert!(attempt(&instance, &clock, &failed()).await);
        }
        assert_eq!(model.state(|state| state.writes.len()), 0);
        model.state(|state| state.is_down = false);
        clock.advance(Duration::from_secs(6));
        attempt(&instance, &clock, &failed()).await;
        assert!(
            !attempt(&instance, &clock, &failed()).await,
            "what was counted meanwhile is told as soon as it answers"
        );
    });
}

#[test]
fn a_requested_pause_is_kept_by_this_process_even_if_it_cannot_be_stored() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        model.state(|state| state.is_down = true);
        attempt(&instance, &clock, &asked(60_000)).await;
        clock.advance(Duration::from_secs(59));
        assert!(!attempt(&instance, &clock, &ok()).await);
    });
}

#[test]
fn one_recipient_never_opens_its_host_with_any_answer_and_any_number() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instances: Vec<_> = (0..4).map(|_| breakers(&model, &clock)).collect();
        for number in 0..200_u32 {
            let instance = &instances[number as usize % 4];
            let answer = if number % 2 == 0 { failed() } else { asked(3_600_000) };
            assert!(
                attempt_to(instance, &clock, Some(number / 2 % 2), &answer).await,
                "{number}: two recipients are no host"
            );
            clock.advance(Duration::from_millis(200));
        }
        assert_eq!(transitions(&model), []);
    });
}

#[test]
fn the_third_recipient_with_a_retry_after_opens_it_for_five_minutes_at_most_and_one_probes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instances: Vec<_> = (0..3).map(|_| breakers(&model, &clock)).collect();
        for (instance, recipient) in instances.iter().zip(0..) {
            assert!(attempt_to(instance, &clock, Some(recipient), &asked(3_600_000)).await);
        }
        let now_ms = clock.now().as_millisecond();
        assert_eq!(model.stored(&host(0)).breaker.phase, Phase::Open { until_ms: now_ms + 300_000 });
        for _ in 0..3 {
            clock.advance(Duration::from_secs(301));
            join_all(instances.iter().map(Breakers::refresh)).await;
            let tried = instances.iter().map(|one| attempt_owned(one, &clock, asked(3_600_000)));
            assert_eq!(join_all(tried).await.iter().filter(|went_out| **went_out).count(), 1, "one probe");
        }
        clock.advance(Duration::from_secs(301));
        assert!(attempt(&instances[0], &clock, &ok()).await);
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

#[test]
fn a_provider_whose_failures_have_no_recipient_is_taken_at_its_word_and_not_for_longer_than_five_minutes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        attempt(&instance, &clock, &asked(3_600_000)).await;
        let now_ms = clock.now().as_millisecond();
        assert_eq!(model.stored(&host(0)).breaker.phase, Phase::Open { until_ms: now_ms + 300_000 });
    });
}

#[test]
fn hosts_from_outside_do_not_fill_the_memory() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), BreakerRepositoryModel::seeded(7));
        let instance = breakers(&model, &clock);
        for number in 0..5_000 {
            clock.advance(Duration::from_millis(1));
            instance.open_until(&Host::push(format!("{number}.notify.windows.com")));
        }
        assert_eq!(instance.cache().hosts.len(), crate::breakers::cache::MOST_HOSTS);
    });
}
