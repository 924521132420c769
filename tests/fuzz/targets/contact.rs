//! An e-mail address and a phone number: an accepted text is one recipient's address, in one spelling.

use domain::channel::{EmailAddress, PhoneNumber};

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    if let Ok(address) = EmailAddress::parse(text) {
        let written = address.as_str();
        assert!(written.len() <= 254 && written.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
        assert!(!written.contains([',', ';', '<', '>', '(', ')', '[', ']', '"', ':', '\\']), "{text:?}");
        let (local, domain) = written.split_once('@').expect("one @");
        assert!(text.starts_with(local) && !domain.contains('@') && domain == address.domain());
        assert!(domain.contains('.') && domain == domain.to_ascii_lowercase() && !domain.ends_with('.'));
        assert_eq!(EmailAddress::parse(written), Ok(address.clone()));
        assert!(!format!("{address:?}").contains(domain));
    }
    if let Ok(number) = PhoneNumber::parse(text) {
        assert_eq!(number.as_str(), text);
        assert!((8..=16).contains(&text.len()) && text[1..].bytes().all(|byte| byte.is_ascii_digit()));
        assert!(number.country().is_none_or(|code| code.len() == 2));
    }
}
