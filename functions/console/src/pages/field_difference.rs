//! Difference of one field, as pages show it.

/// Field that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// Name of the field: a label or a path.
    pub field: String,
    /// Value before; empty for none.
    pub before: String,
    /// Value after.
    pub after: String,
}

impl FieldDifference {
    /// Creates a difference.
    #[must_use]
    pub fn new(field: impl Into<String>, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { field: field.into(), before: before.into(), after: after.into() }
    }
}
