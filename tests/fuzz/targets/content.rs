//! A message's content on each channel: it fits, and nothing in it becomes a header, a second recipient or a further
//! SMS part.

use channels::email::EmailMessage;
use channels::push::{PushContent, PushMessage};
use channels::sms::{SmsMessage, SmsRules, parts};
use domain::channel::link::Link;
use domain::channel::push::Topic;
use domain::channel::{EmailAddress, PhoneNumber};
use domain::notification::{Content, PushOptions, Urgency};
use jiff::Timestamp;

pub fn target(data: &[u8]) {
    let Ok(content) = serde_json::from_slice::<Content>(data).map(Content::cleaned) else { return };
    assert_eq!(content.clone().cleaned(), content);
    if !content.errors().is_empty() {
        return;
    }
    let stored = serde_json::to_string(&content).unwrap();
    assert!(stored.len() == content.json_bytes() && stored.len() <= Content::MAX_BYTES);
    assert_eq!(serde_json::from_str::<Content>(&stored).unwrap(), content);
    push(&content);
    email(&content);
    sms(&content);
}

fn push(content: &Content) {
    let content = PushContent {
        notification_id: "id".to_owned(),
        title: content.title.clone(),
        body: content.body.clone(),
        url: content.url.clone(),
        icon: content.icon.clone(),
        data: content.data.clone(),
        options: PushOptions::new(content, Clone::clone),
        receipt: None,
    };
    let Ok(message) = PushMessage::new(content, 60, Urgency::Normal, Topic::of_notification("id")) else { return };
    assert!(message.payload().expose().len() <= 3_993);
    if let Some(shorter) = message.shortened() {
        assert!(shorter.payload().expose().len() < message.payload().expose().len());
        assert_eq!(shorter.shortened(), None);
    }
}

fn email(content: &Content) {
    let (from, to) = ["service@example.com", "ada@example.org"].map(|text| EmailAddress::parse(text).unwrap()).into();
    let link = link(content);
    let message =
        EmailMessage::new(from, to, content.title.expose(), content.body.expose(), link.as_ref(), None, Some("it-IT"));
    assert!(link.is_none_or(|link| message.text.expose().contains(link.as_str())));
    let mime = message.to_mime("abc-def", Timestamp::UNIX_EPOCH);
    let mime = String::from_utf8(mime).expect("every part is encoded as text");
    let (head, _) = mime.split_once("\r\n\r\n").expect("a head and a body");
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split_once(':'));
    let mut names: Vec<_> = names.map(|header| header.expect("a header has a name").0.to_ascii_lowercase()).collect();
    names.sort();
    let expected = ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"];
    assert_eq!(names, expected);
    assert!(mime.lines().all(|line| line.len() <= 998 && !line.contains('\r')), "RFC 5322 section 2.1.1");
}

/// Accepted content can be shown by every recipient of a message.
fn link(content: &Content) -> Option<Link> {
    content.url.as_ref().map(|url| Link::parse(url.expose()).unwrap())
}

fn sms(content: &Content) {
    let click = Link::parse(&format!("https://notify.example.com/v1/clicks/{}", "x".repeat(72))).unwrap();
    let links: Vec<_> = link(content).into_iter().flat_map(|own| [click.clone(), own]).collect();
    for most in [0, 1, 3, u32::MAX] {
        let to = PhoneNumber::parse("+393331234567").unwrap();
        let message = SmsMessage::new(
            to,
            content.title.expose(),
            content.body.expose(),
            &links,
            SmsRules { max_parts: most, plain_punctuation: most != 3 },
        );
        assert!(message.parts.parts <= most.clamp(1, 5) && message.text.expose().len() <= 1_600);
        assert_eq!(parts(message.text.expose()), message.parts);
        assert!(links.is_empty() || links.iter().any(|link| message.text.expose().ends_with(link.as_str())));
        assert!(!message.text.expose().is_empty());
        assert!(!message.text.expose().chars().any(|c| c.is_control() && c != '\n'));
    }
}
