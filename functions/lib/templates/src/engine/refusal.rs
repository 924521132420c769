//! Reason for which a source is refused before the engine compiles it.

/// Rule that a source breaks, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceRefusal {
    /// Byte of the source.
    pub offset: usize,
    /// Rule for the editor.
    pub message: &'static str,
}

impl SourceRefusal {
    /// Creates the refusal of what begins at a byte.
    pub const fn at(offset: u32, message: &'static str) -> Self {
        Self { offset: offset as usize, message }
    }
}
