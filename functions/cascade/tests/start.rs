//! Start-up tests: without a required variable or secret, the function does not start and names it.
#![allow(clippy::unwrap_used)]

use tests::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cascade");

#[test]
fn without_a_variable_it_does_not_start_and_names_it() {
    start::names_each_missing_variable(
        PROGRAM,
        "CascadeFunction",
        &["EXTRA_PUSH_ORIGINS", "EXTRA_PUSH_HOSTS", "SMS_SENDER_ID", "SENDER_NAME"],
    );
}

#[test]
fn without_a_secret_it_does_not_start_and_names_it() {
    start::names_each_missing_secret(
        PROGRAM,
        "CascadeFunction",
        &["vapid-private-key", "recipient-hash-key", "link-signing-key"],
    );
}
