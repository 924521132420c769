use super::*;

fn verdict(number: &str) -> Result<(), NotMobileError> {
    check(number.trim_start_matches('+'))
}

#[test]
fn a_text_that_cannot_be_a_mobile_number_is_refused_with_the_reason() {
    let length = |least, most| NotMobileError::Length { least, most };
    for (number, why) in [
        ("+3933512", length(9, 10)),
        ("+39333123456789", length(9, 10)),
        ("+39800123456", NotMobileError::OtherKind),
        ("+39899123456", NotMobileError::OtherKind),
        ("+390612345678", NotMobileError::OtherKind),
        ("+44020794600", NotMobileError::TrunkZero),
        ("+4407400123456", NotMobileError::TrunkZero),
        ("+49015112345678", NotMobileError::TrunkZero),
        ("+442079460000", NotMobileError::OtherKind),
        ("+44800123456", length(10, 10)),
        ("+4930123456", length(10, 11)),
        ("+49301234567", length(10, 11)),
        ("+493012345678", NotMobileError::OtherKind),
        ("+33123456789", NotMobileError::OtherKind),
        ("+9991234567", NotMobileError::Unassigned),
        ("+2101234567", NotMobileError::Unassigned),
        ("+80012345678", NotMobileError::OtherKind),
        ("+97912345678", NotMobileError::OtherKind),
        ("+18005550123", NotMobileError::OtherKind),
        ("+19005550123", NotMobileError::OtherKind),
        ("+1202555012", length(10, 10)),
        ("+12021550123", NotMobileError::OtherKind),
        ("+12020550123", NotMobileError::OtherKind),
        ("+551133334444", NotMobileError::OtherKind),
        ("+5511833334444", NotMobileError::OtherKind),
        ("+27111234567", NotMobileError::OtherKind),
        ("+27215551234", NotMobileError::OtherKind),
        ("+85523123456", NotMobileError::OtherKind),
        ("+11155501234", NotMobileError::OtherKind),
    ] {
        assert_eq!(verdict(number), Err(why), "{number}");
    }
}

#[test]
fn one_possible_length_is_shown_as_one_number() {
    assert!(verdict("+336123456").unwrap_err().to_string().contains("must have 9 digits"));
    assert!(verdict("+3933512").unwrap_err().to_string().contains("must have 9 to 10 digits"));
}

#[test]
fn mobile_numbers_of_many_countries_pass() {
    for number in [
        "+393331234567",
        "+39351123456",
        "+4915112345678",
        "+491701234567",
        "+447400123456",
        "+447700900123",
        "+33612345678",
        "+33712345678",
        "+41791234567",
        "+436641234567",
        "+34612345678",
        "+351912345678",
        "+31612345678",
        "+32470123456",
        "+4520123456",
        "+46701234567",
        "+4741234567",
        "+358401234567",
        "+48512345678",
        "+420601123456",
        "+12025550123",
        "+14165550123",
        "+18765550123",
        "+5491123456789",
        "+541123456789",
        "+5215512345678",
        "+525512345678",
        "+5511912345678",
        "+551187654321",
        "+27821234567",
        "+27611234567",
        "+85512345678",
        "+855961234567",
        "+919812345678",
        "+8613812345678",
        "+819012345678",
        "+61412345678",
        "+79161234567",
        "+77011234567",
        "+2290161234567",
        "+2250712345678",
        "+242061234567",
        "+905321234567",
        "+971501234567",
        "+38344123456",
        "+881612345678",
    ] {
        assert_eq!(verdict(number), Ok(()), "{number}");
    }
}

#[test]
fn every_row_is_of_a_code_that_a_country_has() {
    for (code, least, most, prefixes) in MOBILES {
        assert!(least <= most && (4..=13).contains(most), "{code}");
        assert!(
            prefixes.split(' ').all(|range| {
                let range = range.strip_prefix('!').unwrap_or(range);
                !range.is_empty() && range.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
            }),
            "{code}"
        );
        let of_a_country =
            |digit: u32| countries::of_number(&format!("{code}{}", digit.to_string().repeat(10))).is_some();
        assert!((0..10).any(of_a_country), "{code}");
    }
    assert!(MOBILES.is_sorted_by_key(|row| row.0));
}

/// Example numbers of each country and kind, from the metadata of libphonenumber.
#[test]
fn example_numbers_of_every_country_pass_if_they_are_mobile_and_are_refused_otherwise() {
    let mut counts = [0; 2];
    for line in include_str!("../mobile_examples.txt").lines() {
        let (kind, number) = line.split_once(' ').unwrap();
        let is_mobile = kind == "mobile";
        assert_eq!(verdict(number).is_ok(), is_mobile, "{line}: {:?}", verdict(number));
        counts[usize::from(is_mobile)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
}

#[test]
fn landlines_premium_and_personal_numbers_and_pagers_beside_mobile_ranges_are_refused() {
    let personal_or_pager =
        ["+447012345678", "+447600123456", "+447640123456", "+447699123456", "+420700123456", "+905123456789"];
    for number in personal_or_pager {
        assert_eq!(verdict(number), Err(NotMobileError::OtherKind), "{number}");
    }
    for number in ["+447624123456", "+447599123456", "+447700900123"] {
        assert_eq!(verdict(number), Ok(()), "{number}");
    }
    for number in ["+34961234567", "+34971234567", "+4590123456", "+380900212345", "+601300881234", "+601800881234"] {
        assert_eq!(verdict(number), Err(NotMobileError::OtherKind), "{number}");
    }
    for number in ["+34612345678", "+4591234567", "+380912345678", "+60123456789"] {
        assert_eq!(verdict(number), Ok(()), "{number}");
    }
}
