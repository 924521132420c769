//! Golden files of the built-in templates: `UPDATE_GOLDEN=1` writes them again. Review the difference as a reader.

#![allow(clippy::unwrap_used)]

use domain::channel::Channel;
use jiff::tz::TimeZone;

use super::*;
use crate::publish::publish_findings;
use crate::render::{CompiledTemplate, RenderLimits, RenderRequest, Rendered, ServiceLinks};
use crate::variables::VariableValues;

const NAMES: [&str; 2] = ["certificate-expiring", "payment-due"];

fn compiled(name: &str) -> CompiledTemplate {
    CompiledTemplate::new(builtin(name).unwrap().draft).unwrap()
}

fn rendered(template: &CompiledTemplate, locale: &str) -> Rendered {
    let variables = &template.draft().variables;
    let values = VariableValues::new(variables, &variables.examples(true)).unwrap();
    template.render(&RenderRequest {
        locale,
        zone: &TimeZone::get("Europe/Rome").unwrap(),
        values: &values,
        links: &ServiceLinks::default(),
        needs_unsubscribe: false,
        limits: RenderLimits::default(),
    })
}

/// Shows everything but the HTML, as a reader sees it.
fn readable(rendered: &Rendered) -> String {
    let push = &rendered.push.as_ref().unwrap().message.as_ref().unwrap().content;
    let email = rendered.email.as_ref().unwrap().message.as_ref().unwrap();
    let sms = rendered.sms.as_ref().unwrap().message.as_ref().unwrap();
    let shown = format!(
        "== push\n{}\n{}\n{}\n\n== e-mail\nSubject: {}\n\n{}\n\n== SMS\n{}\n",
        push.title.expose(),
        push.body.expose(),
        push.url.as_ref().unwrap().expose(),
        email.subject.expose(),
        email.text.expose(),
        sms.text.expose(),
    );
    shown.replace('\u{2060}', "<no link>").replace('\u{a0}', "<nbsp>")
}

fn assert_golden(file: &str, text: &str) {
    let path = format!("{}/src/builtin/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{file}");
}

#[test]
fn every_channel_and_locale_reads_as_its_golden_file() {
    for name in NAMES {
        let template = compiled(name);
        for locale in ["en", "it"] {
            let rendered = rendered(&template, locale);
            assert_golden(&format!("{name}.{locale}.txt"), &readable(&rendered));
            let email = rendered.email.unwrap().message.unwrap();
            assert_golden(&format!("{name}.{locale}.html"), email.html.expose());
        }
    }
}

#[test]
fn both_pass_the_checks_of_publishing_and_have_every_channel() {
    for name in NAMES {
        assert_eq!(publish_findings(&compiled(name), &Channel::ALL, RenderLimits::default()), [], "{name}");
    }
    assert_eq!(builtin("other"), None);
}

#[test]
fn one_day_and_the_last_day_have_words_of_their_own() {
    let template = compiled("certificate-expiring");
    let subject = |locale: &str, days: u32| {
        let mut values = template.draft().variables.examples(true);
        values["days"] = days.into();
        let values = VariableValues::new(&template.draft().variables, &values).unwrap();
        let request = RenderRequest {
            locale,
            zone: &TimeZone::UTC,
            values: &values,
            links: &ServiceLinks::default(),
            needs_unsubscribe: false,
            limits: RenderLimits::default(),
        };
        template.email(&request).unwrap().message.unwrap().subject.into_exposed()
    };
    assert_eq!(subject("en", 1), "The certificate shop.example.com expires in 1 day");
    assert_eq!(subject("en-GB", 0), "The certificate shop.example.com expires today");
    assert_eq!(subject("it-CH", 1), "Il certificato shop.example.com scade tra 1 giorno");
    assert_eq!(subject("it", 1_234), "Il certificato shop.example.com scade tra 1234 giorni");
    assert_eq!(subject("fr", 2), "The certificate shop.example.com expires in 2 days");
}
