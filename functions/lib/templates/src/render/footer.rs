//! Parts that the renderer adds to an e-mail: the preheader, and the unsubscribe link where a template lacks it.

use crate::engine::escaped;
use crate::locale::language;

const HIDDEN: &str = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden";
const FOOTER: &str = "margin:32px 0 0;font-size:12px;text-align:center";
/// Label of the link by language; English elsewhere.
const LABELS: [(&str, &str); 7] = [
    ("de", "Abmelden"),
    ("en", "Unsubscribe"),
    ("es", "Darse de baja"),
    ("fr", "Se désabonner"),
    ("it", "Annulla l’iscrizione"),
    ("nl", "Uitschrijven"),
    ("pt", "Cancelar a inscrição"),
];

/// Returns the language and the text of the label.
fn label(locale: &str) -> (&'static str, &'static str) {
    let language = language(locale);
    let found = LABELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(language));
    found.copied().unwrap_or(("en", "Unsubscribe"))
}

/// Inserts the preheader as hidden text at the beginning of the body.
pub fn insert_preheader(html: &mut String, preheader: &str) {
    let body = html.to_ascii_lowercase().find("<body");
    let start = body.and_then(|body| Some(body + html.get(body..)?.find('>')? + 1)).unwrap_or(0);
    html.insert_str(start, &format!("<div style=\"{HIDDEN}\">{}</div>", escaped(preheader)));
}

/// Appends the link to the end of the body.
pub fn append_to_html(html: &mut String, locale: &str, link: &str) {
    let end = html.to_ascii_lowercase().rfind("</body").unwrap_or(html.len());
    let (language, label) = label(locale);
    let footer =
        format!("<p style=\"{FOOTER}\" lang=\"{language}\" dir=\"auto\"><a href=\"{}\">{label}</a></p>", escaped(link));
    html.insert_str(end, &footer);
}

/// Appends the link to a text.
pub fn append_to_text(text: &mut String, locale: &str, link: &str) {
    text.push_str(&format!("\n\n{}: {link}", label(locale).1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preheader_and_footer_stand_inside_the_body() {
        let mut html = "<html><BODY class=\"a\"><p>x</p></BODY></html>".to_owned();
        insert_preheader(&mut html, "a < b");
        append_to_html(&mut html, "it-CH", "https://a.example/?b&c");
        let expected = format!(
            "<html><BODY class=\"a\"><div style=\"{HIDDEN}\">a &lt; b</div><p>x</p><p style=\"{FOOTER}\" \
             lang=\"it\" dir=\"auto\"><a href=\"https://a.example/?b&amp;c\">Annulla l’iscrizione</a></p></BODY></html>"
        );
        assert_eq!(html, expected);
        let mut bare = "<p>x</p>".to_owned();
        append_to_html(&mut bare, "xx", "https://a.example/");
        assert!(bare.starts_with("<p>x</p><p ") && bare.contains(">Unsubscribe<"));
        let mut text = "x".to_owned();
        append_to_text(&mut text, "de", "https://a.example/");
        assert_eq!(text, "x\n\nAbmelden: https://a.example/");
    }
}
