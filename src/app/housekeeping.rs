//! What is done beside the requests, at its own pace.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::MissedTickBehavior};

use super::{backups, duty::Follower, key_ends, stops};
use crate::{
    clock::Timestamp,
    db::{DbError, Trouble, Tx},
    domain::{
        api_keys, budgets, email_links, idempotency, leaks, nodes, organizations, outbox, quota_notices,
        rejections, sessions, spent_forms, throttles, usage, verification, webhooks,
    },
    web::state::State,
};

/// How often usage is written.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is looked whether the database is still there and takes what is written.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// Over how long one writing is spread. With the interval it stays below the ten seconds within
/// which the last use of a key is right.
const FLUSH_PERIOD: Duration = Duration::from_secs(4);
/// A pause for others, between two portions of what is removed.
const CLEAN_UP_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether [`CLEAN_UP_INTERVAL`] is over: tests move the clock.
const CLEAN_UP_LOOK: Duration = Duration::from_secs(5);
/// How often what is over is forgotten.
const CLEAN_UP_INTERVAL: Duration = Duration::from_secs(3600);
/// How often it is looked for connections that wait too long.
const CONNECTIONS_INTERVAL: Duration = Duration::from_secs(5);

/// What is done beside the requests, some of it by one node for all. Each part keeps its own time: none
/// waits for another.
pub(super) async fn keep(state: State, orders: Follower, stops_told: Arc<Notify>) {
    let (state, stops_told) = (&state, &stops_told);
    let for_all = orders.while_leading(|end| async move {
        tokio::select! {
            _ = async {
                tokio::join!(
                    key_ends::note_in_time(state),
                    purge_regularly(state),
                    stops::follow(state, stops_told)
                )
            } => {}
            () = end.wait() => {}
        }
    });
    tokio::join!(
        watch_database(state),
        write_usage(state),
        close_connections(state),
        forget_limits(state),
        backups::make_regularly(state),
        for_all
    );
}

/// Says once in the log that the database takes nothing, and once that it does again.
async fn watch_database(state: &State) {
    let mut known = None;
    loop {
        let found = state.db.trouble().await;
        match (&known, &found) {
            (_, Some(trouble)) if known != found => {
                let database = &state.config.database;
                tracing::error!(%database, "changes can't be saved, not ready: {trouble}");
            }
            (Some(_), None) => tracing::info!("changes can be saved again"),
            _ => {}
        }
        if let Some(Trouble::NotWritable(_)) = found {
            // Nobody else may write for long; that this fails is known already.
            let _ = state.db.try_to_write().await;
        }
        known = found;
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

async fn forget_limits(state: &State) {
    loop {
        tokio::time::sleep(CLEAN_UP_INTERVAL).await;
        state.limits.purge_expired();
    }
}

async fn close_connections(state: &State) {
    loop {
        tokio::time::sleep(CONNECTIONS_INTERVAL).await;
        state.connections.close_overdue();
    }
}

async fn write_usage(state: &State) {
    let mut ticks = tokio::time::interval(FLUSH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if let Err(error) = state.usage.flush_spread(&state.db, FLUSH_PERIOD).await {
            tracing::error!(%error, "could not save the usage of keys");
        }
        tell_of_quotas(state).await;
        if let Err(error) = state.rejections.flush(&state.db).await {
            tracing::error!(%error, "could not save rejections");
        }
        if let Err(error) = state.ended_sessions.flush(&state.db).await {
            tracing::error!(%error, "could not delete sessions that have ended");
        }
    }
}

/// Tells of quotas of which most is used. What cannot be told is looked at again after the next writing.
async fn tell_of_quotas(state: &State) {
    let now = state.clock.now();
    for reached in state.usage.take_reached() {
        let of = reached.clone();
        match state.db.write(move |tx| quota_notices::tell(tx, &of, now)).await {
            Ok(true) => {}
            Ok(false) => reached.not_told(now),
            Err(error) => {
                tracing::error!(%error, "could not tell of a quota that is nearly used up");
                reached.not_told(now);
            }
        }
    }
}

async fn purge_regularly(state: &State) {
    let mut last_clean_up = None;
    loop {
        let now = state.clock.now();
        if last_clean_up.is_none_or(|last| now - last >= CLEAN_UP_INTERVAL) {
            last_clean_up = Some(now);
            clean_up(state).await;
            key_ends::tell_of_those_ahead(state, now).await;
            if let Err(error) = tell_of_collected_leaks(state, now).await {
                tracing::error!(%error, "could not notify administrators of leaks that were reported again");
            }
            if let Err(error) = forget_removed(state, now).await {
                tracing::error!(%error, "could not delete what was removed");
            }
            if let Err(error) = purge_usage(state, now).await {
                tracing::error!(%error, "could not delete old usage");
            }
        }
        tokio::time::sleep(CLEAN_UP_LOOK).await;
    }
}

/// A secret whose row cannot be read hides no other.
async fn tell_of_collected_leaks(state: &State, now: Timestamp) -> Result<(), DbError> {
    for secret in state.db.read(move |connection| leaks::collected(connection, now)).await? {
        if let Err(error) = state.db.write(move |tx| leaks::tell_of_collected(tx, &secret, now)).await {
            tracing::error!(%error, "could not notify administrators of a leak that was reported again");
        }
    }
    Ok(())
}

async fn purge_usage(state: &State, now: Timestamp) -> Result<(), DbError> {
    while state.db.write_beside(move |tx| usage::purge_expired(tx, now)).await? {
        tokio::time::sleep(CLEAN_UP_PAUSE).await;
    }
    Ok(())
}

/// What can't be restored any more. Under the lock: whoever restores something finds it whole.
async fn forget_removed(state: &State, now: Timestamp) -> Result<(), DbError> {
    while state.db.write(move |tx| api_keys::purge_removed(tx, now)).await?
        || state.db.write(move |tx| organizations::purge_removed(tx, now)).await?
    {
        tokio::time::sleep(CLEAN_UP_PAUSE).await;
    }
    Ok(())
}

/// Each kind by itself: a row that cannot be read keeps no other kind from being purged.
async fn clean_up(state: &State) {
    type Purge = fn(&mut Tx<'_>, Timestamp) -> Result<(), DbError>;
    const KINDS: [(&str, Purge); 12] = [
        ("sessions", |tx, now| sessions::purge_expired(tx, now).map(drop)),
        ("email links", |tx, now| email_links::purge_expired(tx, now).map(drop)),
        ("forms", |tx, now| spent_forms::purge_expired(tx, now).map(drop)),
        ("throttles", |tx, now| throttles::purge_expired(tx, now).map(drop)),
        ("idempotent responses", |tx, now| idempotency::purge_expired(tx, now).map(drop)),
        ("rejections", rejections::purge_expired),
        ("webhook deliveries", |tx, now| webhooks::purge_expired(tx, now).map(drop)),
        ("budgets", |tx, now| budgets::purge_expired(tx, now).map(drop)),
        ("nodes", nodes::purge_expired),
        ("portions of quotas", verification::purge_portions),
        ("notices about quotas", quota_notices::purge),
        ("emails", |tx, now| outbox::purge_expired(tx, now).map(drop)),
    ];
    let now = state.clock.now();
    let complain = |kind, purged: Result<(), DbError>| {
        if let Err(error) = purged {
            tracing::error!(%error, kind, "could not delete expired data");
        }
    };
    for (kind, purge) in KINDS {
        complain(kind, state.db.write_beside(move |tx| purge(tx, now)).await);
    }
    // With a rotation goes what its key is found by, which others write as well.
    complain("rotations", state.db.write(move |tx| api_keys::purge_expired(tx, now)).await);
}
