//! Several rows of a list at one time: the dialog in which they are chosen among those on the screen.

use serde::Deserialize;

use crate::web::{
    error::AppError,
    visit::{Over, Proof, Visit},
};

/// What the dialog asks of its address.
#[derive(Debug, Deserialize)]
struct ChoiceQuery {
    /// Whether all rows are chosen from the start.
    #[serde(default)]
    all: String,
}

/// Whether all rows are chosen from the start.
pub(super) fn is_of_all<P: Proof>(visit: &Visit<P>) -> Result<bool, AppError> {
    Ok(!visit.query::<ChoiceQuery>()?.all.is_empty())
}

/// The rows to choose from; rendered by the macro `selection`.
pub(super) struct Selection<T> {
    pub over: Over,
    pub rows: Vec<T>,
    /// Whether all are chosen.
    pub all: bool,
    /// Why nothing was done with those that were chosen.
    pub error: Option<&'static str>,
}

impl<T> Selection<T> {
    /// Where to choose all, if that is worth a link; `url` is that of the dialog.
    pub fn url_of_all(&self, url: &str) -> Option<String> {
        (!self.all && self.rows.len() > 1).then(|| self.over.action(format!("{url}?all=1")))
    }
}
