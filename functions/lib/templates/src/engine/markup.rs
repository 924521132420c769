//! Second pass of texts and URLs: replaces the marks around values by what may stand at their place.

use super::autolink::{BREAK, literal_continues_link, push_unlinked};
use super::markup_error::MarkupError;
use super::output::{Piece, pieces};
use super::url_value::{UrlPlace, push_url_value};

/// End of the scheme of a URL with a host.
const SCHEME_END: &str = "://";

/// Returns plain text: values stand as they are, and are encoded inside a URL of the source.
pub fn plain_text(marked: &str, is_mail: bool) -> String {
    let mut text = PlainText { out: String::with_capacity(marked.len()), ..PlainText::default() };
    for piece in pieces(marked) {
        match piece {
            Piece::Literal(literal) => {
                if text.is_after_value && literal_continues_link(&text.out, literal) {
                    text.out.push_str(BREAK);
                }
                text.is_after_value = false;
                text.out.push_str(literal);
            }
            Piece::Value { text: value, is_uri } => {
                text.is_after_value = false;
                if text.ends_in_url() {
                    // Fails at the beginning of a URL alone.
                    let _ = push_url_value(&mut text.out, UrlPlace::Inside, value);
                } else if is_mail && !is_uri {
                    push_unlinked(&mut text.out, value);
                    text.is_after_value = true;
                } else {
                    text.out.push_str(value);
                }
            }
        }
    }
    text.out
}

/// Plain text that grows. Each part of it is searched once, whatever the number of values.
#[derive(Default)]
struct PlainText {
    out: String,
    /// End of the part that was searched.
    searched: usize,
    /// `true` if the last word of that part contains a URL.
    is_in_url: bool,
    /// `true` if the last piece is a value that must not become a link.
    is_after_value: bool,
}

impl PlainText {
    /// Returns `true` if the last word contains a URL, so that the next value becomes a part of it.
    fn ends_in_url(&mut self) -> bool {
        // A mark that began before may end in the new part.
        let mut from = self.searched.saturating_sub(SCHEME_END.len() - 1);
        while !self.out.is_char_boundary(from) {
            from -= 1;
        }
        let new = self.out.get(from..).unwrap_or_default();
        let word = match new.rfind(char::is_whitespace) {
            Some(at) => {
                self.is_in_url = false;
                new.get(at..).unwrap_or_default()
            }
            None => new,
        };
        self.is_in_url |= word.contains(SCHEME_END);
        self.searched = self.out.len();
        self.is_in_url
    }
}

/// Returns a URL. An empty one is left out by the caller.
///
/// # Errors
/// Returns the rule that the URL violates.
pub fn url(marked: &str) -> Result<String, MarkupError> {
    let (mut out, mut values) = (String::new(), 0);
    for piece in pieces(marked) {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Value { text, .. } => {
                values += 1;
                let place = UrlPlace::after(&out);
                push_url_value(&mut out, place, text).map_err(|rule| MarkupError { rule, values, offset: 0 })?;
            }
        }
    }
    Ok(out.trim().to_owned())
}

#[cfg(test)]
mod tests;
