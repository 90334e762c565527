//! How the server ends: at a signal, with what is in memory saved.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::dev::ServerHandle;
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use super::{service_manager, tls::Tls};
use crate::{db::DbError, domain::verification, web::state::State};

/// For how long it is tried to save what is in memory when the server stops. With the ten seconds
/// for requests in hand and what one try takes it stays well below the 90 seconds after which
/// systemd kills (`DefaultTimeoutStopSec`).
const SAVE_PATIENCE: Duration = Duration::from_secs(6);
/// How long connections that were just taken have to send their first request. The workers would drop them unheard.
const SETTLING: Duration = Duration::from_millis(500);
/// A pause between two tries.
const SAVE_PAUSE: Duration = Duration::from_millis(250);

/// The signals that stop the server. They are heeded from the moment on at which this is made, before
/// anybody is told that the server listens.
pub(super) struct StopSignals {
    terminate: Signal,
    /// A terminal was closed.
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    /// Read again instead of a stop, when a terminal is closed or somebody asks for it.
    tls: Option<Arc<Tls>>,
}

impl StopSignals {
    pub(super) fn heed(tls: Option<Arc<Tls>>) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            tls,
        })
    }

    /// Stops the server at each of them; the two of a keyboard do not wait for requests in hand. Before it
    /// takes no more connections, `is_stopping` says so for `drain`, so that a load balancer, which asks now and
    /// then, sends it nothing more. A second signal does not wait for that.
    pub(super) async fn stop(mut self, server: ServerHandle, is_stopping: &AtomicBool, drain: Duration) {
        loop {
            let waits_for_requests = self.next().await;
            service_manager::tell(NotifyState::Stopping);
            if !is_stopping.swap(true, Ordering::Relaxed) && waits_for_requests {
                let second = tokio::time::timeout(drain, self.next()).await;
                if second == Ok(false) {
                    drop(server.stop(false));
                    continue;
                }
            }
            if waits_for_requests {
                // Whoever comes now waits at the socket, where the next server finds them if it is an inherited one.
                server.pause().await;
                tokio::time::sleep(SETTLING).await;
            }
            // Whether it has stopped is seen where it runs.
            drop(server.stop(waits_for_requests));
        }
    }

    /// Whether the signal that comes next lets requests in hand be answered.
    async fn next(&mut self) -> bool {
        loop {
            return tokio::select! {
                _ = self.terminate.recv() => true,
                _ = self.hang_up.recv() => match &self.tls {
                    Some(tls) => {
                        tls.reload();
                        continue;
                    }
                    None => true,
                },
                _ = self.interrupt.recv() => false,
                _ = self.quit.recv() => false,
            };
        }
    }
}

/// Saves what is in memory. Another program may hold the database's lock: it is tried again for a
/// while.
pub(super) async fn save(state: &State) -> io::Result<()> {
    let started = Instant::now();
    loop {
        let Err(error) = save_once(state).await else { return Ok(()) };
        if started.elapsed() >= SAVE_PATIENCE {
            let lost = format!("counts since the last save are lost: {error}");
            return Err(io::Error::other(lost));
        }
        tokio::time::sleep(SAVE_PAUSE).await;
    }
}

async fn save_once(state: &State) -> Result<(), DbError> {
    state.ended_sessions.flush(&state.db).await?;
    state.usage.flush(&state.db).await?;
    state.rejections.flush(&state.db).await?;
    match state.db.node().map(|node| node.id.clone()) {
        Some(node) => state.db.write_beside(move |tx| verification::give_back_portions(tx, &node)).await,
        None => Ok(()),
    }
}
