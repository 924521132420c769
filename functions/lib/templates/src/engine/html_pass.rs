//! Second pass of HTML: replaces the marks around values by what may stand at their place.

use super::autolink::{BREAK, continues_link, literal_continues_link, push_unlinked};
use super::html_place::{HtmlPlace, comment_start, content_of, raw_end};
use super::markup_error::{MarkupError, MarkupRuleError};
use super::output::{END, Piece, pieces};
use super::url_value::{UrlPlace, is_allowed_url, push_url_value};

/// Attributes whose value is a URL.
const URL_ATTRIBUTES: [&str; 10] =
    ["action", "background", "cite", "data", "formaction", "href", "longdesc", "poster", "src", "xlink:href"];
/// Attributes whose value is shown as text, for example in the place of an image that is blocked.
const SHOWN_ATTRIBUTES: [&str; 2] = ["alt", "title"];
/// Attributes in which no value may stand, besides those of events.
const CODE_ATTRIBUTES: [&str; 5] = ["imagesrcset", "ping", "srcdoc", "srcset", "style"];
/// Elements in which no value may stand, neither as content nor in an attribute.
const CODE_ELEMENTS: [&str; 22] = [
    "animate",
    "animatemotion",
    "animatetransform",
    "applet",
    "base",
    "embed",
    "frame",
    "iframe",
    "link",
    "math",
    "meta",
    "noembed",
    "noframes",
    "object",
    "param",
    "script",
    "set",
    "style",
    "svg",
    "template",
    "use",
    "xmp",
];
/// Elements inside of which a style, a script or a title may be read as markup, or not at all.
const FOREIGN_ELEMENTS: [&str; 4] = ["frameset", "math", "select", "svg"];
/// Elements that programs read in different ways: with scripts, or to the end of the text.
const AMBIGUOUS_ELEMENTS: [&str; 2] = ["noscript", "plaintext"];

/// Returns HTML in which every value is text, or part of a quoted attribute.
///
/// # Errors
/// Returns the rule that the HTML violates.
pub fn html(marked: &str) -> Result<String, MarkupError> {
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
        done.map_err(|rule| MarkupError { rule, values, offset: pass.offset })?;
        pass.piece_start += length;
        pass.offset = pass.piece_start;
    }
    match pass.place {
        HtmlPlace::Text => Ok(pass.out),
        _ => Err(MarkupError { rule: MarkupRuleError::Unclosed, values, offset: pass.opened_at }),
    }
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
    /// `true` after the beginning of an element with other rules for what stands inside.
    is_foreign: bool,
    /// `true` after markup that programs read in different ways.
    is_ambiguous: bool,
    /// Byte of the text with marks at which the present piece begins, and at which the pass is.
    piece_start: usize,
    offset: usize,
    /// Byte at which the last tag or comment was opened.
    opened_at: usize,
}

impl HtmlPass {
    fn literal(&mut self, text: &str) -> Result<(), MarkupRuleError> {
        if std::mem::take(&mut self.is_after_value) && literal_continues_link(&self.out, text) {
            self.out.push_str(BREAK);
        }
        let mut rest = text;
        while !rest.is_empty() {
            self.offset = self.piece_start + text.len() - rest.len();
            let used = match self.place {
                HtmlPlace::Text => self.text(rest),
                HtmlPlace::Raw | HtmlPlace::RawText => self.raw(rest),
                HtmlPlace::Comment => self.until(rest, &["-->", "--!>"]),
                HtmlPlace::Declaration => self.until(rest, &[">"]),
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
        let (place, length) = if let Some(comment) = after.strip_prefix("!--") {
            comment_start(comment)
        } else if after.starts_with(['!', '?']) {
            // A section of characters exists in SVG and formulas alone. Elsewhere it is a comment that ends earlier.
            self.is_ambiguous |= self.is_foreign && after.starts_with("![CDATA[");
            (HtmlPlace::Declaration, 2)
        } else if after.starts_with("/>") {
            (HtmlPlace::Text, 3)
        } else if let Some(name) = after.strip_prefix('/')
            && !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            (HtmlPlace::Declaration, 2)
        } else if after.is_empty() || after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            // Before a value, a lone `<` begins a tag: the value would become its name.
            self.tag.clear();
            self.attribute.clear();
            (HtmlPlace::TagName, 1)
        } else {
            (HtmlPlace::Text, 1)
        };
        self.place = place;
        self.opened_at = self.offset + start;
        self.copy(rest, start + length)
    }

    fn raw(&mut self, rest: &str) -> usize {
        let found = raw_end(rest, &self.tag);
        // After this mark, a script ends later than at its first end tag.
        let content = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
        self.is_ambiguous |= self.tag == "script" && content.contains("<!--");
        match found {
            Some(start) => {
                self.place = HtmlPlace::TagName;
                self.tag = "/".to_owned();
                self.attribute.clear();
                self.copy(rest, start + 2)
            }
            None => self.copy(rest, rest.len()),
        }
    }

    fn until(&mut self, rest: &str, ends: &[&str]) -> usize {
        let found = ends.iter().filter_map(|end| Some((rest.find(end)?, end.len()))).min();
        match found {
            Some((start, length)) => {
                self.place = HtmlPlace::Text;
                self.copy(rest, start + length)
            }
            None => self.copy(rest, rest.len()),
        }
    }

    fn quoted(&mut self, rest: &str, quote: u8) -> Result<usize, MarkupRuleError> {
        let Some(end) = rest.bytes().position(|byte| byte == quote) else { return Ok(self.copy(rest, rest.len())) };
        self.copy(rest, end);
        self.end_value()?;
        self.out.push(char::from(quote));
        self.place = HtmlPlace::BeforeAttribute;
        Ok(end + 1)
    }

    /// Handles one character between `<` and `>`.
    fn tag_byte(&mut self, rest: &str) -> Result<usize, MarkupRuleError> {
        let Some(character) = rest.chars().next() else { return Ok(0) };
        if character == '>' {
            if self.place == HtmlPlace::Unquoted {
                self.end_value()?;
            }
            self.end_tag();
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

    fn end_tag(&mut self) {
        let tag = self.tag.as_str();
        self.place = content_of(tag);
        self.is_foreign |= FOREIGN_ELEMENTS.contains(&tag);
        // In SVG and formulas, the content of these elements is markup. In a selection, some programs skip their tags.
        self.is_ambiguous |= AMBIGUOUS_ELEMENTS.contains(&tag) || (self.is_foreign && self.place != HtmlPlace::Text);
    }

    fn tag_character(&mut self, character: char) {
        let start = self.out.len();
        match (self.place, character) {
            // A slash separates attributes, except at the beginning of an end tag and in a value without quotes.
            (HtmlPlace::TagName, '/') if !self.tag.is_empty() => self.place = HtmlPlace::BeforeAttribute,
            (HtmlPlace::TagName, _) => self.tag.push(character.to_ascii_lowercase()),
            (HtmlPlace::BeforeAttribute | HtmlPlace::AttributeName, '/') => {
                self.attribute.clear();
                self.place = HtmlPlace::BeforeAttribute;
            }
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
    fn end_value(&mut self) -> Result<(), MarkupRuleError> {
        let value = self.out.get(self.value_start..).unwrap_or_default();
        let is_fine = !URL_ATTRIBUTES.contains(&self.attribute.as_str()) || is_allowed_url(value);
        self.attribute.clear();
        if is_fine { Ok(()) } else { Err(MarkupRuleError::UrlScheme) }
    }

    fn value(&mut self, text: &str, is_uri: bool) -> Result<(), MarkupRuleError> {
        self.is_after_value = false;
        if self.is_ambiguous {
            return Err(MarkupRuleError::Ambiguous);
        }
        match self.place {
            HtmlPlace::Text | HtmlPlace::RawText if is_uri => push_escaped(&mut self.out, text),
            HtmlPlace::Text | HtmlPlace::RawText => self.push_unlinked_escaped(text),
            HtmlPlace::Quoted(_) => return self.attribute_value(text),
            HtmlPlace::Raw => return Err(MarkupRuleError::InCode),
            HtmlPlace::Comment | HtmlPlace::Declaration => return Err(MarkupRuleError::InComment),
            _ => return Err(MarkupRuleError::InTag),
        }
        Ok(())
    }

    fn attribute_value(&mut self, text: &str) -> Result<(), MarkupRuleError> {
        let name = self.attribute.as_str();
        let is_code = CODE_ATTRIBUTES.contains(&name) || name.starts_with("on");
        if is_code || CODE_ELEMENTS.contains(&self.tag.as_str()) {
            return Err(MarkupRuleError::InCode);
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
