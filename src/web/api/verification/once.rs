//! Verification under an `Idempotency-Key`: limits are charged once, however often and on however many nodes the same
//! request arrives, at the same time or later.
//!
//! Within a process the first one is waited for in memory. Where the database is shared, a request is claimed there
//! before it is run; a change needs no claim, since its own transaction both looks and keeps.

use std::{future::Future, sync::Arc, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use serde::Serialize;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use crate::{
    clock::Clock,
    db::{Db, DbError, Tx},
    domain::{
        id::new_id,
        idempotency::{Found, IdempotencyError, Once},
        verification::KnownCaller,
    },
    web::{
        api::{
            call,
            gate::{Gate, WithToken},
            response::Response,
        },
        error::AppError,
    },
};

/// How long a request waits for the same one on another node before it gets 409.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pause between two looks at what another node does.
const LOOK: Duration = Duration::from_millis(25);

/// How long a claimed request may take, so that it is over before the claim is.
const MAX_WORK: Duration = Duration::from_secs(20);

/// What whoever waited in vain is told.
const UNDER_WAY: &str =
    "A request with this Idempotency-Key is still being processed. Try again in a few seconds.";

/// Verifies, unless the request has an `Idempotency-Key` under which the same one was answered
/// before. Only such a request asks the database.
pub(super) async fn once<B, T: Serialize>(
    gate: &Gate<WithToken, B>,
    caller: &KnownCaller,
    verify: impl Future<Output = Result<T, AppError>>,
) -> Result<HttpResponse, AppError> {
    let Some(once) = call::once(&gate.request, caller.token_id())? else {
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(verify.await?));
    };
    let under_way = &gate.state.verifications_under_way;
    // Those who wait here come one after the other where the first gets nothing: each has its own time.
    let (digest, deadline) = (once.digest(), Instant::now() + PATIENCE);
    let kept = under_way.get_or_insert_async(&digest, recall_or(gate, once, verify, deadline)).await?;
    under_way.remove(&digest);
    Ok(serde_json::from_slice::<Response>(&kept).map_err(AppError::internal)?.send())
}

async fn recall_or<B, T: Serialize>(
    gate: &Gate<WithToken, B>,
    once: Once,
    verify: impl Future<Output = Result<T, AppError>>,
    deadline: Instant,
) -> Result<Arc<[u8]>, AppError> {
    let (db, clock) = (&gate.state.db, &gate.state.clock);
    let claim = if db.is_shared() {
        match claim(db, clock, &once, deadline).await? {
            Turn::Kept(kept) => return Ok(kept.into()),
            Turn::Ours(claim) => Some(claim),
        }
    } else {
        let (wanted, now) = (once.clone(), gate.now);
        if let Some(kept) = db.read(move |connection| wanted.recall(connection, now)).await? {
            return Ok(kept.into());
        }
        None
    };
    let verified = timeout(MAX_WORK, verify).await.map_err(|_| AppError::Busy)??;
    let response = serde_json::to_vec(&Response::ok(&verified)?).map_err(AppError::internal)?;
    let holder = claim.map(|claim| claim.into_holder());
    let (keep_in, now) = (db.clone(), clock.now());
    let keep = move |tx: &mut Tx<'_>| {
        if let Some(holder) = &holder {
            once.give_back(tx, holder)?;
        }
        // Whoever was slower than its claim finds what another one has kept meanwhile; both get one response.
        if let Some(kept) = once.recall(tx.connection(), now)? {
            return Ok(kept);
        }
        once.remember(tx, &response, now)?;
        Ok::<_, IdempotencyError>(response)
    };
    // On its own: limits have been charged, whether or not the client goes on waiting.
    let kept = tokio::spawn(async move { keep_in.write(keep).await }).await.map_err(AppError::internal)??;
    Ok(kept.into())
}

/// Whose turn it is to run a request.
enum Turn {
    /// Nobody's: it got this response.
    Kept(Vec<u8>),
    /// Ours.
    Ours(Box<Claim>),
}

/// Claims a request in the database. While another node has it, this waits for what that will have kept.
async fn claim(db: &Db, clock: &Clock, once: &Once, deadline: Instant) -> Result<Turn, AppError> {
    loop {
        let (wanted, now) = (once.clone(), clock.now());
        // Those who wait take nobody's turn to write.
        let mut found = db.read(move |connection| wanted.look(connection, now)).await?;
        if found == Found::Nothing {
            let claim = Claim { db: db.clone(), once: once.clone(), holder: Some(new_id(now)) };
            let (wanted, holder) = (once.clone(), claim.holder.clone().unwrap_or_default());
            found = db.write(move |tx| wanted.claim(tx, &holder, now)).await?;
            if found == Found::Nothing {
                return Ok(Turn::Ours(Box::new(claim)));
            }
        }
        match found {
            Found::Kept(kept) => return Ok(Turn::Kept(kept)),
            _ if Instant::now() >= deadline => {
                return Err(AppError::TemporaryConflict {
                    detail: UNDER_WAY.to_owned(),
                    retry_after_seconds: 1,
                });
            }
            _ => sleep(LOOK).await,
        }
    }
}

/// What this node has claimed. It is given back where the request fails or its client goes away.
struct Claim {
    db: Db,
    once: Once,
    holder: Option<String>,
}

impl Claim {
    /// Whose it is, for whoever gives it back in a transaction of its own.
    fn into_holder(mut self) -> String {
        self.holder.take().unwrap_or_default()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(holder) = self.holder.take() else { return };
        let (db, once) = (self.db.clone(), self.once.clone());
        // Outside of the runtime the process ends, and its claim by itself.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let given_back: Result<(), DbError> = db.write(move |tx| once.give_back(tx, &holder)).await;
            if let Err(error) = given_back {
                tracing::warn!(%error, "a request that failed can be repeated on other nodes once its claim is over");
            }
        });
    }
}
