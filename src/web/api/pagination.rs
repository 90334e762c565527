//! Lists in parts: a cursor stands after the last item that was given, so that items that come or
//! go meanwhile shift nothing.

use serde::Deserialize;

use crate::{
    api_types::{FieldProblem, List},
    domain::page::{Cursor, CursorError, ListRequest},
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
        let after = self.cursor.as_deref().map(str::parse).transpose()?;
        Ok(ListRequest { after, limit: i64::from(limit) })
    }
}

impl From<CursorError> for AppError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::OtherList | CursorError::Unreadable => Self::field("cursor", error),
            CursorError::Db(error) => error.into(),
        }
    }
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
    let next_cursor = rows.last().filter(|_| has_more).map(|row| cursor(row).to_string());
    List { data: rows.into_iter().map(item).collect(), next_cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_has_no_cursor() {
        let slice = ListRequest { after: None, limit: 2 };
        let cursor = |row: &i32| Cursor::by_id(&row.to_string());
        assert!(list(vec![1, 2, 3], &slice, cursor, |row| row).next_cursor.is_some());
        assert_eq!(list(vec![1, 2], &slice, cursor, |row| row).next_cursor, None);
    }
}
