//! Links that are mailed to prove an address, or that the operator passes on: single-use, expiring, stored as digests.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr};
use time::Duration;

use super::{
    budgets::Allowance,
    id::new_id,
    schema::{email_links, users},
    secret::{Secret, SecretDigest},
    stored_text::stored_as_text,
    user::User,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Purpose {
    /// Prove the address after signing up.
    Verify,
    /// Choose a new password.
    Reset,
    /// Log in. Never mailed: the operator passes it on.
    LogIn,
}

stored_as_text!(word Purpose);

impl Purpose {
    /// OWASP Forgot Password: short-lived. A first confirmation may wait until the next day.
    fn lifetime(self) -> Duration {
        match self {
            Self::Verify => Duration::hours(24),
            Self::Reset | Self::LogIn => Duration::hours(1),
        }
    }
}

/// How long ago a link may have been mailed to be made to work again. Longer than the wait for the
/// next mail, so that whoever asks has either a new mail or a link that works.
const PROLONGED_FOR: Duration = Duration::DAY;

/// A link that is about to be mailed.
#[derive(Debug)]
pub(super) struct NewLink {
    /// Goes into the mail and nowhere else.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Makes a link. Where no mail may go out, the links that were mailed in the last day work as if
/// they were mailed now, and `None` is answered: whoever asks is never left with dead links alone, and
/// a stranger who asks takes nothing away (OWASP Forgot Password: asking locks nobody out).
pub(super) fn create(
    tx: &mut Tx<'_>,
    user_id: &str,
    purpose: Purpose,
    (secret, allowance): (Secret, Allowance),
    now: Timestamp,
) -> Result<Option<NewLink>, DbError> {
    let expires_at = now + purpose.lifetime();
    if allowance != Allowance::Granted {
        let mailed = email_links::table
            .filter(email_links::user_id.eq(user_id).and(email_links::purpose.eq(purpose)))
            .filter(email_links::used_at.is_null().and(email_links::created_at.gt(now - PROLONGED_FOR)));
        let prolonged =
            diesel::update(mailed).set(email_links::expires_at.eq(expires_at)).execute(tx.connection())?;
        // What was asked for before the account was there made no link.
        if prolonged > 0 {
            return Ok(None);
        }
    }
    diesel::insert_into(email_links::table)
        .values((
            email_links::id.eq(new_id(now)),
            email_links::user_id.eq(user_id),
            email_links::purpose.eq(purpose),
            email_links::token_digest.eq(secret.digest().as_bytes()),
            email_links::created_at.eq(now),
            email_links::expires_at.eq(expires_at),
        ))
        .execute(tx.connection())?;
    Ok(Some(NewLink { secret, expires_at }))
}

/// The account that a link is for, while the link is good.
pub fn owner(
    connection: &mut Connection,
    purpose: Purpose,
    presented: &str,
    now: Timestamp,
) -> Result<Option<User>, DbError> {
    Ok(email_links::table
        .inner_join(users::table)
        .filter(email_links::token_digest.eq(SecretDigest::of(presented).as_bytes()))
        .filter(email_links::purpose.eq(purpose))
        .filter(email_links::used_at.is_null().and(email_links::expires_at.gt(now)))
        .select(User::as_select())
        .first(connection)
        .optional()?)
}

/// Uses up one link.
pub(super) fn spend(tx: &mut Tx<'_>, presented: &str, now: Timestamp) -> Result<(), DbError> {
    let digest = SecretDigest::of(presented);
    let link = email_links::table.filter(email_links::token_digest.eq(digest.as_bytes()));
    diesel::update(link).set(email_links::used_at.eq(now)).execute(tx.connection())?;
    Ok(())
}

/// Uses up the account's links of every purpose: once the address is proven or the password
/// changed, none of them has anything left to do.
pub(super) fn spend_all(tx: &mut Tx<'_>, user_id: &str, now: Timestamp) -> Result<(), DbError> {
    diesel::update(
        email_links::table.filter(email_links::user_id.eq(user_id).and(email_links::used_at.is_null())),
    )
    .set(email_links::used_at.eq(now))
    .execute(tx.connection())?;
    Ok(())
}

/// Forgets links that expired a week ago.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = email_links::table.filter(email_links::expires_at.lt(now - Duration::WEEK));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
