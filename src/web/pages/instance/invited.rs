//! What is done with an invitation to administer an organization: its link is copied, or it is canceled.

use actix_web::HttpResponse;

use super::organization::OrganizationScreen;
use crate::{
    domain::{access::Operator, instance},
    web::{error::AppError, pages::invitation_link::LinkDialog, shell::Toast, visit::Visit},
};

/// Shows a link to pass on by other ways than email, this once.
pub async fn copy_link(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (id, invitation_id) = (visit.path("organization"), visit.path("invitation"));
    let copied = visit.change(move |tx, operator, now| {
        instance::copy_administrators_link(tx, operator, (&id, &invitation_id), now)
    });
    let (invitation, secret) = copied.await??;
    let dialog = LinkDialog::new(&visit, visit.over::<OrganizationScreen>(), invitation, &secret);
    visit.reveal::<OrganizationScreen>(&dialog).await
}

/// Cancels an invitation.
pub async fn cancel(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (id, invitation_id) = (visit.path("organization"), visit.path("invitation"));
    let canceled = visit.change(move |tx, operator, now| {
        instance::cancel_administrator(tx, operator, (&id, &invitation_id), now)
    });
    let toast = Toast::ok(format!("Invitation to {} canceled", canceled.await??.email));
    visit.changed::<OrganizationScreen>(toast).await
}
