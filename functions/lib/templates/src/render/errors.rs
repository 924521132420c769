//! Reasons for which the texts of a part were not rendered.

use std::collections::BTreeSet;

use crate::finding::Finding;

/// Reason for which a message was not rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    /// Kind of the reason.
    pub kind: RenderErrorKind,
    /// Source and place, for the editor. It repeats no value.
    pub finding: Finding,
}

impl RenderError {
    /// Returns the finding. That of missing variables names them.
    #[must_use]
    pub fn into_finding(self) -> Finding {
        match self.kind {
            RenderErrorKind::Missing(names) if !names.is_empty() => {
                let message = format!("{}: {}", self.finding.message, names.join(", "));
                Finding { message, ..self.finding }
            }
            _ => self.finding,
        }
    }
}

/// Kind of a [`RenderError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderErrorKind {
    /// These variables are missing.
    Missing(Vec<String>),
    /// A text is larger than its limit, or a link or title is not allowed.
    NotAllowed,
    /// A source takes too much work.
    OutOfFuel,
    /// A source is wrong.
    Source,
}

/// Errors of the sources of one part: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderErrors {
    first: RenderError,
    others: Vec<RenderError>,
}

impl RenderErrors {
    /// Returns the first error.
    #[must_use]
    pub fn into_first(self) -> RenderError {
        self.first
    }

    /// Returns the names of the missing variables of all sources, each once.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = |error: &RenderError| match &error.kind {
            RenderErrorKind::Missing(names) => names.clone(),
            _ => Vec::new(),
        };
        let names: BTreeSet<String> = self.all().flat_map(missing).collect();
        names.into_iter().collect()
    }

    /// Returns all findings. One of missing variables names them.
    pub fn into_findings(self) -> impl Iterator<Item = Finding> {
        std::iter::once(self.first).chain(self.others).map(RenderError::into_finding)
    }

    fn all(&self) -> impl Iterator<Item = &RenderError> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<RenderError> for RenderErrors {
    fn from(first: RenderError) -> Self {
        Self { first, others: Vec::new() }
    }
}

/// Errors that are found while the sources of a part are rendered.
#[derive(Default)]
pub struct RenderErrorCollector(Vec<RenderError>);

impl RenderErrorCollector {
    /// Returns a text, or an empty one in place of an error.
    pub fn take<T: Default>(&mut self, done: Result<T, RenderError>) -> T {
        done.unwrap_or_else(|error| {
            self.0.push(error);
            T::default()
        })
    }

    /// Adds an error, unless there is one of its source or of a source of its part already.
    pub fn add_unless_known(&mut self, error: RenderError) {
        let path = error.finding.path.as_str();
        let is_below =
            |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !self.0.iter().any(|known| is_below(&known.finding.path)) {
            self.0.push(error);
        }
    }

    /// Returns the rendered part if no source of it has an error.
    pub fn result<T>(self, part: T) -> Result<T, RenderErrors> {
        let mut errors = self.0.into_iter();
        match errors.next() {
            None => Ok(part),
            Some(first) => Err(RenderErrors { first, others: errors.collect() }),
        }
    }
}
