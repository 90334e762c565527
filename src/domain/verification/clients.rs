//! Who calls with a key: address and program, the last of them beside the key in memory.

use std::{cmp::Reverse, collections::VecDeque, net::IpAddr};

use crate::clock::Timestamp;

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
pub(in crate::domain) struct Seen {
    pub(in crate::domain) ip: Option<IpAddr>,
    pub(in crate::domain) user_agent: Box<str>,
    pub(in crate::domain) requests: i64,
    pub(in crate::domain) last_seen_at: Timestamp,
}

/// The clients of one key since the last writing, the last one first.
#[derive(Debug, Default)]
pub(in crate::domain) struct Clients(VecDeque<Seen>);

impl Clients {
    /// Counts a call. One by a client who is there already allocates nothing.
    pub(in crate::domain) fn note(&mut self, client: Client<'_>, now: Timestamp) {
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
    pub(in crate::domain) fn add(&mut self, other: Self) {
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

    /// All of them, the last one first.
    pub(in crate::domain) fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.0.iter()
    }

    /// The address of the last call.
    pub(in crate::domain) fn last_ip(&self) -> Option<IpAddr> {
        self.0.front().and_then(|seen| seen.ip)
    }

    fn place(&self, ip: Option<IpAddr>, user_agent: &str) -> Option<usize> {
        self.0.iter().position(|seen| seen.ip == ip && *seen.user_agent == *user_agent)
    }
}

fn shortened(user_agent: &str) -> &str {
    user_agent.get(..user_agent.floor_char_boundary(MAX_USER_AGENT_LENGTH)).unwrap_or_default()
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
