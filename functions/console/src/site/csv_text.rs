//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.

use super::api_call::encoded;

/// First characters of a cell that a spreadsheet takes for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Maximum number of letters of a title in the name of a file.
const MAX_NAME: usize = 60;

/// Returns a table as CSV.
#[must_use]
pub fn csv_text(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = line(header.iter().copied());
    rows.iter().for_each(|row| text.push_str(&line(row.iter().map(String::as_str))));
    text
}

/// Returns an address that holds a table as CSV, so that a link can download the numbers that a page already has.
#[must_use]
pub fn csv_address(header: &[&str], rows: &[Vec<String>]) -> String {
    format!("data:text/csv;charset=utf-8,{}", encoded(&csv_text(header, rows)))
}

/// Returns the name of the file for a title: `click-rate-by-variant.csv`.
#[must_use]
pub fn csv_name(title: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = title.chars().take(MAX_NAME).map(letter).collect();
    format!("{}.csv", name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-"))
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// Quotes a cell. A text that a spreadsheet would calculate gets an apostrophe in front.
fn cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok();
    let guard = if text.starts_with(FORMULA) && !is_number { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', '"', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_no_formula() {
        let rows =
            [vec!["=HYPERLINK(\"x\")".to_owned(), "a,b".to_owned()], vec!["-5".to_owned(), "@sum\nnext".to_owned()]];
        let expected = "one,two\r\n\"'=HYPERLINK(\"\"x\"\")\",\"a,b\"\r\n-5,\"'@sum\nnext\"\r\n";
        assert_eq!(csv_text(&["one", "two"], &rows), expected);
        assert_eq!(csv_address(&["a b"], &[]), "data:text/csv;charset=utf-8,a%20b%0D%0A");
    }
}
