//! Addresses as people see them who may not see them in full.

/// Returns an e-mail address of which the first character and the domain are left, such as `a…@example.com`.
#[must_use]
pub fn masked_email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().map_or_else(String::new, String::from)),
        None => "…".to_owned(),
    }
}

/// Returns a phone number of which three characters at the start and two at the end are left, such as `+39…67`. Of a
/// short number, nothing is left.
#[must_use]
pub fn masked_phone(number: &str) -> String {
    const START: usize = 3;
    const END: usize = 2;
    const LEAST: usize = 8;
    let characters: Vec<char> = number.chars().collect();
    if characters.len() < LEAST {
        return "…".to_owned();
    }
    let start: String = characters.iter().take(START).collect();
    let end: String = characters.iter().skip(characters.len() - END).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_keeps_what_tells_mistakes_and_not_the_person() {
        for (address, masked) in [
            ("ada@example.com", "a…@example.com"),
            ("è@example.com", "è…@example.com"),
            ("@example.com", "…@example.com"),
            ("\"a@b\"@example.com", "\"…@example.com"),
            ("nothing", "…"),
            ("", "…"),
        ] {
            assert_eq!(masked_email(address), masked);
        }
        for (number, masked) in
            [("+393331234567", "+39…67"), ("+1234567", "+12…67"), ("+123456", "…"), ("", "…"), ("+39è33è67", "+39…67")]
        {
            assert_eq!(masked_phone(number), masked);
        }
    }

    proptest! {
        #[test]
        fn the_middle_of_an_address_is_never_shown(local in "[a-z]{2,30}", digits in "[0-9]{9,15}") {
            let masked = masked_email(&format!("{local}@example.com"));
            prop_assert_eq!(masked.chars().count(), 2 + "@example.com".len());
            prop_assert_eq!(masked_phone(&format!("+{digits}")).chars().count(), 6);
        }
    }
}
