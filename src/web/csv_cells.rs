//! Rows of a file for spreadsheets.

use actix_web::web::Bytes;

use super::error::AppError;

/// What such a file is.
pub const CONTENT_TYPE: &str = "text/csv; charset=utf-8";

/// Without it Excel takes the file for one of its old character sets.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The first row, which names the columns.
///
/// # Errors
/// When it cannot be written.
pub fn head<const N: usize>(columns: [&str; N]) -> Result<Bytes, AppError> {
    let columns = write([columns.map(str::to_owned)])?;
    Ok([BYTE_ORDER_MARK.as_bytes(), &columns].concat().into())
}

/// Rows as lines of the file.
///
/// # Errors
/// When they cannot be written.
pub fn write<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Result<Bytes, AppError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(AppError::internal)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| AppError::internal(error.to_string()))
}

/// ASVS 1.2.10: a spreadsheet must not take a name for a formula. One that splits at semicolons or
/// tabs sees cells within ours, since it heeds quotation marks only where its own cells begin; some
/// take full-width signs for the plain ones.
pub fn without_formula(cell: String) -> String {
    let mut safe = String::with_capacity(cell.len() + 1);
    for piece in cell.split_inclusive([';', '\t', '\r', '\n', '|']) {
        let start = piece.trim_start_matches([' ', '\u{A0}', '"']);
        if start.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']) {
            safe.push('\'');
        }
        safe.push_str(piece);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_formula() {
        for (cell, safe) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("x;=cmd|' /c calc'!A0;y", "x;'=cmd|' /c calc'!A0;y"),
            ("x;\"=1\"", "x;'\"=1\""),
            ("x; +1", "x;' +1"),
            ("＝1", "'＝1"),
            ("；＠1", "；＠1"),
            ("a;＠1", "a;'＠1"),
            ("a\t-1", "a\t'-1"),
            ("a\r\n@1", "a\r\n'@1"),
            ("\t=1", "'\t'=1"),
            ("\r1", "'\r1"),
            (" =1", "' =1"),
            ("a=1, -b", "a=1, -b"),
        ] {
            assert_eq!(without_formula(cell.into()), safe);
        }
        assert_eq!(without_formula("Billing worker".into()), "Billing worker");
    }

    #[test]
    fn commas_quotes_and_lines_stay_in_their_cell() {
        let row = ["a, \"b\"\nc".to_owned(), "d".to_owned()];
        assert_eq!(write([row]).unwrap(), "\"a, \"\"b\"\"\nc\",d\r\n");
    }
}
