//! What is done with one pending invitation: send again, copy a link, cancel.

use actix_web::HttpResponse;

use crate::{
    domain::{
        access::{Grant, ManageMembers},
        invitations::{self, InvitationError},
    },
    web::{
        error::AppError,
        pages::{invitation_link::LinkDialog, members::UsersScreen},
        shell::Toast,
        visit::Visit,
    },
};

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
    let dialog = LinkDialog::new(&visit, visit.over::<UsersScreen>(), invitation, &secret);
    visit.reveal::<UsersScreen>(&dialog).await
}

/// Cancels an invitation.
pub async fn cancel(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let invitation_id = visit.path("invitation");
    let invitation =
        visit.change(move |tx, grant, now| invitations::cancel(tx, grant, &invitation_id, now)).await??;
    visit.changed::<UsersScreen>(Toast::ok(format!("Invitation to {} canceled", invitation.email))).await
}
