//! Reasons for which the texts of a part were not rendered.

use std::collections::BTreeSet;

use crate::finding::Finding;

/// Reason for which a message was not rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderFault {
    /// Kind of the reason.
    pub kind: RenderFaultKind,
    /// Source and place, for the editor. It repeats no value.
    pub finding: Finding,
}

impl RenderFault {
    /// Returns the finding. That of missing variables names them.
    #[must_use]
    pub fn into_finding(self) -> Finding {
        match self.kind {
            RenderFaultKind::Missing(names) if !names.is_empty() => {
                let message = format!("{}: {}", self.finding.message, names.join(", "));
                Finding { message, ..self.finding }
            }
            _ => self.finding,
        }
    }
}

/// Kind of a [`RenderFault`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderFaultKind {
    /// These variables are missing.
    Missing(Vec<String>),
    /// A text is larger than its limit, or a link or title is not allowed.
    NotAllowed,
    /// A source takes too much work.
    OutOfFuel,
    /// A source is wrong.
    Source,
}

/// Faults of the sources of one part: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderFaults {
    first: RenderFault,
    others: Vec<RenderFault>,
}

impl RenderFaults {
    /// Returns the first fault.
    #[must_use]
    pub fn into_first(self) -> RenderFault {
        self.first
    }

    /// Returns the names of the missing variables of all sources, each once.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = |fault: &RenderFault| match &fault.kind {
            RenderFaultKind::Missing(names) => names.clone(),
            _ => Vec::new(),
        };
        let names: BTreeSet<String> = self.all().flat_map(missing).collect();
        names.into_iter().collect()
    }

    /// Returns all findings. One of missing variables names them.
    pub fn into_findings(self) -> impl Iterator<Item = Finding> {
        std::iter::once(self.first).chain(self.others).map(RenderFault::into_finding)
    }

    fn all(&self) -> impl Iterator<Item = &RenderFault> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<RenderFault> for RenderFaults {
    fn from(first: RenderFault) -> Self {
        Self { first, others: Vec::new() }
    }
}

/// Faults that are found while the sources of a part are rendered.
#[derive(Default)]
pub struct FaultList(Vec<RenderFault>);

impl FaultList {
    /// Returns a text, or an empty one in place of a fault.
    pub fn take<T: Default>(&mut self, done: Result<T, RenderFault>) -> T {
        done.unwrap_or_else(|fault| {
            self.0.push(fault);
            T::default()
        })
    }

    /// Adds a fault, unless there is one of its source or of a source of its part already.
    pub fn add_unless_known(&mut self, fault: RenderFault) {
        let path = fault.finding.path.as_str();
        let is_below =
            |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !self.0.iter().any(|known| is_below(&known.finding.path)) {
            self.0.push(fault);
        }
    }

    /// Returns the rendered part if no source of it has a fault.
    pub fn result<T>(self, part: T) -> Result<T, RenderFaults> {
        let mut faults = self.0.into_iter();
        match faults.next() {
            None => Ok(part),
            Some(first) => Err(RenderFaults { first, others: faults.collect() }),
        }
    }
}
