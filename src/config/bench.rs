//! What `tessera bench` is asked to measure.

use std::time::Duration;

use clap::{Args, Subcommand, value_parser};

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
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BenchFlags {
    #[command(subcommand)]
    pub(super) what: Option<Benched>,
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
}

#[derive(Subcommand)]
pub(super) enum Benched {
    /// Measure it while the pages are under attack, and fail if verification slows down
    Attacks {
        /// Seconds per attack
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=600))]
        seconds: u32,
    },
}

impl BenchFlags {
    pub(super) fn plan(self) -> BenchPlan {
        BenchPlan {
            keys: self.keys as usize,
            in_rotation: self.rotation.min(self.keys) as usize,
            connections: self.connections as usize,
            rounds: self.rounds as usize,
            round: Duration::from_secs(self.seconds.into()),
        }
    }
}
