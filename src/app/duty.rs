//! What one node does for all of them: mail, webhooks, and what is due at a time. Whoever has the lease does
//! it; the others stand by.

use std::time::Duration;

use tokio::{
    sync::watch::{Receiver, Sender},
    time::{Instant, sleep},
};

use crate::{
    clock::Clock,
    db::{Db, DbError},
    domain::leases,
};

/// The lease's name.
const LEASE: &str = "duty";

/// How often it is renewed, or asked for by those who stand by.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// Without a renewal for so long, a node begins nothing more: what it has begun takes half a minute at
/// most, and is done before the lease ends (`leases::TERM`) and another node goes on.
const ENDURANCE: Duration = Duration::from_secs(20);

/// Whether a node does what one does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Another node does it, or nobody yet.
    StandsBy,
    /// This one does.
    Leads,
    /// This one stops.
    Stops,
}

/// What tells a node's workers of its duty.
#[derive(Clone, Debug)]
pub(super) struct Orders(Sender<Duty>);

impl Orders {
    /// For a node that is the only one.
    pub(super) fn alone() -> Self {
        Self(Sender::new(Duty::Leads))
    }

    /// For one of several, which has to get the lease first.
    pub(super) fn among_others() -> Self {
        Self(Sender::new(Duty::StandsBy))
    }

    /// Has the workers finish what they have in hand.
    pub(super) fn stop(&self) {
        self.0.send_replace(Duty::Stops);
    }

    /// Follows them.
    pub(super) fn follow(&self) -> Follower {
        Follower(self.0.subscribe())
    }

    /// A node that stops goes on stopping.
    fn set(&self, leads: bool) {
        let wanted = if leads { Duty::Leads } else { Duty::StandsBy };
        self.0.send_if_modified(|duty| {
            let changes = *duty != Duty::Stops && *duty != wanted;
            if changes {
                *duty = wanted;
            }
            changes
        });
    }
}

/// A worker's ear.
#[derive(Clone, Debug)]
pub(super) struct Follower(Receiver<Duty>);

impl Follower {
    /// Does `work` whenever the node leads, until it stops. `work` gets what ends when it shall finish.
    pub(super) async fn while_leading<F: Future<Output = ()>>(mut self, work: impl Fn(Ends) -> F) {
        while self.leads().await {
            work(Ends(self.clone())).await;
        }
    }

    /// Waits until the node leads; `false` when it stops.
    async fn leads(&mut self) -> bool {
        let duty = self.0.wait_for(|duty| *duty != Duty::StandsBy).await;
        duty.is_ok_and(|duty| *duty == Duty::Leads)
    }
}

/// The end of a node's lead.
pub(super) struct Ends(Follower);

impl Ends {
    /// Waits for it.
    pub(super) async fn wait(mut self) {
        // Without orders there is no lead.
        let _ = self.0.0.wait_for(|duty| *duty != Duty::Leads).await;
    }
}

/// Gets the lease for this node, renews it while that goes, and tells `orders`, again and again.
pub(super) async fn seek(db: Db, clock: Clock, orders: Orders) {
    let Some(node) = db.node() else { return };
    let mut renewed: Option<Instant> = None;
    loop {
        let (began, holder, now) = (Instant::now(), node.id.clone(), clock.now());
        match db.write_beside(move |tx| leases::take(tx, LEASE, &holder, now)).await {
            Ok(true) => renewed = Some(began),
            Ok(false) => renewed = None,
            // Another node was faster with the first lease of all.
            Err(error) if DbError::is_unique_violation(&error) => renewed = None,
            Err(error) => {
                tracing::error!(%error, "could not renew the lease of what one node does for all");
            }
        }
        orders.set(renewed.is_some_and(|renewed| began - renewed < ENDURANCE));
        sleep(RENEW_INTERVAL).await;
    }
}

/// Lets another node go on at once.
pub(super) async fn give_back(db: &Db) -> Result<(), DbError> {
    let Some(holder) = db.node().map(|node| node.id.clone()) else { return Ok(()) };
    db.write_beside(move |tx| leases::give_back(tx, LEASE, &holder)).await
}
