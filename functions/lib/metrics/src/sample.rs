//! Counters for tests.

use crate::Counters;
use crate::histogram::bin_of;

/// Current time in tests.
pub const NOW: &str = "2026-11-23T10:05:30Z";

/// Creates counters from their names as text.
pub fn counters(pairs: &[(&str, i64)]) -> Counters {
    let mut counters = Counters::default();
    pairs.iter().for_each(|(name, amount)| counters.add(name.parse().unwrap(), *amount));
    counters
}

/// Counters of a week in which v2 reaches more recipients than v1 and costs more.
pub fn week() -> Counters {
    let mut all = counters(&[
        ("side/v1/assigned", 9_020),
        ("side/v2/assigned", 980),
        ("side/v1/first_pushes", 8_000),
        ("side/v1/first_pushes_failed", 480),
        ("side/v2/first_pushes", 870),
        ("side/v2/first_pushes_failed", 52),
        ("version/v1/sent", 8_500),
        ("version/v1/accepted", 6_000),
        ("version/v1/delivered", 1_520),
        ("version/v1/failed", 980),
        ("version/v1/skipped/no_channel", 520),
        ("version/v1/clicked", 2_700),
        ("version/v1/converted", 150),
        ("version/v2/sent", 970),
        ("version/v2/accepted", 640),
        ("version/v2/delivered", 318),
        ("version/v2/failed", 8),
        ("version/v2/uncertain", 2),
        ("version/v2/expired", 2),
        ("version/v2/skipped/opted_out", 10),
        ("version/v2/clicked", 420),
        ("version/v2/converted", 31),
        ("version/v2/cost_micros", 1_126_440),
        ("side/v2/cost_squares", 78_400_846_400),
        ("side/v2/cost_of_reached_micros", 986_440),
        ("version/v2/wasted_cost_micros", 70_000),
        ("on/v1/push/reached", 7_520),
        ("on/v1/push/missed", 980),
        ("on/v2/push/reached", 845),
        ("on/v2/push/missed", 75),
        ("on/v2/email/reached", 100),
        ("on/v2/email/missed", 10),
        ("on/v2/sms/reached", 13),
        ("on/v2/sms/missed", 2),
        ("on/v2/sms/uncertain", 2),
        ("channel/push/attempts", 9_650),
        ("channel/push/accepted", 8_365),
        ("channel/email/attempts", 110),
        ("channel/email/cost_micros", 9_200),
        ("channel/sms/attempts", 17),
        ("channel/sms/cost_micros", 1_117_240),
        ("channel/push/latency_sum_ms", 1_930_000),
        ("channel/email/latency_sum_ms", 9_900),
        ("channel/sms/latency_sum_ms", 60_000),
    ]);
    let mut latencies = |name: &str, count: i64, from_ms: u64, step_ms: u64| {
        for number in 0..100 {
            let bin = format!("{name}/lat/{}", bin_of(from_ms + number * step_ms));
            all.add(bin.parse().unwrap(), count);
        }
    };
    latencies("version/v1", 75, 60, 12);
    latencies("version/v2", 9, 60, 25);
    latencies("channel/push", 96, 50, 3);
    latencies("channel/email", 1, 60, 1);
    latencies("channel/sms", 1, 300, 40);
    all
}
