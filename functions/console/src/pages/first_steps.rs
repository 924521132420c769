//! Checklist of a new stack, which ticks itself.

use std::collections::BTreeMap;

use domain::{NotificationType, TypeId};
use serde::Deserialize;
use serde_json::Value;

use super::figure_views::SeriesFigures;
use crate::site::{ApiCall, ApiProblem, FirstStepsDone, Visit};

/// Number of minutes that the steps look back: 90 days.
const MINUTES: &str = "129600";

/// Step.
#[derive(Debug)]
pub struct FirstStep {
    /// Name.
    pub label: &'static str,
    /// Way to take it.
    pub hint: &'static str,
    /// Command that takes it; empty if there is none.
    pub command: &'static str,
    /// Page that takes it, and the text of the link to it; empty if there is none.
    pub page: &'static str,
    pub link: &'static str,
    /// `true` if it was taken.
    pub is_done: bool,
}

#[derive(Debug, Deserialize)]
struct LongFigures {
    summary: SentFigures,
    by_channel: BTreeMap<String, TriedFigures>,
}

#[derive(Debug, Deserialize)]
struct SentFigures {
    sent: i64,
}

#[derive(Debug, Deserialize)]
struct TriedFigures {
    attempts: i64,
    accepted: i64,
}

impl LongFigures {
    fn steps(&self) -> FirstStepsDone {
        let channel = |name: &str| self.by_channel.get(name);
        FirstStepsDone {
            device: channel("push").is_some_and(|it| it.attempts > 0),
            mail: channel("email").is_some_and(|it| it.accepted > 0),
            send: self.summary.sent > 0,
        }
    }
}

/// Returns the steps that the figures of the last 30 days show.
fn steps_of_series(series: &SeriesFigures) -> FirstStepsDone {
    let any = |is: &dyn Fn(&super::figure_views::BucketFigures) -> bool| series.buckets.iter().any(is);
    FirstStepsDone {
        device: any(&|it| it.by_channel.get("push").is_some_and(|push| push.attempts > 0)),
        mail: any(&|it| it.by_channel.get("email").is_some_and(|email| email.accepted > 0)),
        send: any(&|it| it.summary.sent > 0),
    }
}

/// Returns the checklist; empty once every step was taken. The figures of 90 days are read only while a step is open.
///
/// # Errors
/// The API's problem.
pub async fn first_steps(
    visit: &Visit<'_>,
    month: &SeriesFigures,
    types: &Value,
    has_key: bool,
) -> Result<Vec<FirstStep>, ApiProblem> {
    let (mut done, is_due) = visit.first_steps_cache.seen(steps_of_series(month), visit.time.now);
    if is_due {
        let long: LongFigures = visit.call(ApiCall::get("/v1/metrics").query("minutes", MINUTES)).await.read()?;
        (done, _) = visit.first_steps_cache.seen(long.steps(), visit.time.now);
    }
    let step = |label, is_done, hint| FirstStep { label, hint, is_done, command: "", page: "", link: "" };
    let key = step("VAPID key", has_key, "a command of the repository makes it:");
    let own_type = step("First type of your own", has_own_type(types), "it decides channels, quiet hours and caps:");
    let send = step("First send", done.send, "to yourself first:");
    let mail = "verify the sender, and leave the sandbox of SES (docs/deploying.md):";
    let steps = vec![
        FirstStep { command: "make init", ..key },
        step("First device", done.device, "a page of yours with the browser script registers it (docs/browser.md)"),
        FirstStep {
            command: "aws sesv2 create-email-identity --email-identity example.com",
            ..step("SES identity", done.mail, mail)
        },
        FirstStep { page: "type", link: "make one", ..own_type },
        FirstStep { page: "send", link: "send one", ..send },
    ];
    Ok(if steps.iter().all(|step| step.is_done) { Vec::new() } else { steps })
}

fn has_own_type(types: &Value) -> bool {
    let is_built_in = |name: &str| TypeId::parse(name).is_some_and(|id| NotificationType::is_built_in(&id));
    let mut names = types["items"].as_array().into_iter().flatten().filter_map(|kind| kind["name"].as_str());
    names.any(|name| !is_built_in(name))
}
