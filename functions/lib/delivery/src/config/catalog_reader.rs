//! Reads of the catalog, with one log line for each change between readable and not.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::alarm::AlarmLine;
use store::{Catalog, CatalogKey, CatalogStore};

/// Reads the catalog within a time limit.
#[derive(Debug)]
pub struct CatalogReader {
    store: CatalogStore,
    state: Mutex<ReaderState>,
}

/// State of the last read.
#[derive(Debug, Default)]
struct ReaderState {
    is_down: bool,
    unreadable: Vec<CatalogKey>,
}

impl CatalogReader {
    pub fn new(store: CatalogStore) -> Self {
        Self { store, state: Mutex::default() }
    }

    /// Returns all rows, or `None` if the table does not answer in time.
    pub async fn read(&self, timeout: Duration) -> Option<Catalog> {
        let error = match tokio::time::timeout(timeout, self.store.read(false)).await {
            Ok(Ok(catalog)) => {
                self.state().is_down = false;
                return Some(catalog);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("Query took longer than {} s", timeout.as_secs()),
        };
        if !std::mem::replace(&mut self.state().is_down, true) {
            tracing::warn!(error, "failed to read the catalog; the last valid types stay in force");
        }
        None
    }

    /// Logs the rows that became malformed.
    pub fn log_unreadable(&self, unreadable: Vec<CatalogKey>) {
        let mut state = self.state();
        for row in unreadable.iter().filter(|row| !state.unreadable.contains(row)) {
            tracing::error!(
                alarm = AlarmLine::CatalogMalformed.as_str(),
                %row,
                "failed to parse a row of the catalog; its last valid definition stays in force"
            );
        }
        state.unreadable = unreadable;
    }

    fn state(&self) -> MutexGuard<'_, ReaderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
