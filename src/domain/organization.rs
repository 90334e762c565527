//! An organization, as other units know it.

use diesel::prelude::*;

use super::schema::organizations;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    folding::search_key,
};

/// A company, a team, a project.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = organizations)]
pub struct Organization {
    /// The id in URLs and answers.
    pub id: String,
    /// The name; several organizations may bear the same one.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Since when it is suspended: its keys are rejected, and nothing in it can be changed.
    pub suspended_at: Option<Timestamp>,
    /// Why it is suspended, as its members are told.
    pub suspension_reason: Option<String>,
    /// The plan that it is on; `None` where nothing is bounded.
    pub plan_id: Option<String>,
    /// Since when it is removed: nobody belongs to it and none of its keys is known, until it is restored.
    pub removed_at: Option<Timestamp>,
}

impl Organization {
    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }

    /// Whether it is removed.
    pub fn is_removed(&self) -> bool {
        self.removed_at.is_some()
    }
}

/// What an organization has, as the figures beside the tabs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Members.
    pub members: i64,
    /// API keys.
    pub api_keys: i64,
}

/// The organizations of this name, two at most: where there is one, it is meant.
pub(super) fn by_name(connection: &mut Connection, name: &str) -> Result<Vec<Organization>, DbError> {
    Ok(organizations::table
        .filter(organizations::search_key.eq(search_key(name)))
        .filter(organizations::removed_at.is_null())
        .order(organizations::id)
        .limit(2)
        .select(Organization::as_select())
        .load(connection)?)
}

pub(super) fn by_id(connection: &mut Connection, id: &str) -> Result<Option<Organization>, DbError> {
    Ok(organizations::table.find(id).select(Organization::as_select()).first(connection).optional()?)
}
