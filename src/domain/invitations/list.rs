//! Invitations in lists: the organization's pending ones, and a person's open ones.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{Invitation, InvitationError, Row};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::{
        access::{Grant, Operator, Role, SeeInvitations},
        email::EmailAddress,
        organization::Organization,
        outbox::MailState,
        page::{Cursor, ListRequest, Page, PageRequest, Reach, Total, by_age},
        schema::{invitations, organizations, outbox},
        search::{self, Matches, has_term, matching},
        user::User,
    },
    folding::terms::{List, Sought},
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

macro_rules! pending_of {
    ($grant:expr, $matches:expr) => {
        matching!(
            invitations::table.filter(invitations::outcome.is_null()).into_boxed(),
            $matches,
            (invitations::organization_id, $grant.id.as_str()),
            // With the bare column SQLite might take another index than that of the ids.
            (invitations::organization_id.concat(""), invitations::id),
            |sought: &Sought| has_term!(sought, List::Invitations, $grant.id.clone(), invitations::id)
        )
    };
}

/// One page of the organization's pending invitations, the newest first, those that expired
/// included; with `search`, those with a word in the email that begins so.
pub fn pending(
    connection: &mut Connection,
    grant: &Grant<SeeInvitations>,
    search: &str,
    request: &PageRequest,
) -> Result<Page<Pending>, DbError> {
    let matches = search::find(connection, List::Invitations, &grant.id, search)?;
    let total = matches.total(|| number_pending(connection, grant))?;
    request.load(total, Pending::cursor, |reach| Ok(read(connection, grant, (&matches, None), reach)?))
}

/// How many invitations of the organization are pending.
pub fn number_pending(connection: &mut Connection, grant: &Grant<SeeInvitations>) -> Result<Total, DbError> {
    let all = || pending_of!(grant, &Matches::All).select(invitations::id);
    Total::count(|most| count_of(connection, all().limit(most)))
}

/// Which pending invitations to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The beginning of a word in the address.
    pub text: String,
    /// Only the one to this address.
    pub email: Option<EmailAddress>,
}

impl Pending {
    /// The place behind it in a list.
    pub fn cursor(&self) -> Cursor {
        Cursor::by_id(&self.invitation.id)
    }
}

/// A part of the organization's pending invitations behind a cursor, and one more where there is
/// more: the newest first, those that expired included.
pub fn list_after(
    connection: &mut Connection,
    grant: &Grant<SeeInvitations>,
    search: &Search,
    slice: &ListRequest,
) -> Result<Vec<Pending>, DbError> {
    let matches = search::find(connection, List::Invitations, &grant.id, &search.text)?;
    read(connection, grant, (&matches, search.email.as_ref()), &slice.reach())
}

/// Pending invitations, the newest first, as far as `reach` says.
fn read(
    connection: &mut Connection,
    grant: &Grant<SeeInvitations>,
    (matches, email): (&Matches, Option<&EmailAddress>),
    reach: &Reach,
) -> Result<Vec<Pending>, DbError> {
    let mut pending = pending_of!(grant, matches);
    if let Some(email) = email {
        pending = pending.filter(invitations::email.eq(email.as_str()));
    }
    let query = by_age!(pending, reach, true, invitations::id);
    let rows: Vec<Row> = query.select(Row::as_select()).load(connection)?;
    with_mails(connection, grant, rows.into_iter().map(Invitation::from).collect())
}

/// One pending invitation; it may have expired.
///
/// # Errors
/// [`InvitationError::NotFound`], [`InvitationError::Db`].
pub fn find_pending(
    connection: &mut Connection,
    grant: &Grant<SeeInvitations>,
    invitation_id: &str,
) -> Result<Pending, InvitationError> {
    let row: Option<Row> = invitations::table
        .filter(invitations::id.eq(invitation_id).and(invitations::organization_id.eq(&grant.id)))
        .filter(invitations::outcome.is_null())
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    let rows = with_mails(connection, grant, row.into_iter().map(Invitation::from).collect())?;
    rows.into_iter().next().ok_or(InvitationError::NotFound)
}

/// Invitations of the organization, each with its newest mail.
pub fn with_mails(
    connection: &mut Connection,
    _: &Grant<SeeInvitations>,
    invitations: Vec<Invitation>,
) -> Result<Vec<Pending>, DbError> {
    each_with_mail(connection, invitations)
}

/// Invitations that are named on the page of an organization at most, for those who operate the instance.
const MAX_ADMINISTRATORS: i64 = 50;

/// The pending invitations to administer an organization, the newest first, those that expired included.
pub fn pending_administrators(
    connection: &mut Connection,
    _: &Operator,
    organization_id: &str,
) -> Result<Vec<Pending>, DbError> {
    let rows: Vec<Row> = invitations::table
        .filter(invitations::organization_id.eq(organization_id).and(invitations::outcome.is_null()))
        .filter(invitations::role.eq(Role::Administrator))
        .order(invitations::id.desc())
        .select(Row::as_select())
        .limit(MAX_ADMINISTRATORS)
        .load(connection)?;
    each_with_mail(connection, rows.into_iter().map(Invitation::from).collect())
}

fn each_with_mail(
    connection: &mut Connection,
    invitations: Vec<Invitation>,
) -> Result<Vec<Pending>, DbError> {
    let mails: Vec<(Option<String>, MailState, Option<String>)> = outbox::table
        .filter(outbox::invitation_id.eq_any(invitations.iter().map(|each| each.id.as_str())))
        .order(outbox::id)
        .select((outbox::invitation_id, outbox::state, outbox::last_error))
        .load(connection)?;
    // Of several mails the last one stays.
    let newest: HashMap<String, MailStatus> =
        mails.into_iter().filter_map(|(id, state, error)| Some((id?, MailStatus { state, error }))).collect();
    let with_mail =
        |invitation: Invitation| Pending { mail: newest.get(&invitation.id).cloned(), invitation };
    Ok(invitations.into_iter().map(with_mail).collect())
}

/// Open invitations of one person that are shown at most.
const MAX_LISTED: i64 = 1000;

/// The open invitations of `user`; none while the address is not proven.
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
        .filter(invitations::expires_at.gt(now).and(organizations::removed_at.is_null()))
        .order((invitations::sent_at.desc(), invitations::id))
        .select((Row::as_select(), Organization::as_select()))
        .limit(MAX_LISTED)
        .load(connection)?;
    Ok(rows.into_iter().map(|(row, organization)| (row.into(), organization)).collect())
}

/// How many open invitations `user` has.
pub fn count_of_user(connection: &mut Connection, user: &User, now: Timestamp) -> Result<i64, DbError> {
    if !user.is_verified() {
        return Ok(0);
    }
    Ok(invitations::table
        .inner_join(organizations::table)
        .filter(invitations::email.eq(&user.email).and(invitations::outcome.is_null()))
        .filter(invitations::expires_at.gt(now).and(organizations::removed_at.is_null()))
        .count()
        .get_result(connection)?)
}
