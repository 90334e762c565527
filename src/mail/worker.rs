//! Carries the outbox to the mail server.
//!
//! All state is in the outbox: what a stopped process left queued, the next one sends.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::{Id, JoinSet},
    time::{sleep, timeout},
};

use super::{
    delivery::{Delivery, DeliveryError},
    messages::Composer,
};
use crate::{
    clock::Clock,
    db::{Db, DbError},
    domain::outbox::{self, Class, InHand, QueuedMail, UnreadableMail},
    fair_turns::FairTurns,
};

/// Mails under way at the same time.
const AT_A_TIME: usize = 4;

/// As many of them at most are such that nobody waits for, so that a mail that somebody waits for at
/// the screen finds a hand free even while the mail server hangs.
const OTHERS_AT_A_TIME: usize = 3;

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
    let finish = async { while in_hand.join_next().await.is_some() {} };
    if timeout(GRACE, finish).await.is_err() {
        tracing::warn!(mails = in_hand.len(), "stopped while emails were being sent");
    }
}

#[derive(Clone)]
struct Worker {
    db: Db,
    clock: Clock,
    delivery: Delivery,
    composer: Composer,
}

/// A mail under way.
struct Hand {
    id: String,
    recipient: String,
    class: Class,
}

/// The mails under way, by the task that carries each.
#[derive(Default)]
struct Hands(HashMap<Id, Hand>);

impl Hands {
    fn in_hand(&self) -> InHand {
        let paced = self.0.values().filter(|hand| hand.class != Class::Notice);
        InHand {
            ids: self.0.values().map(|hand| hand.id.clone()).collect(),
            recipients: paced.map(|hand| hand.recipient.clone()).collect(),
        }
    }

    fn of_others(&self) -> usize {
        self.0.values().filter(|hand| hand.class != Class::Awaited).count()
    }
}

impl Worker {
    async fn work(&self, in_hand: &mut JoinSet<()>, wake: &Notify) {
        let mut turns = FairTurns::default();
        loop {
            self.send_all_due(in_hand, &mut turns, wake).await;
            // Woken or not, there may be something to do now.
            let _ = timeout(PAUSE, wake.notified()).await;
        }
    }

    /// Sends until nothing is due and nothing under way, or until something went wrong.
    async fn send_all_due(&self, in_hand: &mut JoinSet<()>, turns: &mut FairTurns, wake: &Notify) {
        // Held until the last mail is noted, so that no other worker sees it as due.
        let turn = Arc::new(self.delivery.turn().await);
        let mut hands = Hands::default();
        let mut fine = true;
        loop {
            while fine && hands.0.len() < AT_A_TIME {
                match self.next(&hands, turns).await {
                    Ok(Some(Ok(mail))) => {
                        let hand = Hand {
                            id: mail.id.clone(),
                            recipient: mail.recipient.clone(),
                            class: mail.class,
                        };
                        let task = in_hand.spawn(self.clone().deliver(mail, Arc::clone(&turn)));
                        hands.0.insert(task.id(), hand);
                    }
                    Ok(Some(Err(unreadable))) => fine &= self.give_up(unreadable).await,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(%error, "could not read the outbox");
                        fine = false;
                    }
                }
            }
            if in_hand.is_empty() {
                return;
            }
            tokio::select! {
                Some(done) = in_hand.join_next_with_id() => {
                    let id = match &done {
                        Ok((id, ())) => *id,
                        Err(error) => error.id(),
                    };
                    hands.0.remove(&id);
                    if done.is_err() {
                        tracing::error!("sending an email panicked");
                        fine = false;
                    }
                }
                () = wake.notified() => {}
            }
        }
    }

    /// What goes next: what somebody waits for, and else one mail of each organization in turn. A
    /// flood of the first kind leaves one hand to the rest.
    async fn next(
        &self,
        hands: &Hands,
        turns: &mut FairTurns,
    ) -> Result<Option<Result<QueuedMail, UnreadableMail>>, DbError> {
        let others = hands.of_others();
        if others == 0
            && hands.0.len() + 1 == AT_A_TIME
            && let Some(mail) = self.next_of_others(hands, turns).await?
        {
            return Ok(Some(mail));
        }
        let (in_hand, now) = (hands.in_hand(), self.clock.now());
        let awaited = self.db.read(move |connection| outbox::next_awaited(connection, &in_hand, now)).await?;
        match awaited {
            None if others < OTHERS_AT_A_TIME => self.next_of_others(hands, turns).await,
            awaited => Ok(awaited),
        }
    }

    async fn next_of_others(
        &self,
        hands: &Hands,
        turns: &mut FairTurns,
    ) -> Result<Option<Result<QueuedMail, UnreadableMail>>, DbError> {
        /// Mails about accounts take turns as those of one organization do.
        fn who(organization: &Option<String>) -> &str {
            organization.as_deref().unwrap_or_default()
        }
        let (in_hand, now) = (hands.in_hand(), self.clock.now());
        let waiting =
            self.db.read(move |connection| outbox::waiting_organizations(connection, &in_hand, now)).await?;
        turns.forget_all_before(waiting.iter().map(who));
        let Some(organization) = turns.next(&waiting, who).cloned() else { return Ok(None) };
        turns.serve(who(&organization));
        let in_hand = hands.in_hand();
        self.db
            .read(move |connection| outbox::next_of(connection, organization.as_deref(), &in_hand, now))
            .await
    }

    /// Answers `false` when that could not be noted: the mail is due again then.
    async fn give_up(&self, unreadable: UnreadableMail) -> bool {
        let UnreadableMail { id, reason } = &unreadable;
        tracing::error!(mail = id, reason, "gave up an email that cannot be read");
        let now = self.clock.now();
        let noted = self.db.write_beside(move |tx| outbox::give_up(tx, &unreadable, now)).await;
        noted.inspect_err(|error| tracing::error!(%error, "could not record that")).is_ok()
    }

    async fn deliver(self, mail: QueuedMail, _turn: Arc<OwnedMutexGuard<()>>) {
        let outcome = match self.composer.compose(&mail.recipient, &mail.message) {
            Ok(rendered) => self.delivery.send((&mail).into(), &rendered).await.map(|_answer| ()),
            Err(error) => Err(DeliveryError::permanent(format!("not rendered: {error}"))),
        };
        match &outcome {
            Ok(()) => tracing::info!(mail = mail.id, "email sent"),
            Err(DeliveryError { permanent, code, reason }) => {
                // Servers repeat the recipient, who is nobody's business but the outbox's.
                let reason = reason.replace(mail.recipient.as_str(), "<recipient>");
                tracing::warn!(mail = mail.id, permanent, code, reason, "email not sent");
            }
        }
        // A mail whose fate is not on record would be sent again, so this does not give up.
        while let Err(error) = self.record(mail.clone(), outcome.clone()).await {
            tracing::error!(mail = mail.id, %error, "could not record the result of an email");
            sleep(PAUSE).await;
        }
    }

    async fn record(&self, mail: QueuedMail, outcome: Result<(), DeliveryError>) -> Result<(), DbError> {
        let now = self.clock.now();
        self.db
            .write_beside(move |tx| match outcome {
                Ok(()) => outbox::mark_sent(tx, &mail, now),
                Err(DeliveryError { reason, permanent, .. }) => {
                    outbox::mark_attempt_failed(tx, &mail, &reason, permanent, now)
                }
            })
            .await
    }
}
