//! Output of a rendering: a writer that stops at a limit, and the marks around printed values.

use std::io::{Error, ErrorKind, Result, Write};

/// Mark before a value.
pub const VALUE: char = '\u{fdd0}';
/// Mark before a value that is one of the message's URIs.
pub const URI: char = '\u{fdd1}';
/// Mark after a value.
pub const END: char = '\u{fdd2}';
/// Mark around the offset of an expression, if a source is rendered to find one.
pub const TAG: char = '\u{fdd3}';

/// Writer that refuses what exceeds its limit. Marks are no output and do not count. Their number is bounded by the
/// fuel.
pub struct LimitedWriter {
    bytes: Vec<u8>,
    counted: usize,
    limit: usize,
}

impl LimitedWriter {
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), counted: 0, limit }
    }

    pub fn into_text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

impl Write for LimitedWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let counted = if is_mark(bytes) { 0 } else { bytes.len() };
        if self.counted + counted > self.limit {
            // Nothing more is accepted, even if it is short.
            self.limit = self.counted;
            return Err(Error::new(ErrorKind::FileTooLarge, "output limit"));
        }
        self.counted += counted;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Returns `true` for a mark. The formatter writes each one alone.
fn is_mark(bytes: &[u8]) -> bool {
    [VALUE, URI, END].iter().any(|mark| mark.encode_utf8(&mut [0; 4]).as_bytes() == bytes)
}

/// Piece of a rendering.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text of the source.
    Literal(&'a str),
    /// Printed value.
    Value {
        /// Text without marks.
        text: &'a str,
        /// `true` if the value is one of the message's URIs.
        is_uri: bool,
    },
}

/// Splits a rendering at its marks.
pub fn pieces(marked: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = marked;
    std::iter::from_fn(move || {
        let mut characters = rest.chars();
        let first = characters.next()?;
        if first == VALUE || first == URI {
            let inner = characters.as_str();
            let end = inner.find(END).unwrap_or(inner.len());
            let (text, after) = inner.split_at(end);
            rest = after.strip_prefix(END).unwrap_or(after);
            return Some(Piece::Value { text, is_uri: first == URI });
        }
        let (literal, after) = rest.split_at(rest.find([VALUE, URI]).unwrap_or(rest.len()));
        rest = after;
        Some(Piece::Literal(literal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_accepts_its_limit_and_then_nothing() {
        let mut writer = LimitedWriter::new(3);
        assert!(writer.write_all(b"abc").is_ok() && writer.write_all(b"d").is_err());
        let mut writer = LimitedWriter::new(3);
        assert!(writer.write_all(b"a").is_ok() && writer.write_all(b"bcd").is_err() && writer.write_all(b"b").is_err());
        assert_eq!(writer.into_text(), "a");
    }

    #[test]
    fn marks_do_not_count() {
        let mut writer = LimitedWriter::new(1);
        let written = [VALUE, 'a', END, URI, END].map(|one| writer.write_all(one.to_string().as_bytes()).is_ok());
        assert_eq!(written, [true; 5]);
        assert!(writer.write_all(b"b").is_err());
        assert_eq!(writer.into_text(), "\u{fdd0}a\u{fdd2}\u{fdd1}\u{fdd2}");
    }

    #[test]
    fn a_rendering_is_split_at_its_marks() {
        let marked = "a\u{fdd0}b\u{fdd2}c\u{fdd1}d\u{fdd2}\u{fdd0}\u{fdd2}";
        let value = |text, is_uri| Piece::Value { text, is_uri };
        let expected =
            [Piece::Literal("a"), value("b", false), Piece::Literal("c"), value("d", true), value("", false)];
        assert_eq!(pieces(marked).collect::<Vec<_>>(), expected);
    }
}
