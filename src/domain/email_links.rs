//! Links that are mailed to prove an address: single-use, expiring, stored as digests.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr};
use time::Duration;

use super::{
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
}

stored_as_text!(word Purpose);

impl Purpose {
    /// OWASP Forgot Password: short-lived. A first confirmation may wait until the next day.
    fn lifetime(self) -> Duration {
        match self {
            Self::Verify => Duration::hours(24),
            Self::Reset => Duration::hours(1),
        }
    }

    /// As PyPI does: three verification mails in six hours, five reset mails in a day.
    fn most_in(self) -> (i64, Duration) {
        match self {
            Self::Verify => (3, Duration::hours(6)),
            Self::Reset => (5, Duration::hours(24)),
        }
    }
}

/// A link that is about to be mailed.
#[derive(Debug)]
pub(super) struct NewLink {
    /// Goes into the mail and nowhere else.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Makes a link; `None` when the account was mailed often enough lately.
pub(super) fn create(
    tx: &mut Tx<'_>,
    user_id: &str,
    purpose: Purpose,
    secret: Secret,
    now: Timestamp,
) -> Result<Option<NewLink>, DbError> {
    let (most, period) = purpose.most_in();
    let recent: i64 = email_links::table
        .filter(email_links::user_id.eq(user_id).and(email_links::purpose.eq(purpose)))
        .filter(email_links::created_at.gt(now - period))
        .count()
        .get_result(tx.connection())?;
    if recent >= most {
        return Ok(None);
    }
    let expires_at = now + purpose.lifetime();
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

/// Lets the newest link that was not used work for another lifetime. It is in a mail that was sent
/// today: otherwise [`create`] would have made another.
pub(super) fn renew_newest(
    tx: &mut Tx<'_>,
    user_id: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), DbError> {
    let newest: Option<String> = email_links::table
        .filter(email_links::user_id.eq(user_id).and(email_links::purpose.eq(purpose)))
        .filter(email_links::used_at.is_null())
        .order((email_links::created_at.desc(), email_links::id.desc()))
        .select(email_links::id)
        .first(tx.connection())
        .optional()?;
    let Some(id) = newest else { return Ok(()) };
    diesel::update(email_links::table.find(id))
        .set(email_links::expires_at.eq(now + purpose.lifetime()))
        .execute(tx.connection())?;
    Ok(())
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
