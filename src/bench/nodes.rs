//! `tessera bench nodes`: several servers on one PostgreSQL database.
//!
//! All of them run in this process, each with connections, memory and workers of its own, and share the machine with
//! the load and, where it is on the same one, with PostgreSQL. So what one does alone is compared with one on SQLite
//! and a bare actix answer, asked in turn.

mod changes;
mod revocations;

use std::{io::Write, net::SocketAddr, sync::Arc};

use super::{
    BenchError, bring_into_memory, configuration, configuration_with, headers_of_answer,
    load::{self, Measured},
    make_keys, median, print_table, progress, request, start_bare, start_with_state,
};
use crate::{
    clock::Clock,
    config::{BenchPlan, DatabaseUrl, NodesPlan},
    db::{self, Db},
    domain::bulk,
    web::state::State,
};

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
    let database = Db::open(&plan.database)?;
    let secrets = make_keys(&database, plan.verification.keys)?;
    // Its keys are changed, and the others verified.
    let keys = plan.revocations.max(changes::WRITERS);
    let organization =
        database.write_blocking(|tx| bulk::managed_organization(tx, keys, Clock::System.now()))?;
    drop(database);
    let asked = asked(&secrets, plan.verification.in_rotation);

    let nodes = (0..plan.nodes).map(|_| start_node(&plan.database)).collect::<Result<Vec<_>, _>>()?;
    for node in &nodes {
        bring_into_memory(&node.state, &asked)?;
    }
    let requests = Arc::new(asked.iter().map(|secret| request(secret)).collect());
    verification(plan, &nodes, &requests, out)?;
    revocations::measure(plan, &nodes, &organization, &requests, out)?;
    changes::measure(plan, &nodes, &organization, out)
}

/// Of all keys those that are asked about.
fn asked(secrets: &[String], in_rotation: usize) -> Vec<String> {
    let step = (secrets.len() / in_rotation.max(1)).max(1);
    secrets.iter().step_by(step).take(in_rotation).cloned().collect()
}

fn start_node(database: &DatabaseUrl) -> Result<Node, BenchError> {
    let url = match database {
        DatabaseUrl::Postgres(url) => url.expose(),
        DatabaseUrl::Sqlite(_) => return Err("a file is one server’s alone".into()),
    };
    // A program that writes as fast as it can is not what the limit is about here.
    let config = configuration_with(url, &["--requests-per-minute", "1000000"])?;
    let (address, state) = start_with_state(config)?;
    Ok(Node { address, state })
}

/// Verification from memory: each node alone, beside one server on a file and one that asks nothing.
fn verification(
    plan: &NodesPlan,
    nodes: &[Node],
    requests: &Arc<Vec<Vec<u8>>>,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let BenchPlan { keys, in_rotation, connections, rounds, round } = plan.verification;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.db");
    let of_file = make_keys(&Db::open(&file.clone().into())?, keys)?;
    let asked_of_file = asked(&of_file, in_rotation);
    let path = file.to_str().ok_or("the path of the database is not UTF-8")?;
    let (on_file, state) = start_with_state(configuration(path)?)?;
    bring_into_memory(&state, &asked_of_file)?;
    let of_file = Arc::new(asked_of_file.iter().map(|secret| request(secret)).collect());

    let first = nodes.first().ok_or("no node")?;
    let bare =
        start_bare(headers_of_answer(first.address, requests.first().ok_or("no key is asked about")?)?)?;
    let mut servers =
        vec![("bare actix".to_owned(), bare, requests), ("one on SQLite".to_owned(), on_file, &of_file)];
    for (number, node) in nodes.iter().enumerate() {
        servers.push((format!("node {} of {}", number + 1, nodes.len()), node.address, requests));
    }
    let bar = progress("measuring verification", rounds * servers.len());
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); servers.len()];
    for (_, address, requests) in &servers {
        load::run(*address, requests, connections, round)?; // none starts cold
    }
    for _ in 0..rounds {
        for ((_, address, requests), measured) in servers.iter().zip(&mut measured) {
            measured.push(load::run(*address, requests, connections, round)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();

    let medians: Vec<Measured> = measured.into_iter().filter_map(median).collect();
    let names = servers.iter().map(|(name, ..)| name.as_str());
    let rows: Vec<(&str, &Measured)> = names.zip(&medians).collect();
    writeln!(
        out,
        "/auth, {in_rotation} of {keys} keys in rotation, {connections} connections, each server alone, \
         median of {rounds} rounds\n"
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
    Ok(())
}
