//! Logs as JSON lines on stdout, where Lambda takes them from.
//!
//! Only the service's own crates follow the level that is asked for. All others stay at warnings whatever is asked, because
//! at debug the SDK, hyper and rustls print headers and bodies: credentials, addresses, messages.

#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used)]
pub mod testing;

use std::panic::{self, Location};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// The service's crates, functions first: a log line's target begins with one of them.
const OURS: [&str; 16] = [
    "send",
    "cascade",
    "rollup",
    "cleanup",
    "recipients",
    "track",
    "console",
    "platform",
    "domain",
    "metrics",
    "aws",
    "channels",
    "store",
    "delivery",
    "alerts",
    "rollout",
];
/// Prefix of the SDK's crates, which a filter for our crate `aws` would let through too.
const SDK: &str = "aws_";

/// Starts logging for this process. `level` is `LOG_LEVEL`: `info`, `debug`, or per module
/// (`info,delivery::live=debug`). One that cannot be read counts as `info` and is said in the first line. A second
/// call changes nothing.
pub fn init(level: &str) {
    let (targets, understood) = targets(level);
    let started = tracing::subscriber::set_global_default(lines(targets, std::io::stdout)).is_ok();
    if started {
        panic::set_hook(Box::new(|panic| panicked(panic.location())));
    }
    if started && !understood {
        tracing::warn!(level, "LOG_LEVEL is not understood; logging at info");
    }
}

/// A panic is told by its place alone: its text may quote what it stumbled over (slicing a text quotes the text).
fn panicked(place: Option<&Location<'_>>) {
    let place = place.map(ToString::to_string);
    tracing::error!(place, "panicked");
}

/// What [`init`] logs through at this level, writing elsewhere: for tests that look at every line.
pub fn subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    lines(targets(level).0, writer)
}

/// One JSON object a line: timestamp, level, target, the event's fields beside them, and the span it stands in.
fn lines<W>(targets: Targets, writer: W) -> impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer);
    // The filter stands before the layer for all: what it turns away is never even formatted.
    tracing_subscriber::registry().with(targets).with(lines)
}

/// What passes, and whether `level` could be read.
fn targets(level: &str) -> (Targets, bool) {
    let asked = Some(level.trim()).filter(|level| !level.is_empty());
    let asked: Targets = asked.and_then(|level| level.parse().ok()).unwrap_or_default();
    let modules: Vec<_> = asked.iter().filter(|(target, _)| is_ours(target)).collect();
    // A word that is no level reads as the name of a module at every level, so only names of ours count as understood.
    let understood = asked.default_level().is_some() || !modules.is_empty();
    let general = asked.default_level().unwrap_or(LevelFilter::INFO);
    let targets = Targets::new()
        .with_default(general.min(LevelFilter::WARN))
        .with_targets(OURS.map(|ours| (ours, general)))
        .with_target(SDK, general.min(LevelFilter::WARN))
        .with_targets(modules.into_iter().map(|(target, level)| (target.to_owned(), level)));
    (targets, understood)
}

fn is_ours(target: &str) -> bool {
    OURS.contains(&target.split("::").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use tracing::Level;

    use super::testing::Lines;
    use super::*;

    /// What `log` writes at this level, each line parsed.
    fn written(level: &str, log: impl FnOnce()) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.subscriber(level), log);
        lines.read()
    }

    fn passes(level: &str, target: &str, at: Level) -> bool {
        targets(level).0.would_enable(target, &at)
    }

    #[test]
    fn an_event_is_one_json_object_with_its_fields_beside_the_message() {
        let lines = written("info", || {
            tracing::error!(target: "delivery::live", alarm = "rollout_unreadable", "kept\nthe last");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["alarm"], "rollout_unreadable");
        assert_eq!(lines[0]["message"], "kept\nthe last");
        assert_eq!(lines[0]["level"], "ERROR");
    }

    #[test]
    fn a_line_carries_its_span() {
        let lines = written("info", || {
            let span = tracing::info_span!(target: "send", "request", request_id = "r-1");
            span.in_scope(|| tracing::info!(target: "send", "answered"));
        });
        assert_eq!(lines[0]["span"]["request_id"], "r-1");
    }

    #[test]
    fn a_panic_is_told_by_its_place() {
        let lines = written("info", || panicked(Some(Location::caller())));
        assert_eq!((&lines[0]["message"], &lines[0]["level"]), (&"panicked".into(), &"ERROR".into()));
        assert!(lines[0]["place"].as_str().unwrap().contains("telemetry.rs:"));
    }

    #[test]
    fn other_crates_stay_at_warnings_whatever_is_asked() {
        for level in
            ["debug", "trace", "info,aws=trace", "trace,aws_smithy_runtime=trace,hyper=debug,rustls=trace,h2=trace"]
        {
            for target in [
                "aws_smithy_runtime::client",
                "aws_config",
                "aws_sdk_ssm",
                "hyper::proto",
                "rustls::conn",
                "h2",
                "lambda_runtime",
            ] {
                assert!(!passes(level, target, Level::INFO), "{target} at {level}");
                assert!(passes(level, target, Level::WARN), "{target} at {level}");
            }
        }
        let lines = written("trace", || tracing::debug!(target: "hyper", body = "ada@example.com", "read"));
        assert!(lines.is_empty());
    }

    #[test]
    fn a_level_can_be_asked_for_one_module() {
        assert!(passes("debug", "send", Level::DEBUG));
        assert!(!passes("info", "store", Level::DEBUG));
        let level = "warn,delivery::live=debug";
        assert!(passes(level, "delivery::live::source", Level::DEBUG));
        assert!(!passes(level, "domain::settings", Level::INFO));
        assert!(!passes("error", "hyper", Level::WARN) && !passes("off", "send", Level::ERROR));
    }

    #[test]
    fn a_level_that_cannot_be_read_counts_as_info() {
        for level in ["", " ", "loud", "store=loud"] {
            assert!(!targets(level).1, "{level:?}");
            assert!(passes(level, "send", Level::INFO) && !passes(level, "send", Level::DEBUG), "{level:?}");
        }
        assert!(targets("info").1 && targets("store=debug").1);
    }
}
