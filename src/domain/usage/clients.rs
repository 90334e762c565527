//! Who calls with a key: address and program, the last of them beside the key in memory.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use diesel::prelude::*;

use super::super::{
    access::{Grant, SeeKeys},
    api_keys::ApiKey,
    schema::key_clients,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// Clients that are kept of one key.
pub const MAX_CLIENTS: usize = 20;

/// Bytes of a program's name that are kept.
const MAX_USER_AGENT_LENGTH: usize = 200;

/// Who presents a key.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The client's address, where it is known.
    pub ip: Option<IpAddr>,
    /// What the client calls itself; may be empty.
    pub user_agent: &'a str,
}

/// A client since the last writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) ip: Option<IpAddr>,
    user_agent: Box<str>,
    requests: i64,
    last_seen_at: Timestamp,
}

/// The clients of one key since the last writing, the last one first.
#[derive(Debug, Default)]
pub(super) struct Clients(VecDeque<Seen>);

impl Clients {
    /// Counts a call. One by a client who is there already allocates nothing.
    pub(super) fn note(&mut self, client: Client<'_>, now: Timestamp) {
        let user_agent = shortened(client.user_agent);
        let place = self.place(client.ip, user_agent);
        let Self(clients) = self;
        if let Some(place) = place {
            clients.swap(0, place);
        } else {
            if clients.len() >= MAX_CLIENTS {
                clients.pop_back();
            }
            clients.push_front(Seen {
                ip: client.ip,
                user_agent: user_agent.into(),
                requests: 0,
                last_seen_at: now,
            });
        }
        if let Some(seen) = clients.front_mut() {
            seen.requests += 1;
            seen.last_seen_at = now;
        }
    }

    /// Adds those of another time.
    pub(super) fn add(&mut self, other: Self) {
        for seen in other.0 {
            let place = self.place(seen.ip, &seen.user_agent);
            match place.and_then(|place| self.0.get_mut(place)) {
                Some(known) => {
                    known.requests += seen.requests;
                    known.last_seen_at = known.last_seen_at.max(seen.last_seen_at);
                }
                None => self.0.push_back(seen),
            }
        }
        self.0.make_contiguous().sort_by_key(|seen| Reverse(seen.last_seen_at));
        self.0.truncate(MAX_CLIENTS);
    }

    /// The address of the last call.
    pub(super) fn last_ip(&self) -> Option<IpAddr> {
        self.0.front().and_then(|seen| seen.ip)
    }

    fn place(&self, ip: Option<IpAddr>, user_agent: &str) -> Option<usize> {
        self.0.iter().position(|seen| seen.ip == ip && *seen.user_agent == *user_agent)
    }
}

fn shortened(user_agent: &str) -> &str {
    user_agent.get(..user_agent.floor_char_boundary(MAX_USER_AGENT_LENGTH)).unwrap_or_default()
}

/// Adds what was seen and forgets all but the last clients of the key.
pub(super) fn write(tx: &mut Tx<'_>, key_id: &str, clients: &Clients) -> Result<(), DbError> {
    let mut is_anybody_new = false;
    for seen in &clients.0 {
        let address = seen.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let updated = diesel::update(key_clients::table.find((key_id, &address, &*seen.user_agent)))
            .set((
                key_clients::requests.eq(key_clients::requests + seen.requests),
                key_clients::last_seen_at.eq(seen.last_seen_at),
            ))
            .execute(tx.connection())?;
        if updated == 0 {
            is_anybody_new = true;
            diesel::insert_into(key_clients::table)
                .values((
                    key_clients::api_key_id.eq(key_id),
                    key_clients::address.eq(&address),
                    key_clients::user_agent.eq(&*seen.user_agent),
                    key_clients::requests.eq(seen.requests),
                    key_clients::last_seen_at.eq(seen.last_seen_at),
                ))
                .execute(tx.connection())?;
        }
    }
    if is_anybody_new { purge_older(tx, key_id) } else { Ok(()) }
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
///
/// # Errors
/// [`DbError`].
pub fn clients(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    key: &ApiKey,
) -> Result<Vec<KeyClient>, DbError> {
    let mut by_key = clients_of_keys(connection, grant, std::slice::from_ref(key))?;
    Ok(by_key.remove(&key.id).unwrap_or_default())
}

/// [`clients`] of each of `keys` that has any, by the key's id.
///
/// # Errors
/// [`DbError`].
pub fn clients_of_keys(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    keys: &[ApiKey],
) -> Result<HashMap<String, Vec<KeyClient>>, DbError> {
    let rows: Vec<(String, KeyClient)> = key_clients::table
        .filter(key_clients::api_key_id.eq_any(keys.iter().map(|key| &key.id)))
        .order((key_clients::last_seen_at.desc(), key_clients::requests.desc()))
        .select((key_clients::api_key_id, KeyClient::as_select()))
        .load(connection)?;
    let mut by_key: HashMap<String, Vec<KeyClient>> = HashMap::new();
    for (key_id, client) in rows {
        by_key.entry(key_id).or_default().push(client);
    }
    Ok(by_key)
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-23 10:00);

    fn client(number: u8) -> Client<'static> {
        Client { ip: Some(IpAddr::from([192, 0, 2, number])), user_agent: "curl/8.14" }
    }

    #[test]
    fn a_caller_is_counted_where_it_stands_and_the_number_is_bounded() {
        let mut clients = Clients::default();
        for number in 0..100 {
            clients.note(client(number), NOW);
            clients.note(client(number), NOW);
        }
        assert_eq!(clients.0.len(), MAX_CLIENTS);
        assert_eq!((clients.0[0].ip, clients.0[0].requests), (client(99).ip, 2));
    }

    #[test]
    fn callers_of_two_times_are_added_and_the_last_ones_stay() {
        let (mut before, mut after) = (Clients::default(), Clients::default());
        for number in 0..15 {
            before.note(client(number), NOW);
            after.note(client(number + 10), NOW + Duration::SECOND);
        }
        before.add(after);
        let counted: Vec<_> = before.0.iter().map(|seen| seen.requests).collect();
        assert_eq!(counted.len(), MAX_CLIENTS);
        assert_eq!(counted.iter().sum::<i64>(), 25);
        let last = before.0.iter().filter(|seen| seen.last_seen_at > NOW).count();
        assert_eq!(last, 15);
    }

    #[test]
    fn a_long_name_is_cut_between_letters() {
        assert_eq!(shortened(&"é".repeat(150)).chars().count(), 100);
        assert_eq!(shortened(""), "");
    }
}
