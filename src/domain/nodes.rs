//! The nodes on one database server, and how far each has read the log of changes.

use diesel::{
    dsl::{exists, sql},
    prelude::*,
    sql_types::Bool,
};
use serde::{Deserialize, Serialize};
use time::Duration;
use tokio::time::{Instant, sleep};

use super::{
    instants,
    schema::{changes, nodes, readings},
};
use crate::{
    clock::Timestamp,
    db::{Connection, Db, DbError, SILENCE, Tx},
};

/// How long the log and its readings are kept.
const KEEP: Duration = Duration::days(1);

/// A pause between two looks at how far a change has got.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);

/// A process that serves, as the others see it. Times are those of the database's clock.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = nodes)]
pub struct NodeState {
    /// Made anew at each start.
    pub id: String,
    /// The machine and the port that it listens on.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The number of the last change that it has read.
    pub position: i64,
    /// When it began to follow the log.
    pub started_at: Timestamp,
    /// When it last said that it is there.
    pub seen_at: Timestamp,
}

/// The nodes at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Those that are there, the longest first.
    pub live: Vec<NodeState>,
    /// Those that have fallen silent.
    pub silent: Vec<NodeState>,
    /// The number of the last change.
    pub last_change: i64,
}

/// A node as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedNode {
    /// What it says of itself.
    pub node: NodeState,
    /// Whether it is there.
    pub is_live: bool,
    /// Changes that it has not read yet.
    pub behind: i64,
}

impl Nodes {
    /// All of them, those that are there first.
    pub fn list(self) -> Vec<ListedNode> {
        let Self { live, silent, last_change } = self;
        let listed = |nodes: Vec<NodeState>, is_live| {
            nodes.into_iter().map(move |node| ListedNode {
                behind: (last_change - node.position).max(0),
                is_live,
                node,
            })
        };
        listed(live, true).chain(listed(silent, false)).collect()
    }
}

/// A node that has heard of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the node is called.
    pub node: String,
    /// When it had read the change, by the database's clock.
    #[serde(with = "instants")]
    pub at: Timestamp,
}

/// How far a change has got among the nodes that are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// When it was made, by the database's clock.
    #[serde(with = "instants")]
    pub made_at: Timestamp,
    /// Who has heard of it.
    pub receipts: Vec<Receipt>,
    /// Who has not yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
}

impl Spread {
    /// Of a change that was made by the only node.
    pub fn of_one(node: &str, made_at: Timestamp) -> Self {
        let receipt = Receipt { node: node.to_owned(), at: made_at };
        Self { made_at, receipts: vec![receipt], waits_for: Vec::new() }
    }

    /// How many nodes there are.
    pub fn count(&self) -> usize {
        self.receipts.len() + self.waits_for.len()
    }

    /// How long the slowest of those that have heard of it took.
    pub fn slowest(&self) -> Duration {
        let slowest = self.receipts.iter().map(|receipt| receipt.at - self.made_at).max();
        slowest.unwrap_or_default().max(Duration::ZERO)
    }
}

/// All nodes that were there lately.
pub fn list(connection: &mut Connection) -> Result<Nodes, DbError> {
    let all: Vec<NodeState> =
        nodes::table.order((nodes::started_at, nodes::id)).select(NodeState::as_select()).load(connection)?;
    let last_change = changes::table.select(changes::number).order(changes::number.desc()).first(connection);
    // Whoever asks is one of them, and has just said so. Nobody has to wait for one that is silent.
    let newest = all.iter().map(|node| node.seen_at).max();
    let is_live = |node: &NodeState| newest.is_some_and(|newest| newest - node.seen_at < SILENCE);
    let (live, silent) = all.into_iter().partition(is_live);
    Ok(Nodes { live, silent, last_change: last_change.optional()?.unwrap_or_default() })
}

/// How far the change with this number has got; `None` for one that is not in the log.
pub fn spread(connection: &mut Connection, number: i64) -> Result<Option<Spread>, DbError> {
    let change: Option<(String, Timestamp)> = changes::table
        .find(number)
        .select((changes::node_id, changes::made_at))
        .first(connection)
        .optional()?;
    let Some((maker, made_at)) = change else { return Ok(None) };
    let mut spread = Spread { made_at, receipts: Vec::new(), waits_for: Vec::new() };
    for node in list(connection)?.live {
        let read_at = match read_at(connection, &node.id, number)? {
            // The memory of whoever made it follows a commit before that is answered.
            _ if node.id == maker => Some(made_at),
            Some(_) if came_later(connection, &node, number, made_at)? => continue,
            read_at => read_at,
        };
        match read_at {
            Some(at) => spread.receipts.push(Receipt { node: node.name, at }),
            None => spread.waits_for.push(node.name),
        }
    }
    spread.receipts.sort_by(|a, b| (a.at, &a.node).cmp(&(b.at, &b.node)));
    Ok(Some(spread))
}

/// When a node had read the change with this number.
fn read_at(connection: &mut Connection, node_id: &str, number: i64) -> Result<Option<Timestamp>, DbError> {
    Ok(readings::table
        .filter(readings::node_id.eq(node_id).and(readings::position.ge(number)))
        .order(readings::position)
        .select(readings::read_at)
        .first(connection)
        .optional()?)
}

/// Whether a node began to follow the log behind the change with this number: it never had in memory what was before.
fn came_later(
    connection: &mut Connection,
    node: &NodeState,
    number: i64,
    made_at: Timestamp,
) -> Result<bool, DbError> {
    if node.started_at <= made_at {
        return Ok(false);
    }
    let before = readings::table.filter(readings::node_id.eq(&node.id).and(readings::position.lt(number)));
    let was_there: bool = diesel::select(exists(before)).get_result(connection)?;
    Ok(!was_there)
}

/// The number of the change that the event with this id brought, while it is in the log.
pub(super) fn number_of_stop(connection: &mut Connection, event_id: &str) -> Result<Option<i64>, DbError> {
    Ok(changes::table
        // In these words, so that the index of such changes is used.
        .filter(sql::<Bool>("kind = 'stop'"))
        .filter(changes::subject.eq(event_id))
        .select(changes::number)
        .first(connection)
        .optional()?)
}

/// Waits until all nodes have heard of the change with this number, at most for `patience`.
pub async fn wait_for_all(
    db: &Db,
    number: i64,
    patience: std::time::Duration,
) -> Result<Option<Spread>, DbError> {
    let began = Instant::now();
    loop {
        let found = db.read(move |connection| spread(connection, number)).await?;
        let is_done = found.as_ref().is_none_or(|spread| spread.waits_for.is_empty());
        if is_done || began.elapsed() >= patience {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
}

/// Forgets what every node has read, and nodes that are gone.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let old = now - KEEP;
    diesel::delete(changes::table.filter(changes::made_at.lt(old))).execute(tx.connection())?;
    diesel::delete(readings::table.filter(readings::read_at.lt(old))).execute(tx.connection())?;
    diesel::delete(nodes::table.filter(nodes::seen_at.lt(old))).execute(tx.connection())?;
    Ok(())
}
