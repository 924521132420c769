//! Visible content of HTML.

use domain::text::is_blank;

/// Returns `true` if HTML has a visible character or an image. The head, styles and comments show nothing.
pub fn shows_something(html: &str) -> bool {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        if shows_text(text) {
            return true;
        }
        let begins_with = |name: &str| tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if begins_with("<img") {
            return true;
        }
        let hidden = [("<!--", "-->"), ("<head>", "</head"), ("<head ", "</head"), ("<style", "</style")];
        let hidden = hidden.iter().find(|(open, _)| begins_with(open));
        let end = hidden.and_then(|(_, close)| find_ignoring_case(tag, close)).unwrap_or(0);
        let end = tag.get(end..).and_then(|tag| Some(end + tag.find('>')? + 1));
        rest = end.and_then(|end| tag.get(end..)).unwrap_or_default();
    }
    shows_text(rest)
}

fn find_ignoring_case(text: &str, lowercase: &str) -> Option<usize> {
    let is_here = |at: usize| text.get(at..at + lowercase.len()).is_some_and(|it| it.eq_ignore_ascii_case(lowercase));
    text.match_indices(['<', '-']).map(|(at, _)| at).find(|at| is_here(*at))
}

/// Returns `true` if text between tags is visible. An entity is, unless it is a space or an invisible character.
fn shows_text(text: &str) -> bool {
    const INVISIBLE: [&str; 12] = [
        "&nbsp;", "&#160;", "&shy;", "&#173;", "&zwnj;", "&#8204;", "&zwj;", "&#8205;", "&#8203;", "&#847;", "&#8199;",
        "&#65279;",
    ];
    if is_blank(text) {
        return false;
    }
    !text.contains('&') || !is_blank(&INVISIBLE.iter().fold(text.to_owned(), |text, entity| text.replace(entity, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_known() {
        for html in [
            "",
            "<p>\u{200b}</p>",
            "<html><head><title>x</title></head><body>&nbsp;&zwnj; \n</body></html>",
            "<STYLE>a{}</STYLE><!-- x <b> --><div></div>",
            "<head class=\"a\"><style>b</style></head>",
            "<p",
        ] {
            assert!(!shows_something(html), "{html}");
        }
        for html in
            ["x", "<p>x", "<header>x</header>", "<a href=\"x\"><IMG src=\"y\"></a>", "<p>&euro;</p>", "<!-- --> x"]
        {
            assert!(shows_something(html), "{html}");
        }
        assert!(is_blank("\u{3164}\n\u{200b} ") && !is_blank("a"));
    }
}
