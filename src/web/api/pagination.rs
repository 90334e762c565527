//! Lists in parts: a cursor stands after the last item that was given, so that items that come or
//! go meanwhile shift nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::Deserialize;

use crate::{
    api_types::{FieldProblem, List},
    domain::{
        id,
        page::{Cursor, CursorError, ListRequest},
    },
    web::error::AppError,
};

/// Items in a part unless the client wants fewer or more.
const USUAL: u32 = 50;
/// Items in the largest part.
const MOST: u32 = 100;

/// Which part of a list is asked for, in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pagination {
    cursor: Option<String>,
    limit: Option<u32>,
}

impl Pagination {
    /// A part of `limit` items after `cursor`, as they stand in the address.
    pub fn new(cursor: Option<String>, limit: Option<u32>) -> Self {
        Self { cursor, limit }
    }

    /// What to read.
    pub fn list_request(&self) -> Result<ListRequest, AppError> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(AppError::BadParameter(FieldProblem::new("limit", "Choose a number from 1 to 100.")));
        }
        let after = self.cursor.as_deref().map(read).transpose()?;
        Ok(ListRequest { after, limit: i64::from(limit) })
    }
}

fn read(text: &str) -> Result<Cursor, AppError> {
    let bytes = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // An id holds no line break, what is sorted by may.
    let cursor = bytes.as_deref().and_then(|text| text.split_once('\n'));
    match cursor {
        Some((id, sorted_by)) => Ok(Cursor { id: id::as_stored(id), sorted_by: sorted_by.to_owned() }),
        None => Err(AppError::field("cursor", "Use next_cursor of the previous page, unchanged.")),
    }
}

impl From<CursorError> for AppError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::OtherList => Self::field("cursor", error),
            CursorError::Db(error) => error.into(),
        }
    }
}

fn write(cursor: &Cursor) -> String {
    BASE64.encode(format!("{}\n{}", cursor.id, cursor.sorted_by))
}

/// A part of a list, with the cursor for the next one when there is more. `rows` holds one more
/// row than `slice` asks for where there is more.
pub fn list<R, T>(
    mut rows: Vec<R>,
    slice: &ListRequest,
    cursor: impl Fn(&R) -> Cursor,
    item: impl Fn(R) -> T,
) -> List<T> {
    let size = usize::try_from(slice.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| has_more).map(|row| write(&cursor(row)));
    List { data: rows.into_iter().map(item).collect(), next_cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { id: "0198".into(), sorted_by: "Zürich\nzwei".into() };
        assert_eq!(read(&write(&cursor)).unwrap(), cursor);
        for text in ["", "***", "0198"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_part_has_no_cursor() {
        let slice = ListRequest { after: None, limit: 2 };
        let cursor = |row: &i32| Cursor { id: row.to_string(), sorted_by: String::new() };
        assert!(list(vec![1, 2, 3], &slice, cursor, |row| row).next_cursor.is_some());
        assert_eq!(list(vec![1, 2], &slice, cursor, |row| row).next_cursor, None);
    }
}
