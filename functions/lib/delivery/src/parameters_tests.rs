//! Template parameters that both CloudFormation and a function check: both must accept the same values.
#![allow(clippy::unwrap_used)]
use std::fmt::Display;

use fancy_regex::Regex;

use channels::email::{Sender, SenderName};
use channels::push::VapidSubject;
use channels::sms::SenderId;
use domain::channel::EmailAddress;
use domain::channel::country::CountryCode;

/// Rule of a template parameter, applied to the whole value as CloudFormation does.
struct Parameter {
    pattern: Regex,
    max_chars: usize,
}

impl Parameter {
    fn named(name: &str) -> Self {
        let template = include_str!("../../../../template.yaml");
        let (_, block) = template.split_once(&format!("\n  {name}:\n    Type: String\n")).unwrap();
        let lines: Vec<_> = block.lines().take_while(|line| line.starts_with("    ")).map(str::trim).collect();
        let value = |key: &str| {
            let at = lines.iter().position(|line| line.starts_with(&format!("{key}: ")))?;
            let mut value = lines[at].split_once(": ")?.1.to_owned();
            for line in &lines[at + 1..] {
                let Some(part) = value.strip_suffix('\\') else { break };
                value = format!("{part}{line}");
            }
            Some(match value.chars().next()? {
                '\'' => value.trim_matches('\'').replace("''", "'"),
                '"' => value.trim_matches('"').to_owned(),
                _ => value,
            })
        };
        let pattern = Regex::new(&format!("^(?:{})$", value("AllowedPattern").unwrap())).unwrap();
        Self { pattern, max_chars: value("MaxLength").map_or(4_096, |max| max.parse().unwrap()) }
    }

    fn allows(&self, value: &str) -> bool {
        // `$` of a pattern also matches before a last line feed; CloudFormation matches the whole value.
        value.chars().count() <= self.max_chars && !value.ends_with('\n') && self.pattern.is_match(value).unwrap()
    }
}

/// Compares both verdicts on each value. The empty value stands for a parameter that is left out.
fn agree<T, E: Display>(name: &str, values: &[String], parse: impl Fn(&str) -> Result<T, E>) {
    let parameter = Parameter::named(name);
    let mut taken = 0;
    for value in values {
        let parsed = parse(value);
        let why = parsed.as_ref().err().map(ToString::to_string);
        assert_eq!(parameter.allows(value), parsed.is_ok(), "{name} {value:?}: {why:?}");
        taken += usize::from(parsed.is_ok());
    }
    assert!(taken > 0 && taken < values.len(), "{name}: the values try both verdicts");
}

/// Returns addresses made of every local part with every domain, valid and invalid.
fn addresses() -> Vec<String> {
    let (locals, domains) = (local_parts(), domain_names());
    let mut all: Vec<_> =
        locals.iter().flat_map(|local| domains.iter().map(move |domain| format!("{local}@{domain}"))).collect();
    all.extend(["", "a", "x.com", "Name <a@x.com>", "a@x.com,b@y.com"].map(str::to_owned));
    all
}

fn local_parts() -> Vec<String> {
    let long = |count| "a".repeat(count);
    [
        "a",
        "a,b",
        "a..b",
        ".a",
        "a.",
        "a.b",
        "a+tag",
        "ä",
        "a b",
        "a\"b",
        "\"a\"",
        "a@b",
        "<a",
        "",
        "o'neil",
        "a;b",
        "a\\b",
        "a(b)",
        "1",
        "-",
        "!#$%&'*+/=?^_`{|}~",
        &long(64),
        &long(65),
        &format!("{}.{}", long(40), long(23)),
        &format!("{}.{}", long(40), long(24)),
        "a\r\nb",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn domain_names() -> Vec<String> {
    let long = |count| "a".repeat(count);
    [
        "x.com",
        "X.COM",
        "x",
        "localhost",
        "x.c",
        "x.123",
        "x.c0m",
        "bücher.example",
        "xn--bcher-kva.example",
        "example.xn--p1ai",
        "EXAMPLE.XN--P1AI",
        "пример.рф",
        "example.рф",
        "x_y.com",
        "-x.com",
        "x-.com",
        "x..com",
        ".x.com",
        "x.com.",
        "x.com ",
        " x.com",
        "127.0.0.1",
        "[127.0.0.1]",
        "x.com>",
        "x.com,y.com",
        "a.b.c.d.co.uk",
        "1.example",
        "x.xn--",
        "x.xn---",
        "",
        "x%2ey.com",
        "x.com\nBcc: y@z.com",
        "x.com\n",
        &format!("{}.com", long(63)),
        &format!("{}.com", long(64)),
        &format!("x.{}", long(63)),
        &format!("x.{}", long(64)),
        &format!("{}.{}.{}.example", long(60), long(60), long(59)),
        &format!("{}.{}.{}.example", long(60), long(60), long(60)),
        "x.xn--a",
        "xn--0.com",
        "x--y.com",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn the_senders_address_has_one_rule() {
    agree("SenderAddress", &addresses(), Sender::parse_address);
}

#[test]
fn the_address_for_alerts_is_one_that_mail_could_go_to() {
    let parse = |text: &str| if text.is_empty() { Ok(()) } else { Sender::parse_address(text).map(drop) };
    agree("AlertEmail", &addresses(), parse);
}

#[test]
fn an_address_of_a_recipient_has_the_same_rule_but_for_other_scripts() {
    for address in addresses() {
        let of_recipient = EmailAddress::parse(&address).is_ok();
        assert_eq!(of_recipient && address.is_ascii(), Sender::parse_address(&address).is_ok(), "{address:?}");
    }
}

#[test]
fn the_senders_name_has_one_rule() {
    let names = [
        "Example Ltd",
        "Bücher",
        "株式会社",
        "a\r\nBcc: x",
        "a\nb",
        "a\tb",
        "a\u{7f}",
        "a\u{85}",
        "a\u{2028}",
        "a\u{2029}",
        "\"",
        "\\",
        "<a@b.c>",
        "=?UTF-8?B?SGk=?=",
        "🚀",
    ]
    .map(str::to_owned);
    let lengths = [64, 65].map(|count| "ü".repeat(count));
    agree("SenderName", &[names.as_slice(), &lengths].concat(), SenderName::parse);
}

#[test]
fn the_senders_country_has_one_rule() {
    let letters = || ('A'..='Z').chain(['a', '1', 'É']);
    let mut codes: Vec<_> =
        letters().flat_map(|first| letters().map(move |second| format!("{first}{second}"))).collect();
    codes.extend(["", "I", "ITA", "it", "IT ", "IT\n", "Italy"].map(str::to_owned));
    agree("SenderCountry", &codes, CountryCode::parse);
}

#[test]
fn the_sender_id_of_sms_has_one_rule() {
    let ids = ["", "Example", "EXAMPLE2026", "EXAMPLE20266", "12345", "1a", "My-Shop", "My Shop", "Ä", "a\n"]
        .map(str::to_owned);
    let parse = |text: &str| if text.is_empty() { Ok(()) } else { SenderId::parse(text).map(drop) };
    agree("SmsSenderId", &ids, parse);
}

#[test]
fn the_subject_of_vapid_has_one_rule() {
    let urls = [
        "https://example.com",
        "https://example.com/",
        "https://example.com/a?x=1",
        "https://example.com?x=1",
        "https://example.com:8443",
        "https://user@example.com/",
        "https://localhost",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://",
        "HTTPS://example.com",
        "http://example.com",
        "https://bücher.example",
        "https://example.com/ü",
        "https://example.com/a b",
        "https://example.com/<a>",
        "https://example.com/\"",
        "https://example.com/#a",
        "https://ex_ample.com/",
        "https://example.com/\n",
        "example.com",
        "mailto:",
        "MAILTO:a@x.com",
        "mailto:a@x.com?subject=x",
        "",
    ]
    .map(str::to_owned);
    let mails: Vec<_> = addresses().iter().map(|address| format!("mailto:{address}")).collect();
    agree("VapidSubject", &[urls.as_slice(), &mails].concat(), VapidSubject::parse);
}
