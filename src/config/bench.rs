//! What `tessera bench` is asked to measure.

use std::time::Duration;

use clap::{Args, Subcommand, value_parser};

use super::{Command, DatabaseUrl, Exit, Sources, serve::DatabaseFlag};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchPlan {
    /// Keys in the database.
    pub keys: usize,
    /// Keys that are asked about, in turn.
    pub in_rotation: usize,
    /// Connections that are kept busy.
    pub connections: usize,
    /// Rounds of each server; the one of median throughput counts.
    pub rounds: usize,
    /// Length of a round.
    pub round: Duration,
    /// Whether every organization is on a plan with limits.
    pub on_plan: bool,
}

/// What to measure of several servers on one database.
#[derive(Clone, Debug)]
pub struct NodesPlan {
    /// An empty database on a PostgreSQL server.
    pub database: DatabaseUrl,
    /// How many servers.
    pub nodes: usize,
    /// Keys that are revoked while all servers verify others.
    pub revocations: usize,
    /// Verifications a second meanwhile, on all servers together.
    pub load: usize,
    /// How verification is measured.
    pub verification: BenchPlan,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BenchFlags {
    #[command(subcommand)]
    what: Option<Benched>,
    #[command(flatten)]
    plan: PlanFlags,
}

#[derive(Args)]
struct PlanFlags {
    /// Keys in the database
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    keys: u32,
    /// Keys to verify, in turn
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    rotation: u32,
    /// Concurrent connections
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=500))]
    connections: u32,
    /// Rounds per server
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds per round
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Put every organization on a plan with a rate limit and a monthly quota
    #[arg(long)]
    plan: bool,
}

#[derive(Subcommand)]
enum Benched {
    /// Measure it while the pages are under attack, and fail if verification slows down
    Attacks {
        /// Seconds per attack
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=600))]
        seconds: u32,
    },
    /// Measure several servers on an empty PostgreSQL database: verification on each, how soon all reject a revoked
    /// key, and the log of changes
    Nodes {
        #[command(flatten)]
        database: DatabaseFlag,
        /// Servers to start
        #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(2..=4))]
        nodes: u32,
        /// Keys to revoke, one after the other
        #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..=1_000))]
        revocations: u32,
        /// Verifications per second meanwhile, on all servers together. Keep it well below what the machine can do
        #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
        load: u32,
        #[command(flatten)]
        plan: PlanFlags,
    },
}

impl BenchFlags {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<Command, Exit> {
        match self.what {
            None => Ok(Command::Bench(self.plan.read())),
            Some(Benched::Attacks { seconds }) => {
                Ok(Command::BenchAttacks(Duration::from_secs(seconds.into())))
            }
            Some(Benched::Nodes { database, nodes, revocations, load, plan }) => {
                let database = database.read(sources)?;
                if matches!(database, DatabaseUrl::Sqlite(_)) {
                    return Err(Exit::mistake(
                        "TESSERA_DATABASE_URL must be an empty PostgreSQL database, such as \
                         postgres://user@host/bench",
                    ));
                }
                Ok(Command::BenchNodes(NodesPlan {
                    database,
                    nodes: nodes as usize,
                    revocations: revocations as usize,
                    load: load as usize,
                    verification: plan.read(),
                }))
            }
        }
    }
}

impl PlanFlags {
    fn read(self) -> BenchPlan {
        BenchPlan {
            keys: self.keys as usize,
            in_rotation: self.rotation.min(self.keys) as usize,
            connections: self.connections as usize,
            rounds: self.rounds as usize,
            round: Duration::from_secs(self.seconds.into()),
            on_plan: self.plan,
        }
    }
}
