//! How many changes a second the log takes, and what it weighs.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use super::{
    super::{
        BenchError,
        load::{Line, UNAVAILABLE},
        progress,
    },
    Node, PATIENCE,
    revocations::post,
};
use crate::{
    config::NodesPlan,
    db::{Change, Db, DbError, LogSize},
    domain::{bulk::ManagedOrganization, nodes},
};

/// Who changes something at the same time, spread over the nodes.
pub(super) const WRITERS: usize = 8;
/// What one transaction notes at most here: an organization that is removed notes each of its keys.
const MANY: usize = 100;
/// A pause between two looks at how far the nodes are.
const LOOK: Duration = Duration::from_millis(1);

/// What one writer or all of them did.
#[derive(Clone, Copy, Default)]
struct Done {
    transactions: usize,
    /// What was given up, since the lock could not be had in time.
    busy: usize,
}

/// What a number of changes took.
struct Rate {
    transactions: f64,
    changes: f64,
    busy: usize,
    /// From the end of the last one until every node had read all.
    behind: Duration,
}

/// Has all nodes write to the log as fast as they can, and prints how fast that is.
pub(super) fn measure(
    plan: &NodesPlan,
    nodes: &[Node],
    organization: &ManagedOrganization,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let round = plan.verification.round;
    let bar = progress("changing keys", 3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (by_the_api, one_each, many_each, size) = runtime.block_on(async {
        let by_the_api = by_the_api(nodes, organization, round).await?;
        bar.inc(1);
        let one_each = by_itself(nodes, 1, round).await?;
        bar.inc(1);
        let many_each = by_itself(nodes, MANY, round).await?;
        bar.inc(1);
        let db = database(nodes)?;
        let size = patiently(async || db.log_size().await).await?.ok_or("the database has no log")?;
        Ok::<_, BenchError>((by_the_api, one_each, many_each, size))
    })?;
    bar.finish_and_clear();

    writeln!(
        out,
        "\nthe log of changes, {WRITERS} at a time on {} nodes, {} s each\n",
        nodes.len(),
        round.as_secs()
    )?;
    writeln!(out, "{:<42} {:>14} {:>10} {:>10} {:>6}", "", "transactions/s", "changes/s", "behind", "busy")?;
    print("keys (de)activated by the API", &by_the_api, out)?;
    print("the log alone, 1 change a transaction", &one_each, out)?;
    print(&format!("the log alone, {MANY} changes a transaction"), &many_each, out)?;
    print_size(size, out)?;
    Ok(())
}

fn print(name: &str, rate: &Rate, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{name:<42} {:>14.0} {:>10.0} {:>10.2?} {:>6}",
        rate.transactions, rate.changes, rate.behind, rate.busy
    )
}

fn print_size(size: LogSize, out: &mut impl Write) -> io::Result<()> {
    let each = |bytes: i64, rows: i64| bytes / rows.max(1);
    writeln!(
        out,
        "\nwith indexes {} changes take {} bytes each, {} readings of nodes {} bytes each",
        size.changes,
        each(size.bytes, size.changes),
        size.readings,
        each(size.bytes_of_readings, size.readings)
    )
}

/// Whole requests: the right is looked at, the key is changed, the audit log and the log of changes hear of it.
async fn by_the_api(
    nodes: &[Node],
    organization: &ManagedOrganization,
    round: Duration,
) -> Result<Rate, BenchError> {
    let (began, mut writers) = (Instant::now(), JoinSet::new());
    for ((id, _), node) in organization.keys.iter().take(WRITERS).zip(nodes.iter().cycle()) {
        let request = |verb| {
            let path = format!("/api/v2/organizations/{}/keys/{id}/{verb}", organization.id);
            post(&path, organization.token.expose())
        };
        writers.spawn(switch(node.address, [request("activate"), request("deactivate")], began + round));
    }
    rate(began, writers, 1, nodes).await
}

async fn switch(address: SocketAddr, requests: [Vec<u8>; 2], until: Instant) -> Result<Done, BenchError> {
    let mut line = Line::open(address).await?;
    let mut done = Done::default();
    for request in requests.iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        match line.ask(request).await? {
            200..300 => done.transactions += 1,
            UNAVAILABLE => done.busy += 1,
            other => return Err(format!("a node returned {other} for a change").into()),
        }
    }
    Ok(done)
}

/// Transactions that do nothing but note changes.
async fn by_itself(nodes: &[Node], changes: usize, round: Duration) -> Result<Rate, BenchError> {
    let (began, mut writers) = (Instant::now(), JoinSet::new());
    for (writer, node) in (0..WRITERS).zip(nodes.iter().cycle()) {
        writers.spawn(note(node.state.db.clone(), writer, changes, began + round));
    }
    rate(began, writers, changes, nodes).await
}

async fn note(db: Db, writer: usize, changes: usize, until: Instant) -> Result<Done, BenchError> {
    let mut done = Done::default();
    while Instant::now() < until {
        // As long as a digest is, and no key's.
        let transaction = done.transactions;
        let digests = (0..changes)
            .map(move |number| format!("{writer:08} {transaction:011} {number:011}").into_bytes());
        let noted = db.write(move |tx| {
            digests.for_each(|digest| tx.changed(Change::Secret(digest)));
            Ok::<_, DbError>(())
        });
        match noted.await {
            Ok(()) => done.transactions += 1,
            Err(error) if error.is_temporary() => done.busy += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}

/// Asks again what the database is too busy to tell, for a while.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, DbError>) -> Result<T, BenchError> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(error) if error.is_temporary() && began.elapsed() < PATIENCE => sleep(LOOK).await,
            told => return Ok(told?),
        }
    }
}

/// Waits for the writers, then for the nodes.
async fn rate(
    began: Instant,
    mut writers: JoinSet<Result<Done, BenchError>>,
    changes: usize,
    nodes: &[Node],
) -> Result<Rate, BenchError> {
    let mut all = Done::default();
    while let Some(done) = writers.join_next().await {
        let done = done??;
        all.transactions += done.transactions;
        all.busy += done.busy;
    }
    // Nothing takes as long as the patience here; a node that has not read the log then has lost it.
    let (ended, seconds) = (Instant::now(), began.elapsed().as_secs_f64());
    let db = database(nodes)?;
    loop {
        let found = patiently(async || db.read(nodes::list).await).await?;
        if found.live.iter().all(|node| node.position >= found.last_change) {
            break;
        }
        if ended.elapsed() > PATIENCE {
            return Err("a node doesn’t read the log of changes".into());
        }
        sleep(LOOK).await;
    }
    let transactions = all.transactions as f64 / seconds;
    Ok(Rate { transactions, changes: transactions * changes as f64, busy: all.busy, behind: ended.elapsed() })
}

fn database(nodes: &[Node]) -> Result<&Db, BenchError> {
    Ok(&nodes.first().ok_or("no node")?.state.db)
}
