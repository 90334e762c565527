//! One page of a long list, or a part of it behind a cursor.

use diesel::sql_types::Text;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{clock::Timestamp, db::DbError, folding};

/// Rows of one page, with what a pager needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Which page this is, from 1.
    pub number: i64,
    /// Rows on all pages together.
    pub total: i64,
    /// Rows on a full page.
    pub size: i64,
}

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    number: i64,
    size: i64,
}

impl PageRequest {
    /// Page `number` (from 1; anything lower means 1) of `size` rows each.
    pub fn new(number: i64, size: i64) -> Self {
        Self { number: number.clamp(1, 1_000_000), size: size.max(1) }
    }

    /// This page, or the last one that exists among `total` rows.
    pub fn within(self, total: i64) -> Self {
        let last = ((total - 1).max(0) / self.size) + 1;
        Self { number: self.number.min(last), ..self }
    }

    /// Rows to take.
    pub fn limit(self) -> i64 {
        self.size
    }

    /// Rows to pass over.
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }
}

impl<T> Page<T> {
    /// `rows`, fetched with `request`, out of `total`.
    pub fn new(rows: Vec<T>, request: PageRequest, total: i64) -> Self {
        Self { rows, number: request.number, total, size: request.size }
    }

    /// The place of the first row, from 1; 0 when there is none.
    pub fn first(&self) -> i64 {
        if self.rows.is_empty() { 0 } else { (self.number - 1) * self.size + 1 }
    }

    /// The place of the last row.
    pub fn last(&self) -> i64 {
        (self.number - 1) * self.size + i64::try_from(self.rows.len()).unwrap_or(self.size)
    }

    /// The page before, if any.
    pub fn previous(&self) -> Option<i64> {
        (self.number > 1).then(|| self.number - 1)
    }

    /// The page after, if any.
    pub fn next(&self) -> Option<i64> {
        (self.last() < self.total).then(|| self.number + 1)
    }
}

/// The pattern for a `LIKE … ESCAPE '\'` that finds `text` anywhere.
pub(super) fn contains_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// The pattern for a `LIKE … ESCAPE '\'` that finds `text` anywhere in a stored search key.
pub(super) fn search_pattern(text: &str) -> String {
    contains_pattern(&folding::search_key(text))
}

diesel::define_sql_function! {
    /// Lower case, of ASCII only: engines differ in all other letters.
    fn lower(text: Text) -> Text;
}

/// A place in a sorted list: behind the row with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's id, which decides between rows that are sorted alike.
    pub id: String,
    /// What the list is sorted by, as the row has it; empty in a list that is sorted by id.
    pub sorted_by: String,
}

impl Cursor {
    /// The place behind a row in a list that is sorted by `instant`.
    pub(super) fn at(id: &str, instant: Timestamp) -> Self {
        Self { id: id.to_owned(), sorted_by: instant.assume_utc().unix_timestamp_nanos().to_string() }
    }

    /// What a list is sorted by whose cursors are made by [`at`](Self::at).
    pub(super) fn instant(&self) -> Result<Timestamp, CursorError> {
        let instant = self.sorted_by.parse().ok();
        let instant = instant.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
        let instant = instant.ok_or(CursorError::OtherList)?;
        Ok(PrimitiveDateTime::new(instant.date(), instant.time()))
    }
}

/// Why a part of a list is not read.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The cursor is that of a list in another order.
    #[error("Use next_cursor of the previous page as cursor, and keep the order.")]
    OtherList,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A part of a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Where it begins; `None` for the start of the list.
    pub after: Option<Cursor>,
    /// Rows in it at most.
    pub limit: i64,
}

impl ListRequest {
    /// Rows to read: one more than asked for tells whether there is more.
    pub(super) fn rows(&self) -> i64 {
        self.limit + 1
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_keeps_an_instant_exactly() {
        let instant = datetime!(2026-11-23 10:00:00.000_001);
        assert_eq!(Cursor::at("0198", instant).instant().unwrap(), instant);
        for text in ["", "Dana", "170141183460469231731687303715884105727"] {
            let cursor = Cursor { id: "0198".into(), sorted_by: text.into() };
            assert!(matches!(cursor.instant(), Err(CursorError::OtherList)), "{text}");
        }
    }
}
