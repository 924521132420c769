//! Log lines of a test.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::Subscriber;

use super::subscriber;

/// Writer that stores log lines, for tests that read them.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Returns a subscriber at this level that writes to this value.
    pub fn subscriber(&self, level: &str) -> impl Subscriber + Send + Sync + use<> {
        let writer = self.clone();
        subscriber(level, move || writer.clone())
    }

    /// Returns each line, parsed.
    pub fn read(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap();
        str::from_utf8(&bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
