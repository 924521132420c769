//! Second pass of a rendering: replaces the marks around values by what may stand at their place.

use super::autolink::{BREAK, continues_link, literal_continues_link, push_unlinked};
use super::output::{END, Piece, pieces};
use super::url_value::{BAD_URL, UrlPlace, is_allowed_url, push_url_value};

/// Attributes whose value is a URL.
const URL_ATTRIBUTES: [&str; 10] =
    ["action", "background", "cite", "data", "formaction", "href", "longdesc", "poster", "src", "xlink:href"];
/// Attributes whose value is shown as text, for example in the place of an image that is blocked.
const SHOWN_ATTRIBUTES: [&str; 2] = ["alt", "title"];
/// Attributes in which no value may stand, besides those of events.
const CODE_ATTRIBUTES: [&str; 4] = ["style", "srcdoc", "srcset", "ping"];
/// Elements in which no value may stand, neither as content nor in an attribute.
const CODE_ELEMENTS: [&str; 10] =
    ["script", "style", "iframe", "object", "embed", "link", "meta", "base", "svg", "template"];
/// Elements whose content is no markup.
const RAW_ELEMENTS: [&str; 2] = ["script", "style"];

/// End of the scheme of a URL with a host.
const SCHEME_END: &str = "://";

const IN_TAG: &str = "must have no value inside a tag except in a quoted attribute";
const IN_COMMENT: &str = "must have no value in a comment or a declaration";
const IN_CODE: &str = "must have no value in scripts, styles, event attributes and elements that load others";
const UNCLOSED: &str = "must close every tag, quote and comment";

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
/// Returns the requirement that the URL does not meet.
pub fn url(marked: &str) -> Result<String, MarkupFault> {
    let (mut out, mut values) = (String::new(), 0);
    for piece in pieces(marked) {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Value { text, .. } => {
                values += 1;
                let place = UrlPlace::after(&out);
                push_url_value(&mut out, place, text).map_err(|reason| MarkupFault { reason, values, offset: 0 })?;
            }
        }
    }
    Ok(out.trim().to_owned())
}

/// Returns HTML in which every value is text, or part of a quoted attribute.
///
/// # Errors
/// Returns the requirement that the HTML does not meet.
pub fn html(marked: &str) -> Result<String, MarkupFault> {
    let mut pass = HtmlPass { out: String::with_capacity(marked.len() + 256), ..HtmlPass::default() };
    let mut values = 0;
    for piece in pieces(marked) {
        let (done, length) = match piece {
            Piece::Literal(text) => (pass.literal(text), text.len()),
            Piece::Value { text, is_uri } => {
                values += 1;
                (pass.value(text, is_uri), text.len() + 2 * END.len_utf8())
            }
        };
        done.map_err(|reason| MarkupFault { reason, values, offset: pass.offset })?;
        pass.piece_start += length;
        pass.offset = pass.piece_start;
    }
    match pass.place {
        HtmlPlace::Text => Ok(pass.out),
        _ => Err(MarkupFault { reason: UNCLOSED, values, offset: pass.opened_at }),
    }
}

/// Requirement that HTML or a URL does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkupFault {
    /// Requirement, for the editor.
    pub reason: &'static str,
    /// Number of values up to the fault. If a value is the fault, it is the last of them.
    pub values: usize,
    /// Byte of the text with marks at which the fault is. For a URL, it is 0.
    pub offset: usize,
}

/// Place inside HTML, after the HTML standard's tokenization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum HtmlPlace {
    #[default]
    Text,
    /// Content of a script or style.
    Raw,
    TagName,
    BeforeAttribute,
    AttributeName,
    /// After `=`.
    BeforeValue,
    Unquoted,
    Quoted(u8),
    Comment,
    Declaration,
}

#[derive(Default)]
struct HtmlPass {
    out: String,
    place: HtmlPlace,
    /// Name of the current or last tag, in lower case, with `/` if it ends an element.
    tag: String,
    attribute: String,
    /// Beginning of the current attribute's value in `out`.
    value_start: usize,
    /// `true` if the last piece is a value that must not become a link.
    is_after_value: bool,
    /// Byte of the text with marks at which the present piece begins, and at which the pass is.
    piece_start: usize,
    offset: usize,
    /// Byte at which the last tag or comment was opened.
    opened_at: usize,
}

impl HtmlPass {
    fn literal(&mut self, text: &str) -> Result<(), &'static str> {
        if std::mem::take(&mut self.is_after_value) && literal_continues_link(&self.out, text) {
            self.out.push_str(BREAK);
        }
        let mut rest = text;
        while !rest.is_empty() {
            self.offset = self.piece_start + text.len() - rest.len();
            let used = match self.place {
                HtmlPlace::Text => self.text(rest),
                HtmlPlace::Raw => self.raw(rest),
                HtmlPlace::Comment => self.until(rest, "-->"),
                HtmlPlace::Declaration => self.until(rest, ">"),
                HtmlPlace::Quoted(quote) => self.quoted(rest, quote)?,
                _ => self.tag_byte(rest)?,
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Copies the first bytes of a text.
    fn copy(&mut self, text: &str, bytes: usize) -> usize {
        self.out.push_str(text.get(..bytes).unwrap_or(text));
        bytes
    }

    fn text(&mut self, rest: &str) -> usize {
        let Some(start) = rest.find('<') else { return self.copy(rest, rest.len()) };
        let after = rest.get(start + 1..).unwrap_or_default();
        let (place, length) = if after.starts_with("!--") {
            (HtmlPlace::Comment, 4)
        } else if after.starts_with(['!', '?']) {
            (HtmlPlace::Declaration, 2)
        } else if after.is_empty() || after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            // Before a value, a lone `<` begins a tag: the value would become its name.
            self.tag.clear();
            (HtmlPlace::TagName, 1)
        } else {
            (HtmlPlace::Text, 1)
        };
        self.place = place;
        self.opened_at = self.offset + start;
        self.copy(rest, start + length)
    }

    fn raw(&mut self, rest: &str) -> usize {
        let is_end = |start: &usize| {
            let name = rest.get(start + 2..).and_then(|after| after.get(..self.tag.len()));
            name.is_some_and(|name| name.eq_ignore_ascii_case(&self.tag))
        };
        let found = rest.match_indices("</").map(|(start, _)| start).find(is_end);
        match found {
            Some(start) => {
                self.place = HtmlPlace::TagName;
                self.tag = "/".to_owned();
                self.copy(rest, start + 2)
            }
            None => self.copy(rest, rest.len()),
        }
    }

    fn until(&mut self, rest: &str, end: &str) -> usize {
        match rest.find(end) {
            Some(start) => {
                self.place = HtmlPlace::Text;
                self.copy(rest, start + end.len())
            }
            None => self.copy(rest, rest.len()),
        }
    }

    fn quoted(&mut self, rest: &str, quote: u8) -> Result<usize, &'static str> {
        let Some(end) = rest.bytes().position(|byte| byte == quote) else { return Ok(self.copy(rest, rest.len())) };
        self.copy(rest, end);
        self.end_value()?;
        self.out.push(char::from(quote));
        self.place = HtmlPlace::BeforeAttribute;
        Ok(end + 1)
    }

    /// Handles one character between `<` and `>`.
    fn tag_byte(&mut self, rest: &str) -> Result<usize, &'static str> {
        let Some(character) = rest.chars().next() else { return Ok(0) };
        if character == '>' {
            if self.place == HtmlPlace::Unquoted {
                self.end_value()?;
            }
            self.place = if RAW_ELEMENTS.contains(&self.tag.as_str()) { HtmlPlace::Raw } else { HtmlPlace::Text };
        } else if character.is_ascii_whitespace() {
            if self.place == HtmlPlace::Unquoted {
                self.end_value()?;
            }
            if self.place != HtmlPlace::BeforeValue {
                self.place = HtmlPlace::BeforeAttribute;
            }
        } else {
            self.tag_character(character);
        }
        Ok(self.copy(rest, character.len_utf8()))
    }

    fn tag_character(&mut self, character: char) {
        let start = self.out.len();
        match (self.place, character) {
            (HtmlPlace::TagName, _) => self.tag.push(character.to_ascii_lowercase()),
            (HtmlPlace::BeforeValue, '"' | '\'') => {
                self.place = HtmlPlace::Quoted(if character == '"' { b'"' } else { b'\'' });
                self.value_start = start + 1;
            }
            (HtmlPlace::BeforeValue, _) => {
                self.place = HtmlPlace::Unquoted;
                self.value_start = start;
            }
            (HtmlPlace::BeforeAttribute | HtmlPlace::AttributeName, '=') if !self.attribute.is_empty() => {
                self.place = HtmlPlace::BeforeValue;
            }
            (HtmlPlace::BeforeAttribute, _) => {
                self.attribute = character.to_ascii_lowercase().to_string();
                self.place = HtmlPlace::AttributeName;
            }
            (HtmlPlace::AttributeName, _) => self.attribute.push(character.to_ascii_lowercase()),
            _ => {}
        }
    }

    /// Checks a whole attribute value.
    fn end_value(&mut self) -> Result<(), &'static str> {
        let value = self.out.get(self.value_start..).unwrap_or_default();
        let is_fine = !URL_ATTRIBUTES.contains(&self.attribute.as_str()) || is_allowed_url(value);
        self.attribute.clear();
        if is_fine { Ok(()) } else { Err(BAD_URL) }
    }

    fn value(&mut self, text: &str, is_uri: bool) -> Result<(), &'static str> {
        self.is_after_value = false;
        match self.place {
            HtmlPlace::Text if is_uri => push_escaped(&mut self.out, text),
            HtmlPlace::Text => self.push_unlinked_escaped(text),
            HtmlPlace::Quoted(_) => return self.attribute_value(text),
            HtmlPlace::Raw => return Err(IN_CODE),
            HtmlPlace::Comment | HtmlPlace::Declaration => return Err(IN_COMMENT),
            _ => return Err(IN_TAG),
        }
        Ok(())
    }

    fn attribute_value(&mut self, text: &str) -> Result<(), &'static str> {
        let name = self.attribute.as_str();
        let is_code = CODE_ATTRIBUTES.contains(&name) || name.starts_with("on");
        if is_code || CODE_ELEMENTS.contains(&self.tag.as_str()) {
            return Err(IN_CODE);
        }
        if URL_ATTRIBUTES.contains(&name) {
            let mut url = String::new();
            let place = UrlPlace::after(self.out.get(self.value_start..).unwrap_or_default());
            push_url_value(&mut url, place, text)?;
            push_escaped(&mut self.out, &url);
        } else if SHOWN_ATTRIBUTES.contains(&name) {
            self.push_unlinked_escaped(text);
        } else {
            push_escaped(&mut self.out, text);
        }
        Ok(())
    }

    /// Appends a value as text that no mail program shows as a link.
    fn push_unlinked_escaped(&mut self, text: &str) {
        if continues_link(&self.out, text) {
            self.out.push_str(BREAK);
        }
        let mut unlinked = String::with_capacity(text.len() + 16);
        push_unlinked(&mut unlinked, text);
        push_escaped(&mut self.out, &unlinked);
        self.is_after_value = true;
    }
}

/// Returns a text escaped for HTML content and quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text);
    out
}

/// Appends a text escaped for HTML content and quoted attributes.
fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match special.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
