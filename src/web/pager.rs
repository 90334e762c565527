//! "1–25 of 312", with the links to the pages before and after.

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
    /// Page `page`, counted from 1, of `total` rows; `link` gives the address of a page.
    pub fn new(page: i64, per_page: i64, total: i64, link: impl Fn(i64) -> String) -> Self {
        let last = page.saturating_mul(per_page).min(total);
        let before = page.saturating_sub(1).saturating_mul(per_page);
        Self {
            first: before.saturating_add(1).min(last),
            last,
            total,
            previous: (page > 1).then(|| link(page - 1)),
            next: (last < total).then(|| link(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(page: i64, total: i64) -> Pager {
        Pager::new(page, 5, total, |page| format!("?page={page}"))
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
