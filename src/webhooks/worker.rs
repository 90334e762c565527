//! Carries what waits to its receivers.
//!
//! All state is in the database: what a stopped process left, the next one delivers. A message
//! whose delivery was not noted is sent again, under the same id, so that receivers can tell.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    lanes::Lanes,
    sender::{Sender, TIMEOUT},
};
use crate::{
    clock::Clock,
    db::{Db, DbError},
    domain::webhooks::{self, Attempt, AttemptOutcome, Outgoing, UnreadableDelivery},
};

/// The rest between two looks at what waits when nobody wakes the worker.
const PAUSE: Duration = Duration::from_secs(5);

/// The same while messages are under way: slow ones make room for others.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

/// How long a shutdown waits for the messages in hand: a little more than one may take.
const GRACE: Duration = Duration::from_secs(TIMEOUT.as_secs() + 5);

/// Delivers what is due until `shutdown` completes, then finishes the messages in hand.
///
/// `wake` is notified after a commit that queued a message.
pub async fn run(
    db: Db,
    clock: Clock,
    sender: Sender,
    wake: Arc<Notify>,
    shutdown: impl Future<Output = ()>,
) {
    let worker = Worker { db, clock, sender };
    let mut in_hand = JoinSet::new();
    tokio::select! {
        () = worker.work(&mut in_hand, &wake) => {}
        () = pin!(shutdown) => {}
    }
    let finish = async { while in_hand.join_next().await.is_some() {} };
    if timeout(GRACE, finish).await.is_err() {
        tracing::warn!(messages = in_hand.len(), "stopped while events were being delivered");
    }
}

#[derive(Clone)]
struct Worker {
    db: Db,
    clock: Clock,
    sender: Sender,
}

impl Worker {
    async fn work(&self, in_hand: &mut JoinSet<()>, wake: &Notify) {
        let mut lanes = Lanes::default();
        loop {
            self.start_due(in_hand, &mut lanes).await;
            let pause = if in_hand.is_empty() { PAUSE } else { SHORT_PAUSE };
            tokio::select! {
                Some(done) = in_hand.join_next_with_id(), if !in_hand.is_empty() => {
                    let id = match &done {
                        Ok((id, ())) => *id,
                        Err(error) => error.id(),
                    };
                    lanes.finish(id, Instant::now());
                    if done.is_err() {
                        tracing::error!("delivering an event to a webhook panicked");
                        sleep(PAUSE).await;
                    }
                }
                () = wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn start_due(&self, in_hand: &mut JoinSet<()>, lanes: &mut Lanes) {
        let now = self.clock.now();
        let mut waiting = match self.db.read(move |connection| webhooks::waiting(connection, now)).await {
            Ok(waiting) => waiting,
            Err(error) => return tracing::error!(%error, "could not read the deliveries of webhooks"),
        };
        lanes.forget_all_but(&waiting);
        while let Some(next) = lanes.choose(&waiting, Instant::now()).cloned() {
            let id = next.webhook_id.clone();
            match self.db.read(move |connection| webhooks::next_of(connection, &id, now)).await {
                Ok(Some(Ok(message))) => {
                    let task = in_hand.spawn(self.clone().deliver(message));
                    lanes.start(task.id(), next, Instant::now());
                }
                // It makes room for the next one.
                Ok(Some(Err(unreadable))) => {
                    if !self.give_up(unreadable).await {
                        return;
                    }
                }
                Ok(None) => waiting.retain(|other| *other != next),
                Err(error) => return tracing::error!(%error, "could not read the deliveries of webhooks"),
            }
        }
    }

    /// Answers `false` when that could not be noted: the message is due again then.
    async fn give_up(&self, unreadable: UnreadableDelivery) -> bool {
        let UnreadableDelivery { id, reason } = &unreadable;
        tracing::error!(id, reason, "gave up a delivery that cannot be read");
        let now = self.clock.now();
        let noted = self.db.write_beside(move |tx| webhooks::give_up(tx, &unreadable, now)).await;
        noted.inspect_err(|error: &DbError| tracing::error!(%error, "could not record that")).is_ok()
    }

    async fn deliver(self, message: Outgoing) {
        let attempt = self.sender.send(&message, self.clock.now()).await;
        let (id, webhook) = (&message.id, &message.webhook_id);
        let failure = match &attempt.outcome {
            AttemptOutcome::Delivered => None,
            AttemptOutcome::Failed(reason) => Some(reason.as_str()),
            AttemptOutcome::Gone => Some("The receiver wants no more events."),
        };
        match failure {
            None => tracing::info!(id, webhook, "event delivered to a webhook"),
            Some(reason) => {
                tracing::warn!(
                    id,
                    webhook,
                    status = attempt.status,
                    reason,
                    "event not delivered to a webhook"
                );
            }
        }
        // A message whose fate is not on record would be sent again, so this does not give up.
        while let Err(error) = self.record(message.id.clone(), attempt.clone()).await {
            tracing::error!(id, %error, "could not record the result of a delivery");
            sleep(PAUSE).await;
        }
    }

    async fn record(&self, id: String, attempt: Attempt) -> Result<(), DbError> {
        let now = self.clock.now();
        let (own_id, own_attempt) = (id.clone(), attempt.clone());
        let is_noted =
            self.db.write_beside(move |tx| webhooks::record_attempt_beside(tx, &own_id, &own_attempt, now));
        if is_noted.await? {
            return Ok(());
        }
        self.db.write(move |tx| webhooks::record_attempt(tx, &id, &attempt, now)).await
    }
}
