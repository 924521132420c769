//! Start-up tests: without a required variable or secret, the function does not start and names it.
#![allow(clippy::unwrap_used)]

use tests::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_track");

#[test]
fn without_a_variable_it_does_not_start_and_names_it() {
    start::names_each_missing_variable(PROGRAM, "TrackFunction", &[]);
}

#[test]
fn without_a_secret_it_does_not_start_and_names_it() {
    start::names_each_missing_secret(PROGRAM, "TrackFunction", &["link-signing-key", "recipient-hash-key"]);
}
