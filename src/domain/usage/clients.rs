//! Who called with a key, as it is written: the last of them, whenever that was.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::ApiKey,
        schema::key_clients,
        verification::{Client, Clients, MAX_CLIENTS},
    },
};

/// Adds what was seen and forgets all but the last clients of the key.
pub(super) fn write(tx: &mut Tx<'_>, key_id: &str, clients: &Clients) -> Result<(), DbError> {
    let mut is_anybody_new = false;
    for seen in clients.iter() {
        let client = Client { ip: seen.ip, user_agent: &seen.user_agent };
        is_anybody_new |= add(tx, key_id, client, seen.requests, seen.last_seen_at)?;
    }
    if is_anybody_new { purge_older(tx, key_id) } else { Ok(()) }
}

/// Adds requests of a client, and tells whether it is a new one.
pub(in crate::domain) fn add(
    tx: &mut Tx<'_>,
    key_id: &str,
    client: Client<'_>,
    requests: i64,
    last_seen_at: Timestamp,
) -> Result<bool, DbError> {
    let address = client.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let updated = diesel::update(key_clients::table.find((key_id, &address, client.user_agent)))
        .set((
            key_clients::requests.eq(key_clients::requests + requests),
            key_clients::last_seen_at.eq(last_seen_at),
        ))
        .execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(key_clients::table)
            .values((
                key_clients::api_key_id.eq(key_id),
                key_clients::address.eq(&address),
                key_clients::user_agent.eq(client.user_agent),
                key_clients::requests.eq(requests),
                key_clients::last_seen_at.eq(last_seen_at),
            ))
            .execute(tx.connection())?;
    }
    Ok(updated == 0)
}

fn purge_older(tx: &mut Tx<'_>, key_id: &str) -> Result<(), DbError> {
    let older: Vec<(String, String)> = key_clients::table
        .filter(key_clients::api_key_id.eq(key_id))
        .order((key_clients::last_seen_at.desc(), key_clients::requests.desc()))
        .select((key_clients::address, key_clients::user_agent))
        .offset(i64::try_from(MAX_CLIENTS).unwrap_or_default())
        .limit(i64::from(i32::MAX))
        .load(tx.connection())?;
    for (address, user_agent) in older {
        diesel::delete(key_clients::table.find((key_id, address, user_agent))).execute(tx.connection())?;
    }
    Ok(())
}

/// A client as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = key_clients)]
pub struct KeyClient {
    /// The client's address; empty where it was not known.
    pub address: String,
    /// What the client calls itself; may be empty.
    pub user_agent: String,
    /// Requests in all.
    pub requests: i64,
    /// When it called last.
    pub last_seen_at: Timestamp,
}

/// Who called with `key`, the last first, [`MAX_CLIENTS`] at most.
pub fn clients(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    key: &ApiKey,
) -> Result<Vec<KeyClient>, DbError> {
    Ok(key_clients::table
        .filter(key_clients::api_key_id.eq(&key.id))
        .order((key_clients::last_seen_at.desc(), key_clients::requests.desc()))
        .select(KeyClient::as_select())
        .load(connection)?)
}
