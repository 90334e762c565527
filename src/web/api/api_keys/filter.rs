//! Which keys to list, and how.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    domain::api_keys::{KeyFilter, Sort},
    web::api::pagination::Pagination,
};

/// Which keys to list, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct KeyQuery {
    /// Text in the name or in the masked key.
    q: String,
    /// Only keys in this state.
    #[param(inline)]
    show: Show,
    /// The order.
    #[param(inline)]
    sort: KeySort,
    /// Where to go on: `next_cursor` of the part before.
    cursor: Option<String>,
    /// Items in one part.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl KeyQuery {
    /// The text to look for.
    pub fn text(&self) -> &str {
        self.q.trim()
    }

    /// The keys to show.
    pub fn filter(&self) -> KeyFilter {
        match self.show {
            Show::All => KeyFilter::All,
            Show::ExpiresSoon => KeyFilter::ExpiresSoon,
            Show::NeverUsed => KeyFilter::NeverUsed,
            Show::Deactivated => KeyFilter::Deactivated,
        }
    }

    /// The order to show them in.
    pub fn sort(&self) -> Sort {
        match self.sort {
            KeySort::Newest => Sort::Newest,
            KeySort::Oldest => Sort::Oldest,
            KeySort::Name => Sort::Name,
            KeySort::NameBackwards => Sort::NameBackwards,
        }
    }

    /// Where to begin and how much to show.
    pub fn pagination(&self) -> Pagination {
        Pagination::new(self.cursor.clone(), self.limit)
    }
}

/// A part of the keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// All of them.
    #[default]
    All,
    /// Those that end within 14 days.
    ExpiresSoon,
    /// Those that nobody has called with.
    NeverUsed,
    /// Those that are switched off.
    Deactivated,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub enum KeySort {
    /// The newest first.
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    /// The oldest first.
    #[serde(rename = "created_at")]
    Oldest,
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameBackwards,
}
