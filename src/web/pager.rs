//! "51–100 of 312", with the links to other pages.

use crate::{
    domain::page::{Page, PageRef, Total},
    web::{
        display::{thousands, total},
        urls,
    },
};

/// Where one page of a list stands in the whole; rendered by the macro `pager`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    /// Which rows of how many are shown, in words.
    pub position: String,
    /// Address of the first page, from another one.
    pub first: Option<String>,
    /// Address of the page before.
    pub previous: Option<String>,
    /// Address of the page after.
    pub next: Option<String>,
    /// Address of the last page, from another one.
    pub last: Option<String>,
    /// For a list of many pages that were counted.
    pub jump: Option<Jump>,
    /// What the page is called in the address.
    pub field: &'static str,
}

/// The form that leads to a page by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Where it leads.
    pub path: String,
    /// What goes along: the filter, the search, the order.
    pub fields: Vec<(String, String)>,
    /// The page that is shown.
    pub number: i64,
    /// The number of the last page.
    pub last: i64,
}

/// From so many pages on they can be chosen by number.
const PAGES_WITH_JUMP: i64 = 4;

impl Pager {
    /// The pager under `page`; `link` gives the address of another page.
    pub fn of<T>(page: &Page<T>, link: impl Fn(PageRef) -> String) -> Self {
        Self {
            position: position(page),
            first: page.previous.is_some().then(|| link(PageRef::First)),
            previous: page.previous.clone().map(&link),
            next: page.next.clone().map(&link),
            last: page.next.is_some().then(|| link(PageRef::Last)),
            jump: jump(page, &link(PageRef::First)),
            field: "page",
        }
    }

    /// The pager whose page is called `field` in the address, since there is another list.
    pub fn in_field(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// Whether there is another page.
    pub fn has_pages(&self) -> bool {
        self.previous.is_some() || self.next.is_some()
    }
}

fn position<T>(page: &Page<T>) -> String {
    let rows = match (page.first(), page.last()) {
        (Some(first), Some(last)) => format!("{}–{}", thousands(&first), thousands(&last)),
        _ => format!("The last {}", page.rows.len()),
    };
    format!("{rows} of {}", total(&page.total))
}

fn jump<T>(page: &Page<T>, first: &str) -> Option<Jump> {
    let Total::Exactly(total) = page.total else { return None };
    let last = (total - 1).max(0) / page.size + 1;
    let path = first.split_once('?').map_or(first, |(path, _)| path);
    let jump = Jump { path: path.to_owned(), fields: urls::fields(first), number: page.number?, last };
    (last >= PAGES_WITH_JUMP).then_some(jump)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(number: Option<i64>, rows: usize, total: Total) -> Pager {
        let (previous, next) = (Some(PageRef::Number(1)), Some(PageRef::Number(3)));
        let page = Page { rows: vec![(); rows], number, total, size: 50, previous, next };
        Pager::of(&page, |page| format!("/keys?q=a%26b&page={page}"))
    }

    #[test]
    fn the_position_is_told_as_far_as_it_is_known() {
        assert_eq!(pager(Some(2), 50, Total::Exactly(1312)).position, "51–100 of 1,312");
        assert_eq!(pager(Some(30), 12, Total::MoreThan(1000)).position, "1,451–1,462 of 1,000+");
        assert_eq!(pager(None, 50, Total::MoreThan(1000)).position, "The last 50 of 1,000+");
    }

    #[test]
    fn pages_that_were_counted_can_be_chosen_by_number() {
        let jump = pager(Some(2), 50, Total::Exactly(1312)).jump.unwrap();
        assert_eq!((jump.path.as_str(), jump.number, jump.last), ("/keys", 2, 27));
        assert_eq!(jump.fields[0], ("q".to_owned(), "a&b".to_owned()));
        assert_eq!(pager(Some(2), 50, Total::Exactly(150)).jump, None);
        assert_eq!(pager(Some(2), 50, Total::MoreThan(1000)).jump, None);
    }
}
