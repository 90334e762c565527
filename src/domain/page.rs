//! One page of a long list, or a part of it behind a cursor.
//!
//! A page is read from the row beside which it stands, in the order of an index, so that the last page of a
//! long list costs what the first page of a short one does. Only a jump to a page by its number passes
//! over rows.

use std::{convert::Infallible, fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Deserializer};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{clock::Timestamp, db::DbError, domain::id};

/// How far rows are counted of which nobody keeps the number.
pub(super) const MAX_COUNTED: i64 = 1000;

/// Rows of one page, with what a pager needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Which page this is, from 1; `None` where that is not known.
    pub number: Option<i64>,
    /// Rows on all pages together.
    pub total: Total,
    /// Rows on a full page.
    pub size: i64,
    /// The page before, if any.
    pub previous: Option<PageRef>,
    /// The page after, if any.
    pub next: Option<PageRef>,
}

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// This many.
    Exactly(i64),
    /// More than this many; how many more was not counted.
    MoreThan(i64),
}

impl Total {
    /// Counts by `count`, which gets the number of rows to stop at.
    pub(super) fn count(count: impl FnOnce(i64) -> Result<i64, DbError>) -> Result<Self, DbError> {
        let rows = count(MAX_COUNTED + 1)?;
        Ok(if rows > MAX_COUNTED { Self::MoreThan(MAX_COUNTED) } else { Self::Exactly(rows) })
    }

    /// Whether there is none.
    pub fn is_zero(self) -> bool {
        self.is_within(0)
    }

    /// Whether there are `rows` at most.
    pub fn is_within(self, rows: i64) -> bool {
        match self {
            Self::Exactly(total) => total <= rows,
            Self::MoreThan(_) => false,
        }
    }
}

/// An order of a list as its word in the address and the API says: a minus stands for backwards.
pub fn is_descending(order: impl Into<&'static str>) -> bool {
    order.into().starts_with('-')
}

/// Which page of a list is asked for.
///
/// In an address it is `3`, or `3.after.CURSOR` and `3.before.CURSOR` for the page beside a row that is on
/// the screen, where the number is left out if it is not known, or `last`. Anything else is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PageRef {
    /// The first one.
    #[default]
    First,
    /// The one with this number, or the last one where there are fewer.
    Number(i64),
    /// The one that begins after a row.
    After(Option<i64>, Cursor),
    /// The one that ends before a row.
    Before(Option<i64>, Cursor),
    /// The last one.
    Last,
}

impl PageRef {
    /// Whether it is the first one, which needs no mention in an address.
    pub fn is_first(&self) -> bool {
        *self == Self::First
    }
}

impl fmt::Display for PageRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, word, cursor) = match self {
            Self::First => return formatter.write_str("1"),
            Self::Number(number) => return write!(formatter, "{number}"),
            Self::Last => return formatter.write_str("last"),
            Self::After(number, cursor) => (number, "after", cursor),
            Self::Before(number, cursor) => (number, "before", cursor),
        };
        match number {
            Some(number) => write!(formatter, "{number}.{word}.{cursor}"),
            None => write!(formatter, "{word}.{cursor}"),
        }
    }
}

impl FromStr for PageRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let number = |text: &str| text.parse().ok().map(|number: i64| number.clamp(1, 1_000_000_000));
        let (head, cursor) = text.rsplit_once('.').unwrap_or((text, ""));
        let (page, word) = head.rsplit_once('.').unwrap_or(("", head));
        Ok(match (word, cursor.parse().ok(), number(text)) {
            ("last", ..) => Self::Last,
            ("after", Some(cursor), _) => Self::After(number(page), cursor),
            ("before", Some(cursor), _) => Self::Before(number(page), cursor),
            (_, _, Some(number)) if number > 1 => Self::Number(number),
            _ => Self::First,
        })
    }
}

impl<'de> Deserialize<'de> for PageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or_default())
    }
}

/// Lets `query` read no more rows than `reach` says.
macro_rules! limited {
    ($query:expr, $reach:expr) => {{
        let query = $query.limit($reach.limit);
        if $reach.offset > 0 { query.offset($reach.offset) } else { query }
    }};
}
pub(super) use limited;

/// Lets `query` read in the order of a column, and among equals by the id, as far as `reach` says. `value`
/// reads what the column holds out of a cursor.
macro_rules! in_order {
    ($query:expr, $reach:expr, $descending:expr, ($column:expr, $id:expr), $value:expr) => {{
        let descending = $descending != $reach.backwards;
        let mut query = $crate::domain::page::limited!($query, $reach);
        if let Some(cursor) = &$reach.beyond {
            let values = ($value(cursor), cursor.id.clone());
            query = query.filter($crate::db::beyond(($column, $id), values, descending));
        }
        if descending {
            query.order(($column.desc(), $id.desc()))
        } else {
            query.order(($column.asc(), $id.asc()))
        }
    }};
}
pub(super) use in_order;

/// [`in_order`] by the id alone: ids sort by age.
macro_rules! by_age {
    ($query:expr, $reach:expr, $descending:expr, $id:expr) => {{
        let descending = $descending != $reach.backwards;
        let mut query = $crate::domain::page::limited!($query, $reach);
        match (&$reach.beyond, descending) {
            (Some(cursor), true) => query = query.filter($id.lt(cursor.id.clone())),
            (Some(cursor), false) => query = query.filter($id.gt(cursor.id.clone())),
            (None, _) => {}
        }
        if descending { query.order($id.desc()) } else { query.order($id.asc()) }
    }};
}
pub(super) use by_age;

/// A page of so many rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    page: PageRef,
    size: i64,
}

/// The rows that a statement is to read, in the order of the list or backwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// From the end of the list to its start.
    pub(super) backwards: bool,
    /// Only those beyond this place.
    pub(super) beyond: Option<Cursor>,
    /// Rows to pass over.
    pub(super) offset: i64,
    /// Rows to read at most.
    pub(super) limit: i64,
}

impl Reach {
    /// Whether the list is to be read in `order` from its greatest to its least. A place in another order is refused:
    /// what is beyond it would be other rows.
    pub(super) fn descends_in<O: Copy + Into<&'static str>>(&self, order: O) -> Result<bool, CursorError> {
        match &self.beyond {
            Some(cursor) if cursor.order != order.into() => Err(CursorError::OtherList),
            _ => Ok(is_descending(order)),
        }
    }

    /// The instant beyond which to read in a list that is sorted by one.
    pub(super) fn instant(&self) -> Result<Timestamp, CursorError> {
        self.beyond.as_ref().map_or(Ok(Timestamp::MIN), Cursor::instant)
    }
}

impl PageRequest {
    /// `page`, of `size` rows.
    pub fn new(page: PageRef, size: i64) -> Self {
        Self { page, size: size.max(1) }
    }

    /// Reads the page by `read`, or where its place is gone the one next to it. `cursor` gives the place
    /// behind a row.
    pub(super) fn load<T>(
        &self,
        total: Total,
        cursor: impl Fn(&T) -> Cursor,
        mut read: impl FnMut(&Reach) -> Result<Vec<T>, CursorError>,
    ) -> Result<Page<T>, DbError> {
        // Of a list whose rows nobody counted to the end, the last page holds as many as any other, and its
        // number is not known.
        let (last, on_last) = match total {
            Total::Exactly(total) => {
                let last = (total - 1).max(0) / self.size + 1;
                (Some(last), total - (last - 1) * self.size)
            }
            Total::MoreThan(_) => (None, self.size),
        };
        let mut page = self.page.clone();
        loop {
            page = match page {
                PageRef::Last if last == Some(1) => PageRef::First,
                PageRef::Number(number) if last.is_some_and(|last| number >= last) => PageRef::Last,
                page => page,
            };
            let (number, backwards, size) = match &page {
                PageRef::First => (Some(1), false, self.size),
                PageRef::Number(number) => (Some(*number), false, self.size),
                PageRef::After(number, _) => (*number, false, self.size),
                PageRef::Before(number, _) => (*number, true, self.size),
                PageRef::Last => (last, true, on_last),
            };
            let reach = Reach {
                backwards,
                offset: if let PageRef::Number(number) = page { (number - 1) * self.size } else { 0 },
                beyond: match &page {
                    PageRef::After(_, cursor) | PageRef::Before(_, cursor) => Some(cursor.clone()),
                    _ => None,
                },
                // One more tells whether there is more.
                limit: size + 1,
            };
            let mut rows = match read(&reach) {
                Ok(rows) => rows,
                Err(CursorError::Db(error)) => return Err(error),
                Err(CursorError::OtherList | CursorError::Unreadable) => {
                    page = PageRef::First;
                    continue;
                }
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let has_more = rows.len() > size;
            let is_gone = match page {
                PageRef::First => false,
                // Fewer rows than a page are before it: it is the first one.
                PageRef::Before(..) | PageRef::Last => !has_more,
                PageRef::Number(_) | PageRef::After(..) => rows.is_empty(),
            };
            if is_gone {
                page = if backwards { PageRef::First } else { PageRef::Last };
                continue;
            }
            rows.truncate(size);
            if backwards {
                rows.reverse();
            }
            let has_previous = if backwards { has_more } else { page != PageRef::First };
            let has_next = if backwards { page != PageRef::Last } else { has_more };
            let before = |row| PageRef::Before(number.map(|number| (number - 1).max(1)), cursor(row));
            let after = |row| PageRef::After(number.map(|number| number + 1), cursor(row));
            return Ok(Page {
                previous: rows.first().filter(|_| has_previous).map(before),
                next: rows.last().filter(|_| has_next).map(after),
                number,
                total,
                size: self.size,
                rows,
            });
        }
    }
}

impl<T> Page<T> {
    /// The place of the first row, from 1; 0 when there is none, `None` where it is not known.
    pub fn first(&self) -> Option<i64> {
        if self.rows.is_empty() { Some(0) } else { Some((self.number? - 1) * self.size + 1) }
    }

    /// The place of the last row.
    pub fn last(&self) -> Option<i64> {
        Some((self.number? - 1) * self.size + i64::try_from(self.rows.len()).unwrap_or(self.size))
    }
}

/// The pattern for a `LIKE … ESCAPE '\'` that finds `text` anywhere.
pub(super) fn contains_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// A place in a sorted list: behind the row with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's id, which decides between rows that are sorted alike.
    pub id: String,
    /// What the list is sorted by, as the row has it; empty in a list that is sorted by id.
    pub sorted_by: String,
    /// The word for the order of the list; empty where it has only one.
    order: String,
}

impl Cursor {
    /// The place behind a row in a list that is sorted by its id.
    pub fn by_id(id: &str) -> Self {
        Self::by(id, String::new())
    }

    /// The place behind a row in a list that is sorted by `sorted_by`.
    pub(super) fn by(id: &str, sorted_by: String) -> Self {
        Self { id: id.to_owned(), sorted_by, order: String::new() }
    }

    /// The place in a list that has several orders, of which it stands for nothing in another one.
    pub(super) fn in_order(self, order: impl Into<&'static str>) -> Self {
        Self { order: order.into().to_owned(), ..self }
    }

    /// The place behind a row in a list that is sorted by `instant`.
    pub(super) fn at(id: &str, instant: Timestamp) -> Self {
        Self::by(id, instant.assume_utc().unix_timestamp_nanos().to_string())
    }

    /// What a list is sorted by whose cursors are made by [`at`](Self::at).
    pub(super) fn instant(&self) -> Result<Timestamp, CursorError> {
        let instant = self.sorted_by.parse().ok();
        let instant = instant.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
        let instant = instant.ok_or(CursorError::OtherList)?;
        Ok(PrimitiveDateTime::new(instant.date(), instant.time()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&BASE64.encode(format!("{}\n{}\n{}", self.id, self.order, self.sorted_by)))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        // An id and a word hold no line break, what is sorted by may.
        let mut parts = bytes.as_deref().unwrap_or_default().splitn(3, '\n');
        let (Some(id), Some(order), Some(sorted_by)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CursorError::Unreadable);
        };
        Ok(Self { id: id::as_stored(id), sorted_by: sorted_by.to_owned(), order: order.to_owned() })
    }
}

/// Why a part of a list is not read.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The cursor is that of a list in another order.
    #[error("Use next_cursor of the previous page as cursor, and keep the order.")]
    OtherList,
    /// The cursor is none.
    #[error("Use next_cursor of the previous page, unchanged.")]
    Unreadable,
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
    /// What to read: one more than asked for tells whether there is more.
    pub(super) fn reach(&self) -> Reach {
        Reach { beyond: self.after.clone(), limit: self.limit + 1, ..Reach::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor::by("0198", "Zürich\nzwei".into());
        for cursor in [cursor.clone(), cursor.in_order(crate::vocabulary::KeySort::Name)] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for text in ["", "***", "0198", "MDE5OApuYW1l"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_in_an_address_is_read_as_it_was_written() {
        let cursor = || Cursor::by("0198", "Zürich".into());
        for page in [
            PageRef::First,
            PageRef::Number(7),
            PageRef::After(Some(3), cursor()),
            PageRef::Before(None, cursor()),
            PageRef::Last,
        ] {
            assert_eq!(page.to_string().parse(), Ok(page));
        }
        for other in ["", "0", "-3", "x", "after", "after.***", "3.beside.MDE5OAoK", "1.5"] {
            assert_eq!(other.parse(), Ok(PageRef::First), "{other}");
        }
    }

    /// Rows by their number, of which the place is the row itself.
    fn load(page: PageRef, rows: i64, total: Total) -> Page<i64> {
        let cursor = |row: &i64| Cursor::by_id(&row.to_string());
        let read = |reach: &Reach| {
            let beyond: Option<i64> = reach.beyond.as_ref().map(|cursor| cursor.id.parse().unwrap());
            let mut all: Vec<i64> = (1..=rows).collect();
            if reach.backwards {
                all.reverse();
                all.retain(|row| beyond.is_none_or(|beyond| *row < beyond));
            } else {
                all.retain(|row| beyond.is_none_or(|beyond| *row > beyond));
            }
            let skipped = all.into_iter().skip(usize::try_from(reach.offset).unwrap());
            Ok(skipped.take(usize::try_from(reach.limit).unwrap()).collect())
        };
        PageRequest::new(page, 5).load(total, cursor, read).unwrap()
    }

    /// The first row of each page, from the first page on, or from the last one back.
    fn walk(rows: i64, total: Total, backwards: bool) -> Vec<(Option<i64>, Vec<i64>)> {
        let mut page = Some(if backwards { PageRef::Last } else { PageRef::First });
        let mut seen = Vec::new();
        while let Some(wanted) = page {
            let here = load(wanted, rows, total);
            page = if backwards { here.previous } else { here.next };
            seen.push((here.number, here.rows));
        }
        seen
    }

    #[test]
    fn every_row_is_met_once_in_both_directions() {
        for rows in [0, 1, 4, 5, 6, 10, 11, 12, 25] {
            for total in [Total::Exactly(rows), Total::MoreThan(1)] {
                let forwards = walk(rows, total, false);
                let all: Vec<i64> = forwards.iter().flat_map(|(_, rows)| rows.clone()).collect();
                assert_eq!(all, (1..=rows).collect::<Vec<_>>(), "{rows} {total:?}");
                assert!(forwards.iter().zip(1..).all(|((number, _), wanted)| *number == Some(wanted)));
                let mut backwards = walk(rows, total, true);
                backwards.reverse();
                let met: BTreeSet<i64> = backwards.iter().flat_map(|(_, rows)| rows.clone()).collect();
                assert_eq!(met, (1..=rows).collect(), "{rows} {total:?}");
                if total == Total::Exactly(rows) {
                    assert_eq!(backwards, forwards, "{rows}");
                }
            }
        }
    }

    #[test]
    fn where_a_page_is_gone_the_next_one_to_it_comes() {
        let twelve = Total::Exactly(12);
        let place = |row: i64| Cursor::by_id(&row.to_string());
        assert_eq!(load(PageRef::Number(9), 12, twelve).rows, [11, 12]);
        assert_eq!(load(PageRef::Number(2), 12, twelve).rows, [6, 7, 8, 9, 10]);
        assert_eq!(load(PageRef::Number(9), 12, Total::MoreThan(5)).rows, [8, 9, 10, 11, 12]);
        assert_eq!(load(PageRef::After(Some(4), place(12)), 12, twelve).rows, [11, 12]);
        assert_eq!(load(PageRef::Before(Some(2), place(4)), 12, twelve).rows, [1, 2, 3, 4, 5]);
        let only = load(PageRef::Last, 5, Total::Exactly(5));
        assert_eq!((only.number, only.previous, only.next), (Some(1), None, None));
    }

    #[test]
    fn the_place_of_a_row_is_told_where_it_is_known() {
        let second = load(PageRef::Number(2), 12, Total::Exactly(12));
        assert_eq!((second.first(), second.last()), (Some(6), Some(10)));
        let last = load(PageRef::Last, 12, Total::MoreThan(5));
        assert_eq!((last.first(), last.last(), last.number), (None, None, None));
        let empty = load(PageRef::First, 0, Total::Exactly(0));
        assert_eq!((empty.first(), empty.last()), (Some(0), Some(0)));
    }

    #[test]
    fn a_cursor_keeps_an_instant_exactly() {
        let instant = datetime!(2026-11-23 10:00:00.000_001);
        assert_eq!(Cursor::at("0198", instant).instant().unwrap(), instant);
        for text in ["", "Dana", "170141183460469231731687303715884105727"] {
            let cursor = Cursor::by("0198", text.into());
            assert!(matches!(cursor.instant(), Err(CursorError::OtherList)), "{text}");
        }
    }
}
