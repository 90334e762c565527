//! What is done with several keys at one time.

use diesel::prelude::*;

use super::{ApiKey, remove, switch};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, one_of},
    domain::{
        access::{Grant, ManageKeys, SeeKeys},
        managed::{ManageError, Managed},
        schema::api_keys,
    },
};

/// What is done with each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BulkChange {
    /// It is switched off.
    #[default]
    Deactivate,
    /// It is removed.
    Remove,
}

impl BulkChange {
    /// Whether it would change anything about `key`.
    pub fn concerns(self, key: &ApiKey) -> bool {
        match self {
            Self::Deactivate => !key.is_switched(false),
            Self::Remove => true,
        }
    }
}

/// Those of the keys with these ids that the organization has, by name.
pub fn find_several(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    ids: &[String],
) -> Result<Vec<ApiKey>, DbError> {
    Ok(api_keys::table
        .filter(api_keys::organization_id.eq(&grant.id))
        .filter(one_of(api_keys::id, ids.iter().map(String::as_str)))
        .order((api_keys::search_key.asc(), api_keys::id.asc()))
        .select(ApiKey::as_select())
        .load(connection)?)
}

/// Changes those of the keys with these ids that are still there and not yet as they shall be, and gives
/// them.
pub fn change_several(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    change: BulkChange,
    ids: &[String],
    now: Timestamp,
) -> Result<Vec<ApiKey>, ManageError> {
    let keys = find_several(tx.connection(), grant.as_ref(), ids)?;
    let change_one = |key: ApiKey| match change {
        BulkChange::Deactivate => switch(tx, grant, &key.id, false, now),
        BulkChange::Remove => remove(tx, grant, &key.id, now),
    };
    keys.into_iter().filter(|key| change.concerns(key)).map(change_one).collect()
}
