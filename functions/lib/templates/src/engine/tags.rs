//! Pieces of a source: its literal texts, and its expressions, statements and comments without their meaning. The
//! engine's own tokenizer finds them, so that they are those that the engine sees, whatever stands in quotes or between
//! `{% raw %}` and `{% endraw %}`.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

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

    /// Returns `true` if the tag is a comment.
    #[must_use]
    pub fn is_comment(&self) -> bool {
        self.text.starts_with("{#")
    }
}

/// Piece of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourcePiece<'a> {
    /// Text that is copied, without the white space that a tag beside it removes.
    Literal {
        /// Offset of its first byte.
        start: usize,
        /// Text.
        text: &'a str,
    },
    /// Expression, statement or comment.
    Tag(TemplateTag<'a>),
}

/// Returns the tags of a source in their order.
pub fn tags(source: &str) -> impl Iterator<Item = TemplateTag<'_>> {
    source_pieces(source).into_iter().filter_map(|piece| match piece {
        SourcePiece::Tag(tag) => Some(tag),
        SourcePiece::Literal { .. } => None,
    })
}

/// Returns the pieces of a source in their order. After an error of the syntax, the rest is a part of the last tag.
pub fn source_pieces(source: &str) -> Vec<SourcePiece<'_>> {
    let (mut pieces, mut end, mut open) = (Vec::new(), 0, None);
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let Ok((token, span)) = token else { break };
        let (start, stop) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::TemplateData(text) => {
                push_skipped(&mut pieces, source, end, start);
                pieces.push(SourcePiece::Literal { start, text });
                end = stop;
            }
            Token::VariableStart | Token::BlockStart => {
                push_skipped(&mut pieces, source, end, start);
                open = Some(start);
            }
            Token::VariableEnd | Token::BlockEnd => {
                let start = open.take().unwrap_or(start);
                let text = source.get(start..stop).unwrap_or_default();
                pieces.push(SourcePiece::Tag(TemplateTag { start, text }));
                end = stop;
            }
            _ => {}
        }
    }
    match open {
        Some(start) => {
            let text = source.get(start..).unwrap_or_default();
            pieces.push(SourcePiece::Tag(TemplateTag { start, text }));
        }
        None => push_skipped(&mut pieces, source, end, source.len()),
    }
    pieces
}

/// Adds the comments, and the marks of raw texts, between two tokens. Nothing else stands there but white space.
fn push_skipped<'a>(pieces: &mut Vec<SourcePiece<'a>>, source: &'a str, from: usize, to: usize) {
    let mut start = from;
    while let Some(rest) = source.get(start..to) {
        let trimmed = rest.trim_start();
        let close = match trimmed.get(..2) {
            Some("{#") => "#}",
            Some("{%") => "%}",
            _ => return,
        };
        let length = trimmed.get(2..).and_then(|inner| inner.find(close)).map_or(trimmed.len(), |at| at + 4);
        start += rest.len() - trimmed.len();
        let text = trimmed.get(..length).unwrap_or_default();
        pieces.push(SourcePiece::Tag(TemplateTag { start, text }));
        start += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_each_kind_are_found_and_the_last_may_be_open() {
        let found = |source| tags(source).map(|tag| (tag.start, tag.text)).collect::<Vec<_>>();
        let expected = [(1, "{{ b }}"), (8, "{% if x %}"), (18, "{# {{ } #}"), (29, "{{ d")];
        assert_eq!(found("a{{ b }}{% if x %}{# {{ } #} {{ d"), expected);
        assert_eq!(found("{# a"), [(0, "{# a")]);
        assert_eq!(found("a {%- if x -%} b\n"), [(2, "{%- if x -%}")]);
        assert_eq!(found("{ { } }"), []);
    }

    #[test]
    fn marks_in_quotes_brackets_and_raw_texts_are_no_tags() {
        let found = |source| tags(source).map(|tag| tag.text).collect::<Vec<_>>();
        for (source, expected) in [
            ("{{ \"}}{#\" }}<p>{{ v }}</p>{{ \"#}\" }}", &["{{ \"}}{#\" }}", "{{ v }}", "{{ \"#}\" }}"][..]),
            ("{% set x = '%}{{' %}{{ v }}{# '}}' #}", &["{% set x = '%}{{' %}", "{{ v }}", "{# '}}' #}"]),
            ("{{ 'it\\'s }}' }}{{ v }}", &["{{ 'it\\'s }}' }}", "{{ v }}"]),
            ("{{ {'a': {}} }}{{ v }}", &["{{ {'a': {}} }}", "{{ v }}"]),
            ("{# {{ \" #}{{ v }}{# \" #}", &["{# {{ \" #}", "{{ v }}", "{# \" #}"]),
            ("{% raw %}{{ a }}{# b #}{% endraw %}{{ v }}", &["{% raw %}", "{% endraw %}", "{{ v }}"]),
            ("{%raw-%} {{ \" {%- endraw %}{{ v }}\" }}", &["{%raw-%}", "{%- endraw %}", "{{ v }}"]),
        ] {
            assert_eq!(found(source), expected, "{source}");
        }
    }

    #[test]
    fn literals_are_the_texts_that_the_engine_copies() {
        let literals = |source| {
            let pieces = source_pieces(source).into_iter();
            pieces.filter_map(|piece| if let SourcePiece::Literal { text, .. } = piece { Some(text) } else { None })
        };
        for (source, expected) in [
            ("a {{- b -}} c{# d #}e\n", &["a", "c", "e"][..]),
            ("<scr {#- x -#} ipt>", &["<scr", "ipt>"]),
            ("{% raw %}{{ a }}{% endraw %}b", &["{{ a }}", "b"]),
        ] {
            assert_eq!(literals(source).collect::<Vec<_>>(), expected, "{source}");
        }
    }
}
