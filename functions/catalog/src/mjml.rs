//! HTML made of MJML. Only this function does it, when a template is checked, previewed or published.

use mrml::mj_head::MjHeadChild;
use mrml::mjml::Mjml;
use mrml::prelude::parser::Error as MjmlError;
use serde_json::{Value, json};
use templates::{Finding, Place, TemplateDraft, TemplateTag, syntax_finding, tags};

use crate::mjml_structure::excess;

/// Maximum size of a stored draft: it is one item of DynamoDB.
const MAX_STORED_DRAFT_BYTES: usize = 350_000;

/// Text that stands for an expression or statement while MJML is compiled. It is a word of letters and digits, which no
/// escaping changes.
const STAND_IN: &str = "zqx";

/// Returns the draft with the HTML of each e-mail that is written as MJML.
///
/// # Errors
/// Returns a finding for each source that is not MJML, or whose expressions are wrong. Its place is in the MJML.
pub fn with_html(draft: TemplateDraft) -> Result<TemplateDraft, Vec<Finding>> {
    let (draft, findings) = with_html_where_right(draft);
    if findings.is_empty() { Ok(draft) } else { Err(findings) }
}

/// Returns the draft with the HTML of each e-mail that is written as MJML, and a finding for each wrong source. The
/// HTML of a wrong source is empty, so that a check can continue with the others.
pub fn with_html_where_right(mut draft: TemplateDraft) -> (TemplateDraft, Vec<Finding>) {
    let mut findings = Vec::new();
    for (locale, parts) in &mut draft.parts {
        let Some(email) = parts.email.as_mut() else { continue };
        let Some(mjml) = &email.mjml else { continue };
        let path = format!("parts.{locale}.email.mjml");
        email.html = Some(String::new());
        // A tag that is not closed would take the elements after it along.
        if let Some(finding) = syntax_finding(&path, mjml) {
            findings.push(finding);
            continue;
        }
        match html(mjml) {
            Ok(html) => email.html = Some(in_language(html, locale)),
            Err(error) => {
                let place = error.offset.map(|offset| Place::of_offset(mjml, offset));
                findings.push(Finding::new(path, error.message).at(place));
            }
        }
    }
    (draft, findings)
}

/// Returns the stored form of a draft: with the HTML made of MJML, for test sends, if that is valid and small enough.
pub fn stored_draft(draft: &TemplateDraft) -> Value {
    let compiled = with_html(draft.clone()).map(|compiled| json!(compiled));
    let fits = |compiled: &Value| serde_json::to_vec(compiled).is_ok_and(|json| json.len() <= MAX_STORED_DRAFT_BYTES);
    compiled.ok().filter(fits).unwrap_or_else(|| json!(draft))
}

/// Returns a stored draft as its editor wrote it.
pub fn edited_draft(mut draft: TemplateDraft) -> TemplateDraft {
    let emails = draft.parts.values_mut().filter_map(|parts| parts.email.as_mut());
    emails.filter(|email| email.mjml.is_some()).for_each(|email| email.html = None);
    draft
}

/// Reason for which a source was not compiled.
#[derive(Debug, PartialEq, Eq)]
struct MjmlCompileError {
    /// Byte of the source, if known.
    offset: Option<usize>,
    message: &'static str,
}

/// Compiles one source. Expressions and statements are taken out before, and put back after.
fn html(mjml: &str) -> Result<String, MjmlCompileError> {
    if let Some(offset) = mjml.to_ascii_lowercase().find(STAND_IN) {
        return Err(MjmlCompileError { offset: Some(offset), message: "must not contain the text zqx" });
    }
    let plain = PlainMjml::of(mjml);
    let error_at = |offset: usize, message| MjmlCompileError { offset: Some(plain.offset_in_source(offset)), message };
    if let Some((offset, message)) = excess(&plain.text) {
        return Err(error_at(offset, message));
    }
    let parsed = mrml::parse(&plain.text).map_err(|error| {
        let (offset, message) = reason(&error, &plain.text);
        error_at(offset, message)
    })?;
    if let Some(warning) = parsed.warnings.first() {
        return Err(error_at(warning.span.start, "must be MJML: an attribute is unknown"));
    }
    let options = mrml::prelude::render::RenderOptions::default();
    let html = parsed.element.render(&options);
    let html = html.map_err(|_| MjmlCompileError { offset: None, message: "cannot be rendered as HTML" })?;
    if let Some(untouched) = without_inlining(&parsed.element).and_then(|element| element.render(&options).ok())
        && let Some(moved) = moved_tag(&untouched, &html)
    {
        let message = "must not stand directly inside a table: put it into a cell, or do not inline the CSS";
        return Err(MjmlCompileError { offset: plain.tags.get(moved).map(|tag| tag.start), message });
    }
    Ok(with_tags(&html, &plain.tags))
}

/// Returns the HTML with this language if it has none.
fn in_language(html: String, locale: &str) -> String {
    // The compiler writes the language of an undetermined text.
    html.replace("lang=\"und\"", &format!("lang=\"{locale}\""))
}

/// Returns the element with every style in the head of the document; `None` if it inlines no CSS.
fn without_inlining(element: &Mjml) -> Option<Mjml> {
    let mut untouched = element.clone();
    let styles =
        untouched.children.head.iter_mut().flat_map(|head| &mut head.children).filter_map(|child| match child {
            MjHeadChild::MjStyle(style) => style.attributes.inline.take(),
            _ => None,
        });
    (styles.count() > 0).then_some(untouched)
}

/// Returns the number of the first tag that inlining moved. CSS is inlined by parsing the HTML, and the parser moves a
/// text directly inside a table before the table, also if the text is a statement (HTML Standard, section 13.2.6.1).
fn moved_tag(untouched: &str, inlined: &str) -> Option<usize> {
    let (before, after) = (tag_places(untouched), tag_places(inlined));
    let moved = after.into_iter().zip(before).find(|(after, before)| after != before)?;
    moved.0.0.parse().ok()
}

/// Returns the number of each tag that HTML contains, with the name of the element that begins or ends before it.
fn tag_places(html: &str) -> Vec<(&str, String)> {
    let (mut places, mut element) = (Vec::new(), String::new());
    for (index, piece) in html.split(STAND_IN).enumerate() {
        if index % 2 == 1 {
            places.push((piece, element.clone()));
        } else if let Some((_, markup)) = piece.rsplit_once('<') {
            let name = markup.split(|letter: char| letter.is_ascii_whitespace() || letter == '>').next();
            element = name.unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        }
    }
    places
}

/// Returns the byte at which the compiler stopped, and the reason for the editor.
fn reason(error: &MjmlError, plain: &str) -> (usize, &'static str) {
    match error {
        MjmlError::UnexpectedElement { position, .. } => {
            (position.start, "must be MJML: an element is unknown or in a wrong place")
        }
        MjmlError::UnexpectedToken { position, .. } | MjmlError::InvalidFormat { position, .. } => {
            // A text begins with the white space before it.
            let rest = plain.get(position.start..).unwrap_or_default();
            let spaces = rest.len() - rest.trim_start().len();
            let message = "must be MJML: a text or tag is in a wrong place, or an element before it is not closed";
            (position.start + spaces, message)
        }
        MjmlError::MissingAttribute { position, .. } | MjmlError::InvalidAttribute { position, .. } => {
            (position.start, "must be MJML: an attribute is missing or invalid")
        }
        MjmlError::IncludeLoaderError { position, .. } => (position.start, "must not include other sources"),
        MjmlError::ParserError { source, .. } => {
            let (line, column) = (source.pos().row, source.pos().col);
            let place = Place { line: line as usize, column: column as usize };
            (place.offset_in(plain), "must be MJML: a tag, quote or comment is not closed or malformed")
        }
        MjmlError::EndOfStream { .. } => (plain.len(), "must be MJML: an element is not closed"),
        MjmlError::NoRootNode | MjmlError::SizeLimit { .. } => (0, "must be MJML: the element mjml is missing"),
    }
}

/// MJML with a word in place of each tag.
struct PlainMjml<'a> {
    text: String,
    tags: Vec<TemplateTag<'a>>,
    /// Offsets in `text` of the word of each tag: of its first byte, and after its last one.
    words: Vec<(usize, usize)>,
}

impl<'a> PlainMjml<'a> {
    fn of(source: &'a str) -> Self {
        let mut plain =
            Self { text: String::with_capacity(source.len()), tags: tags(source).collect(), words: Vec::new() };
        let mut end = 0;
        for (index, tag) in plain.tags.iter().enumerate() {
            plain.text.push_str(source.get(end..tag.start).unwrap_or_default());
            let start = plain.text.len();
            plain.text.push_str(&format!("{STAND_IN}{index}{STAND_IN}"));
            plain.words.push((start, plain.text.len()));
            end = tag.end();
        }
        plain.text.push_str(source.get(end..).unwrap_or_default());
        plain
    }

    /// Returns the byte of the source for one of the text: inside a word, the first byte of its tag.
    fn offset_in_source(&self, offset: usize) -> usize {
        let before = self.words.iter().zip(&self.tags).take_while(|((start, _), _)| *start <= offset).last();
        match before {
            None => offset,
            Some(((_, word_end), tag)) if offset < *word_end => tag.start,
            Some(((_, word_end), tag)) => tag.end() + offset - word_end,
        }
    }
}

fn with_tags(html: &str, tags: &[TemplateTag<'_>]) -> String {
    let mut pieces = html.split(STAND_IN);
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    while let (Some(number), Some(text)) = (pieces.next(), pieces.next()) {
        whole.push_str(number.parse::<usize>().ok().and_then(|index| tags.get(index)).map_or("", |tag| tag.text));
        whole.push_str(text);
    }
    whole
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn expressions_pass_through_in_texts_and_attributes() {
        let mjml = r#"<mjml><mj-body><mj-section><mj-column><mj-text>{{ a | plural(one="x", other="<y>") }}{% if b < 1 %}c{% endif %}</mj-text>
            <mj-button href="{{ url }}">Go</mj-button></mj-column></mj-section></mj-body></mjml>"#;
        let html = html(mjml).unwrap();
        for tag in [r#"{{ a | plural(one="x", other="<y>") }}{% if b < 1 %}c{% endif %}"#, r#"href="{{ url }}""#] {
            assert!(html.contains(tag), "{html}");
        }
    }

    #[test]
    fn what_is_no_mjml_is_refused() {
        for mjml in ["<p>x</p>", "<mjml><mj-body>", "", "<mjml><mj-body><mj-text>zqx0zqx</mj-text></mj-body></mjml>"] {
            assert!(html(mjml).is_err(), "{mjml}");
        }
    }

    fn with_style(attribute: &str, css: &str, body: &str) -> String {
        let head = format!("<mj-head><mj-style {attribute}>{css}</mj-style></mj-head>");
        format!("<mjml>{head}<mj-body><mj-section><mj-column>{body}</mj-column></mj-section></mj-body></mjml>")
    }

    fn inlining(css: &str, body: &str) -> Result<String, MjmlCompileError> {
        html(&with_style("inline=\"inline\"", css, body))
    }

    #[test]
    fn the_css_of_a_style_is_inlined_and_tags_keep_their_places() {
        let text = "<mj-text>{% if a %}<b class=\"x\">{{ a }}</b>{% endif %}</mj-text>";
        let html = inlining(".x { color: red }", text).unwrap();
        assert!(html.contains("{% if a %}<b class=\"x\" style=\"color: red;\">{{ a }}</b>{% endif %}"), "{html}");
        let cells = "<mj-table><tr><td>{% for a in b %}{{ a }}{% endfor %}</td></tr></mj-table>";
        assert!(
            inlining("td { color: red }", cells).is_ok_and(|html| html.contains("{% for a in b %}{{ a }}{% endfor %}"))
        );
    }

    #[test]
    fn a_statement_that_inlining_would_move_out_of_its_table_is_refused_at_its_place() {
        for (rows, moved) in [
            ("{% for a in b %}<tr class=\"x\"><td>{{ a }}</td></tr>{% endfor %}", "{% for"),
            ("{% if a %}<tr><td>x</td></tr>{% endif %}", "{% if a %}"),
            ("<tr><td>x</td></tr>{{ a }}", "{{ a }}"),
            ("<tr><td>{{ a }}</td>{# b #}</tr>", "{# b #}"),
        ] {
            for attribute in ["inline=\"inline\"", "inline = 'inline'"] {
                let mjml = with_style(attribute, ".x { color: red }", &format!("<mj-table>{rows}</mj-table>"));
                let error = html(&mjml).unwrap_err();
                assert!(error.message.contains("directly inside a table"), "{error:?}");
                assert_eq!(error.offset, mjml.find(moved), "{rows}");
            }
            let html = html(&with_style("", ".x { color: red }", &format!("<mj-table>{rows}</mj-table>"))).unwrap();
            assert!(html.contains(rows), "{html}");
        }
    }

    #[test]
    fn an_e_mail_without_a_language_gets_that_of_its_part() {
        let mjml = |attribute: &str| format!("<mjml{attribute}><mj-body></mj-body></mjml>");
        let parts = json!({"ar": {"email": {"subject": "s", "text": "t", "mjml": mjml("")}},
            "en": {"email": {"subject": "s", "text": "t", "mjml": mjml(" lang=\"it\"")}}});
        let json = json!({"title": "T", "default_locale": "en", "parts": parts});
        let draft = with_html(TemplateDraft::parse(&json).unwrap()).unwrap();
        let html = |locale: &str| draft.parts[locale].email.clone().unwrap().html.unwrap();
        assert!(html("ar").contains("lang=\"ar\"") && !html("ar").contains("\"und\""), "{}", html("ar"));
        assert!(html("en").contains("lang=\"it\""));
    }

    #[test]
    fn the_deepest_allowed_source_is_compiled() {
        let css = format!("{}i{} {{ color: red }}", ":not(".repeat(19), ")".repeat(19));
        let text = format!("<mj-text>{}x{}</mj-text>", "<b>".repeat(95), "</b>".repeat(95));
        let html = inlining(&css, &text).unwrap();
        assert_eq!(html.matches("<b").count(), 95 + html.matches("<body").count(), "{html}");
    }

    fn finding(mjml: &str) -> (String, Option<(usize, usize)>, String) {
        let email = json!({"subject": "s", "text": "t", "mjml": mjml});
        let json = json!({"title": "T", "default_locale": "en", "parts": {"en": {"email": email}}});
        let mut found = with_html(TemplateDraft::parse(&json).unwrap()).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        let finding = found.remove(0);
        (finding.path, finding.place.map(|place| (place.line, place.column)), finding.message)
    }

    /// A whole source: a column with this content, which begins at line 2, column 1.
    fn column(content: &str) -> String {
        format!("<mjml><mj-body><mj-section><mj-column>\n{content}</mj-column></mj-section></mj-body></mjml>")
    }

    #[test]
    fn each_error_has_its_line_and_column_in_the_mjml() {
        for (mjml, place, message) in [
            (column("<mj-text>{{ a }}\n{{ b</mj-text>"), (3, 6), "syntax error"),
            (column("<mj-text>{{ a }}</mj-text>\n<mj-text>{% if a </mj-text>"), (3, 18), "syntax error"),
            (column("<mj-text>{{ a }} {% endif %}</mj-text>"), (2, 21), "syntax error"),
            (column("<mj-text>{{ a | no }}\n{# </mj-text>"), (3, 56), "syntax error"),
            ("<mjml><mj-head>\n {{ a }}</mj-head><mj-body></mj-body></mjml>".to_owned(), (2, 2), "a text or tag"),
            (
                "<mjml><mj-head><mj-title>{{ longer_name }}</mj-title></mj-head>\n <mj-foot></mj-foot></mjml>"
                    .to_owned(),
                (2, 3),
                "an element is unknown",
            ),
            (
                "<mjml lang=\"{{ longer }}\" wide=\"x\"><mj-body></mj-body></mjml>".to_owned(),
                (1, 27),
                "an attribute is unknown",
            ),
            ("<mjml><mj-body>{# a longer comment #}<mj-section".to_owned(), (1, 49), "an element is not closed"),
            ("<mjml><mj-body>\n".to_owned(), (2, 1), "an element is not closed"),
            ("\n<p>zqx</p>".to_owned(), (2, 4), "zqx"),
            (column(&format!("<mj-text>\n{}", "<b>".repeat(21_000))), (3, 286), "nest elements"),
            (
                column(&format!("<mj-text>{{{{ a }}}}{}{}", "<b>".repeat(97), "</b>".repeat(97))),
                (2, 302),
                "nest elements",
            ),
            (with_style("inline=\"inline\"", &":not(".repeat(10_000), ""), (1, 146), "brackets of CSS"),
        ] {
            let (path, found, text) = finding(&mjml);
            assert!(path == "parts.en.email.mjml" && text.contains(message), "{mjml}: {text}");
            let (line, column) = found.unwrap();
            assert!(line == place.0 && column.abs_diff(place.1) <= 2, "{mjml}: {found:?} {text}");
        }
    }

    #[test]
    fn the_html_of_the_built_in_templates_is_that_of_their_mjml() {
        for name in ["certificate-expiring", "payment-due"] {
            let draft = templates::builtin(name).unwrap().draft;
            assert_eq!(with_html(draft.clone()), Ok(draft), "{name}");
        }
    }
}
