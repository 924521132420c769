//! Limits of the structure of MJML. The compiler and the CSS parser call themselves for each nested part, so that a
//! larger source would exhaust the stack. The tokenizer that the compiler uses, which finds the parts, does not.

use htmlparser::{ElementEnd, StrSpan, Token, Tokenizer};

/// Maximum nesting of elements.
const MAX_ELEMENTS: usize = 100;
/// Maximum nesting of brackets in CSS, such as those of `:not(:not(a))`.
const MAX_BRACKETS: usize = 20;

/// Elements whose content is CSS.
const STYLES: [&str; 2] = ["mj-style", "style"];
/// Elements without content in HTML (section 13.1.2), as the compiler knows them.
const VOID_ELEMENTS: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// Returns the first byte that exceeds a limit, and the limit. An error of the syntax ends the check, because the
/// compiler stops there too.
pub fn excess(mjml: &str) -> Option<(usize, &'static str)> {
    let (mut depth, mut element) = (0_usize, StrSpan::from(""));
    for token in Tokenizer::from(mjml) {
        match token.ok()? {
            Token::ElementStart { local, span, .. } => {
                element = local;
                if depth >= MAX_ELEMENTS {
                    return Some((span.start(), "must not nest elements more than 100 deep"));
                }
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } if !VOID_ELEMENTS.contains(&element.as_str()) => depth += 1,
            Token::ElementEnd { end: ElementEnd::Close(..), .. } => depth = depth.saturating_sub(1),
            Token::Text { text } | Token::Cdata { text, .. } if STYLES.contains(&element.as_str()) => {
                if let Some(at) = nested_bracket(text.as_str()) {
                    return Some((text.start() + at, "must not nest the brackets of CSS more than 20 deep"));
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns the byte of the first bracket that is nested too deep.
fn nested_bracket(css: &str) -> Option<usize> {
    let mut depth = 0_usize;
    css.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_BRACKETS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mjml: &str) -> Option<(&str, &'static str)> {
        excess(mjml).map(|(offset, message)| (mjml.get(offset..offset + 2).unwrap_or_default(), message))
    }

    #[test]
    fn elements_have_a_maximum_nesting() {
        for (open, close) in [("<b>", "</b>"), ("<b a='>'>", "</b>"), ("<x:b\n>", "</x:b >"), ("<mj-raw>", "</mj-raw>")]
        {
            let nested = |count: usize| format!("{}{}", open.repeat(count), close.repeat(count));
            assert_eq!(excess(&nested(100)), None, "{open}");
            assert_eq!(excess(&nested(101)).map(|(offset, _)| offset), Some(100 * open.len()), "{open}");
            assert!(excess(&open.repeat(7_000)).is_some(), "{open}");
            assert_eq!(excess(&format!("{open}{close}").repeat(500)), None, "{open}");
        }
        for flat in ["<br>", "<img src='a'>", "<b/>", "<!-- <b> -->", "<hr />"] {
            assert_eq!(excess(&format!("<b>{}</b>", flat.repeat(500))), None, "{flat}");
        }
    }

    #[test]
    fn the_brackets_of_css_have_a_maximum_nesting() {
        let style = |css: &str| format!("<mj-head><mj-style inline=\"inline\">{css}</mj-style></mj-head>");
        for open in [":not(", "[", "{", "@media x{"] {
            let message = found(&style(&open.repeat(5_000))).map(|(_, message)| message);
            assert_eq!(message, Some("must not nest the brackets of CSS more than 20 deep"), "{open}");
        }
        assert_eq!(excess(&style(&"@media x { a:not([b='c']) { d: calc(1 + (2)) } }".repeat(300))), None);
        assert_eq!(excess(&format!("<mj-text>{}</mj-text>", ":( ".repeat(300))), None);
    }
}
