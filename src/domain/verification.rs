//! Verification: whether a presented key is accepted, answered from memory.
//!
//! A digest that was asked for before is found in a bounded cache, without the database. A change
//! of a key is told by [`Db`] after its commit and before its caller goes on, so it holds from the
//! first request after its answer. What is not there is read anew each time and not kept: keys
//! that somebody makes up cannot push out good ones.

mod clients;
mod dry_run;
mod imported;
mod kept;
mod known;
mod known_instance_token;
mod known_organization;
mod meters;
mod monthly_use;
mod portions;
mod span;
mod tally;

use std::sync::Arc;

pub use crate::vocabulary::{Outcome, Span};
pub(super) use clients::Clients;
pub use clients::{Client, MAX_CLIENTS};
pub use dry_run::{DryRun, Tried};
pub use known::{KeyRequest, KnownKey, KnownToken, Limits};
pub use known_instance_token::{KnownCaller, KnownInstanceToken};
pub(super) use monthly_use::MonthlyUse;
pub(super) use monthly_use::Used;
pub use monthly_use::{PARTS_OF_A_QUOTA, QuotaLeft};
pub(super) use portions::used_this_month;
pub(super) use portions::{Owner, first_of_month, next_month};
pub use portions::{give_back_portions, purge_portions};
pub(super) use tally::{Pending, Sum, Tally};

use imported::ImportedKeys;
pub use imported::VerifyError;
use kept::Kept;
use known::Rules;
pub use known_organization::KnownOrganization;
use known_organization::OrganizationRegistry;
use meters::{MeterRegistry, Metered, RotationRegistry};
use monthly_use::NeedsPortion;
use portions::Portions;

use super::{
    api_keys::{self, StoredKey},
    instance_tokens, master_tokens,
    rotation::Side,
    secret::{self, SecretDigest, SecretKind},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, Db, DbError},
    folding::fold,
    vocabulary::KeyStatus,
};

/// Few machines hold master tokens.
const MAX_TOKENS_IN_MEMORY: usize = 10_000;

/// The answer to "is this key accepted?".
#[derive(Clone, Debug)]
pub enum Decision {
    /// The text has not the form or the checksum of a key.
    Malformed,
    /// No such key.
    NotFound,
    /// A key of another organization than the one demanded. Nothing of it was used.
    Foreign,
    /// A key that is known, with what came of the request.
    Known {
        /// The key.
        key: Arc<KnownKey>,
        /// Whether it is accepted, or why not.
        outcome: Outcome,
        /// What its limits leave.
        limits: Limits,
    },
}

/// Answers verifications; clones share the caches.
#[derive(Clone)]
pub struct Verifier {
    db: Db,
    keys: Arc<Kept<KnownKey>>,
    tokens: Arc<Kept<KnownToken>>,
    instance_tokens: Arc<Kept<KnownInstanceToken>>,
    meters: Arc<MeterRegistry>,
    rotations: Arc<RotationRegistry>,
    organizations: Arc<OrganizationRegistry>,
    imported: Arc<ImportedKeys>,
}

impl Verifier {
    /// A verifier that keeps `most_keys` in memory and hears of changes from `db`.
    pub fn new(db: &Db, most_keys: usize) -> Self {
        let verifier = Self {
            db: db.clone(),
            keys: Arc::new(Kept::new(most_keys)),
            tokens: Arc::new(Kept::new(MAX_TOKENS_IN_MEMORY)),
            instance_tokens: Arc::new(Kept::new(MAX_TOKENS_IN_MEMORY)),
            meters: Arc::new(MeterRegistry::of_one_on(db)),
            rotations: Arc::default(),
            organizations: Arc::new(OrganizationRegistry::of_one_on(db)),
            imported: Arc::default(),
        };
        let Self { keys, tokens, instance_tokens, organizations, .. } = verifier.clone();
        db.on_change(move |change| match change {
            Change::Secret(digest) => {
                let digest = SecretDigest::from_bytes(digest);
                keys.changed(digest.as_ref());
                tokens.changed(digest.as_ref());
                instance_tokens.changed(digest.as_ref());
            }
            Change::Organization(id) => {
                // First: what was read of it before is then either kept nowhere, or marked by what follows.
                keys.changed(None);
                tokens.changed(None);
                organizations.invalidate(id);
            }
            Change::Anything => {
                keys.forget_all();
                tokens.forget_all();
                instance_tokens.forget_all();
                organizations.invalidate_all();
            }
            Change::MailQueued | Change::WebhookQueued | Change::Stop(_) => {}
        });
        verifier
    }

    /// How many keys are in memory.
    pub fn keys_in_memory(&self) -> usize {
        self.keys.len()
    }

    /// Verifies `presented` at the instant `now`.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(
        &self,
        presented: &str,
        wanted: &KeyRequest<'_>,
        now: Timestamp,
    ) -> Result<Decision, VerifyError> {
        let found = if secret::is_well_formed(SecretKind::ApiKey, presented) {
            self.key_with(SecretDigest::of(presented), now).await?
        } else {
            match self.imported_key(presented, now).await? {
                // Nobody is told less of a key of ours that was mistyped, since there are others.
                Some(None) if secret::reads_like_one(presented) => return Ok(Decision::Malformed),
                Some(found) => found,
                None => return Ok(Decision::Malformed),
            }
        };
        let Some(key) = found else { return Ok(Decision::NotFound) };
        if let Some(decision) = reject_early(&key, wanted, now) {
            return Ok(decision);
        }
        let (outcome, limits) = loop {
            match key.evaluate(wanted, now) {
                Ok(evaluated) => break evaluated,
                Err(NeedsPortion) => self.take_portion(&key, wanted.cost, now).await?,
            }
        };
        if outcome == Outcome::Valid {
            self.note_use(&key, now).await;
        }
        Ok(Decision::Known { key, outcome, limits })
    }

    /// Notes that a new secret was accepted. Where its first use ends the previous secret, that use is
    /// written before it is answered: otherwise the end of the process would open to the previous
    /// secret what was closed to it. While it cannot be written the previous secret goes on.
    async fn note_use(&self, key: &KnownKey, now: Timestamp) {
        let Some((Side::Current, live)) = key.rotation.as_deref() else { return };
        if !live.waits_for_first_use() {
            return live.note_use(now);
        }
        let (db, live) = (self.db.clone(), live.clone());
        let written = async {
            let _first = live.first_use().await;
            if !live.waits_for_first_use() {
                return Ok(());
            }
            let (db, live) = (db.clone(), live.clone());
            // Goes on by itself: whoever asked may not wait so long.
            tokio::spawn(async move {
                let previous = live.get().previous_digest;
                db.write(move |tx| api_keys::write_first_use(tx, previous, now)).await?;
                live.note_use(now);
                Ok(())
            })
            .await?
        };
        db.beside("the first use of a new secret could not be written", written).await;
    }

    /// Goes on by itself: whoever asked may not wait so long, and what was taken has to be heard of.
    async fn take_portion(&self, key: &Arc<KnownKey>, cost: u32, now: Timestamp) -> Result<(), DbError> {
        let (db, key) = (self.db.clone(), key.clone());
        tokio::spawn(async move { key.take_portion(&db, cost, now).await }).await?
    }

    /// The key that a secret opens, from memory or else from the database.
    async fn key_with(&self, digest: SecretDigest, now: Timestamp) -> Result<Option<Arc<KnownKey>>, DbError> {
        if let Some(known) = self.key_in_memory(digest, now) {
            return Ok(Some(known));
        }
        let (verifier, trusts_memory) = (self.clone(), self.db.trusts_memory());
        let look_up = move |connection: &mut Connection| {
            let found = api_keys::by_digest(connection, digest)?;
            found.map(|stored| verifier.known_key(connection, stored, now)).transpose()
        };
        self.keys.read(digest, trusts_memory, self.db.read_for_verification(look_up)).await
    }

    fn key_in_memory(&self, digest: SecretDigest, now: Timestamp) -> Option<Arc<KnownKey>> {
        let trusts_memory = self.db.trusts_memory();
        self.keys.get(&digest, now).filter(|_| trusts_memory)
    }

    fn known_key(
        &self,
        connection: &mut Connection,
        stored: StoredKey,
        now: Timestamp,
    ) -> Result<KnownKey, DbError> {
        let id = stored.id.parse().map_err(DbError::unreadable)?;
        let used = match stored.settings.monthly_quota {
            Some(_) => used_this_month(connection, &Owner::Key(stored.id.clone()), now)?,
            None => 0,
        };
        let (rate, quota) = (stored.settings.rate_limit, stored.settings.monthly_quota);
        let meters = self.meters.of(&stored.id, Metered { rate, quota }, used, now);
        let organization = self.organizations.of(connection, stored.organization, now)?;
        let rotation =
            stored.rotation.map(|(side, rotation)| Box::new((side, self.rotations.of(&stored.id, rotation))));
        Ok(KnownKey {
            rotation,
            id,
            name: stored.name.into(),
            rules: Rules::of(stored.settings, meters, &organization.bounds().ceilings),
            organization,
            expires_at: stored.expires_at,
            is_deactivated: stored.deactivated_at.is_some(),
            environment: stored.environment,
            tally: Tally::default(),
        })
    }

    /// The master token that `presented` is, if it is accepted at the instant `now`. The copy in
    /// memory outlives the token's end, so the end is looked at each time.
    ///
    /// # Errors
    /// [`DbError`] when the token is not in memory and the database fails.
    pub async fn authenticate(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<KnownToken>>, DbError> {
        if !secret::is_well_formed(SecretKind::MasterToken, presented) {
            return Ok(None);
        }
        self.token(SecretDigest::of(presented), now).await
    }

    /// The active master token with this digest.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn token(
        &self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Option<Arc<KnownToken>>, DbError> {
        let trusts_memory = self.db.trusts_memory();
        let known = match self.tokens.get(&digest, now).filter(|_| trusts_memory) {
            Some(known) => Some(known),
            None => {
                let organizations = self.organizations.clone();
                let look_up = move |connection: &mut Connection| {
                    let found = master_tokens::by_digest(connection, digest)?;
                    found
                        .map(|(token, organization)| {
                            let organization = organizations.of(connection, organization, now)?;
                            Ok(KnownToken::new(token, organization))
                        })
                        .transpose()
                };
                self.tokens.read(digest, trusts_memory, self.db.read_for_verification(look_up)).await?
            }
        };
        Ok(known.filter(|known| known.token.status(now) == KeyStatus::Active))
    }

    /// The instance token that `presented` is, if it is accepted at the instant `now`. As of a master token, the copy in
    /// memory outlives the token's end.
    ///
    /// # Errors
    /// [`DbError`] when the token is not in memory and the database fails.
    pub async fn authenticate_on_instance(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<KnownInstanceToken>>, DbError> {
        if !secret::is_well_formed(SecretKind::InstanceToken, presented) {
            return Ok(None);
        }
        let (digest, trusts_memory) = (SecretDigest::of(presented), self.db.trusts_memory());
        let known = match self.instance_tokens.get(&digest, now).filter(|_| trusts_memory) {
            Some(known) => Some(known),
            None => {
                let look_up = move |connection: &mut Connection| {
                    Ok(instance_tokens::by_digest(connection, digest)?.map(KnownInstanceToken::new))
                };
                let reading = self.db.read_for_verification(look_up);
                self.instance_tokens.read(digest, trusts_memory, reading).await?
            }
        };
        Ok(known.filter(|known| known.token.status(now) == KeyStatus::Active))
    }
}

/// The decision on a key that is none for this wanted; `None` for one that has to be evaluated.
fn reject_early(key: &KnownKey, wanted: &KeyRequest<'_>, now: Timestamp) -> Option<Decision> {
    if key.is_over(now) {
        return Some(Decision::NotFound);
    }
    if wanted.organization.is_some_and(|wanted| wanted != key.organization.id) {
        return Some(Decision::Foreign);
    }
    // Folding takes its time, and few write the name otherwise than it is.
    let is_name = |wanted: &str| wanted == &*key.name || fold(wanted) == fold(&key.name);
    wanted.name.is_some_and(|wanted| !is_name(wanted)).then_some(Decision::NotFound)
}
