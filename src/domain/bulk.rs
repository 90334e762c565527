//! Keys by the thousand, for measurements.

use super::{
    access::{self, AccessError, Actor, ManageKeys},
    accounts::{self, NewAccount},
    api_keys::{self, NewApiKey},
    email::EmailAddress,
    id::new_id,
    key_settings::KeySettings,
    names::{MAX_KEY_NAME_LENGTH, MAX_NAME_LENGTH, Name},
    organizations,
    secret::Secret,
};
use crate::{
    clock::Timestamp,
    config::InstanceLimits,
    db::{DbError, Tx},
};

/// Keys that one call makes at most: one transaction holds them all.
pub const KEYS_AT_ONCE: usize = 1000;

/// One of the steps failed.
#[derive(Debug, thiserror::Error)]
#[error("the keys could not be made: {0}")]
pub struct BulkError(Box<dyn std::error::Error + Send + Sync>);

impl From<DbError> for BulkError {
    fn from(error: DbError) -> Self {
        Self(error.into())
    }
}

fn step(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BulkError {
    BulkError(error.into())
}

/// Makes an organization with an administrator who cannot log in, and `count` keys.
pub fn organization_with_keys(
    tx: &mut Tx<'_>,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Secret>, BulkError> {
    let new = NewAccount {
        email: EmailAddress::parse(&format!("{}@bench.example", new_id(now))).map_err(step)?,
        name: Name::parse("Bench", MAX_NAME_LENGTH).map_err(step)?,
        password_hash: String::new(),
    };
    let limits = InstanceLimits::default();
    let user = accounts::insert(tx, &new, now)?;
    let organization =
        organizations::create(tx, &user, &Actor::user(&user, None), &new.name, &limits, now).map_err(step)?;
    let admin = access::member(tx.connection(), &user, None, &organization.id)
        .and_then(|standing| standing.grant::<ManageKeys>())
        .map_err(|error: AccessError| step(error))?;
    (1..=count)
        .map(|number| {
            let name = Name::parse(&format!("Key {number}"), MAX_KEY_NAME_LENGTH).map_err(step)?;
            let new = NewApiKey { name, expires_at: None, settings: KeySettings::default() };
            api_keys::create(tx, &admin, &new, &limits, now).map(|(_, secret)| secret).map_err(step)
        })
        .collect()
}
