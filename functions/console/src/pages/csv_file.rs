//! Tables as files for download.

use crate::site::{PageReply, csv_text};

/// Returns a table as a file for download.
#[must_use]
pub fn download(name: &str, header: &[&str], rows: &[Vec<String>]) -> PageReply {
    PageReply::download("text/csv; charset=utf-8", name, csv_text(header, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_file() {
        let file = download("t.csv", &["one", "two"], &[vec!["1".to_owned(), "a,b".to_owned()]]);
        assert_eq!(file.text(), "one,two\r\n1,\"a,b\"\r\n");
        assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"t.csv\""));
    }
}
