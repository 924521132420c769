//! Results of the variants of a campaign, as far as rollup has counted them.

use std::collections::BTreeMap;

use campaign::{Launch, LaunchedMessage, TestMetric, VariantResult};
use jiff::Timestamp;
use metrics::Window;
use metrics::figures::Notifications;

/// Returns the window of the first 90 days after a launch; `None` if its figures may be deleted.
pub fn window_since(launch: &Launch, now: Timestamp) -> Option<Window> {
    Window::first_days(launch.at.min(now), now)
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
