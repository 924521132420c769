//! Order of the channels, retries, and how a notification ends.

use super::*;
use domain::recipient::{Choice, ChoiceAuthor, ChoiceScope};

#[test]
fn the_first_round_goes_to_every_device() {
    let ada = people::with_everything(2);
    assert_eq!(devices(&policy_for(&ada).next_step(&v2("DEFAULT"), start())), ["d1", "d0"]);
}

#[test]
fn a_subscription_that_has_ended_is_not_tried() {
    let mut ada = people::with_everything(2);
    ada.devices[0].expires_at = Some(start());
    assert_eq!(devices(&policy_for(&ada).next_step(&v2("DEFAULT"), start())), ["d0"]);
    ada.devices[1].expires_at = Some(start());
    assert_eq!(policy_for(&ada).next_step(&v2("DEFAULT"), start()), Step::SendPaid(Channel::Email));
    let mut plain = v2("DEFAULT");
    plain.parts_mut().version = Some(Version::V1);
    assert_eq!(policy_for(&ada).next_step(&plain, start()), Step::Finish(Status::Skipped, Some(Reason::NoChannel)));
}

#[test]
fn one_accepted_device_is_enough() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
    about.record(tried(Channel::Push, Some("d1"), Outcome::Accepted, start()));
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::Finish(Status::Accepted, None));
}

#[test]
fn a_retry_goes_only_to_devices_that_answered_later_and_not_before_their_time() {
    let ada = people::with_everything(3);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(5_000), start()));
    about.record(tried(Channel::Push, Some("d1"), Outcome::Gone, start()));
    about.record(tried(Channel::Push, Some("d2"), wait(9_000), start()));
    assert_eq!(policy_for(&ada).next_step(&about, later(4)), Step::Wait(later(5)));
    assert_eq!(devices(&policy_for(&ada).next_step(&about, later(5))), ["d0"]);
    assert_eq!(devices(&policy_for(&ada).next_step(&about, later(9))), ["d2", "d0"]);
}

#[test]
fn when_the_tries_are_spent_the_next_channel_follows_at_once() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    for _ in 0..rules_of(about.type_id().as_str()).tries {
        about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    }
    assert_eq!(policy_for(&ada).next_step(&about, later(1)), Step::SendPaid(Channel::Email));
}

#[test]
fn the_last_channel_that_is_left_is_tried_longer() {
    let mut ada = people::with_everything(0);
    ada.phone = None;
    let mut about = v2("DEFAULT");
    for _ in 0..rules_of(about.type_id().as_str()).tries {
        about.record(tried(Channel::Email, None, wait(1), start()));
    }
    assert_eq!(policy_for(&ada).next_step(&about, later(1)), Step::SendPaid(Channel::Email));
    for _ in rules_of(about.type_id().as_str()).tries..12 {
        about.record(tried(Channel::Email, None, wait(1), start()));
    }
    assert_eq!(policy_for(&ada).next_step(&about, later(1)), Step::Finish(Status::Failed, Some(Reason::RetriesSpent)));
}

#[test]
fn gone_and_rejected_fall_back_at_once_down_to_sms() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, start()));
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::SendPaid(Channel::Email));
    about.record(tried(Channel::Email, None, REFUSED, start()));
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::SendPaid(Channel::Sms));
    about.record(tried(Channel::Sms, None, REFUSED, start()));
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::Finish(Status::Failed, Some(Reason::Rejected)));
}

#[test]
fn an_unknown_paid_outcome_stops_the_escalation() {
    let ada = people::with_everything(0);
    let mut about = v2("DEFAULT");
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(policy_for(&ada).next_step(&about, start()), end);
}

#[test]
fn no_receipt_after_an_accepted_push_escalates_if_the_type_requires_proof() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    let proof_by = later(4 * 3_600);
    assert_eq!(with_proof(&ada).next_step(&about, start()), Step::Wait(proof_by));
    assert_eq!(with_proof(&ada).next_step(&about, proof_by), Step::SendPaid(Channel::Email));
}

#[test]
fn without_a_higher_channel_an_accepted_push_is_the_end() {
    let mut ada = people::with_everything(1);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    assert_eq!(with_proof(&ada).next_step(&about, start()), Step::Finish(Status::Accepted, None));
}

#[test]
fn an_escalation_that_fails_leaves_the_accepted_push_accepted() {
    let mut ada = people::with_everything(1);
    ada.phone = None;
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    about.record(tried(Channel::Email, None, REFUSED, later(4 * 3_600)));
    assert_eq!(with_proof(&ada).next_step(&about, later(4 * 3_600)), Step::Finish(Status::Accepted, None));
}

#[test]
fn if_only_the_budget_stands_in_the_way_it_is_skipped() {
    let ada = people::with_everything(0);
    let no_money = BTreeSet::from([Channel::Sms]);
    let policy = EscalationPolicy { unaffordable: &no_money, ..policy_for(&ada) };
    let mut about = v2("DEFAULT");
    about.parts_mut().request.channels = vec![Channel::Sms];
    assert_eq!(policy.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::Budget)));
    about.parts_mut().request.channels = vec![Channel::Sms, Channel::Email];
    assert_eq!(policy.next_step(&about, start()), Step::SendPaid(Channel::Email));
}

#[test]
fn a_channel_without_a_message_is_skipped_and_its_reason_stands_if_no_other_was_tried() {
    let ada = people::with_everything(1);
    let not_composable = BTreeMap::from([(Channel::Push, Reason::TemplateError), (Channel::Sms, Reason::TooLong)]);
    let policy = EscalationPolicy { not_composable: &not_composable, ..policy_for(&ada) };
    let mut about = v2("DEFAULT");
    assert_eq!(policy.next_step(&about, start()), Step::SendPaid(Channel::Email));
    about.parts_mut().request.channels = vec![Channel::Push, Channel::Sms];
    assert_eq!(policy.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::TooLong)));
    about.parts_mut().version = Some(Version::V1);
    assert_eq!(policy.next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::TooLong)));
    about.parts_mut().version = Some(Version::V2);
    about.parts_mut().request.channels = vec![Channel::Email, Channel::Sms];
    about.record(tried(Channel::Email, None, REFUSED, start()));
    assert_eq!(policy.next_step(&about, later(1)), Step::Finish(Status::Failed, Some(Reason::Rejected)));
}

#[test]
fn the_kill_switch_stops_what_was_begun_and_keeps_what_was_accepted() {
    let ada = people::with_everything(1);
    let killed = EscalationPolicy { is_killed: true, ..with_proof(&ada) };
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    assert_eq!(killed.next_step(&about, later(9)), Step::Finish(Status::Skipped, Some(Reason::Rollout)));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    assert_eq!(killed.next_step(&about, later(9)), Step::Finish(Status::Accepted, None));
}

#[test]
fn a_lifetime_that_ended_expires_it() {
    let ada = people::with_everything(1);
    let about = v2("DEFAULT");
    let end = Step::Finish(Status::Expired, Some(Reason::Lifetime));
    assert_eq!(policy_for(&ada).next_step(&about, about.lives_until()), end);
}

#[test]
fn an_erased_recipient_ends_it_without_reaching_them() {
    let ada = people::with_everything(1);
    let policy = EscalationPolicy { recipient: None, ..policy_for(&ada) };
    let end = Step::Finish(Status::Skipped, Some(Reason::UnknownRecipient));
    assert_eq!(policy.next_step(&v2("DEFAULT"), start()), end);
}

#[test]
fn after_an_opt_out_no_attempt_follows_and_an_accepted_one_stays_accepted() {
    let mut ada = people::with_everything(1);
    refuse(&mut ada, ChoiceScope::Type("PAYMENT_DUE".to_owned()));
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), wait(1_000), start()));
    let end = Step::Finish(Status::Skipped, Some(Reason::OptedOut));
    assert_eq!(with_proof(&ada).next_step(&about, later(2)), end);
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, later(2)));
    assert_eq!(with_proof(&ada).next_step(&about, later(5 * 3_600)), Step::Finish(Status::Accepted, None));
    assert_ne!(with_proof(&ada).next_step(&v2("DEFAULT"), start()), end, "another type");
}

#[test]
fn a_type_refused_on_one_channel_goes_to_the_others_alone() {
    let mut ada = people::with_everything(1);
    refuse(&mut ada, ChoiceScope::Cell("DEFAULT".to_owned(), Channel::Push));
    assert_eq!(policy_for(&ada).next_step(&v2("DEFAULT"), start()), Step::SendPaid(Channel::Email));
    assert_eq!(devices(&policy_for(&ada).next_step(&v2("PAYMENT_DUE"), start())), ["d0"], "another type");
    let mut plain = v2("DEFAULT");
    plain.parts_mut().version = Some(Version::V1);
    assert_eq!(policy_for(&ada).next_step(&plain, start()), Step::Finish(Status::Skipped, Some(Reason::NoChannel)));
    for channel in [Channel::Email, Channel::Sms] {
        refuse(&mut ada, ChoiceScope::Cell("DEFAULT".to_owned(), channel));
    }
    let end = Step::Finish(Status::Skipped, Some(Reason::OptedOut));
    assert_eq!(policy_for(&ada).next_step(&v2("DEFAULT"), start()), end, "on all its channels");
}

fn refuse(recipient: &mut Recipient, scope: ChoiceScope) {
    recipient.preferences.choices.set(scope, Choice::refusal(ChoiceAuthor::Link, start()));
}

#[test]
fn an_uncertain_paid_outcome_is_reported_at_every_end_of_the_notification() {
    let ada = people::with_everything(1);
    let mut about = v2("PAYMENT_DUE");
    about.record(tried(Channel::Push, Some("d0"), Outcome::Accepted, start()));
    about.record(Attempt::lost(Channel::Email, start(), 92));
    let end = Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown));
    assert_eq!(with_proof(&ada).next_step(&about, about.lives_until()), end);
    assert_eq!(EscalationPolicy { is_killed: true, ..with_proof(&ada) }.next_step(&about, start()), end);
    assert_eq!(EscalationPolicy { recipient: None, ..with_proof(&ada) }.next_step(&about, start()), end);
}

#[test]
fn a_failure_gives_the_best_that_any_device_came_to() {
    let mut ada = people::with_everything(3);
    (ada.email, ada.phone) = (None, None);
    let mut about = v2("DEFAULT");
    about.record(tried(Channel::Push, Some("d0"), wait(1), start()));
    about.record(tried(Channel::Push, Some("d1"), REFUSED, start()));
    about.record(tried(Channel::Push, Some("d2"), Outcome::Gone, start()));
    about.record(tried(Channel::Push, Some("d0"), Outcome::Gone, later(1)));
    assert_eq!(policy_for(&ada).next_step(&about, later(9)), Step::Finish(Status::Failed, Some(Reason::Rejected)));
}

#[test]
fn what_goes_on_as_version_1_is_pushed_only_if_push_was_asked_for() {
    let ada = people::with_everything(1);
    let mut about = v2("DEFAULT");
    about.parts_mut().version = Some(Version::V1);
    about.parts_mut().request.channels = vec![Channel::Email];
    assert_eq!(policy_for(&ada).next_step(&about, start()), Step::Finish(Status::Skipped, Some(Reason::NoChannel)));
}

#[test]
fn version_1_pushes_once_to_the_newest_device_and_fails_otherwise() {
    let ada = people::with_everything(2);
    let mut about = v2("DEFAULT");
    about.parts_mut().version = Some(Version::V1);
    assert_eq!(devices(&policy_for(&ada).next_step(&about, start())), ["d1"]);
    about.record(tried(Channel::Push, Some("d1"), wait(1), start()));
    assert_eq!(policy_for(&ada).next_step(&about, later(9)), Step::Finish(Status::Failed, Some(Reason::RetriesSpent)));
}
