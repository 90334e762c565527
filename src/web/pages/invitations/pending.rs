//! What is done with one pending invitation: send again, copy a link, cancel.

use actix_web::HttpResponse;
use askama::Template;

use crate::{
    domain::{
        access::{Grant, ManageMembers},
        invitations::{self, Invitation, InvitationError},
    },
    web::{
        error::AppError,
        filters,
        pages::members::UsersScreen,
        shell::Toast,
        urls,
        visit::{Over, Visit},
    },
};

/// The dialog that shows a link to pass on.
#[derive(Template)]
#[template(path = "invitations/link.html")]
struct LinkDialog {
    over: Over,
    invitation: Invitation,
    url: String,
}

/// Mails an invitation again.
pub async fn resend(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (invitation_id, rules) = (visit.path("invitation"), visit.state.config.rules);
    let sent = visit
        .change(move |tx, grant, now| invitations::resend(tx, grant, &invitation_id, &rules, now))
        .await?;
    let toast = match sent {
        Ok(invitation) => Toast::ok(format!("Invitation resent to {}", invitation.email)),
        Err(
            error @ (InvitationError::TooSoon { .. }
            | InvitationError::TooManyMails
            | InvitationError::BudgetSpent(_)),
        ) => Toast::bad(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    visit.changed::<UsersScreen>(toast).await
}

/// Shows a link to pass on by other ways than mail, this once.
pub async fn copy_link(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let invitation_id = visit.path("invitation");
    let (invitation, secret) =
        visit.change(move |tx, grant, now| invitations::copy_link(tx, grant, &invitation_id, now)).await??;
    let url = visit.state.config.public_url.join(&urls::invitation_link(secret.expose()));
    let over = visit.over::<UsersScreen>();
    visit.reveal::<UsersScreen>(&LinkDialog { over, invitation, url }).await
}

/// Cancels an invitation.
pub async fn cancel(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let invitation_id = visit.path("invitation");
    let invitation =
        visit.change(move |tx, grant, now| invitations::cancel(tx, grant, &invitation_id, now)).await??;
    visit.changed::<UsersScreen>(Toast::ok(format!("Invitation to {} canceled", invitation.email))).await
}
