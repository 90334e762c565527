//! The id of one rendering of a form, so that it is carried out once.

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    domain::{id::new_dated_id, spent_forms::FORM_LIFETIME},
};

/// The id of one rendering of a form; its own age can be read from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "String")]
pub struct FormId(String);

impl FormId {
    /// An id for a form that is about to be shown.
    pub fn new(now: Timestamp) -> Self {
        Self(new_dated_id(now))
    }

    /// The id as it stands in the form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made here less than a day ago.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let made = Uuid::try_parse(&self.0).ok().and_then(|id| id.get_timestamp());
        let Some((seconds, _)) = made.map(|made| made.to_unix()) else { return false };
        let age = now.assume_utc().unix_timestamp() - i64::try_from(seconds).unwrap_or(i64::MAX);
        (-60..FORM_LIFETIME.whole_seconds()).contains(&age)
    }
}

/// As it was made here, so that it is spent once however it is written.
impl From<String> for FormId {
    fn from(text: String) -> Self {
        Self(Uuid::try_parse(&text).map_or(text, |id| id.to_string()))
    }
}

impl std::fmt::Display for FormId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
