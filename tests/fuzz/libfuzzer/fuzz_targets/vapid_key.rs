#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::vapid_key::target(data));
