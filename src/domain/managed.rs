//! What API keys, master tokens and webhooks have in common: each is a thing of an organization with
//! a switch, a secret that is shown once, and a removal.
//!
//! A kind says what is its own in `Managed`: its statements, each a line or two, and what follows
//! from a change. What is done with it, in which order and with which checks, stands here once.

use time::Duration;

use super::{
    access::{Capability, Grant, See},
    grouped::grouped,
    id::new_id,
    organization::Organization,
    plan_limit::PlanLimit,
    secret::{NoRandomness, Secret},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, DbError, Tx},
};

/// How long what was removed can be restored.
pub const RESTORABLE_FOR: Duration = Duration::days(14);

/// Why something is not created, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is none in this organization.
    #[error("not found")]
    NotFound,
    /// The organization has one of that name.
    #[error("{kind} with this name already exists. Choose another name.")]
    NameTaken {
        /// What it is, such as "An API key".
        kind: &'static str,
    },
    /// There are as many as there may be.
    #[error(
        "You’ve reached the limit of {} {}. Remove one you no longer need.",
        grouped(*max),
        if *max == 1 { kinds.0 } else { kinds.1 }
    )]
    TooMany {
        /// What one is and what many are, such as "key" and "keys".
        kinds: (&'static str, &'static str),
        /// How many there may be.
        max: i64,
    },
    /// The plan of the organization does not allow that.
    #[error(transparent)]
    Plan(PlanLimit),
    /// Its state does not allow that; the sentence says why.
    #[error("{0}")]
    State(&'static str),
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<PlanLimit> for ManageError {
    fn from(error: PlanLimit) -> Self {
        match error {
            PlanLimit::Db(error) => Self::Db(error),
            limit => Self::Plan(limit),
        }
    }
}

impl From<diesel::result::Error> for ManageError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// What was done with a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It was made.
    Created,
    /// It was switched on.
    Activated,
    /// It was switched off.
    Deactivated,
    /// It got another secret.
    SecretReplaced,
    /// It is gone.
    Removed,
}

/// What every new row begins with.
pub(super) struct NewRow<'a> {
    /// The id.
    pub id: String,
    /// The organization.
    pub organization_id: &'a str,
    /// The secret that is shown once.
    pub secret: &'a Secret,
    /// Who creates it, by name.
    pub created_by: &'a str,
    /// When.
    pub created_at: Timestamp,
}

type Row<M> = diesel::QueryResult<M>;

/// A kind of thing that an organization has some of.
pub(super) trait Managed: Sized {
    /// What is chosen when one is created.
    type New;
    /// Who may change it.
    type Manage: Capability;

    /// "An API key".
    const A_KIND: &'static str;
    /// "key" and "keys".
    const KINDS: (&'static str, &'static str);

    /// How many an organization may have.
    fn max(rules: &InstanceRules) -> i64;
    /// A secret for a new one, or another one for one that is there.
    fn generate_secret(rules: &InstanceRules, new: Option<&Self::New>) -> Result<Secret, NoRandomness>;
    /// How many the organization has.
    fn count(connection: &mut Connection, organization_id: &str) -> Row<i64>;
    /// Stores a new one.
    fn insert(connection: &mut Connection, new: &Self::New, row: &NewRow<'_>) -> Row<Self>;
    /// The one with this id.
    fn select(connection: &mut Connection, organization_id: &str, id: &str) -> Row<Option<Self>>;
    /// Switches it on, or off since an instant.
    fn update_switch(connection: &mut Connection, id: &str, off_since: Option<Timestamp>) -> Row<Self>;
    /// Gives it another secret.
    fn update_secret(connection: &mut Connection, id: &str, secret: &Secret, now: Timestamp) -> Row<Self>;
    /// Takes it out of the way, whoever does so and when.
    fn delete(connection: &mut Connection, id: &str, by: &str, at: Timestamp) -> Row<usize>;

    /// Whether switching it `on` would change nothing.
    fn is_switched(&self, on: bool) -> bool;
    /// Why it can be neither activated nor get another secret, if it cannot.
    fn obstacle(&self, _: Timestamp) -> Option<&'static str> {
        None
    }
    /// Drops the copies of it that are in memory, once the transaction is committed.
    fn invalidate(_: &mut Tx<'_>, _id: &str) -> Result<(), DbError> {
        Ok(())
    }
    /// What follows from a change: the audit log, mails.
    fn note(
        &self,
        tx: &mut Tx<'_>,
        grant: &Grant<Self::Manage>,
        done: Done,
        now: Timestamp,
    ) -> Result<(), DbError>;
}

/// One thing of the organization.
pub(super) fn find<M: Managed>(
    connection: &mut Connection,
    organization: &Organization,
    id: &str,
) -> Result<M, ManageError> {
    M::select(connection, &organization.id, id)?.ok_or(ManageError::NotFound)
}

/// Whether the organization may have another one.
///
/// # Errors
/// [`ManageError::TooMany`].
pub(super) fn check_room<M: Managed>(
    connection: &mut Connection,
    organization: &Organization,
    rules: &InstanceRules,
) -> Result<(), ManageError> {
    let max = M::max(rules);
    if M::count(connection, &organization.id)? >= max {
        return Err(ManageError::TooMany { kinds: M::KINDS, max });
    }
    Ok(())
}

/// Creates a thing. Its secret is returned this once.
pub(super) fn create<M: Managed>(
    tx: &mut Tx<'_>,
    grant: &Grant<M::Manage>,
    new: &M::New,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(M, Secret), ManageError>
where
    Grant<M::Manage>: AsRef<Grant<See>>,
{
    let standing: &Grant<See> = grant.as_ref();
    check_room::<M>(tx.connection(), standing, rules)?;
    let secret = M::generate_secret(rules, Some(new))?;
    let row = NewRow {
        id: new_id(now),
        organization_id: &standing.id,
        secret: &secret,
        created_by: standing.actor().name(),
        created_at: now,
    };
    let inserted = M::insert(tx.connection(), new, &row).map_err(DbError::from);
    let thing = inserted.map_err(|error| match error {
        error if error.is_unique_violation() => ManageError::NameTaken { kind: M::A_KIND },
        error => error.into(),
    })?;
    thing.note(tx, grant, Done::Created, now)?;
    Ok((thing, secret))
}

/// Switches a thing on or off, which applies from the next request.
pub(super) fn switch<M: Managed>(
    tx: &mut Tx<'_>,
    grant: &Grant<M::Manage>,
    id: &str,
    on: bool,
    now: Timestamp,
) -> Result<M, ManageError>
where
    Grant<M::Manage>: AsRef<Grant<See>>,
{
    let thing: M = find(tx.connection(), grant.as_ref(), id)?;
    if let Some(obstacle) = thing.obstacle(now).filter(|_| on) {
        return Err(ManageError::State(obstacle));
    }
    if thing.is_switched(on) {
        return Ok(thing);
    }
    M::invalidate(tx, id)?;
    let thing = M::update_switch(tx.connection(), id, Some(now).filter(|_| !on))?;
    thing.note(tx, grant, if on { Done::Activated } else { Done::Deactivated }, now)?;
    Ok(thing)
}

/// Gives a thing another secret, returned this once.
pub(super) fn replace_secret<M: Managed>(
    tx: &mut Tx<'_>,
    grant: &Grant<M::Manage>,
    id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(M, Secret), ManageError>
where
    Grant<M::Manage>: AsRef<Grant<See>>,
{
    let thing: M = find(tx.connection(), grant.as_ref(), id)?;
    if let Some(obstacle) = thing.obstacle(now) {
        return Err(ManageError::State(obstacle));
    }
    M::invalidate(tx, id)?;
    let secret = M::generate_secret(rules, None)?;
    let thing = M::update_secret(tx.connection(), id, &secret, now)?;
    thing.note(tx, grant, Done::SecretReplaced, now)?;
    Ok((thing, secret))
}

/// Removes a thing.
pub(super) fn remove<M: Managed>(
    tx: &mut Tx<'_>,
    grant: &Grant<M::Manage>,
    id: &str,
    now: Timestamp,
) -> Result<M, ManageError>
where
    Grant<M::Manage>: AsRef<Grant<See>>,
{
    let thing: M = find(tx.connection(), grant.as_ref(), id)?;
    M::invalidate(tx, id)?;
    M::delete(tx.connection(), id, grant.as_ref().actor().name(), now)?;
    thing.note(tx, grant, Done::Removed, now)?;
    Ok(thing)
}
