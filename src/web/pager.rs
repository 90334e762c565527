//! "1–25 of 312", with the links to the pages before and after.

use crate::domain::page::Page;

/// Where one page of a list stands in the whole; rendered by the macro `pager`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pager {
    /// Number of the first row shown, from 1; 0 when there are none.
    pub first: i64,
    /// Number of the last row shown.
    pub last: i64,
    /// Rows in the whole list.
    pub total: i64,
    /// Address of the page before.
    pub previous: Option<String>,
    /// Address of the page after.
    pub next: Option<String>,
}

impl Pager {
    /// The pager under `page`; `link` gives the address of another page.
    pub fn of<T>(page: &Page<T>, link: impl Fn(i64) -> String) -> Self {
        Self {
            first: page.first(),
            last: page.last(),
            total: page.total,
            previous: page.previous().map(&link),
            next: page.next().map(&link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::page::PageRequest;

    fn pager(number: i64, total: i64) -> Pager {
        let request = PageRequest::new(number, 5);
        let rows = vec![(); usize::try_from((total - request.offset()).clamp(0, 5)).unwrap()];
        Pager::of(&Page::new(rows, request, total), |page| format!("?page={page}"))
    }

    #[test]
    fn the_ends_of_a_list_have_one_link() {
        let first = pager(1, 12);
        assert_eq!((first.first, first.last), (1, 5));
        assert_eq!((first.previous, first.next), (None, Some("?page=2".into())));
        let last = pager(3, 12);
        assert_eq!((last.first, last.last), (11, 12));
        assert_eq!((last.previous, last.next), (Some("?page=2".into()), None));
    }

    #[test]
    fn an_empty_list_starts_at_nothing() {
        let empty = pager(1, 0);
        assert_eq!((empty.first, empty.last, empty.next), (0, 0, None));
    }
}
