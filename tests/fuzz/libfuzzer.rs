//! The fuzz targets under libFuzzer: runs the target that the environment variable `FUZZ_TARGET` names (`make fuzz`).

#![no_main]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::env;
use std::sync::LazyLock;

use fuzz::{TARGETS, Target, json};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let named = TARGETS.iter().find(|target| target.name == name);
    named.unwrap_or_else(|| panic!("FUZZ_TARGET={name} names none of {}", names.join(", ")))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed)
});

/// Mutates an input: for even seeds one value of the input's JSON, if it has any, otherwise by libFuzzer's own
/// mutations.
fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let is_by_value = TARGET.is_json && seed.is_multiple_of(2);
    let changed = if is_by_value { json::changed(&data[..size], seed.into()) } else { None };
    match changed.filter(|changed| changed.len() <= max_size) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}
