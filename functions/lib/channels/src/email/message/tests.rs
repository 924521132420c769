//! Tests of the built message: it is parsed by another library and compared with a readable file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use mail_parser::{Address, Message, MessageParser, MimeHeaders};
use proptest::prelude::{any, proptest};

use super::*;

const ID: &str = "k7c0ffee-01jd8x2v5n";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn message(title: &str, body: &str, url: Option<&str>) -> EmailMessage {
    let unsubscribe = Link::parse("https://notify.example.com/v1/unsubscribe/dG9rZW4").ok();
    let link = url.and_then(|url| Link::parse(url).ok());
    let (from, to) = (address("hello@example.com"), address("ada@example.org"));
    EmailMessage::new(from, to, title, body, link.as_ref(), unsubscribe, Some("de"))
}

fn mime(message: &EmailMessage) -> Vec<u8> {
    message.to_mime(ID, "2026-11-23T09:30:00Z".parse().unwrap())
}

fn names<'a>(parsed: &'a Message<'_>) -> Vec<&'a str> {
    parsed.headers().iter().map(|header| header.name()).collect()
}

fn only(address: Option<&Address<'_>>) -> String {
    let addresses: Vec<_> = address.unwrap().iter().filter_map(|addr| addr.address()).collect();
    assert_eq!(addresses.len(), 1);
    addresses.concat()
}

/// Compares with the golden file. `UPDATE_GOLDEN=1` rewrites the file; check the difference before committing.
fn assert_golden(name: &str, built: &[u8]) {
    let path = format!("{}/src/email/golden/{name}.eml", env!("CARGO_MANIFEST_DIR"));
    let built = String::from_utf8(built.to_vec()).unwrap();
    assert_eq!(built.matches('\n').count(), built.matches("\r\n").count(), "every line ends with CRLF");
    let built = built.replace("\r\n", "\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &built).unwrap();
    }
    assert_eq!(built, std::fs::read_to_string(&path).unwrap(), "{path}");
}

#[test]
fn a_certificate_warning_looks_like_the_golden_file() {
    let message = message(
        "Zertifikat läuft in 7 Tagen ab",
        "Das Zertifikat für <shop.example> läuft am 30. November ab.\nBitte erneuern Sie es rechtzeitig.\n\nIhr Betrieb",
        Some("https://example.com/certificates/42?from=mail&lang=de"),
    );
    assert_golden("certificate_expiring", &mime(&message));
}

#[test]
fn a_plain_message_without_links_looks_like_the_golden_file() {
    let (from, to) = (address("hello@example.com"), address("ada@example.org"));
    let message = EmailMessage::new(from, to, "Order shipped", "Your order 1815 is on its way.", None, None, None);
    assert_golden("plain", &mime(&message));
}

#[test]
fn another_parser_finds_both_parts_and_every_header() {
    let built = mime(&message("Grüße ✓ 日本", "Zeile eins\n\nZeile zwei", Some("https://example.com/")));
    let parsed = MessageParser::default().parse(&built).unwrap();

    assert_eq!(parsed.subject(), Some("Grüße ✓ 日本"));
    assert_eq!(only(parsed.from()), "hello@example.com");
    assert_eq!(only(parsed.to()), "ada@example.org");
    assert_eq!(parsed.message_id(), Some("k7c0ffee-01jd8x2v5n@example.com"));
    assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-11-23T09:30:00Z");
    assert_eq!(parsed.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert_eq!(parsed.header_raw("List-Unsubscribe-Post").unwrap().trim(), "List-Unsubscribe=One-Click");
    assert_eq!(only(parsed.list_unsubscribe().as_address()), "https://notify.example.com/v1/unsubscribe/dG9rZW4");

    let content_type = parsed.content_type().unwrap();
    assert_eq!((content_type.ctype(), content_type.subtype()), ("multipart", Some("alternative")));
    assert_eq!((parsed.text_body_count(), parsed.html_body_count(), parsed.attachment_count()), (1, 1, 0));
    for part in [parsed.text_part(0).unwrap(), parsed.html_part(0).unwrap()] {
        assert_eq!(part.content_type().unwrap().attribute("charset"), Some("utf-8"));
    }
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(
        text.trim_end(),
        "Grüße ✓ 日本\n\nZeile eins\n\nZeile zwei\n\nhttps://example.com/\n\nUnsubscribe: https://notify.example.com/v1/unsubscribe/dG9rZW4"
    );
    assert!(parsed.body_html(0).unwrap().contains(">Zeile eins</p>"));
}

#[test]
fn a_line_break_in_the_title_starts_no_header() {
    let built = mime(&message("Hi\r\nBcc: eve@example.com\r\n\r\n<h1>x</h1>", "b", None));
    let parsed = MessageParser::default().parse(&built).unwrap();
    assert_eq!(parsed.subject(), Some("Hi Bcc: eve@example.com <h1>x</h1>"));
    assert!(parsed.bcc().is_none());
}

#[test]
fn a_notification_id_cannot_start_a_header_either() {
    let built = message("t", "b", None).to_mime("x>\r\nBcc: eve@example.com", Timestamp::UNIX_EPOCH);
    let parsed = MessageParser::default().parse(&built).unwrap();
    assert_eq!(parsed.message_id(), Some("xBcceveexample.com@example.com"));
    assert!(parsed.bcc().is_none());
}

#[test]
fn a_body_that_contains_the_boundary_cannot_end_its_part() {
    let body = format!("--=_{ID}--\n--=_{ID}\nContent-Type: text/html\n\n<b>");
    let built = mime(&message("t", &body, None));
    let parsed = MessageParser::default().parse(&built).unwrap();
    assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
    assert!(parsed.body_text(0).unwrap().contains("Content-Type: text/html"));
}

#[test]
fn a_title_that_looks_encoded_is_shown_as_it_is() {
    for title in [
        "=?UTF-8?B?SGk=?= is how it looks",
        "=?utf-8?Q?a=0ABcc:_eve=40example.com?=",
        "a =?b",
        "=?UTF-8?B?SGk=?= für Élodie, „=?“",
        "=?=?=?=?",
        &format!("{}=?UTF-8?B?SGk=?=", "long ".repeat(30)),
    ] {
        let built = mime(&message(title, "b", None));
        let parsed = MessageParser::default().parse(&built).unwrap();
        assert_eq!(parsed.subject(), Some(title.trim()));
        assert!(parsed.bcc().is_none());
        let head = String::from_utf8(built).unwrap();
        let lines = head.split("\r\n").skip_while(|line| !line.starts_with("Subject:"));
        let subject: String = lines.take_while(|line| line.starts_with("Subject:") || line.starts_with(' ')).collect();
        assert!(subject.len() < 998 && !subject.to_ascii_lowercase().contains("=?utf-8?b?sgk=?= "), "{subject}");
    }
}

#[test]
fn right_to_left_text_has_its_direction() {
    let (from, to) = (address("hello@example.com"), address("ada@example.org"));
    let message = EmailMessage::new(from, to, "ההזמנה נשלחה", "הזמנה 7", None, None, Some("he-IL"));
    assert_golden("right_to_left", &mime(&message));
}

#[test]
fn without_a_place_to_unsubscribe_neither_header_is_there() {
    let (from, to) = (address("hello@example.com"), address("ada@example.org"));
    let built = mime(&EmailMessage::new(from, to, "t", "b", None, None, None));
    let parsed = MessageParser::default().parse(&built).unwrap();
    assert!(!names(&parsed).iter().any(|name| name.starts_with("List-")));
}

#[test]
fn a_long_title_is_cut_to_a_subject_of_200_characters() {
    let message = message(&"ü".repeat(201), "b", None);
    assert_eq!(message.subject.expose().chars().count(), MAX_SUBJECT_CHARS);
    assert!(message.subject.expose().ends_with("ü…"));
    let built = mime(&message);
    let parsed = MessageParser::default().parse(&built).unwrap();
    assert_eq!(parsed.subject(), Some(message.subject.expose().as_str()));
}

#[test]
fn debug_shows_neither_people_nor_content() {
    let shown = format!("{:?}", message("Secret title", "secret body", Some("https://example.com/token")));
    for secret in ["ecret", "ada", "hello", "token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_content_adds_a_header_or_a_part(title in any::<String>(), body in any::<String>(), url in any::<String>()) {
        let built = mime(&message(&title, &body, Some(&url)));
        let parsed = MessageParser::default().parse(&built).unwrap();
        let expected = [
            "From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "List-Unsubscribe",
            "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
        ];
        assert_eq!(names(&parsed), expected);
        assert_eq!(parsed.parts.len(), 3);
    }
}
