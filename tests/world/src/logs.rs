//! Capture of the functions' log lines at the most verbose level, through the subscriber that they log with.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use platform::telemetry;

thread_local! {
    /// Each test runs on one thread, and so do its functions.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThisThread;

impl Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts the capture, once for the process: a subscriber of one test would miss lines whose call site another test's
/// thread reached first.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing::subscriber::set_global_default(telemetry::subscriber("trace", || ThisThread));
    });
}

/// The lines of this test so far.
pub fn lines() -> Vec<String> {
    LINES.with_borrow(|lines| str::from_utf8(lines).unwrap().lines().map(str::to_owned).collect())
}
