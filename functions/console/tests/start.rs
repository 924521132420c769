//! Start-up test: without a required variable, the function does not start and names the variable.
#![allow(clippy::unwrap_used)]

use tests::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_console");

#[test]
fn without_a_variable_it_does_not_start_and_names_it() {
    start::names_each_missing_variable(
        PROGRAM,
        "ConsoleFunction",
        &["EXTRA_PUSH_HOSTS", "EXTRA_PUSH_ORIGINS", "SENDER_NAME", "SMS_SENDER_ID"],
    );
}
