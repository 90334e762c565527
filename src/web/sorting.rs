//! Column headings that sort a table.

use crate::domain::page::is_descending;

/// A column heading that sorts by its column, or the other way round where it does so already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its words.
    pub label: &'static str,
    /// The table in that order.
    pub url: String,
    /// How the table is sorted by this column now, as `aria-sort` has it.
    pub order: Option<&'static str>,
}

impl Heading {
    /// The heading of a column that a table can be sorted by in two `orders`, the more useful one first;
    /// `url` gives the address of the table in an order, and `current` is its order now.
    pub fn new<S: Copy + PartialEq + Into<&'static str>>(
        label: &'static str,
        orders: [S; 2],
        current: S,
        url: impl FnOnce(S) -> String,
    ) -> Self {
        let [usual, reverse] = orders;
        let order = orders
            .contains(&current)
            .then(|| if is_descending(current) { "descending" } else { "ascending" });
        Self { label, url: url(if current == usual { reverse } else { usual }), order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::KeySort::{self, Name, NameDescending, Newest};

    #[test]
    fn a_heading_turns_the_order_round() {
        let heading = |current: KeySort| {
            Heading::new("Name", [Name, NameDescending], current, |sort| sort.as_str().to_owned())
        };
        assert_eq!((heading(Newest).url.as_str(), heading(Newest).order), ("name", None));
        assert_eq!((heading(Name).url.as_str(), heading(Name).order), ("-name", Some("ascending")));
        let back = heading(NameDescending);
        assert_eq!((back.url.as_str(), back.order), ("name", Some("descending")));
    }
}
