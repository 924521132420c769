//! HTML part of an e-mail, composed so that no title, body or link can add markup of its own.

use domain::channel::link::Link;

const PAGE_STYLE: &str =
    "margin:0;padding:24px;font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a";
const HEADING_STYLE: &str = "margin:0 0 16px;font-size:20px;line-height:1.3";
const PARAGRAPH_STYLE: &str = "margin:0 0 16px";
const SMALL_STYLE: &str = "margin:32px 0 0;font-size:12px";
const SMALL_LINK_STYLE: &str = "color:#6b6b6b";

/// Composes one small page: the title as heading, the body's paragraphs, the link as text, and last the opt-out link.
///
/// Each block has the direction of its own text. `lang` is the text's language, if known.
pub fn page(title: &str, body: &str, link: Option<&Link>, unsubscribe: Option<&Link>, lang: Option<&str>) -> String {
    let title = escaped(title);
    let paragraphs: String = body
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| element("p", PARAGRAPH_STYLE, &escaped(paragraph).replace('\n', "<br>\n")))
        .collect();
    let link = link
        .map(|link| escaped(link.as_str()))
        .map_or_else(String::new, |link| element("p", PARAGRAPH_STYLE, &format!("<a href=\"{link}\">{link}</a>")));
    let unsubscribe = unsubscribe.map(|link| escaped(link.as_str())).map_or_else(String::new, |link| {
        element(
            "p",
            SMALL_STYLE,
            &format!("<a href=\"{link}\" lang=\"en\" style=\"{SMALL_LINK_STYLE}\">Unsubscribe</a>"),
        )
    });
    let heading = element("h1", HEADING_STYLE, &title);
    let lang = lang.map_or_else(String::new, |lang| format!(" lang=\"{}\"", escaped(lang)));
    format!(
        "<!DOCTYPE html>\n<html dir=\"auto\"{lang}>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n\
         <body dir=\"auto\"{lang} style=\"{PAGE_STYLE}\">\n{heading}{paragraphs}{link}{unsubscribe}</body>\n</html>\n"
    )
}

fn element(name: &str, style: &str, content: &str) -> String {
    format!("<{name} dir=\"auto\" style=\"{style}\">{content}</{name}>\n")
}

/// Escapes a text for use as HTML text and inside a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_content_is_shown_and_not_obeyed() {
        let html = page("<b>&\"'", "</p><script>alert(1)</script>", None, None, Some("\"><script>"));
        assert!(html.contains("<title>&lt;b&gt;&amp;&quot;&#39;</title>"));
        assert!(html.contains("&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!html.contains("<script"));
    }

    #[test]
    fn a_link_is_escaped_in_the_attribute_and_in_the_text() {
        let link = Link::parse("https://example.com/?a=1&b='2'").unwrap();
        let html = page("t", "b", Some(&link), None, None);
        let shown = "https://example.com/?a=1&amp;b=%272%27";
        assert!(html.contains(&format!("<a href=\"{shown}\">{shown}</a>")), "{html}");
    }

    #[test]
    fn blank_lines_make_paragraphs_and_single_ones_make_breaks() {
        let html = page("t", "one\ntwo\n\n\n\nthree\n", None, None, None);
        assert!(html.contains(">one<br>\ntwo</p>"), "{html}");
        assert!(html.contains(">three</p>"));
        assert_eq!(html.matches("<p ").count(), 2);
    }

    #[test]
    fn every_block_has_its_own_direction_and_the_page_its_language() {
        let html = page("שלום", "order 7\n\nהזמנה", None, None, Some("he-IL"));
        assert!(html.contains("<html dir=\"auto\" lang=\"he-IL\">"), "{html}");
        assert_eq!(html.matches("<p dir=\"auto\"").count(), 2);
        assert!(html.contains("<h1 dir=\"auto\""));
        assert!(!page("t", "b", None, None, None).contains("lang="));
    }
}
