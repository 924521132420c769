//! Values at every place of HTML, texts and URLs.

use proptest::prelude::{any, proptest};

use super::super::autolink::BREAK;
use super::super::html_pass::html;
use super::super::markup_error::MarkupRuleError;
use super::*;

/// Marks `{...}` as a value and `[...]` as a URI.
fn marked(text: &str) -> String {
    text.replace('{', "\u{fdd0}").replace('[', "\u{fdd1}").replace(['}', ']'], "\u{fdd2}")
}

fn checked(text: &str) -> Result<String, MarkupRuleError> {
    html(&marked(text)).map(|html| html.replace(BREAK, "|")).map_err(|error| error.rule)
}

#[test]
fn a_value_is_text_in_text_and_in_quoted_attributes() {
    for (source, expected) in [
        ("<p>{<b>&\"'}</p>", "<p>&lt;b&gt;&amp;&quot;&#39;</p>"),
        ("<td title=\"{\" onclick=\"x}\">", "<td title=\"&quot; onclick=&quot;x\">"),
        ("<td title='{'>}'>", "<td title='&#39;&gt;'>"),
        ("<p>{evil.example}</p>", "<p>evil.|example</p>"),
        ("<p>{evil.}{com} {evil.}com {www.}</p>", "<p>evil.|com evil.|com www.</p>"),
        ("<p title=\"{https:}{//evil}\">www.{evil}</p>", "<p title=\"https:|//evil\">www.|evil</p>"),
        ("<p>Total:<b>{12}</b> {A.}</p>", "<p>Total:<b>12</b> A.</p>"),
        ("<p>[https://a.example/?b=1&c=2]</p>", "<p>https://a.example/?b=1&amp;c=2</p>"),
        ("<a href=\"[https://a.example/?b=1&c=2]\">x</a>", "<a href=\"https://a.example/?b=1&amp;c=2\">x</a>"),
        ("<a href='https://a.example/?q={a&b}'>x</a>", "<a href='https://a.example/?q=a%26b'>x</a>"),
        ("<a href=\"mailto:{ada@b.example}\">x</a>", "<a href=\"mailto:ada@b.example\">x</a>"),
        ("a < b {c}", "a < b c"),
        (
            "<!DOCTYPE html><!-- a > b --><style>p > a {color:red}</style>",
            "<!DOCTYPE html><!-- a > b --><style>p > a {color:red}</style>",
        ),
        ("<img src=https://a.example/x.png alt=\"{x}\">", "<img src=https://a.example/x.png alt=\"x\">"),
        ("<img src=https://a.example/x.png/><br/>{x}", "<img src=https://a.example/x.png/><br/>x"),
        ("<title><b title='</title>{x}", "<title><b title='</title>x"),
        ("<title>{<b>}</title><textarea>{x}</textarea>", "<title>&lt;b&gt;</title><textarea>x</textarea>"),
        ("<!-->{x}<!--->{x}<!-- > --!>{x}</>{x}</ a=\">{x}", "<!-->x<!--->x<!-- > --!>x</>x</ a=\">x"),
        (
            "<p hidden>{x}</p><script>1</script >{x}<svg><path d='M0'/></svg>{x}",
            "<p hidden>x</p><script>1</script >x<svg><path d='M0'/></svg>x",
        ),
    ] {
        let source = if source.contains("<style>") { source.to_owned() } else { marked(source) };
        assert_eq!(html(&source).map(|html| html.replace(BREAK, "|")).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn a_value_is_refused_at_every_other_place() {
    for (source, rule) in [
        ("<{b}>", MarkupRuleError::InTag),
        ("<p {onclick}=\"x\">", MarkupRuleError::InTag),
        ("<p title={x}>", MarkupRuleError::InTag),
        ("<p title=a{x}>", MarkupRuleError::InTag),
        ("<p style=\"color:{x}\">", MarkupRuleError::InCode),
        ("<p onClick=\"f('{x}')\">", MarkupRuleError::InCode),
        ("<script>{x}</script>", MarkupRuleError::InCode),
        ("<STYLE>{x}</STYLE>", MarkupRuleError::InCode),
        ("<meta content=\"{x}\">", MarkupRuleError::InCode),
        ("<base href=\"{https://a.example}\">", MarkupRuleError::InCode),
        ("<!-- {x} -->", MarkupRuleError::InComment),
        ("<!DOCTYPE {x}>", MarkupRuleError::InComment),
        ("<a href=\"{javascript:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<a href=\"java{script:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<a href=\"javascript:x\">", MarkupRuleError::UrlScheme),
        ("<a href=javascript:x>", MarkupRuleError::UrlScheme),
        // A slash separates the attributes as white space does.
        ("<a x/href=\"{javascript:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<a/href=\"{javascript:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<a class=\"b\"/href=\"{javascript:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<a class=\"b\"//href\u{c}=\n\"{javascript:alert(1)}\">", MarkupRuleError::UrlScheme),
        ("<p a/style=\"{x}\">", MarkupRuleError::InCode),
        ("<p x/onclick='{x}'>", MarkupRuleError::InCode),
        ("<p =/style='{x}'>", MarkupRuleError::InCode),
        ("<p title/=\"{x}\">", MarkupRuleError::InTag),
        ("<p hidden><p =\"{x}\">", MarkupRuleError::InTag),
        ("<script/>{x}</script>", MarkupRuleError::InCode),
        ("<style/ x>{x}</style>", MarkupRuleError::InCode),
        ("<STYLE/>{x}</STYLE>", MarkupRuleError::InCode),
        ("<meta/ http-equiv=refresh content=\"0;url={x}\">", MarkupRuleError::InCode),
        ("<iframe/ src=\"{https://a.example}\">", MarkupRuleError::InCode),
        // Raw content ends at the end tag of its element, and comments and false end tags where the standard says.
        ("<style></stylex>{x}</style>", MarkupRuleError::InCode),
        ("<style></style{x}</style>", MarkupRuleError::InCode),
        ("<xmp><p title='</xmp><p style=\"{x}\"'>", MarkupRuleError::InCode),
        ("<title><p title='</title><p style=\"{x}\"'>", MarkupRuleError::InCode),
        ("<textarea><p title='</textarea/><p style=\"{x}\"'>", MarkupRuleError::InCode),
        ("<!--><p style='-->{x}'>", MarkupRuleError::InCode),
        ("<!---><p style='-->{x}'>", MarkupRuleError::InCode),
        ("<!-- --!><p style='-->{x}'>", MarkupRuleError::InCode),
        ("</ a='><p style=\"{x}\"'>", MarkupRuleError::InCode),
        ("</{x}>", MarkupRuleError::InTag),
        ("<!{x}-- >", MarkupRuleError::InComment),
        // Programs do not agree on what these contain.
        ("<svg><style><a style='</style>{x}'></svg>", MarkupRuleError::Ambiguous),
        ("<select><title><a href=\"{javascript:x}\">", MarkupRuleError::Ambiguous),
        ("<SELECT><style><p style='</style>{x}'></select>", MarkupRuleError::Ambiguous),
        ("<frameset><title><frame src=\"{javascript:x}\">", MarkupRuleError::Ambiguous),
        ("<script><!--<script></script>{x}</script>", MarkupRuleError::Ambiguous),
        ("<noscript><a title='</noscript><p style=\"{x}\"'>", MarkupRuleError::Ambiguous),
        ("<plaintext>{x}", MarkupRuleError::Ambiguous),
        ("<svg><a><animate attributeName=href values=\"{x}\">", MarkupRuleError::InCode),
        ("<p title=\"{x}", MarkupRuleError::Unclosed),
        ("<p title=\"x\"", MarkupRuleError::Unclosed),
        ("<!-- x", MarkupRuleError::Unclosed),
    ] {
        assert_eq!(checked(source), Err(rule), "{source}");
    }
}

#[test]
fn a_declaration_ends_at_its_first_bracket_and_a_section_of_characters_in_svg_does_not() {
    let checked =
        |text: &str| html(&text.replace('{', "\u{fdd0}").replace('}', "\u{fdd2}")).map_err(|error| error.rule);
    assert_eq!(checked("<select><option>{x}</select>{x}"), Ok("<select><option>x</select>x".to_owned()));
    let text = "<![if !mso]>{x}<![endif]><![CDATA[ > {x}";
    assert_eq!(checked(text), Ok("<![if !mso]>x<![endif]><![CDATA[ > x".to_owned()));
    for element in ["svg", "MATH"] {
        let source = format!("<{element}><![CDATA[><a title=']]><p style=\"{{x}}\"'>");
        assert_eq!(checked(&source), Err(MarkupRuleError::Ambiguous), "{element}");
    }
}

#[test]
fn in_text_a_value_is_encoded_inside_a_url_and_never_becomes_one_in_mail() {
    for (source, mail, other) in [
        ("Hi {evil.example}", "Hi evil.|example", "Hi evil.example"),
        ("{evil.}{com} {https:}{//evil} {1.}{com}", "evil.|com https:|//evil 1.|com", "evil.com https://evil 1.com"),
        ("{evil.}com, www.{evil} {S.p.A.}, ok", "evil.|com, www.|evil S.|p.|A., ok", "evil.com, www.evil S.p.A., ok"),
        ("[https://a.example/]", "https://a.example/", "https://a.example/"),
        (
            "https://a.example/?q={a b&c.d} {x}",
            "https://a.example/?q=a%20b%26c.d x",
            "https://a.example/?q=a%20b%26c.d x",
        ),
    ] {
        assert_eq!(plain_text(&marked(source), true).replace(BREAK, "|"), mail);
        assert_eq!(plain_text(&marked(source), false), other);
    }
}

#[test]
fn a_url_of_a_value_is_a_whole_url() {
    assert_eq!(url(&marked("[https://a.example/]")).as_deref(), Ok("https://a.example/"));
    assert_eq!(url(&marked("https://a.example/{a/b}")).as_deref(), Ok("https://a.example/a%2Fb"));
    assert_eq!(
        url(&marked("{javascript:x}")),
        Err(MarkupError { rule: MarkupRuleError::UrlScheme, values: 1, offset: 0 })
    );
}

proptest! {
    #[test]
    fn a_value_adds_no_markup_at_any_place(value in any::<String>(), before in "[<>a-z=\"' /!-]{0,12}", after in "[<>a-z=\"' /!-]{0,12}") {
        let value = value.replace(['\u{fdd0}', '\u{fdd1}', '\u{fdd2}'], "");
        let with = |value: &str| html(&format!("{before}\u{fdd0}{value}\u{fdd2}{after}"));
        if let (Ok(own), Ok(plain)) = (with(&value), with("x")) {
            for character in ['<', '>', '"', '\''] {
                assert_eq!(own.matches(character).count(), plain.matches(character).count(), "{own}");
            }
        }
        let tag = html(&format!("<a title=\"\u{fdd0}{value}\u{fdd2}\" href=\"https://a.example/\u{fdd0}{value}\u{fdd2}\">\u{fdd0}{value}\u{fdd2}</a>"));
        let tag = tag.unwrap_or_default();
        assert!(tag.matches('<').count() == 2 && tag.matches('"').count() == 4, "{tag}");
    }
}

/// A search from the beginning for each value would take hours.
#[test]
fn many_values_in_one_word_are_each_looked_at_once() {
    let value = marked("{v}").repeat(300_000);
    let text = plain_text(&format!("https://a.example/{value}"), true);
    assert_eq!(text.len(), "https://a.example/".len() + 300_000);
    assert_eq!(html(&format!("<p title=\"{value}\"></p>")).map(|html| html.len()), Ok(300_016));
    assert_eq!(html(&"<style></style>".repeat(20_000)).map(|html| html.len()), Ok(300_000));
}
