//! Which keys to list, and how.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::api_keys::Filter,
    vocabulary::{KeyFilter, KeySort},
    web::{api::pagination::Pagination, search},
};

/// Which keys to list, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct KeyQuery {
    /// Search in the name, the scopes, `created_by` and the masked key, also that of a previous secret that still
    /// works. Finds words that start with this text; punctuation at its start is ignored. The prefix `tess_` alone
    /// matches no masked key.
    #[serde(deserialize_with = "search::strict")]
    #[param(max_length = 200)]
    q: String,
    /// Filter by state.
    #[param(inline)]
    show: KeyFilter,
    /// Sort order.
    #[param(inline)]
    pub sort: KeySort,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl KeyQuery {
    /// The keys that are wanted.
    pub fn selection(&self) -> Filter {
        Filter { text: self.q.clone(), part: self.show }
    }

    /// Where to begin and how much to show.
    pub fn pagination(&self) -> Pagination {
        Pagination::new(self.cursor.clone(), self.limit)
    }
}
