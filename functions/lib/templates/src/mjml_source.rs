//! E-mails that are written as MJML. The engine compiles and renders the HTML made of it; findings name the MJML, which
//! is what the author sees.

use crate::engine::{TemplateTag, tags};
use crate::finding::{Finding, Place};
use crate::model::TemplateDraft;

/// Returns a finding of generated HTML as one of its MJML. Any other finding stays as it is.
pub fn in_author_source(draft: &TemplateDraft, finding: Finding) -> Finding {
    let locale = finding.path.strip_prefix("parts.").and_then(|path| path.strip_suffix(".email.html"));
    let email = locale.and_then(|locale| draft.parts.get(locale)?.email.as_ref());
    let Some((locale, mjml)) = locale.zip(email.and_then(|email| email.mjml.as_ref())) else { return finding };
    let html = email.and_then(|email| email.html.as_deref()).unwrap_or_default();
    let path = format!("parts.{locale}.email.mjml");
    Finding { path, place: finding.place.and_then(|place| place_in_mjml(mjml, html, place)), ..finding }
}

/// Returns the place in MJML of a place in the HTML made of it. Only tags are found again, because the compiler copies
/// them without a change.
fn place_in_mjml(mjml: &str, html: &str, place: Place) -> Option<Place> {
    let offset = place.offset_in(html);
    let tag = tags(html).take_while(|tag| tag.start <= offset).last().filter(|tag| offset <= tag.end())?;
    let same = |source| tags(source).filter(|other| other.text == tag.text).collect::<Vec<TemplateTag<'_>>>();
    let (copies, originals) = (same(html), same(mjml));
    // The compiler keeps the order of tags. It may copy each one several times.
    let number = copies.iter().position(|copy| copy.start == tag.start)?;
    let original = originals.get(number * originals.len() / copies.len())?;
    Some(Place::of_offset(mjml, original.start + offset - tag.start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_in_html_becomes_that_of_the_same_tag_in_mjml() {
        let mjml = "<mj>\n {{ a }}\n {{ b | x }} {{ a }}</mj>";
        let html = "<p>{{ a }}{{ a }}\n<i>{{ b | x }}</i>{{ a }}{{ a }}";
        let at = |text: &str, nth: usize| Place::of_offset(html, html.match_indices(text).nth(nth).unwrap().0);
        for (place, expected) in [
            (at("{{ a", 0), Some((2, 2))),
            (at("{{ a", 1), Some((2, 2))),
            (at("{{ a", 2), Some((3, 14))),
            (at("{{ a", 3), Some((3, 14))),
            (at("x }}", 0), Some((3, 9))),
            (at("<i>", 0), None),
        ] {
            let found = place_in_mjml(mjml, html, place).map(|place| (place.line, place.column));
            assert_eq!(found, expected, "{place}");
        }
    }

    #[test]
    fn only_findings_of_generated_html_move() {
        let json = json!({"title": "T", "default_locale": "en", "parts": {
            "en": {"email": {"subject": "s", "text": "t", "mjml": "\n{{ a }}", "html": "<p>{{ a }}</p>"}},
            "it": {"email": {"subject": "s", "text": "t", "html": "<p>{{ a }}</p>"}},
        }});
        let draft = TemplateDraft::parse_stored(&json).unwrap();
        let place = Some(Place { line: 1, column: 4 });
        let moved = |path: &str| in_author_source(&draft, Finding::new(path, "m").at(place));
        let expected = Finding::new("parts.en.email.mjml", "m").at(Some(Place { line: 2, column: 1 }));
        assert_eq!(moved("parts.en.email.html"), expected);
        for path in ["parts.it.email.html", "parts.en.email.text", "parts.fr.email.html", "title"] {
            assert_eq!(moved(path), Finding::new(path, "m").at(place));
        }
    }
}
