//! Invitations: list, read, send, send again, copy a link, cancel.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    call::Call,
    json::Json,
    pagination::{self, Pagination},
    params::Params,
    response::Response,
};
use crate::{
    api_types::{
        FieldProblem, Invitation, InvitationLink, InvitationMail, InvitationOutcome, InvitationOutcomes,
        List, NewInvitations,
    },
    clock::Timestamp,
    domain::{
        access::{Grant, ManageMembers, SeeInvitations},
        email::EmailAddress,
        invitations::{self, InvitationError, InviteOutcome, MAX_AT_ONCE, MailStatus, Pending, Search},
        token_access::TokenAccess,
    },
    vocabulary::{InvitationStatus, InviteResult},
    web::{display, error::AppError, search, urls},
};

impl InvitationMail {
    fn of(mail: MailStatus) -> Self {
        Self { state: mail.state, error: mail.error }
    }
}

impl Invitation {
    /// A pending invitation, as it is at `now`.
    pub fn of(Pending { invitation, mail }: Pending, now: Timestamp) -> Self {
        let is_open = invitation.is_open(now);
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role,
            status: if is_open { InvitationStatus::Pending } else { InvitationStatus::Expired },
            invited_by: invitation.invited_by_name,
            created_at: display::iso(&invitation.created_at),
            sent_at: display::iso(&invitation.sent_at),
            expires_at: display::iso(&invitation.expires_at),
            mail: mail.map(InvitationMail::of),
        }
    }
}

/// Which invitations to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InvitationFilter {
    /// Search in the email. Finds words that start with this text.
    #[serde(deserialize_with = "search::strict")]
    #[param(max_length = 200)]
    q: String,
    /// Only the invitation for this email.
    #[param(example = "mara@lumen.example")]
    email: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List pending and expired invitations, newest first.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/invitations",
    tag = "Invitations",
    params(InvitationFilter),
    responses((status = 200, description = "A page of invitations.", body = List<Invitation>))
)]
pub async fn list(
    call: Call<Grant<SeeInvitations>, Params<InvitationFilter>>,
) -> Result<HttpResponse, AppError> {
    let Params(filter) = call.input.clone();
    let slice = Pagination::new(filter.cursor, filter.limit).list_request()?;
    let email = filter.email.as_deref().map(EmailAddress::of_account).transpose();
    let email = email.map_err(|error| AppError::field("email", error))?;
    let search = Search { text: filter.q, email };
    let (now, wanted) = (call.now, slice.clone());
    let pending = call
        .read(move |connection, grant| invitations::list_after(connection, grant, &search, &wanted))
        .await?;
    let listing = pagination::list(pending, &slice, Pending::cursor, |pending| Invitation::of(pending, now));
    Ok(Response::ok(&listing)?.send())
}

/// Get an invitation.
///
/// # Errors
/// 404 not found or already accepted, declined or canceled.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/invitations/{invitation}",
    tag = "Invitations",
    responses((status = 200, description = "The invitation.", body = Invitation))
)]
pub async fn show(call: Call<Grant<SeeInvitations>>) -> Result<HttpResponse, AppError> {
    let (invitation_id, now) = (call.path("invitation"), call.now);
    let pending = call
        .read(move |connection, grant| invitations::find_pending(connection, grant, &invitation_id))
        .await?;
    call.show(&Invitation::of(pending, now))
}

impl NewInvitations {
    fn addresses(&self) -> Result<Vec<EmailAddress>, AppError> {
        let number = self.emails.len();
        if number == 0 {
            return Err(AppError::field("/emails", "Enter at least one email."));
        }
        if number > MAX_AT_ONCE {
            let detail = format!("These are {number} emails. Send at most {MAX_AT_ONCE} per request.");
            return Err(AppError::field("/emails", detail));
        }
        let (mut addresses, mut wrong) = (Vec::with_capacity(number), Vec::new());
        for (index, text) in self.emails.iter().enumerate() {
            match EmailAddress::parse(text) {
                Ok(address) => addresses.push(address),
                Err(error) => wrong.push(FieldProblem::new(format!("/emails/{index}"), error)),
            }
        }
        if wrong.is_empty() { Ok(addresses) } else { Err(AppError::Fields(wrong)) }
    }
}

/// Send invitations.
///
/// If one of the emails is invalid, nobody is invited. Master tokens can’t invite administrators.
///
/// # Errors
/// 422 invalid emails, 403 for administrators, and for developers unless the token has full access.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/invitations",
    tag = "Invitations",
    request_body = NewInvitations,
    responses((status = 200, description = "The result for each email.", body = InvitationOutcomes))
)]
pub async fn send(call: Call<Grant<ManageMembers>, Json<NewInvitations>>) -> Result<HttpResponse, AppError> {
    let Json(new) = &call.input;
    let (emails, role, rules) = (new.addresses()?, new.role, call.state.config.rules);
    call.change(move |tx, grant, now| {
        let outcomes = invitations::invite(tx, grant, role, &emails, &rules, now);
        let outcomes = outcomes.map_err(rejection)?;
        let pending = outcomes.iter().filter_map(|(_, outcome)| outcome.invitation().cloned()).collect();
        let mut pending = invitations::with_mails(tx.connection(), grant, pending)?.into_iter();
        let data = outcomes.into_iter().map(|(email, outcome)| {
            let (outcome, invitation) = match outcome {
                InviteOutcome::Sent(_) => (InviteResult::Sent, pending.next()),
                InviteOutcome::AlreadyMember => (InviteResult::AlreadyMember, None),
                InviteOutcome::AlreadyInvited(_) => (InviteResult::AlreadyInvited, pending.next()),
                InviteOutcome::TooManyMails => (InviteResult::TooManyMails, None),
            };
            let invitation = invitation.map(|pending| Invitation::of(pending, now));
            InvitationOutcome { email: email.into(), outcome, invitation }
        });
        Response::ok(&InvitationOutcomes { data: data.collect() })
    })
    .await
}

/// Resend an invitation.
///
/// It expires 7 days from now. Links in earlier emails keep working.
///
/// # Errors
/// 404 not found or already accepted, declined or canceled, 409 sent less than a minute ago, 403 for
/// administrators and developers unless the token has full access.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/invitations/{invitation}/resend",
    tag = "Invitations",
    responses((status = 200, description = "The resent invitation.", body = Invitation))
)]
pub async fn resend(call: Call<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (invitation_id, rules) = (call.path("invitation"), call.state.config.rules);
    call.change(move |tx, grant, now| {
        invitations::resend(tx, grant, &invitation_id, &rules, now).map_err(rejection)?;
        let pending = invitations::find_pending(tx.connection(), grant, &invitation_id)?;
        Response::resource(&Invitation::of(pending, now))
    })
    .await
}

/// Create a link to an invitation.
///
/// Share it directly. It only works for an account with the invited email, once confirmed.
///
/// # Errors
/// 404 not found or already accepted, declined or canceled, 403 for administrators and developers
/// unless the token has full access.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/invitations/{invitation}/link",
    tag = "Invitations",
    responses((status = 200, description = "The link. It’s returned only once.", body = InvitationLink))
)]
pub async fn copy_link(call: Call<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (invitation_id, config) = (call.path("invitation"), call.state.config.clone());
    call.change(move |tx, grant, now| {
        let copied = invitations::copy_link(tx, grant, &invitation_id, now);
        let (invitation, secret) = copied.map_err(rejection)?;
        Response::ok(&InvitationLink {
            url: config.public_url.join(&urls::invitation_link(secret.expose())),
            expires_at: display::iso(&invitation.expires_at),
        })
    })
    .await
}

/// Cancel an invitation.
///
/// Its links stop working immediately.
///
/// # Errors
/// 404 not found or already accepted, declined or canceled, 412 `If-Match` doesn’t match, 403 for
/// administrators and developers unless the token has full access.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/invitations/{invitation}",
    tag = "Invitations",
    responses((status = 204, description = "Canceled."))
)]
pub async fn cancel(call: Call<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (invitation_id, precondition) = (call.path("invitation"), call.precondition());
    call.change(move |tx, grant, now| {
        let present = invitations::find_pending(tx.connection(), grant, &invitation_id)?;
        precondition.check(&Invitation::of(present, now))?;
        invitations::cancel(tx, grant, &invitation_id, now).map_err(rejection)?;
        Ok(Response::done())
    })
    .await
}

/// A machine has no role of its own, it has an access.
fn rejection(error: InvitationError) -> AppError {
    match error {
        InvitationError::AboveYou => AppError::TokenForbidden(TokenAccess::Full),
        error => error.into(),
    }
}
