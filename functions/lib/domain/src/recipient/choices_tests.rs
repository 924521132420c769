//! Tests and invariants of choices.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::NotificationTypes;
use Channel::{Email, Push, Sms};
use ChoiceAuthor::{Caller, Link, Person};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn cell(kind: &str, channel: Channel) -> ChoiceScope {
    ChoiceScope::Cell(kind.to_owned(), channel)
}

fn whole(kind: &str) -> ChoiceScope {
    ChoiceScope::Type(kind.to_owned())
}

fn refusing(scopes: &[ChoiceScope]) -> Choices {
    scopes.iter().map(|scope| (scope.clone(), Choice::refusal(Link, at(1)))).collect()
}

fn scopes() -> impl Strategy<Value = ChoiceScope> {
    let kinds = || prop::sample::select(vec!["A", "B"]);
    let channels = || prop::sample::select(Channel::ALL.to_vec());
    prop_oneof![
        kinds().prop_map(whole),
        channels().prop_map(ChoiceScope::Channel),
        (kinds(), channels()).prop_map(|(kind, channel)| cell(kind, channel)),
    ]
}

fn authors() -> impl Strategy<Value = ChoiceAuthor> {
    prop::sample::select(ChoiceAuthor::ALL.to_vec())
}

#[test]
fn a_key_reads_back_and_nothing_else_is_one() {
    for scope in [whole("NEWS"), ChoiceScope::Channel(Sms), cell("NEWS", Push), whole("A|B")] {
        assert_eq!(ChoiceScope::parse(&scope.key()), Some(scope));
    }
    assert_eq!(cell("NEWS", Push).key(), "NEWS|push");
    for invalid in ["", "NEWS", "*|*", "|sms", "*|fax", "NEWS|fax", "|*"] {
        assert_eq!(ChoiceScope::parse(invalid), None, "{invalid}");
    }
    for author in ChoiceAuthor::ALL {
        assert_eq!(ChoiceAuthor::parse(author.as_str()), Some(author));
    }
}

#[test]
fn any_refusal_that_applies_counts() {
    let types = NotificationTypes::default();
    let [due, default] = ["PAYMENT_DUE", "DEFAULT"].map(|name| &types.get(name).unwrap().id);
    let rules = types.rules_of(due);
    let refused = |choices: &Choices, kind: &TypeId| {
        let is_refused = |channel: &Channel| choices.refusal_of_channel(*channel, kind, &rules).is_some();
        Channel::ALL.into_iter().filter(is_refused).collect::<Vec<_>>()
    };
    let choices = refusing(&[cell("PAYMENT_DUE", Sms), ChoiceScope::Channel(Push)]);
    assert_eq!((refused(&choices, due), refused(&choices, default)), (vec![Push, Sms], vec![Push]));
    let critical = TypeRules { class: crate::NotificationClass::Critical, ..rules };
    assert_eq!(choices.refusal_of_channel(Sms, due, &critical), None);
    assert!(choices.refusal_of_channel(Push, due, &critical).is_some(), "a channel is refused for critical types too");
    assert_eq!(choices.refusal_of_type(due, &Channel::ALL), None);
    assert_eq!(choices.refusal_of_type(due, &[Sms]).unwrap().channel, Some(Sms), "every channel that is asked for");
    assert_eq!(choices.refusal_of_type(due, &[]), None);
    let choices = refusing(&[whole("PAYMENT_DUE")]);
    assert_eq!(choices.refusal_of_type(due, &[Email]).unwrap().channel, None);
    assert_eq!(choices.refusal_of_type(default, &[Email]), None);
}

#[test]
fn a_type_that_is_sent_on_a_wish_alone_needs_a_wish_for_the_whole_type() {
    let types = NotificationTypes::default();
    let kind = types.get("DEFAULT").unwrap();
    let on_wish = TypeRules { default_opt: DefaultOpt::Out, ..kind.rules };
    let mut choices = Choices::default();
    let allowed = |choices: &Choices, rules: &TypeRules| choices.allow_type(&kind.id, &[Push], rules);
    assert!(allowed(&choices, &kind.rules) && !allowed(&choices, &on_wish));
    let critical = TypeRules { class: crate::NotificationClass::Critical, ..on_wish };
    assert!(allowed(&choices, &critical));
    choices.set(cell("DEFAULT", Push), Choice { wants: true, by: Link, at: at(1) });
    assert!(!allowed(&choices, &on_wish));
    choices.set(whole("DEFAULT"), Choice { wants: true, by: Link, at: at(1) });
    assert!(allowed(&choices, &on_wish));
    choices.set(cell("DEFAULT", Push), Choice::refusal(Person, at(2)));
    assert!(!allowed(&choices, &on_wish) && !allowed(&choices, &kind.rules));
}

#[test]
fn a_caller_adds_and_withdraws_its_own_refusals_alone() {
    let mut choices = Choices::default();
    let state = |types: &[&str], channels: &[Channel], choices: &mut Choices| {
        let types = types.iter().map(|kind| (*kind).to_owned()).collect();
        choices.set_all_of_caller(&types, &channels.iter().copied().collect(), at(1));
    };
    state(&["A", "B"], &[Sms], &mut choices);
    choices.set(whole("B"), Choice::refusal(Person, at(2)));
    choices.set(cell("A", Push), Choice::refusal(Caller, at(2)));
    state(&[], &[], &mut choices);
    let left: Vec<_> = choices.iter().map(|(scope, choice)| (scope.key(), choice.by, choice.at)).collect();
    assert_eq!(left, [("B|*".to_owned(), Person, at(2)), ("A|push".to_owned(), Caller, at(2))]);
    choices.set(whole("B"), Choice { wants: true, by: Link, at: at(3) });
    assert!(choices.wants(&whole("B")));
    state(&["B"], &[], &mut choices);
    assert!(!choices.wants(&whole("B")), "a caller may always send less");
    let covered = choices.views().find(|view| view.kind == Some("B")).unwrap().covered_wish;
    assert_eq!(covered, Some(CoveredWish { by: Link, at: at(3) }));
    state(&[], &[], &mut choices);
    let left: Vec<_> = choices.iter().filter(|(scope, _)| **scope == whole("B")).map(|(_, choice)| *choice).collect();
    assert_eq!(left, [Choice { wants: true, by: Link, at: at(3) }], "the wish from before");
}

#[test]
fn a_wish_from_elsewhere_replaces_no_choice_of_the_recipient() {
    let wish = Choice { wants: true, by: Person, at: at(1) };
    let added = |before: Option<Choice>| {
        let mut choices: Choices = before.map(|before| (whole("A"), before)).into_iter().collect();
        choices.add_wish(whole("A"), wish);
        let stored = choices.iter().map(|(_, choice)| *choice).next().unwrap();
        (stored, choices.covered().map(|(_, choice)| *choice).next())
    };
    assert_eq!(added(None), (wish, None));
    for own in [Choice::refusal(Link, at(2)), Choice { wants: true, by: Link, at: at(2) }] {
        assert_eq!(added(Some(own)), (own, None));
    }
    let refusal = Choice::refusal(Caller, at(2));
    assert_eq!(added(Some(refusal)), (refusal, Some(wish)));
}

proptest! {
    #[test]
    fn what_the_recipient_chose_ends_with_another_choice_of_the_recipient(
        history in prop::collection::vec((scopes(), any::<bool>(), authors(), any::<bool>()), 1..40),
    ) {
        let (mut choices, mut refused, mut wished) = (Choices::default(), BTreeSet::new(), BTreeMap::new());
        for (second, (scope, wants, by, is_statement)) in (1..).zip(history) {
            if is_statement {
                choices.set_all_of_caller(&BTreeSet::new(), &BTreeSet::new(), at(second));
            }
            let before = choices.clone();
            choices.set(scope.clone(), Choice { wants, by, at: at(second) });
            match (by.is_recipient(), wants) {
                (true, true) => {
                    refused.remove(&scope);
                    // A repeated wish keeps its time.
                    wished.entry(scope.clone()).or_insert(Choice { wants, by, at: at(second) });
                }
                (true, false) => {
                    refused.insert(scope.clone());
                    wished.remove(&scope);
                }
                (false, _) => {}
            }
            let mut withdrawn = choices.clone();
            for (scope, _) in choices.iter() {
                withdrawn.set(scope.clone(), Choice { wants: true, by: Caller, at: at(second + 1) });
            }
            let left: BTreeMap<_, _> = withdrawn.iter().filter(|(_, one)| one.wants).map(|(scope, one)| (scope, one.wants)).collect();
            let expected: BTreeMap<_, _> = wished.iter().map(|(scope, one)| (scope, one.wants)).collect();
            prop_assert_eq!(left, expected, "a wish outlasts every refusal of a caller");
            prop_assert_eq!(withdrawn.covered().count(), 0);
            prop_assert!(choices.covered().all(|(scope, wish)| wish.by.is_recipient() && !choices.wants(scope)));
            prop_assert!(wants || !choices.wants(&scope), "a refusal holds");
            prop_assert!(refused.iter().all(|scope| !choices.wants(scope)), "{:?} became {:?}", before, choices);
            let mut again = choices.clone();
            again.set(scope, Choice { wants, by, at: at(second + 1) });
            prop_assert_eq!(&again, &choices, "a repetition changes nothing");
            let mut with_earlier = choices.clone();
            with_earlier.add_refusals_of(&before);
            prop_assert!(before.iter().filter(|(_, choice)| !choice.wants).all(|(scope, _)| !with_earlier.wants(scope)));
        }
    }
}
