//! The targets of `tests/fuzz`, as a library for libFuzzer's own binaries.

#![allow(missing_docs)]


#[path = "../targets/mod.rs"]
pub mod targets;

/// libFuzzer's own change, or every second time one of a value in the input's JSON.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let changed = targets::json::changed(&data[..size], seed.into()).filter(|_| seed % 2 == 0);
    match changed.filter(|changed| changed.len() <= max_size) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}
