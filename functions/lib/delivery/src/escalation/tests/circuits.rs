//! Open circuits, resting devices, and waiting for push.

use super::*;

fn circuits(hosts: &[(Host, i64)]) -> OpenCircuits {
    hosts.iter().map(|(host, until)| (host.clone(), later(*until))).collect()
}

fn fcm(until: i64) -> (Host, i64) {
    (Host::push("fcm.googleapis.com"), until)
}

fn elsewhere(ada: &mut Recipient, device: usize, host: &str) {
    ada.devices[device].endpoint = platform::private::Private::new(format!("https://{host}/push"));
}

#[test]
fn a_resting_device_is_left_alone_and_no_other_one_is() {
    let mut ada = people::with_everything(2);
    let about = v2("DEFAULT");
    ada.devices[0].rests_until = Some(later(600));
    assert_eq!(devices(&policy_for(&ada).next_step(&about, start())), ["d0"]);
    ada.devices[1].rests_until = Some(later(60));
    assert_eq!(
        policy_for(&ada).next_step(&about, start()),
        Step::SendPaid(Channel::Email),
        "while another channel remains"
    );
    let mut push_alone = v2("DEFAULT");
    push_alone.parts_mut().request.channels = vec![Channel::Push];
    assert_eq!(policy_for(&ada).next_step(&push_alone, start()), Step::Wait(later(60)));
    assert_eq!(devices(&policy_for(&ada).next_step(&push_alone, later(60))), ["d0"], "its rest is over");
    let rules = rules_of("PAYMENT_DUE");
    let patient = EscalationPolicy { rules, ..policy_for(&ada) };
    assert_eq!(patient.next_step(&v2("PAYMENT_DUE"), start()), Step::Wait(later(60)));
    let mut plain = v2("DEFAULT");
    plain.parts_mut().version = Some(Version::V1);
    assert_eq!(devices(&policy_for(&ada).next_step(&plain, start())), ["d1"], "version 1 knows no rest");
}

#[test]
fn a_superseded_message_ends_skipped_unless_it_was_taken_itself() {
    let ada = people::with_everything(1);
    for version in [Version::V1, Version::V2] {
        let mut about = v2("DEFAULT");
        about.parts_mut().version = Some(version);
        let late = EscalationPolicy { is_superseded: true, ..policy_for(&ada) };
        assert_eq!(late.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::Superseded)));
        about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
        assert_eq!(late.next_step(&about, later(9)), Step::Finish(Status::Skipped, Some(Reason::Superseded)));
        about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
        assert_eq!(late.next_step(&about, later(9)), Step::Finish(Status::Accepted, None), "no fallback follows");
    }
}

#[test]
fn a_channel_whose_breaker_is_open_is_passed_over_while_another_remains() {
    let mut ada = people::with_everything(1);
    let about = v2("DEFAULT");
    let open = circuits(&[fcm(20)]);
    let policy = EscalationPolicy { open_circuits: &open, ..policy_for(&ada) };
    assert_eq!(policy.next_step(&about, start()), Step::SendPaid(Channel::Email));
    assert_eq!(devices(&policy.next_step(&about, later(20))), ["d0"], "its time is over");
    let open = circuits(&[fcm(20), (Host::paid(Channel::Email), 40)]);
    assert_eq!(
        EscalationPolicy { open_circuits: &open, ..policy_for(&ada) }.next_step(&about, start()),
        Step::SendPaid(Channel::Sms)
    );
    ada.phone = None;
    assert_eq!(
        EscalationPolicy { open_circuits: &open, ..policy_for(&ada) }.next_step(&about, start()),
        Step::Wait(later(20))
    );
}

#[test]
fn if_only_a_breaker_stands_in_the_way_it_waits_within_its_lifetime() {
    let mut ada = people::with_everything(1);
    (ada.email, ada.phone) = (None, None);
    let about = v2("DEFAULT");
    let open = circuits(&[fcm(30)]);
    let policy = EscalationPolicy { open_circuits: &open, ..policy_for(&ada) };
    assert_eq!(policy.next_step(&about, start()), Step::Wait(later(30)));
    let end = Step::Finish(Status::Expired, Some(Reason::Lifetime));
    assert_eq!(policy.next_step(&about, about.lives_until()), end);
}

#[test]
fn devices_on_other_hosts_are_tried_and_those_left_out_have_their_turn_later() {
    let mut ada = people::with_everything(2);
    elsewhere(&mut ada, 1, "web.push.apple.com");
    let mut about = v2("DEFAULT");
    let open = circuits(&[fcm(30)]);
    let policy = EscalationPolicy { open_circuits: &open, ..policy_for(&ada) };
    assert_eq!(devices(&policy.next_step(&about, start())), ["d0"]);
    about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    assert_eq!(policy.next_step(&about, later(1)), Step::Wait(later(30)), "whichever comes first");
    assert_eq!(devices(&policy.next_step(&about, later(30))), ["d1"]);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    let policy = EscalationPolicy { open_circuits: &open, ..policy_for(&ada) };
    assert_eq!(policy.next_step(&about, later(1)), Step::Wait(later(30)), "one is gone, the other still to be tried");
}

#[test]
fn a_device_registered_after_the_first_round_is_not_taken_for_one_left_out() {
    let mut ada = people::with_everything(2);
    ada.devices[0].created_at = later(60);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    assert_eq!(policy_for(&ada).next_step(&about, later(61)), Step::SendPaid(Channel::Email));
}

#[test]
fn below_what_may_have_reached_the_person_nothing_is_tried_again() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Email, None, Outcome::Accepted, start()));
    assert_eq!(policy_for(&ada).next_step(&about, later(60)), Step::Finish(Status::Accepted, None));
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(policy_for(&ada).next_step(&about, later(60)), end, "push could be tried, but e-mail may have arrived");
}

#[test]
fn what_may_have_arrived_and_is_to_be_repeated_waits_for_its_own_provider() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let rules = TypeRules { on_uncertain: OnUncertain::Repeat, ..rules_of(about.type_id().as_str()) };
    let open = circuits(&[(Host::paid(Channel::Email), 30)]);
    let policy = EscalationPolicy { rules, open_circuits: &open, ..policy_for(&ada) };
    assert_eq!(policy.next_step(&about, start()), Step::Wait(later(30)), "and no SMS");
    assert_eq!(policy.next_step(&about, later(30)), Step::SendPaid(Channel::Email));
}

#[test]
fn a_type_that_waits_for_push_pays_nothing_meanwhile() {
    let ada = people::with_everything(1);
    let about = v2("PAYMENT_DUE");
    let patient = EscalationPolicy { rules: rules_of(about.type_id().as_str()), ..policy_for(&ada) };
    let open = circuits(&[fcm(300)]);
    assert_eq!(EscalationPolicy { open_circuits: &open, ..patient }.next_step(&about, start()), Step::Wait(later(300)));
    let open = circuits(&[fcm(900)]);
    let policy = EscalationPolicy { open_circuits: &open, ..patient };
    assert_eq!(policy.next_step(&about, start()), Step::Wait(later(600)), "10 minutes and not longer");
    assert_eq!(policy.next_step(&about, later(600)), Step::SendPaid(Channel::Email));
}

#[test]
fn later_does_not_spend_tries_while_push_is_waited_for() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    let patient = EscalationPolicy { rules: rules_of(about.type_id().as_str()), ..policy_for(&ada) };
    for _ in 0..rules_of(about.type_id().as_str()).tries {
        about.record(tried(Channel::Push, Some("d0"), wait(60_000), start()));
    }
    assert_eq!(patient.next_step(&about, later(1)), Step::Wait(later(60)));
    assert_eq!(devices(&patient.next_step(&about, later(60))), ["d0"]);
    about.record(tried(Channel::Push, Some("d0"), wait(600_000), later(60)));
    assert_eq!(patient.next_step(&about, later(61)), Step::Wait(later(600)), "too late for another, too early to pay");
    assert_eq!(patient.next_step(&about, later(600)), Step::SendPaid(Channel::Email));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, later(60)));
    assert_eq!(patient.next_step(&about, later(61)), Step::SendPaid(Channel::Email), "nothing to wait for");
}
