//! Places inside HTML, after the tokenization of the HTML standard (section 13.2.5).

/// Elements whose content is neither markup nor text: values are refused in it.
const RAW_ELEMENTS: [&str; 6] = ["iframe", "noembed", "noframes", "script", "style", "xmp"];
/// Elements whose content is text without tags.
const TEXT_ELEMENTS: [&str; 2] = ["textarea", "title"];

/// Place inside HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HtmlPlace {
    #[default]
    Text,
    /// Content of a script, a style or another element whose content is no text.
    Raw,
    /// Content of a title: text up to its end tag.
    RawText,
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

/// Returns the place after a start tag with this name, or after an end tag.
pub fn content_of(tag: &str) -> HtmlPlace {
    if RAW_ELEMENTS.contains(&tag) {
        HtmlPlace::Raw
    } else if TEXT_ELEMENTS.contains(&tag) {
        HtmlPlace::RawText
    } else {
        HtmlPlace::Text
    }
}

/// Returns the place after the beginning of a comment, and the bytes of that beginning. `<!-->` and `<!--->` are whole
/// comments.
pub fn comment_start(after: &str) -> (HtmlPlace, usize) {
    if after.starts_with('>') {
        (HtmlPlace::Text, 5)
    } else if after.starts_with("->") {
        (HtmlPlace::Text, 6)
    } else {
        (HtmlPlace::Comment, 4)
    }
}

/// Returns the byte at which the end tag of an element begins whose content is no markup.
pub fn raw_end(rest: &str, tag: &str) -> Option<usize> {
    let is_end = |start: &usize| {
        let Some(after) = rest.get(start + 2..) else { return false };
        let is_name = after.get(..tag.len()).is_some_and(|name| name.eq_ignore_ascii_case(tag));
        let ends = |next: char| next.is_ascii_whitespace() || next == '/' || next == '>';
        is_name && after.get(tag.len()..).is_some_and(|after| after.starts_with(ends))
    };
    rest.match_indices("</").map(|(start, _)| start).find(is_end)
}
