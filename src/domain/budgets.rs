//! What may be spent in a while, and what was. A use is kept apart from what was made with it, and so
//! whoever cancels an invitation or removes an organization gets nothing back.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr};
use time::Duration;

use super::{
    email::EmailAddress, id::new_id, schema::budget_uses, secret::SecretDigest, stored_text::stored_as_text,
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, DbError, Tx},
    hex,
};

/// In what uses are counted.
const PERIOD: Duration = Duration::DAY;

/// Mails of every way that one address gets in [`PERIOD`]. As PyPI does for reset mails.
const MAILS_TO_ADDRESS: usize = 5;

/// PyPI's own limit for mails that confirm an address.
const CONFIRMATIONS_TO_ADDRESS: (usize, Duration) = (3, Duration::hours(6));

/// Nobody who asks twice in a minute gets two mails.
const BETWEEN_MAILS: Duration = Duration::MINUTE;

/// A way by which mails come to an address whose owner may not have asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Way {
    /// Somebody invites the address.
    MailInvitation,
    /// Somebody signs up with the address, or asks for that mail again.
    MailConfirmation,
    /// Somebody asks for a new password.
    MailReset,
}

/// Who spends invitations, apart from the addresses that get them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Inviting {
    /// A person, whatever the organization.
    InvitationsByPerson,
    /// A master token.
    InvitationsByToken,
    /// An organization, whoever does it.
    InvitationsByOrganization,
}

stored_as_text!(word Inviting);

impl Inviting {
    /// Invitations in a day; for an organization twice as many as for each of its members.
    fn max(self, rules: &InstanceRules) -> i64 {
        match self {
            Self::InvitationsByPerson | Self::InvitationsByToken => rules.invitations_per_day,
            Self::InvitationsByOrganization => 2 * rules.invitations_per_day,
        }
    }
}

/// Whether a mail may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// It may, and is counted.
    Granted,
    /// One went out by the same way less than a minute ago.
    JustNow,
    /// There were enough in a day.
    Spent,
}

/// Asks for one mail to an address. What is answered depends on what was asked for before and on
/// nothing else, least of all on whether the address has an account (ASVS 6.3.8): who asks for mails
/// to addresses that have none spends as well.
///
/// The first mail of each way always goes: nobody uses up with invitations what the owner needs to
/// log in again.
pub(super) fn ask_for_mail(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    way: Way,
    now: Timestamp,
) -> Result<Allowance, DbError> {
    let spender = spender_of(email.as_str());
    let uses: Vec<(String, Timestamp)> = budget_uses::table
        .filter(budget_uses::spender.eq(&spender).and(budget_uses::used_at.gt(now - PERIOD)))
        .select((budget_uses::budget, budget_uses::used_at))
        .load(tx.connection())?;
    let word: &str = way.into();
    let own: Vec<Timestamp> = uses.iter().filter(|(budget, _)| budget == word).map(|(_, at)| *at).collect();
    let (most, period) = CONFIRMATIONS_TO_ADDRESS;
    let too_many_confirmations =
        way == Way::MailConfirmation && own.iter().filter(|at| **at > now - period).count() >= most;
    // Invitations of several organizations may meet; the queue keeps them apart.
    if way != Way::MailInvitation && own.iter().any(|at| *at > now - BETWEEN_MAILS) {
        return Ok(Allowance::JustNow);
    }
    if (uses.len() >= MAILS_TO_ADDRESS && !own.is_empty()) || too_many_confirmations {
        return Ok(Allowance::Spent);
    }
    note(tx, word, &spender, 1, now)?;
    Ok(Allowance::Granted)
}

/// Forgets what was spent on mails to an address, once its owner has answered one of them.
pub(super) fn forget_mails(tx: &mut Tx<'_>, email: &str) -> Result<(), DbError> {
    diesel::delete(budget_uses::table.filter(budget_uses::spender.eq(spender_of(email))))
        .execute(tx.connection())?;
    Ok(())
}

/// What is left of a budget of invitations, and when more will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Invitations in a day.
    pub max: i64,
    /// Invitations that can be sent now.
    pub number: i64,
    /// Whole seconds until there are more, rounded up.
    pub retry_after_seconds: u64,
}

/// What `spender` has left.
pub(super) fn left(
    connection: &mut Connection,
    budget: Inviting,
    spender: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Left, DbError> {
    let uses = || {
        budget_uses::table
            .filter(budget_uses::spender.eq(spender).and(budget_uses::budget.eq(budget)))
            .filter(budget_uses::used_at.gt(now - PERIOD))
    };
    let amounts: Vec<i64> = uses().select(budget_uses::amount).load(connection)?;
    let oldest: Option<Timestamp> =
        uses().order(budget_uses::used_at).select(budget_uses::used_at).first(connection).optional()?;
    let wait = oldest.map_or(Duration::ZERO, |oldest| oldest + PERIOD - now);
    let rounded_up = (wait + Duration::SECOND - Duration::NANOSECOND).whole_seconds();
    let max = budget.max(rules);
    Ok(Left {
        max,
        number: (max - amounts.iter().sum::<i64>()).max(0),
        retry_after_seconds: u64::try_from(rounded_up).unwrap_or_default(),
    })
}

/// Notes that `spender` sent so many invitations.
pub(super) fn spend(
    tx: &mut Tx<'_>,
    budget: Inviting,
    spender: &str,
    amount: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    note(tx, budget.into(), spender, amount, now)
}

fn note(tx: &mut Tx<'_>, budget: &str, spender: &str, amount: i64, now: Timestamp) -> Result<(), DbError> {
    diesel::insert_into(budget_uses::table)
        .values((
            budget_uses::id.eq(new_id(now)),
            budget_uses::budget.eq(budget),
            budget_uses::spender.eq(spender),
            budget_uses::amount.eq(amount),
            budget_uses::used_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Addresses that somebody only typed are kept as digests.
fn spender_of(email: &str) -> String {
    hex::of(SecretDigest::of(email).as_bytes())
}

/// Forgets uses that count no more.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = budget_uses::table.filter(budget_uses::used_at.le(now - PERIOD));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
