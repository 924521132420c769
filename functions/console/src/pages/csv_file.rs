//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::site::PageReply;

/// First characters of a cell that a spreadsheet takes for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Returns a table as a file for download.
#[must_use]
pub fn download(name: &str, header: &[&str], rows: &[Vec<String>]) -> PageReply {
    let mut text = line(header.iter().copied());
    rows.iter().for_each(|row| text.push_str(&line(row.iter().map(String::as_str))));
    PageReply::download("text/csv; charset=utf-8", name, text)
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
        let file = download("t.csv", &["one", "two"], &rows);
        assert_eq!(file.text(), "one,two\r\n\"'=HYPERLINK(\"\"x\"\")\",\"a,b\"\r\n-5,\"'@sum\nnext\"\r\n");
        assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"t.csv\""));
    }
}
