//! Carries the outbox to the mail server.
//!
//! All state is in the outbox: what a stopped process left queued, the next one sends.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    delivery::{Delivery, DeliveryError},
    messages::Composer,
};
use crate::{
    clock::Clock,
    db::{Db, DbError},
    domain::outbox::{self, QueuedMail, UnreadableMail},
};

/// Mails read from the outbox at once.
const BATCH: i64 = 40;

/// Mails under way at the same time.
const AT_A_TIME: usize = 4;

/// The rest between two looks at the outbox when nobody wakes the worker.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a shutdown waits for the mails in hand: a little more than one may take.
const GRACE: Duration = Duration::from_secs(35);

/// Sends what is due until `shutdown` completes, then finishes the mails in hand.
///
/// `wake` is notified after a commit that queued a mail.
pub async fn run(
    db: Db,
    clock: Clock,
    delivery: Delivery,
    composer: Composer,
    wake: Arc<Notify>,
    shutdown: impl Future<Output = ()>,
) {
    let worker = Worker { db, clock, delivery, composer };
    let mut in_hand = JoinSet::new();
    // Stopped between two mails, `work` leaves those under way in the set.
    tokio::select! {
        () = worker.work(&mut in_hand, &wake) => {}
        () = pin!(shutdown) => {}
    }
    if timeout(GRACE, finish_all(&mut in_hand)).await.is_err() {
        tracing::warn!(mails = in_hand.len(), "stopped with mails in hand");
    }
}

#[derive(Clone)]
struct Worker {
    db: Db,
    clock: Clock,
    delivery: Delivery,
    composer: Composer,
}

impl Worker {
    async fn work(&self, in_hand: &mut JoinSet<()>, wake: &Notify) {
        loop {
            if !self.send_batch(in_hand).await {
                // Woken or not, there may be something to do now.
                let _ = timeout(PAUSE, wake.notified()).await;
            }
        }
    }

    /// Sends one batch. Answers whether it is worth looking for more at once.
    async fn send_batch(&self, in_hand: &mut JoinSet<()>) -> bool {
        // Held until the last mail of the batch is noted, so that no other worker sees it as due.
        let turn = Arc::new(self.delivery.turn().await);
        let now = self.clock.now();
        let mails = match self.db.read(move |connection| outbox::due(connection, now, BATCH)).await {
            Ok(mails) => mails,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read");
                return false;
            }
        };
        let mut fine = !mails.is_empty();
        for mail in mails {
            let mail = match mail {
                Ok(mail) => mail,
                Err(unreadable) => {
                    fine &= self.give_up(unreadable).await;
                    continue;
                }
            };
            while in_hand.len() >= AT_A_TIME {
                fine &= finish_one(in_hand).await;
            }
            in_hand.spawn(self.clone().deliver(mail, Arc::clone(&turn)));
        }
        finish_all(in_hand).await && fine
    }

    /// Answers `false` when that could not be noted: the mail is due again then.
    async fn give_up(&self, unreadable: UnreadableMail) -> bool {
        let UnreadableMail { id, reason } = &unreadable;
        tracing::error!(mail = id, reason, "a mail cannot be read and is given up");
        let now = self.clock.now();
        let noted = self.db.write(move |tx| outbox::give_up(tx, &unreadable, now)).await;
        noted.inspect_err(|error| tracing::error!(%error, "that could not be noted")).is_ok()
    }

    async fn deliver(self, mail: QueuedMail, _turn: Arc<OwnedMutexGuard<()>>) {
        let outcome = match self.composer.compose(&mail.recipient, &mail.message) {
            Ok(rendered) => self.delivery.send(&mail, &rendered).await,
            Err(error) => Err(DeliveryError::permanent(format!("not rendered: {error}"))),
        };
        match &outcome {
            Ok(()) => tracing::info!(mail = mail.id, "mail sent"),
            Err(DeliveryError { permanent, code, .. }) => {
                tracing::warn!(mail = mail.id, permanent, code, "mail not sent");
            }
        }
        // A mail whose fate is not on record would be sent again, so this does not give up.
        while let Err(error) = self.record(mail.clone(), outcome.clone()).await {
            tracing::error!(mail = mail.id, %error, "the fate of a mail could not be recorded");
            sleep(PAUSE).await;
        }
    }

    async fn record(&self, mail: QueuedMail, outcome: Result<(), DeliveryError>) -> Result<(), DbError> {
        let now = self.clock.now();
        self.db
            .write(move |tx| match outcome {
                Ok(()) => outbox::mark_sent(tx, &mail, now),
                Err(DeliveryError { reason, permanent, .. }) => {
                    outbox::mark_attempt_failed(tx, &mail, &reason, permanent, now)
                }
            })
            .await
    }
}

/// Waits for one of the mails under way. Answers `false` when its task panicked.
async fn finish_one(in_hand: &mut JoinSet<()>) -> bool {
    let panicked = matches!(in_hand.join_next().await, Some(Err(_)));
    if panicked {
        tracing::error!("sending a mail panicked");
    }
    !panicked
}

/// Waits for all mails under way. Answers `false` when a task panicked.
async fn finish_all(in_hand: &mut JoinSet<()>) -> bool {
    let mut fine = true;
    while !in_hand.is_empty() {
        fine &= finish_one(in_hand).await;
    }
    fine
}
