//! Runs the fuzz targets on the corpus: first each seed unchanged, then seeds with small changes, the same ones in
//! every run. `make fuzz` runs the same targets under libFuzzer for a time of choice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod mutation;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use mutation::{Corpus, mutated};

/// Runs a target on its corpus and on `cases` changed seeds; `PROPTEST_CASES` overrides the number.
fn run(name: &str, cases: u32, target: fn(&[u8])) {
    let corpus = Corpus::read(name);
    corpus.seeds.iter().for_each(|seed| target(seed));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let checked = runner.run(&mutated(&corpus), |input| {
        target(&input);
        Ok(())
    });
    if let Err(TestError::Fail(reason, input)) = checked {
        panic!("{name}: {reason}\non {:?}", String::from_utf8_lossy(&input));
    }
    checked.unwrap();
}

/// Defines a test for each target. Targets that call the functions themselves take longer.
macro_rules! targets {
    ($($name:ident: $cases:literal,)+) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];
        $(
            #[test]
            fn $name() {
                run(stringify!($name), $cases, fuzz::$name::target);
            }
        )+
    };
}

targets! {
    http_event: 600,
    stream_record: 400,
    track: 600,
    settings: 4_000,
    percentage: 4_000,
    users: 4_000,
    rollout_change: 2_000,
    endpoint: 4_000,
    subscription: 1_000,
    vapid_key: 1_000,
    retry_after: 4_000,
    feedback: 1_000,
    contact: 4_000,
    names: 4_000,
    content: 1_000,
    template: 1_000,
    segment_filter: 2_000,
    campaign: 2_000,
}

#[test]
fn every_target_has_a_test_and_a_corpus() {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let targets = sorted(fuzz::TARGETS.iter().map(|target| target.name.to_owned()).collect());
    let corpora = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).unwrap();
    assert_eq!(targets, sorted(NAMES.iter().map(|name| (*name).to_owned()).collect()));
    assert_eq!(targets, sorted(corpora.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()));
}
