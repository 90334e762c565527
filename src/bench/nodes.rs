//! `tessera bench nodes`: several servers on one PostgreSQL database.
//!
//! All of them run in this process, each with connections, memory and workers of its own, and share the machine with
//! the load and, where it is on the same one, with PostgreSQL. So what one does alone is compared with one on SQLite
//! and a bare actix answer, asked in turn. A server that has more to do than it can says so, which is counted and
//! ends nothing.

mod changes;
mod revocations;

use std::{
    io::Write,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use tokio::{task::JoinSet, time::sleep};

use super::{
    BenchError, configuration_with, headers_of_answer,
    load::{self, Measured},
    make_keys, median, on_plan, print_table, progress, request, start_bare, start_with_state,
};
use crate::{
    clock::Clock,
    config::{BenchPlan, DatabaseUrl, NodesPlan},
    db::{self, Db},
    domain::{bulk, verification::KeyRequest},
    web::state::State,
};

/// Keys that are brought into the memory of one server at the same time.
const LINES: usize = 16;
/// How long something is tried that a server can't do in time.
const PATIENCE: Duration = Duration::from_secs(30);
/// A pause before that is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// A server among several.
struct Node {
    address: SocketAddr,
    state: State,
}

/// Starts the servers, measures, and prints tables to `out`.
///
/// # Errors
/// When the database is not empty, a server does not start or answer, or one accepts a key that was revoked.
pub fn run(plan: &NodesPlan, out: &mut impl Write) -> Result<(), BenchError> {
    if let Some(table) = db::filled_table_of(&plan.database)? {
        let database = &plan.database;
        return Err(
            format!("{database} isn’t empty (there are rows in {table}); choose a new database").into()
        );
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.db");
    let secrets = make_keys_of_both(plan, &file)?;
    // Its keys are changed, and the others verified.
    let keys = plan.revocations.max(changes::WRITERS);
    let organization = Db::open(&plan.database)?
        .write_blocking(|tx| bulk::managed_organization(tx, keys, Clock::System.now()))?;
    let asked = asked(&secrets, plan.verification.in_rotation);

    let nodes = (0..plan.nodes).map(|_| start_node(plan)).collect::<Result<Vec<_>, _>>()?;
    for node in &nodes {
        bring_into_memory(&node.state, &asked)?;
    }
    let requests = Arc::new(asked.iter().map(|secret| request(secret)).collect());
    let on_file = start(plan, file.to_str().ok_or("the path of the database is not UTF-8")?)?;
    bring_into_memory(&on_file.state, &asked)?;
    verification(plan, &nodes, &on_file, &requests, out)?;
    revocations::measure(plan, &nodes, &organization, &requests, out)?;
    changes::measure(plan, &nodes, &organization, out)
}

/// Of all keys those that are asked about.
fn asked(secrets: &[String], in_rotation: usize) -> Vec<String> {
    let step = (secrets.len() / in_rotation.max(1)).max(1);
    secrets.iter().step_by(step).take(in_rotation).cloned().collect()
}

/// Makes the keys in a file and copies it: the server is asked for less than it would be for one key after the other,
/// and both have the same keys.
fn make_keys_of_both(plan: &NodesPlan, file: &Path) -> Result<Vec<String>, BenchError> {
    let url = DatabaseUrl::from(file.to_path_buf());
    let secrets = make_keys(&Db::open(&url)?, plan.verification.keys, plan.verification.on_plan)?;
    let bar = progress("copying keys", 0);
    db::copy(&url, &plan.database, &mut |copied| {
        bar.set_length(copied.total);
        bar.set_position(copied.done);
    })?;
    bar.finish_and_clear();
    Ok(secrets)
}

fn start_node(plan: &NodesPlan) -> Result<Node, BenchError> {
    match &plan.database {
        DatabaseUrl::Postgres(url) => start(plan, url.expose()),
        DatabaseUrl::Sqlite(_) => Err("a file is one server’s alone".into()),
    }
}

fn start(plan: &NodesPlan, database: &str) -> Result<Node, BenchError> {
    // Its parts are bounded each by itself, and are not filled evenly.
    let kept = (plan.verification.keys + plan.verification.keys / 4).max(1000).to_string();
    // A program that writes as fast as it can is not what the limit is about here.
    let flags = ["--requests-per-minute", "1000000", "--keys-in-memory", &kept];
    let (address, state) = start_with_state(configuration_with(database, &flags)?)?;
    Ok(Node { address, state })
}

/// Verifies every key once, several at a time: on the way to a server most of the time is spent waiting.
fn bring_into_memory(state: &State, secrets: &[String]) -> Result<(), BenchError> {
    let bar = progress("bringing keys into memory", secrets.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lines = JoinSet::new();
        for some in secrets.chunks(secrets.len().div_ceil(LINES).max(1)) {
            lines.spawn(verify_all(state.clone(), some.to_vec(), bar.clone()));
        }
        while let Some(ended) = lines.join_next().await {
            ended??;
        }
        Ok::<_, BenchError>(())
    })?;
    bar.finish_and_clear();
    Ok(())
}

async fn verify_all(state: State, secrets: Vec<String>, bar: ProgressBar) -> Result<(), BenchError> {
    for secret in &secrets {
        let began = Instant::now();
        while let Err(error) = state.verifier.verify(secret, &KeyRequest::default(), state.clock.now()).await
        {
            if !error.is_temporary() || began.elapsed() > PATIENCE {
                return Err(error.into());
            }
            sleep(PAUSE).await;
        }
        bar.inc(1);
    }
    Ok(())
}

/// Verification from memory: each node alone, beside one server on a file and one that asks nothing.
fn verification(
    plan: &NodesPlan,
    nodes: &[Node],
    on_file: &Node,
    requests: &Arc<Vec<Vec<u8>>>,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let BenchPlan { keys, in_rotation, connections, rounds, round, on_plan: _ } = plan.verification;
    let first = nodes.first().ok_or("no node")?;
    let bare =
        start_bare(headers_of_answer(first.address, requests.first().ok_or("no key is asked about")?)?)?;
    let mut servers = vec![("bare actix".to_owned(), bare), ("one on SQLite".to_owned(), on_file.address)];
    for (number, node) in nodes.iter().enumerate() {
        servers.push((format!("node {} of {}", number + 1, nodes.len()), node.address));
    }
    let bar = progress("measuring verification", rounds * servers.len());
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); servers.len()];
    for (_, address) in &servers {
        load::run_patiently(*address, requests, connections, round)?; // none starts cold
    }
    for _ in 0..rounds {
        for ((_, address), measured) in servers.iter().zip(&mut measured) {
            measured.push(load::run_patiently(*address, requests, connections, round)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();

    let unavailable = measured.iter().flatten().map(|round| round.unavailable).sum();
    let medians: Vec<Measured> = measured.into_iter().filter_map(median).collect();
    let names = servers.iter().map(|(name, ..)| name.as_str());
    let rows: Vec<(&str, &Measured)> = names.zip(&medians).collect();
    writeln!(
        out,
        "/auth, {in_rotation} of {keys} keys in rotation{}, {connections} connections, each server alone, \
         median of {rounds} rounds\n",
        on_plan(&plan.verification)
    )?;
    print_table(&rows, out)?;
    if let [bare, on_file, nodes @ ..] = medians.as_slice() {
        let slowest = nodes.iter().map(|node| node.requests_per_second).fold(f64::INFINITY, f64::min);
        writeln!(
            out,
            "\nthroughput of the slowest node {:.2} of one on SQLite, {:.2} of bare actix",
            slowest / on_file.requests_per_second,
            slowest / bare.requests_per_second
        )?;
    }
    print_unavailable(unavailable, out)
}

/// Says that the figures above are those of a machine that has too much to do, where that is so.
fn print_unavailable(verifications: usize, out: &mut impl Write) -> Result<(), BenchError> {
    if verifications > 0 {
        writeln!(out, "{verifications} verifications returned 503: the machine has more to do than it can")?;
    }
    Ok(())
}
