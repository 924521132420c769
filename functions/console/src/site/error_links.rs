//! Links from an error to the input of its field.
//!
//! An error of the API names a field by its path, such as `content.title` or `channels[1]`. Its link leads to the input
//! with that id, or else to the nearest part above it that has one. An error whose field has no input on the page stays
//! text.

use std::collections::BTreeSet;

const LINK: &str = "<a href=\"#field-";
const ID: &str = "id=\"field-";
/// Elements that a reader of the screen can call invalid.
const INPUTS: [&str; 3] = ["<input ", "<select ", "<textarea "];
const INVALID: &str = "aria-invalid";

/// Makes the links of errors point to the inputs of a page, and marks these inputs as invalid.
#[must_use]
pub fn link_errors_to_fields(html: String) -> String {
    if !html.contains(LINK) {
        return html;
    }
    let ids: BTreeSet<&str> = html.split(ID).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut led = String::with_capacity(html.len() + 200);
    let mut found = BTreeSet::new();
    let mut parts = html.split(LINK);
    led.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let Some((field, rest)) = part.split_once("\">") else {
            led.push_str(LINK);
            led.push_str(part);
            continue;
        };
        match nearest(field, &ids) {
            Some(id) => {
                found.insert(id);
                led.extend([LINK, id, "\">"]);
                // A link whose text is the path of the API gets the words that stand at the input.
                let (path, after) = rest.split_once("</a>").unwrap_or((rest, ""));
                match label(&html, id).filter(|_| path == field) {
                    Some(label) if id == field => led.extend([&label, "</a>", after]),
                    Some(label) => led.extend([&label, " (", path, ")</a>", after]),
                    None => led.push_str(rest),
                }
            }
            None => {
                let (label, rest) = rest.split_once("</a>").unwrap_or((rest, ""));
                led.extend(["<strong>", label, "</strong>", rest]);
            }
        }
    }
    found.into_iter().fold(led, marked)
}

/// Returns the label of an input, or the legend of a group of inputs, without marks.
fn label(html: &str, id: &str) -> Option<String> {
    let after = |begin: &str, end: &str, from: &str| -> Option<String> {
        let (_, rest) = from.split_once(begin)?;
        let (_, text) = rest.split_once('>')?;
        Some(text.split_once(end)?.0.to_owned())
    };
    let of_group = || {
        let place = html.find(&format!("{ID}{id}\""))?;
        let (before, rest) = html.split_at(place);
        let is_group = before.rfind('<').and_then(|begin| before.get(begin..))?.starts_with("<fieldset");
        if is_group { after("<legend", "</legend>", rest) } else { None }
    };
    let text = after(&format!("<label for=\"field-{id}\""), "</label>", html).or_else(of_group)?;
    let plain: String = text.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
    Some(plain.trim().to_owned()).filter(|plain| !plain.is_empty())
}

/// Returns the id of a field's input, or of the nearest part above the field.
fn nearest<'a>(field: &'a str, ids: &BTreeSet<&str>) -> Option<&'a str> {
    let mut path = field;
    loop {
        if ids.contains(path) {
            return Some(path);
        }
        path = path.rfind(['.', '[']).and_then(|end| path.get(..end))?;
    }
}

/// Marks an input as invalid, unless its template does so.
fn marked(mut html: String, id: &str) -> String {
    let Some(place) = html.find(&format!("{ID}{id}\"")) else { return html };
    let (before, after) = html.split_at(place);
    let element = before.rfind('<').and_then(|begin| before.get(begin..)).unwrap_or_default();
    let own = after.split('>').next().unwrap_or_default();
    if INPUTS.iter().any(|input| element.starts_with(input)) && !own.contains(INVALID) && !element.contains(INVALID) {
        html.insert_str(place, "aria-invalid=\"true\" ");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leads_to_its_input_or_the_part_above_it() {
        let page = concat!(
            "<a href=\"#field-content.title\">content.title</a>: a <a href=\"#field-channels[1]\">channels[1]</a>: b ",
            "<a href=\"#field-nowhere.at[0]\">nowhere.at[0]</a>: c <a href=\"#main\">d</a>",
            "<input id=\"field-content.title\" name=\"title\"><fieldset id=\"field-channels\"></fieldset>",
        );
        let expected = concat!(
            "<a href=\"#field-content.title\">content.title</a>: a <a href=\"#field-channels\">channels[1]</a>: b ",
            "<strong>nowhere.at[0]</strong>: c <a href=\"#main\">d</a>",
            "<input aria-invalid=\"true\" id=\"field-content.title\" name=\"title\"><fieldset id=\"field-channels\"></fieldset>",
        );
        assert_eq!(link_errors_to_fields(page.to_owned()), expected);
    }

    #[test]
    fn a_link_has_the_words_of_its_input() {
        let page = concat!(
            "<a href=\"#field-to\">to</a>: a <a href=\"#field-channels[1]\">channels[1]</a>: b <a href=\"#field-to\">own</a>",
            "<label for=\"field-to\">Recipient <code>id</code></label><input id=\"field-to\">",
            "<fieldset id=\"field-channels\"><legend>Channels</legend></fieldset>",
        );
        let led = link_errors_to_fields(page.to_owned());
        assert!(led.starts_with("<a href=\"#field-to\">Recipient id</a>: a "), "{led}");
        assert!(
            led.contains("<a href=\"#field-channels\">Channels (channels[1])</a>: b <a href=\"#field-to\">own</a>"),
            "{led}"
        );
    }

    #[test]
    fn an_input_is_marked_once() {
        let page =
            "<a href=\"#field-a\">a</a><input id=\"field-a\" value=\"1\" aria-invalid=\"true\"><input id=\"field-b\">";
        assert_eq!(link_errors_to_fields(page.to_owned()), page);
        assert_eq!(link_errors_to_fields("<input id=\"field-a\">".to_owned()), "<input id=\"field-a\">");
    }
}
