//! Logs as JSON lines on stdout, which Lambda sends to CloudWatch Logs.
//!
//! Only the service's own crates use the configured level. All others log warnings and errors only. At debug level,
//! the SDK, hyper and rustls would log headers and bodies: credentials, addresses, messages.

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

/// Crates of the service, functions first. The target of a log line begins with one of these names.
const OURS: [&str; 22] = [
    "send",
    "cascade",
    "rollup",
    "cleanup",
    "recipients",
    "track",
    "console",
    "catalog",
    "campaigns",
    "fanout",
    "platform",
    "domain",
    "templates",
    "segments",
    "campaign",
    "metrics",
    "aws",
    "channels",
    "store",
    "delivery",
    "alerts",
    "rollout",
];
/// Prefix of the SDK's crates. A filter for the service's crate `aws` would match them too.
const SDK: &str = "aws_";

/// Starts logging for this process. `level` is `LOG_LEVEL`: `info`, `debug`, or per module
/// (`info,delivery::config=debug`). If the level cannot be parsed, the level is `info`, and the first line is a
/// warning. A second call changes nothing.
pub fn init(level: &str) {
    let (targets, understood) = targets(level);
    let started = tracing::subscriber::set_global_default(lines(targets, std::io::stdout)).is_ok();
    if started {
        panic::set_hook(Box::new(|panic| panicked(panic.location())));
    }
    if started && !understood {
        tracing::warn!(level, "ignored an invalid LOG_LEVEL; logging at info");
    }
}

/// Logs a panic with its location only. The message may quote personal data, for example the text of a failed slice.
fn panicked(place: Option<&Location<'_>>) {
    let place = place.map(ToString::to_string);
    tracing::error!(place, "function panicked");
}

/// Returns the subscriber that [`init`] would use at this level, with another writer. It is for tests that read every
/// line.
pub fn subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    lines(targets(level).0, writer)
}

/// Returns a subscriber that writes one JSON object per line: timestamp, level, target, the event's fields, and the
/// current span.
fn lines<W>(targets: Targets, writer: W) -> impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer);
    // The filter is placed before the layer, so that a filtered event is never formatted.
    tracing_subscriber::registry().with(targets).with(lines)
}

/// Returns the filter, and `true` if `level` could be parsed.
fn targets(level: &str) -> (Targets, bool) {
    let asked = Some(level.trim()).filter(|level| !level.is_empty());
    let asked: Targets = asked.and_then(|level| level.parse().ok()).unwrap_or_default();
    let modules: Vec<_> = asked.iter().filter(|(target, _)| is_ours(target)).collect();
    // A word that is not a level is parsed as a module's name at every level. So only names of the service's crates
    // count.
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

    /// Returns the lines that `log` writes at this level, parsed.
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
            tracing::error!(target: "delivery::config", alarm = "rollout_unreadable", "kept\nthe last");
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
    fn a_panic_is_logged_with_its_place() {
        let lines = written("info", || panicked(Some(Location::caller())));
        assert_eq!((&lines[0]["message"], &lines[0]["level"]), (&"function panicked".into(), &"ERROR".into()));
        assert!(lines[0]["place"].as_str().unwrap().contains("telemetry.rs:"));
    }

    #[test]
    fn every_crate_of_the_service_is_logged() {
        let workspace = include_str!("../../../../Cargo.toml");
        let paths = workspace.split('"').filter_map(|text| text.strip_prefix("functions/"));
        let names: Vec<_> = paths.map(|path| path.trim_start_matches("lib/")).collect();
        let members: std::collections::BTreeSet<_> = names.into_iter().filter(|name| !name.contains('/')).collect();
        // `ece` stands in for a package of others, and logs nothing.
        let ours: std::collections::BTreeSet<_> = OURS.into_iter().chain(["ece"]).collect();
        assert_eq!(ours, members);
        for target in ["fanout::task_run", "campaigns::reconciler", "catalog::type_routes", "segments"] {
            assert!(passes("info", target, Level::INFO), "{target}");
        }
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
        let level = "warn,delivery::config=debug";
        assert!(passes(level, "delivery::config::source", Level::DEBUG));
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
