//! One page of a long list.

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

/// A place in a sorted list: behind the row with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's id, which decides between rows that are sorted alike.
    pub id: String,
    /// What the list is sorted by, as the row has it; empty in a list that is sorted by id.
    pub sorted_by: String,
}

/// A part of a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it begins; `None` for the start of the list.
    pub after: Option<Cursor>,
    /// Rows in it at most.
    pub limit: i64,
}

impl Slice {
    /// Rows to read: one more than asked for tells whether there is more.
    pub(super) fn rows(&self) -> i64 {
        self.limit + 1
    }
}
