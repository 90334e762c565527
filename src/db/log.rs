//! How the nodes on one database server hear of each other's changes.
//!
//! A transaction notes what it changed before it commits, under the lock that transactions take one after the
//! other: numbers rise in the order of commits, and whoever has read up to one has missed nothing below it.
//! Each node follows the log on a thread and a connection of its own, tells those who listen, and notes how
//! far it has got. What a node holds in memory counts for as long as it follows.

use std::{
    mem,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::PgConnection,
    r2d2,
    result::QueryResult,
    sql_types::{BigInt, Bool, Double, Text},
};
use uuid::Uuid;

use super::{Change, Connection, DbError, Listener, opener::Opener};
use crate::{clock::Clock, hex};

/// A node reads the log at least this often; others wake it earlier.
const POLL: Duration = Duration::from_millis(250);

/// How long what is in memory counts after the log was last read: the longest that a key may be accepted after
/// its end was acknowledged elsewhere is this and [`POLL`].
const LEASE: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody wakes the node. Looks at what has arrived, and asks the server nothing.
const LOOK: Duration = Duration::from_millis(5);

/// How often a node without news says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A node that has said nothing for so long answers nothing from memory, if it is there at all.
pub const SILENCE: Duration = Duration::from_secs(3);

/// A pause before a server that is out of reach is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Rows that are read at one time.
const AT_ONCE: i64 = 1000;

/// Clocks that differ by more are warned of.
const MAX_SKEW: Duration = Duration::from_secs(2);

/// Who writes to the log, and how far it follows it.
#[derive(Debug)]
pub(super) struct Log {
    /// Tells this process from all others.
    node: Node,
    begun: Instant,
    /// When the log was last read to its end, in milliseconds from `begun`; 0 for never.
    read_at: AtomicU64,
    /// The number of the last change of this process.
    last_own: AtomicI64,
    nodes: NodeCount,
}

/// How many processes serve, as far as this one knows; clones share it.
#[derive(Clone, Debug)]
pub struct NodeCount(Arc<AtomicU32>);

impl Default for NodeCount {
    /// This one alone.
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl NodeCount {
    /// At least one.
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Another number; none counts for this one.
    pub fn set(&self, nodes: u32) {
        self.0.store(nodes.max(1), Ordering::Relaxed);
    }
}

/// A process that serves.
#[derive(Clone, Debug)]
pub struct Node {
    /// Made anew at each start.
    pub id: String,
    /// What people call it: the machine and the address that it listens on.
    pub name: String,
}

impl Log {
    /// The log as the process called `name` has it.
    pub(super) fn new(name: &str) -> Self {
        let node = Node { id: Uuid::now_v7().to_string(), name: name.to_owned() };
        Self {
            node,
            begun: Instant::now(),
            read_at: AtomicU64::new(0),
            last_own: AtomicI64::new(0),
            nodes: NodeCount::default(),
        }
    }

    pub(super) fn nodes(&self) -> NodeCount {
        self.nodes.clone()
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Whether what is in memory counts.
    pub(super) fn is_followed(&self) -> bool {
        let read_at = self.read_at.load(Ordering::Acquire);
        read_at > 0 && self.millis(Instant::now()).saturating_sub(read_at) < millis(LEASE)
    }

    /// For how long it has not been read to its end.
    pub(super) fn lag(&self) -> Duration {
        let read_at = self.read_at.load(Ordering::Acquire);
        Duration::from_millis(self.millis(Instant::now()).saturating_sub(read_at))
    }

    /// The number of the last change that this process has committed.
    pub(super) fn last_own(&self) -> i64 {
        self.last_own.load(Ordering::Acquire)
    }

    /// After a commit: the number that [`note`](Self::note) gave.
    pub(super) fn committed(&self, number: i64) {
        self.last_own.fetch_max(number, Ordering::AcqRel);
    }

    /// Notes what a transaction is about to change, and wakes the others once it has. Gives the number of the
    /// last one.
    pub(super) fn note(&self, connection: &mut Connection, changes: &[Change]) -> QueryResult<i64> {
        let Connection::Postgres(connection) = connection else { return Ok(0) };
        let mut rows: Vec<(&str, String)> = changes.iter().map(row_of).collect();
        rows.dedup();
        let rows =
            serde_json::Value::from_iter(rows.iter().map(|(kind, subject)| vec![*kind, subject])).to_string();
        let insert = "WITH noted AS (
                INSERT INTO changes (kind, subject, node_id, made_at)
                SELECT value ->> 0, value ->> 1, $1, clock_timestamp() AT TIME ZONE 'UTC'
                FROM json_array_elements(CAST($2 AS json)) AS listed (value)
                RETURNING number
            )
            SELECT max(number) AS number FROM noted";
        let noted: Count = diesel::sql_query(insert)
            .bind::<Text, _>(&self.node.id)
            .bind::<Text, _>(rows)
            .get_result(connection)?;
        connection.batch_execute("NOTIFY tessera_changes")?;
        Ok(noted.number)
    }

    /// Follows the log until nobody listens any more.
    pub(super) fn follow(
        self: &Arc<Self>,
        opener: Opener,
        listeners: &Arc<RwLock<Vec<Listener>>>,
    ) -> std::io::Result<()> {
        let follower = Follower {
            log: self.clone(),
            opener,
            listeners: Arc::downgrade(listeners),
            position: None,
            is_lost: false,
        };
        thread::Builder::new().name("change-log".to_owned()).spawn(move || follower.run())?;
        Ok(())
    }

    fn millis(&self, at: Instant) -> u64 {
        // Never 0, which stands for never.
        millis(at - self.begun).saturating_add(1)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A change as it stands in the log.
fn row_of(change: &Change) -> (&'static str, String) {
    match change {
        Change::Secret(digest) => ("secret", hex::of(digest)),
        Change::Organization(id) => ("organization", id.clone()),
        Change::MailQueued => ("mail_queued", String::new()),
        Change::WebhookQueued => ("webhook_queued", String::new()),
        Change::Stop(event_id) => ("stop", event_id.clone()),
        Change::Anything => ("anything", String::new()),
    }
}

/// What a row of the log tells; whatever this version does not know may be anything.
fn change_of(kind: &str, subject: &str) -> Change {
    match kind {
        "secret" => hex::parse(subject).map_or(Change::Anything, Change::Secret),
        "organization" => Change::Organization(subject.to_owned()),
        "mail_queued" => Change::MailQueued,
        "webhook_queued" => Change::WebhookQueued,
        "stop" => Change::Stop(subject.to_owned()),
        _ => Change::Anything,
    }
}

/// What the log of changes takes on the server's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct LogSize {
    /// Changes in it.
    #[diesel(sql_type = BigInt)]
    pub changes: i64,
    /// What they and their indexes take.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// What nodes noted about how far they have read.
    #[diesel(sql_type = BigInt)]
    pub readings: i64,
    /// What that and its indexes take.
    #[diesel(sql_type = BigInt)]
    pub bytes_of_readings: i64,
}

pub(super) fn size(connection: &mut Connection) -> Result<Option<LogSize>, DbError> {
    let Connection::Postgres(connection) = connection else { return Ok(None) };
    let query =
        "SELECT (SELECT count(*) FROM changes) AS changes, pg_total_relation_size('changes') AS bytes,
            (SELECT count(*) FROM readings) AS readings,
            pg_total_relation_size('readings') AS bytes_of_readings";
    Ok(Some(diesel::sql_query(query).get_result(connection)?))
}

/// What the log of changes takes on the server's disk, in bytes; `None` for a file, which has none.
///
/// # Errors
/// [`DbError`] when that can't be read.
pub fn log_bytes(connection: &mut Connection) -> Result<Option<i64>, DbError> {
    let Connection::Postgres(connection) = connection else { return Ok(None) };
    let query = "SELECT pg_total_relation_size('changes') + pg_total_relation_size('readings') AS number";
    let Count { number } = diesel::sql_query(query).get_result(connection)?;
    Ok(Some(number))
}

/// The thread that follows.
struct Follower {
    log: Arc<Log>,
    opener: Opener,
    listeners: Weak<RwLock<Vec<Listener>>>,
    /// The last number that was read; `None` before the first reading.
    position: Option<i64>,
    /// Whether the log can't be read, which has been said.
    is_lost: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Bool)]
    is_own: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct End {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

impl Follower {
    fn run(mut self) {
        while self.listeners.strong_count() > 0 {
            match self.follow() {
                Ok(()) => return,
                Err(error) => {
                    if !self.is_lost {
                        tracing::error!(%error, "the log of changes can't be read; keys are looked up in the database until it can");
                    }
                    self.is_lost = true;
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Follows on one connection, until that is lost or nobody listens.
    fn follow(&mut self) -> Result<(), String> {
        let mut connection =
            r2d2::ManageConnection::connect(&self.opener).map_err(|error| error.to_string())?;
        let Connection::Postgres(connection) = &mut connection else { return Ok(()) };
        let text = |error: diesel::result::Error| error.to_string();
        connection.batch_execute("LISTEN tessera_changes").map_err(text)?;
        warn_of_skew(connection).map_err(text)?;
        let mut told_at = None;
        while self.listeners.strong_count() > 0 {
            let began = Instant::now();
            let before = self.position;
            if self.read(connection).map_err(text)? {
                continue;
            }
            self.log.read_at.store(self.log.millis(began), Ordering::Release);
            if mem::take(&mut self.is_lost) {
                tracing::info!("the log of changes is read again");
            }
            let has_moved = before != self.position;
            if has_moved || told_at.is_none_or(|told: Instant| told.elapsed() >= HEARTBEAT) {
                self.tell(connection, has_moved).map_err(text)?;
                told_at = Some(Instant::now());
            }
            wait(connection, began + POLL).map_err(text)?;
        }
        Ok(())
    }

    /// Reads what is new, and tells of it. Answers whether there may be more.
    fn read(&mut self, connection: &mut PgConnection) -> QueryResult<bool> {
        let ends = "SELECT coalesce(min(number), 0) AS first, coalesce(max(number), 0) AS last FROM changes";
        let Some(position) = self.position else {
            let End { last, .. } = diesel::sql_query(ends).get_result(connection)?;
            // Whatever was read before may be of before.
            self.tell_listeners(&Change::Anything);
            self.position = Some(last);
            return Ok(false);
        };
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT number, kind, subject, node_id = $1 AS is_own FROM changes WHERE number > $2 ORDER BY number LIMIT $3",
        )
        .bind::<Text, _>(&self.log.node.id)
        .bind::<BigInt, _>(position)
        .bind::<BigInt, _>(AT_ONCE)
        .load(connection)?;
        let Some(last) = rows.last().map(|row| row.number) else { return Ok(false) };
        if rows.first().is_some_and(|row| row.number > position + 1) {
            // Numbers are left out where a transaction failed; or else rows were forgotten that were not read.
            let End { first, .. } = diesel::sql_query(ends).get_result(connection)?;
            if first > position + 1 {
                self.tell_listeners(&Change::Anything);
            }
        }
        for row in rows.iter().filter(|row| !row.is_own) {
            self.tell_listeners(&change_of(&row.kind, &row.subject));
        }
        self.position = Some(last);
        Ok(i64::try_from(rows.len()).is_ok_and(|read| read >= AT_ONCE))
    }

    fn tell_listeners(&self, change: &Change) {
        let Some(listeners) = self.listeners.upgrade() else { return };
        listeners.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|listener| listener(change));
    }

    /// Notes how far this node is.
    fn tell(&self, connection: &mut PgConnection, has_moved: bool) -> QueryResult<()> {
        let position = self.position.unwrap_or_default();
        diesel::sql_query(
            "INSERT INTO nodes (id, name, version, position, started_at, seen_at)
             SELECT $1, $2, $3, $4, told.at, told.at FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS at) AS told
             ON CONFLICT (id) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at",
        )
        .bind::<Text, _>(&self.log.node.id)
        .bind::<Text, _>(&self.log.node.name)
        .bind::<Text, _>(env!("CARGO_PKG_VERSION"))
        .bind::<BigInt, _>(position)
        .execute(connection)?;
        let live: Count = diesel::sql_query(
            "SELECT count(*) AS number FROM nodes
             WHERE seen_at > (SELECT max(seen_at) FROM nodes) - make_interval(secs => $1)",
        )
        .bind::<Double, _>(SILENCE.as_secs_f64())
        .get_result(connection)?;
        self.log.nodes.set(u32::try_from(live.number).unwrap_or(1));
        if has_moved {
            diesel::sql_query(
                "INSERT INTO readings (node_id, position, read_at)
                 VALUES ($1, $2, clock_timestamp() AT TIME ZONE 'UTC') ON CONFLICT DO NOTHING",
            )
            .bind::<Text, _>(&self.log.node.id)
            .bind::<BigInt, _>(position)
            .execute(connection)?;
        }
        Ok(())
    }
}

/// Waits until somebody wakes this node, at most until `end`.
fn wait(connection: &mut PgConnection, end: Instant) -> QueryResult<()> {
    while Instant::now() < end {
        let mut is_woken = false;
        for notification in connection.notifications_iter() {
            notification?;
            is_woken = true;
        }
        if is_woken {
            break;
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn warn_of_skew(connection: &mut PgConnection) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct ServerTime {
        #[diesel(sql_type = Double)]
        seconds: f64,
    }
    let server: ServerTime = diesel::sql_query(
        "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision) AS seconds",
    )
    .get_result(connection)?;
    let ours = Clock::System.now().assume_utc().unix_timestamp_nanos() as f64 / 1e9;
    let skew = server.seconds - ours;
    if skew.abs() > MAX_SKEW.as_secs_f64() {
        tracing::warn!(
            "this machine's clock and that of the database differ by {skew:.1} seconds; set them by NTP, since \
             expirations are judged by each node's own clock"
        );
    }
    Ok(())
}
