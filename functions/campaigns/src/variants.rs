//! Results of the variants of a campaign, as far as rollup has counted them.

use std::collections::BTreeMap;

use campaign::{Launch, LaunchedMessage, TestMetric, VariantResult};
use jiff::Timestamp;
use metrics::figures::Notifications;
use metrics::{MAX_MINUTES, Window};

/// Returns the window from a launch to now.
pub fn window_since(launch: &Launch, now: Timestamp) -> Window {
    let minutes = now.duration_since(launch.at).as_secs() / 60 + 2;
    Window::last(minutes.min(MAX_MINUTES), now)
}

/// Outcomes of the notifications of a campaign, by variant.
pub type Variants = BTreeMap<String, Notifications>;

/// Returns the results of the variants of a test phase, in their order.
pub fn test_results<'a>(launch: &'a Launch, metric: TestMetric, variants: &Variants) -> Vec<(&'a str, VariantResult)> {
    let result = |message: &'a LaunchedMessage| {
        let figures = variants.get(&message.variant).cloned().unwrap_or_default();
        let achieved = match metric {
            TestMetric::Delivered => figures.delivered,
            TestMetric::Clicked => figures.clicked,
            TestMetric::Converted => figures.converted,
        };
        (message.variant.as_str(), VariantResult { reached: reached(&figures), achieved })
    };
    launch.variants().map(result).collect()
}

/// Returns the number of notifications that a provider accepted.
pub fn reached(figures: &Notifications) -> i64 {
    figures.accepted + figures.delivered
}
