//! Events that ended a secret, followed until every node has heard of them.

use std::time::Duration;

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    db::DbError,
    domain::events::stops::{self, Followed},
    web::state::State,
};

/// A pause between two looks at how far they have got.
const LOOK: Duration = Duration::from_millis(50);

/// How often it is looked for some that nobody told of, such as what another node left undone.
const INTERVAL: Duration = Duration::from_secs(5);

/// Follows whatever waits, again and again, and whatever is told by `wake`.
pub(super) async fn follow(state: &State, wake: &Notify) {
    loop {
        match step(state).await {
            Ok(true) => sleep(LOOK).await,
            Ok(false) => {
                let _ = timeout(INTERVAL, wake.notified()).await;
            }
            Err(error) => {
                tracing::error!(%error, "on which nodes keys have stopped could not be saved");
                sleep(INTERVAL).await;
            }
        }
    }
}

/// Keeps what is over; answers whether something still waits.
async fn step(state: &State) -> Result<bool, DbError> {
    let followed = state.db.read(stops::followed).await?;
    let is_any = !followed.is_empty();
    let over: Vec<Followed> = followed.into_iter().filter(Followed::is_over).collect();
    if !over.is_empty() {
        let now = state.clock.now();
        state.db.write(move |tx| over.into_iter().try_for_each(|one| stops::settle(tx, one, now))).await?;
    }
    Ok(is_any)
}
