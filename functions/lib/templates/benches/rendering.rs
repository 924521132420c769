//! Benchmark of rendering: a template of 2 KB with 10 variables on each channel, compiled once.
//!
//! Run it with `cargo bench -p templates --bench rendering`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use templates::{CompiledTemplate, RenderLimits, RenderRequest, ServiceLinks, TemplateDraft, VariableValues};

const ROUNDS: usize = 1_000;
/// Number of rounds with `SHORT` in the environment: enough to show that the benchmark runs.
const SHORT_ROUNDS: usize = 10;
const RENDERINGS_PER_ROUND: u32 = 10;
const SOURCE_BYTES: usize = 2_048;
const TARGET_MICROS: f64 = 30.0;

fn main() {
    let is_short = std::env::var("SHORT").is_ok_and(|value| !value.is_empty());
    let rounds = if is_short { SHORT_ROUNDS } else { ROUNDS };
    let draft = draft();
    let started = Instant::now();
    let template = CompiledTemplate::new(draft.clone()).unwrap();
    let compiling = started.elapsed();
    let values = VariableValues::new(&draft.variables, &draft.variables.examples(true)).unwrap();
    let links = ServiceLinks::default();
    let request = RenderRequest {
        locale: "it-IT",
        zone: &TimeZone::get("Europe/Rome").unwrap(),
        values: &values,
        links: &links,
        needs_unsubscribe: false,
        limits: RenderLimits::default(),
    };
    println!("compile once     {:8.2} us", compiling.as_secs_f64() * 1e6);
    let push = || assert!(black_box(template.push(&request)).unwrap().message.is_ok());
    let email = || assert!(black_box(template.email(&request)).unwrap().message.is_ok());
    let sms = || assert!(black_box(template.sms(&request)).unwrap().message.is_ok());
    for (name, render) in [("push", &push as &dyn Fn()), ("e-mail", &email), ("SMS", &sms)] {
        let micros = median(&mut (0..rounds).map(|_| round(render)).collect::<Vec<_>>());
        println!("{name:<16} {micros:8.2} us (target at most {TARGET_MICROS})");
    }
}

/// Returns the microseconds of one rendering.
fn round(render: &dyn Fn()) -> f64 {
    let started = Instant::now();
    for _ in 0..RENDERINGS_PER_ROUND {
        render();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(RENDERINGS_PER_ROUND)
}

fn median(micros: &mut [f64]) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// Creates a draft whose largest source has [`SOURCE_BYTES`], with ten variables in it.
fn draft() -> TemplateDraft {
    let names = (0..10).map(|number| format!("v{number}"));
    let properties: Map<String, Value> =
        names.clone().map(|name| (name, json!({"type": "string", "example": "value of a variable"}))).collect();
    let printed: Vec<String> = names.map(|name| format!("{{{{ {name} }}}}")).collect();
    let filled = |open: &str, close: &str| {
        let around =
            printed.iter().map(|tag| format!("{open}Some words of a letter. {tag}{close}")).collect::<String>();
        let rest = SOURCE_BYTES.saturating_sub(around.len()) / 20;
        around + &format!("{open}More of the words.{close}").repeat(rest * 20 / (open.len() + close.len() + 18))
    };
    let text = filled("", "\n");
    let draft = json!({
        "title": "Bench", "default_locale": "it", "variables": {"properties": properties},
        "parts": {"it": {
            "push": {"title": "Title", "body": text}, "sms": {"text": text},
            "email": {"subject": "Subject", "html": filled("<p style=\"margin:0\">", "</p>"), "text": text},
        }},
    });
    TemplateDraft::parse(&draft).unwrap()
}
