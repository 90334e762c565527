//! Ends of keys and of pauses, in time. A key that cannot be read holds up no other.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{api_keys, expiry_notices},
    web::state::State,
};

/// How often it is looked for pauses and keys that are over.
const INTERVAL: Duration = Duration::from_secs(5);

/// Keys in one transaction, so that it does not hold up the others.
const MAX_AT_ONCE: i64 = 100;

/// What is done about a key, by its id.
type Step = fn(&mut Tx<'_>, &str, Timestamp) -> Result<(), DbError>;

/// Switches on what was paused and notes what has ended, again and again.
pub(super) async fn note_in_time(state: &State) {
    loop {
        let now = state.clock.now();
        if let Err(error) = end_pauses(state, now).await {
            tracing::error!(%error, "could not reactivate paused keys");
        }
        if let Err(error) = note_expiries(state, now).await {
            tracing::error!(%error, "could not record keys that expired");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Looks first, so that the writer is left alone while there is nothing to do.
async fn end_pauses(state: &State, now: Timestamp) -> Result<(), DbError> {
    loop {
        let over =
            state.db.read(move |connection| api_keys::pauses_over(connection, MAX_AT_ONCE, now)).await?;
        if !each(state, over, api_keys::resume, api_keys::give_up_pause, now).await? {
            return Ok(());
        }
    }
}

async fn note_expiries(state: &State, now: Timestamp) -> Result<(), DbError> {
    loop {
        let over =
            state.db.read(move |connection| expiry_notices::over(connection, MAX_AT_ONCE, now)).await?;
        if !each(state, over, expiry_notices::note_over, expiry_notices::note_unreadable, now).await? {
            return Ok(());
        }
    }
}

/// Queues the mails about keys that end soon, each organization's by itself: what is wrong with the
/// keys of one is none of another's business.
pub(super) async fn tell_of_those_ahead(state: &State, now: Timestamp) {
    let organizations =
        state.db.read(move |connection| expiry_notices::organizations_with_ends(connection, now));
    let organizations = organizations.await.unwrap_or_else(|error: DbError| {
        tracing::error!(%error, "could not notify administrators of keys that expire");
        Vec::new()
    });
    for organization in organizations {
        if let Err(error) = expiry_notices::tell(&state.db, &organization, now).await {
            tracing::error!(organization, %error, "could not notify administrators of keys that expire");
        }
    }
}

/// Does `step` for all keys in one transaction. Where one of them cannot be read, each gets its own,
/// and those are given up. Answers whether there may be more of them.
async fn each(
    state: &State,
    keys: Vec<String>,
    step: Step,
    give_up: Step,
    now: Timestamp,
) -> Result<bool, DbError> {
    if keys.is_empty() {
        return Ok(false);
    }
    let is_full = i64::try_from(keys.len()).is_ok_and(|number| number >= MAX_AT_ONCE);
    let all = keys.clone();
    match state.db.write(move |tx| all.iter().try_for_each(|key| step(tx, key, now))).await {
        Ok(()) => return Ok(is_full),
        Err(DbError::Unreadable(_)) => {}
        Err(error) => return Err(error),
    }
    for key in keys {
        let id = key.clone();
        match state.db.write(move |tx| step(tx, &id, now)).await {
            Err(DbError::Unreadable(reason)) => {
                tracing::error!(key, reason, "skipped the expiration of a key that cannot be read");
                state.db.write(move |tx| give_up(tx, &key, now)).await?;
            }
            done => done?,
        }
    }
    Ok(is_full)
}
