//! Invitations in lists: the organization's pending ones, and a person's open ones.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{Invitation, Row};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::Supervisor,
        accounts::User,
        organizations::Organization,
        outbox::MailState,
        page::{Page, PageRequest},
        schema::{invitations, organizations, outbox},
    },
};

/// The state of an invitation's newest mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailStatus {
    /// Where it is on its way.
    pub state: MailState,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
}

/// A pending invitation with its mail, for the organization's list.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The invitation; it may have expired.
    pub invitation: Invitation,
    /// Its newest mail.
    pub mail: Option<MailStatus>,
}

/// One page of the organization's pending invitations, the newest first, those that expired
/// included.
///
/// # Errors
/// [`DbError`].
pub fn pending(
    connection: &mut Connection,
    proof: &Supervisor<Organization>,
    request: PageRequest,
) -> Result<Page<Pending>, DbError> {
    let pending = || {
        invitations::table
            .filter(invitations::organization_id.eq(&proof.id).and(invitations::outcome.is_null()))
    };
    let total: i64 = pending().count().get_result(connection)?;
    let request = request.within(total);
    let rows: Vec<Row> = pending()
        .order((invitations::sent_at.desc(), invitations::email))
        .select(Row::as_select())
        .limit(request.limit())
        .offset(request.offset())
        .load(connection)?;
    let mut mails = newest_mails(connection, &rows)?;
    let rows = rows.into_iter().map(|row| Pending { mail: mails.remove(&row.id), invitation: row.into() });
    Ok(Page::new(rows.collect(), request, total))
}

/// The state of the newest mail of each invitation, by the invitation's id.
fn newest_mails(connection: &mut Connection, rows: &[Row]) -> Result<HashMap<String, MailStatus>, DbError> {
    let mails: Vec<(Option<String>, String, Option<String>)> = outbox::table
        .filter(outbox::invitation_id.eq_any(rows.iter().map(|row| row.id.as_str())))
        .order(outbox::id)
        .select((outbox::invitation_id, outbox::state, outbox::last_error))
        .load(connection)?;
    // Of several mails the last one stays.
    Ok(mails
        .into_iter()
        .filter_map(|(id, state, error)| Some((id?, MailStatus { state: MailState::parse(&state), error })))
        .collect())
}

/// Open invitations of one person that are shown at most.
const MOST_LISTED: i64 = 1000;

/// The open invitations of `user`; none while the address is not proven.
///
/// # Errors
/// [`DbError`].
pub fn of_user(
    connection: &mut Connection,
    user: &User,
    now: Timestamp,
) -> Result<Vec<(Invitation, Organization)>, DbError> {
    if !user.is_verified() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Row, Organization)> = invitations::table
        .inner_join(organizations::table)
        .filter(invitations::email.eq(&user.email).and(invitations::outcome.is_null()))
        .filter(invitations::expires_at.gt(now))
        .order((invitations::sent_at.desc(), invitations::id))
        .select((Row::as_select(), Organization::as_select()))
        .limit(MOST_LISTED)
        .load(connection)?;
    Ok(rows.into_iter().map(|(row, organization)| (row.into(), organization)).collect())
}

/// How many open invitations `user` has.
///
/// # Errors
/// [`DbError`].
pub fn count_of_user(connection: &mut Connection, user: &User, now: Timestamp) -> Result<i64, DbError> {
    if !user.is_verified() {
        return Ok(0);
    }
    Ok(invitations::table
        .filter(invitations::email.eq(&user.email).and(invitations::outcome.is_null()))
        .filter(invitations::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}
