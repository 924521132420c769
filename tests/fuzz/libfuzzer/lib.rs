//! The mutator that libFuzzer's binaries share.

#![allow(missing_docs)]

use fuzz::json;

/// Mutates an input: for even seeds one value of the input's JSON, if it has any, otherwise by libFuzzer's own mutations.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let changed = json::changed(&data[..size], seed.into()).filter(|_| seed % 2 == 0);
    match changed.filter(|changed| changed.len() <= max_size) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}
