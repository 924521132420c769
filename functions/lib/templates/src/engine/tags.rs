//! Tags of a source: its expressions, statements and comments, without their meaning.

/// Tag of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateTag<'a> {
    /// Offset of its first byte.
    pub start: usize,
    /// Text from the opening to the closing mark; to the end of the source if it is not closed.
    pub text: &'a str,
}

impl TemplateTag<'_> {
    /// Returns the offset after its last byte.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns `true` if the tag prints a value.
    #[must_use]
    pub fn is_expression(&self) -> bool {
        self.text.starts_with("{{")
    }
}

/// Returns the tags of a source in their order.
pub fn tags(source: &str) -> impl Iterator<Item = TemplateTag<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = source.get(from..)?;
        let (start, close) = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
            .iter()
            .filter_map(|(open, close)| Some((rest.find(open)?, close)))
            .min()?;
        let text = rest.get(start..)?;
        let text = text.get(..text.find(close).map_or(text.len(), |end| end + close.len()))?;
        let tag = TemplateTag { start: from + start, text };
        from = tag.end();
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_each_kind_are_found_and_the_last_may_be_open() {
        let found = |source| tags(source).map(|tag| (tag.start, tag.text)).collect::<Vec<_>>();
        let expected = [(1, "{{ b }}"), (8, "{% if {{ %}"), (20, "{# } #}"), (28, "{{ d")];
        assert_eq!(found("a{{ b }}{% if {{ %}c{# } #} {{ d"), expected);
        assert_eq!(found("{ { } }"), []);
    }
}
