//! Every line that the functions log, at the level at which they say most, through the subscriber that they log with.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use platform::telemetry;

thread_local! {
    /// A story is one thread, and so are the functions in it.
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

/// Begins to keep what is logged, once for the process: a listener of one test alone would miss lines that another test's
/// thread met first.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing::subscriber::set_global_default(telemetry::subscriber("trace", || ThisThread));
    });
}

/// The lines of this story so far.
pub fn lines() -> Vec<String> {
    LINES.with_borrow(|lines| str::from_utf8(lines).unwrap().lines().map(str::to_owned).collect())
}
