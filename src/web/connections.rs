//! The connections that are open, and which of them is closed when there are too many.
//!
//! A stranger who opens connections and sends half of something takes nobody else's place: over the
//! number that one origin may have, or over that of all, the one that has waited longest at the origin
//! with the most is closed. So whoever comes gets in, and who is being answered stays.
//!
//! A connection of HTTP/2 carries many requests at once. Each takes a place of its own, as if it had come by a
//! connection of its own, so nobody has more under way by the one than by the other.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr, Shutdown},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::dev::Extensions;
use socket2::Socket;

use super::stream::Stream;
use crate::config::TrustedProxies;

/// Connections of one origin at most. A browser opens six, a gateway keeps some dozens.
const MAX_OF_ORIGIN: usize = 512;
/// Connections of all at most, where the system allows as many files.
const MAX_IN_ALL: usize = 8192;
/// Files that are not connections: the database, mails, webhooks.
const OTHER_FILES: u64 = 256;
/// A connection and the handle by which it can be closed.
const FILES_OF_CONNECTION: u64 = 2;
/// How long a connection may wait for something: longer than it is kept alive, so that this ends only
/// what the server's own timers do not see, such as half of a second request's head.
const MAX_WAIT: Duration = Duration::from_secs(80);
/// How long one answer may take, a long file included.
const MAX_ANSWER: Duration = Duration::from_secs(600);
/// How long a client may take none of what it is sent.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The connections that are open; clones share them.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    max_of_origin: usize,
    max_in_all: usize,
    started: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    opened: u64,
    origins: HashMap<Origin, OfOrigin>,
    /// Places that are taken: by connections, and by the requests of those that carry several.
    in_all: usize,
}

/// What one origin has.
#[derive(Default)]
struct OfOrigin {
    handles: BTreeMap<u64, Handle>,
    taken: usize,
}

/// Where connections come from: what one customer of a network has, or nothing for all unix sockets.
type Origin = Option<IpAddr>;

/// Stands at a connection that came by a unix socket.
pub struct OnUnixSocket;

/// A connection that was taken in, until its requests know of it.
#[derive(Default)]
pub struct Admission {
    connection: Option<Connection>,
    is_unix: bool,
}

impl Admission {
    /// Takes a place for one more request of a connection that carries several, until what this gives is dropped.
    /// `None` where the origin has no place left, nor has a connection that waits and could give its own.
    pub fn admit_another(&self) -> Option<Self> {
        let connection = match &self.connection {
            Some(connection) => Some(connection.another()?),
            None => None,
        };
        Some(Self { connection, is_unix: self.is_unix })
    }

    /// Tells it to the requests of the connection.
    pub fn tell(self, data: &mut Extensions) {
        if let Some(connection) = self.connection {
            data.insert(connection);
        }
        if self.is_unix {
            data.insert(OnUnixSocket);
        }
    }
}

/// One connection, as seen from outside.
struct Handle {
    socket: Socket,
    state: Arc<ConnectionState>,
    most_of_origin: usize,
    /// Places of its requests, beside its own.
    others: usize,
}

/// What a connection is about.
struct ConnectionState {
    /// Since when it is so, in milliseconds since the start.
    since: AtomicU64,
    /// Requests that are being answered.
    working: AtomicUsize,
}

/// One connection, kept by the server as long as it is open; or one request among those that it carries.
pub struct Connection {
    id: u64,
    origin: Origin,
    connections: Connections,
    state: Arc<ConnectionState>,
    is_working: AtomicBool,
    is_another: bool,
}

/// A body is being waited for.
pub struct WaitForBody<'a>(&'a Connection);

impl Connections {
    /// No connections yet; `files` is how many the process may have open.
    pub fn new(files: Option<u64>) -> Self {
        let of_files = files.map(|files| files.saturating_sub(OTHER_FILES) / FILES_OF_CONNECTION);
        let of_files = of_files.and_then(|files| usize::try_from(files).ok()).unwrap_or(MAX_IN_ALL);
        Self::with_limits(MAX_OF_ORIGIN, MAX_IN_ALL.min(of_files).max(64))
    }

    fn with_limits(max_of_origin: usize, max_in_all: usize) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Shared { max_of_origin, max_in_all, started: Instant::now(), open }))
    }

    /// Takes in a connection that was just accepted, before anything is read of it. `proxies` are those behind which
    /// many people may be.
    pub fn admit(&self, stream: &Stream, proxies: &TrustedProxies) -> Admission {
        let ip = stream.peer().map(|peer| peer.ip().to_canonical());
        let is_unix = stream.is_unix();
        let Some(socket) = stream.socket().filter(|_| ip.is_some() || is_unix) else {
            return Admission { connection: None, is_unix };
        };
        // A unix socket has no such time-out; a proxy that reads nothing is closed after `MAX_ANSWER`.
        #[cfg(target_os = "linux")]
        if let (false, Err(error)) = (is_unix, socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))) {
            tracing::debug!(%error, "a connection has no time-out for what is not read");
        }
        let Ok(handle) = socket.try_clone() else {
            // No file is left: the newcomer is closed.
            let _ = socket.shutdown(Shutdown::Both);
            return Admission { connection: None, is_unix };
        };
        let is_proxy = ip.map_or(proxies.on_unix_sockets, |ip| proxies.include(&ip));
        let most = if is_proxy { self.0.max_in_all } else { self.0.max_of_origin };
        Admission { connection: Some(self.enter(ip.map(origin), handle, most)), is_unix }
    }

    fn enter(&self, origin: Origin, socket: Socket, most_of_origin: usize) -> Connection {
        let state =
            Arc::new(ConnectionState { since: AtomicU64::new(self.now()), working: AtomicUsize::new(0) });
        let mut open = self.open();
        self.make_room(&mut open, origin, most_of_origin, None);
        open.opened += 1;
        let id = open.opened;
        let handle = Handle { socket, state: state.clone(), most_of_origin, others: 0 };
        open.in_all += 1;
        let of_origin = open.origins.entry(origin).or_default();
        of_origin.handles.insert(id, handle);
        of_origin.taken += 1;
        // All others are being answered: this one has to come again.
        if of_origin.taken > most_of_origin || open.in_all > self.0.max_in_all {
            open.close(origin, id);
        }
        let is_working = AtomicBool::new(false);
        Connection { id, origin, connections: self.clone(), state, is_working, is_another: false }
    }

    /// Closes what waits until there is a place for one more, if that is enough; never the connection `except`.
    fn make_room(&self, open: &mut Open, origin: Origin, most_of_origin: usize, except: Option<u64>) {
        while open.taken_by(origin) >= most_of_origin && open.close_longest_waiting(origin, except) {}
        while open.in_all >= self.0.max_in_all && open.close_at_largest_origin(except) {}
    }

    /// Closes what waits for too long.
    pub fn close_overdue(&self) {
        let now = self.now();
        let mut open = self.open();
        let overdue: Vec<(Origin, u64)> = open
            .origins
            .iter()
            .flat_map(|(origin, its)| its.handles.iter().map(|(id, handle)| (*origin, *id, handle)))
            .filter(|(_, _, handle)| handle.state.is_overdue(now))
            .map(|(origin, id, _)| (origin, id))
            .collect();
        for (origin, id) in overdue {
            open.close(origin, id);
        }
    }

    /// How many places are taken, by connections and by the requests of those that carry several.
    pub fn number(&self) -> usize {
        self.open().in_all
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Open {
    fn taken_by(&self, origin: Origin) -> usize {
        self.origins.get(&origin).map_or(0, |its| its.taken)
    }

    fn close_at_largest_origin(&mut self, except: Option<u64>) -> bool {
        let mut origins: Vec<(usize, Origin)> =
            self.origins.iter().map(|(origin, its)| (its.taken, *origin)).collect();
        origins.sort_unstable_by(|a, b| b.cmp(a));
        origins.into_iter().any(|(_, origin)| self.close_longest_waiting(origin, except))
    }

    /// Whether there was one that waits.
    fn close_longest_waiting(&mut self, origin: Origin, except: Option<u64>) -> bool {
        let Some(its) = self.origins.get(&origin) else { return false };
        let waiting =
            its.handles.iter().filter(|(id, handle)| !handle.state.is_working() && except != Some(**id));
        let longest = waiting.min_by_key(|(id, handle)| (handle.state.since(), **id)).map(|(id, _)| *id);
        longest.is_some_and(|id| self.close(origin, id))
    }

    fn close(&mut self, origin: Origin, id: u64) -> bool {
        let handle = self.remove(origin, id);
        // One that is closed already needs nothing more.
        handle.map(|handle| handle.socket.shutdown(Shutdown::Both)).is_some()
    }

    fn remove(&mut self, origin: Origin, id: u64) -> Option<Handle> {
        let its = self.origins.get_mut(&origin)?;
        let handle = its.handles.remove(&id)?;
        let places = 1 + handle.others;
        its.taken -= places;
        self.in_all -= places;
        if its.handles.is_empty() {
            self.origins.remove(&origin);
        }
        Some(handle)
    }

    /// Gives or takes back one place beside that of the connection itself, unless that is closed.
    fn change_others(&mut self, origin: Origin, id: u64, is_one_more: bool) {
        let Some(its) = self.origins.get_mut(&origin) else { return };
        let Some(handle) = its.handles.get_mut(&id) else { return };
        let count = |number: &mut usize| *number = if is_one_more { *number + 1 } else { *number - 1 };
        count(&mut handle.others);
        count(&mut its.taken);
        count(&mut self.in_all);
    }
}

impl ConnectionState {
    fn is_working(&self) -> bool {
        self.working.load(Ordering::Relaxed) > 0
    }

    fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    fn is_overdue(&self, now: u64) -> bool {
        let most = if self.is_working() { MAX_ANSWER } else { MAX_WAIT };
        u128::from(now.saturating_sub(self.since())) > most.as_millis()
    }
}

impl Connection {
    fn another(&self) -> Option<Self> {
        let mut open = self.connections.open();
        let most_of_origin = open.origins.get(&self.origin)?.handles.get(&self.id)?.most_of_origin;
        self.connections.make_room(&mut open, self.origin, most_of_origin, Some(self.id));
        if open.taken_by(self.origin) >= most_of_origin || open.in_all >= self.connections.0.max_in_all {
            return None;
        }
        open.change_others(self.origin, self.id, true);
        drop(open);
        Some(Self {
            id: self.id,
            origin: self.origin,
            connections: self.connections.clone(),
            state: self.state.clone(),
            is_working: AtomicBool::new(false),
            is_another: true,
        })
    }

    fn set(&self, is_working: bool) {
        match (self.is_working.swap(is_working, Ordering::Relaxed), is_working) {
            (false, true) => self.state.working.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.state.working.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        self.state.since.store(self.connections.now(), Ordering::Relaxed);
    }

    /// A head arrived: the request is being answered.
    pub fn work(&self) {
        self.set(true);
    }

    /// The answer is there. One that is still being made while it is sent counts as work.
    pub fn answered(&self, is_whole: bool) {
        self.set(!is_whole);
    }

    /// The request waits for its body, until what this gives is dropped.
    pub fn wait_for_body(&self) -> WaitForBody<'_> {
        self.set(false);
        WaitForBody(self)
    }
}

impl Drop for WaitForBody<'_> {
    fn drop(&mut self) {
        self.0.work();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_another {
            self.set(false);
            self.connections.open().change_others(self.origin, self.id, false);
        } else {
            self.connections.open().remove(self.origin, self.id);
        }
    }
}

/// What one customer of a network has: an IPv4 address, or an IPv6 /64.
fn origin(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn enter(connections: &Connections, origin: IpAddr, most: usize) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connection = connections.enter(Some(origin), stream.into(), most);
        // Each at a time of its own.
        connection.state.since.store(connection.id, Ordering::Relaxed);
        connection
    }

    fn ids(connections: &Connections) -> Vec<u64> {
        let mut ids: Vec<u64> =
            connections.open().origins.values().flat_map(|its| its.handles.keys().copied()).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_one_that_waited_longest() {
        let connections = Connections::with_limits(3, 100);
        let all: Vec<Connection> = (0..3).map(|_| enter(&connections, ONE, 3)).collect();
        all[0].work();
        let fourth = enter(&connections, ONE, 3);
        assert_eq!(ids(&connections), [1, 3, 4], "the first is being answered");
        let elsewhere = enter(&connections, OTHER, 3);
        assert_eq!(ids(&connections), [1, 3, 4, 5]);
        drop((all, fourth, elsewhere));
        assert_eq!(connections.number(), 0);
    }

    #[test]
    fn when_all_places_are_taken_the_origin_with_the_most_gives_one() {
        let connections = Connections::with_limits(100, 4);
        let person = enter(&connections, OTHER, 100);
        let _crowd: Vec<Connection> = (0..3).map(|_| enter(&connections, ONE, 100)).collect();
        let _one_more = enter(&connections, ONE, 100);
        assert_eq!(ids(&connections), [1, 3, 4, 5], "the person was there first and stays");
        drop(person);
        assert_eq!(connections.number(), 3);
    }

    #[test]
    fn who_comes_while_all_others_are_answered_comes_again() {
        let connections = Connections::with_limits(2, 100);
        let all: Vec<Connection> = (0..2).map(|_| enter(&connections, ONE, 2)).collect();
        all.iter().for_each(Connection::work);
        let _third = enter(&connections, ONE, 2);
        assert_eq!(ids(&connections), [1, 2]);
        let waiting = all[1].wait_for_body();
        let _fourth = enter(&connections, ONE, 2);
        assert_eq!(ids(&connections), [1, 4], "one that waits for a body is not being answered");
        drop(waiting);
    }

    #[test]
    fn what_waits_longer_than_it_is_kept_alive_is_closed_and_what_is_answered_is_not() {
        let mut connections = Connections::with_limits(100, 100);
        let shared = Arc::get_mut(&mut connections.0).unwrap();
        shared.started = shared.started.checked_sub(Duration::from_secs(90)).unwrap();
        let all: Vec<Connection> = (0..3).map(|_| enter(&connections, ONE, 100)).collect();
        all[0].answered(true);
        all[1].state.working.store(1, Ordering::Relaxed);
        connections.close_overdue();
        assert_eq!(ids(&connections), [1, 2]);
    }

    #[test]
    fn each_request_of_a_connection_with_several_takes_a_place_until_it_is_over() {
        let connections = Connections::with_limits(4, 100);
        let several = enter(&connections, ONE, 4);
        let requests: Vec<Connection> = (0..2).map(|_| several.another().unwrap()).collect();
        let waiting = enter(&connections, ONE, 4);
        assert_eq!(connections.number(), 4);
        requests[0].work();
        let third = several.another().unwrap();
        assert_eq!((ids(&connections), connections.number()), (vec![1], 4), "who waits gives its place");
        assert!(
            several.another().is_none(),
            "and then there is none: its own connection is not closed for it"
        );
        drop(third);
        assert!(several.another().is_some());
        assert_eq!(connections.number(), 3);
        drop(waiting);

        requests[1].work();
        requests[1].answered(true);
        let newcomers: Vec<Connection> = (0..2).map(|_| enter(&connections, ONE, 4)).collect();
        assert!(ids(&connections).contains(&1), "one of its requests is being answered");
        drop(requests);
        assert!(!several.state.is_working());
        let last = enter(&connections, ONE, 1);
        assert_eq!((ids(&connections), connections.number()), (vec![last.id], 1));
        drop((several, newcomers, last));
        assert_eq!(connections.number(), 0);
    }

    #[test]
    fn requests_of_a_connection_that_was_closed_take_no_place_any_more() {
        let connections = Connections::with_limits(100, 3);
        let several = enter(&connections, ONE, 100);
        let requests: Vec<Connection> = (0..2).map(|_| several.another().unwrap()).collect();
        let person = enter(&connections, OTHER, 100);
        assert_eq!((ids(&connections), connections.number()), (vec![2], 1), "the origin with the most gives");
        assert!(several.another().is_none());
        drop((requests, several));
        assert_eq!(connections.number(), 1);
        drop(person);
    }

    #[test]
    fn an_ipv6_network_is_one_origin() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(origin(ip("2001:db8::1")), origin(ip("2001:db8::ffff:1")));
        assert_ne!(origin(ip("2001:db8:0:1::1")), origin(ip("2001:db8::1")));
    }

    #[test]
    fn there_are_never_more_connections_than_files_for_them() {
        assert_eq!(Connections::new(Some(1024)).0.max_in_all, 384);
        assert_eq!(Connections::new(Some(1_048_576)).0.max_in_all, MAX_IN_ALL);
        assert_eq!(Connections::new(None).0.max_in_all, MAX_IN_ALL);
    }
}
