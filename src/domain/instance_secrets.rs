//! Secrets that this installation made for itself at its first start.

use diesel::prelude::*;
use rand::rngs::SysRng;
use rand_core::TryRng;

use super::{schema::instance_secrets, secret::NoRandomness};
use crate::db::{Connection, DbError, Tx};

/// Bytes of an instance secret: what the cookie library asks for as a master key.
pub const INSTANCE_SECRET_BYTES: usize = 64;

/// Why an instance secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum InstanceSecretError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// The secret called `name`, made on first use.
pub fn secret(tx: &mut Tx<'_>, name: &str) -> Result<Vec<u8>, InstanceSecretError> {
    let known = instance_secrets::table
        .find(name)
        .select(instance_secrets::value)
        .first::<Vec<u8>>(tx.connection())
        .optional()
        .map_err(DbError::from)?;
    if let Some(value) = known {
        return Ok(value);
    }
    let mut value = vec![0; INSTANCE_SECRET_BYTES];
    SysRng.try_fill_bytes(&mut value).map_err(|_| NoRandomness)?;
    diesel::insert_into(instance_secrets::table)
        .values((instance_secrets::name.eq(name), instance_secrets::value.eq(&value)))
        .execute(tx.connection())
        .map_err(DbError::from)?;
    Ok(value)
}

/// Asks the database for nothing, to see that it answers.
pub fn ping(connection: &mut Connection) -> Result<(), DbError> {
    instance_secrets::table.select(instance_secrets::name).limit(1).load::<String>(connection)?;
    Ok(())
}
