//! Sessions of the web console that were ended before their time.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use domain::Actor;
use store::{SessionMark, SessionMarkStore, StoreError};

/// Time for which the marks are kept in memory, as the settings are. So a session ends at most this much later.
const MARKS_LIFETIME: SignedDuration = SignedDuration::from_secs(30);

type ReadMarks = (Timestamp, Arc<Vec<SessionMark>>);

/// Marks of ended sessions, read at most every 30 s.
#[derive(Debug)]
pub struct EndedSessions {
    store: SessionMarkStore,
    known: Mutex<Option<ReadMarks>>,
}

impl EndedSessions {
    /// Creates the marks. Nothing is read yet.
    #[must_use]
    pub const fn new(store: SessionMarkStore) -> Self {
        Self { store, known: Mutex::new(None) }
    }

    /// Returns `true` if the session of a person that began at `began_at` was ended. `names` are those that a mark may
    /// name the person by. If the table does not answer, the marks that were read before count.
    ///
    /// # Errors
    /// The marks were never read.
    pub async fn has_ended(&self, names: [&str; 2], began_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let marks = self.current(now).await?;
        let is_meant = |mark: &&SessionMark| mark.person.as_deref().is_none_or(|marked| names.contains(&marked));
        Ok(marks.iter().filter(is_meant).any(|mark| began_at < mark.ended_at))
    }

    async fn current(&self, now: Timestamp) -> Result<Arc<Vec<SessionMark>>, StoreError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, marks)) = known.as_ref().filter(|(at, _)| now.duration_since(*at) < MARKS_LIFETIME) {
            return Ok(Arc::clone(marks));
        }
        match (self.store.all().await, known) {
            (Ok(marks), _) => {
                let marks = Arc::new(marks);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&marks)));
                Ok(marks)
            }
            (Err(error), Some((_, marks))) => {
                tracing::warn!(%error, "failed to read which sessions were ended; using the marks read before");
                Ok(marks)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Ends the sessions of a person, or of everyone, that began before `now`. This process reads the mark with its
    /// next request.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn end(&self, person: Option<&str>, by: Actor, now: Timestamp) -> Result<(), StoreError> {
        self.store.end(person, by, now).await?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}
