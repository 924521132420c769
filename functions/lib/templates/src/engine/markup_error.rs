//! Errors of HTML and URLs with values, as sentences for the editor.

/// Rule that HTML or a URL violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarkupRuleError {
    /// A value stands in a tag, outside the quoted value of an attribute.
    #[error("must have no value inside a tag except in a quoted attribute")]
    InTag,
    /// A value stands in a comment or a declaration.
    #[error("must have no value in a comment or a declaration")]
    InComment,
    /// A value stands at a place that HTML runs or loads.
    #[error("must have no value in scripts, styles, event attributes and elements that load others")]
    InCode,
    /// A value stands after markup that programs read in different ways.
    #[error(
        "must have no value after noscript, plaintext, a comment in a script, or styles, scripts and titles in svg, math, \
         select or frameset"
    )]
    Ambiguous,
    /// A tag, a quote or a comment is not closed.
    #[error("must close every tag, quote and comment")]
    Unclosed,
    /// The URL has another scheme.
    #[error("must be a URL that begins with http://, https:// or mailto:")]
    UrlScheme,
}

/// Violated rule of HTML or a URL, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkupError {
    /// Violated rule.
    pub rule: MarkupRuleError,
    /// Number of values up to the error. If a value causes it, that value is the last of them.
    pub values: usize,
    /// Byte of the text with marks at which the error is. For a URL, it is 0.
    pub offset: usize,
}
