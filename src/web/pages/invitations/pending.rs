//! What is done with one pending invitation: send again, copy a link, cancel.

use actix_web::{HttpRequest, HttpResponse, web::Path};
use askama::Template;

use crate::{
    domain::{
        access::Supervisor,
        invitations::{self, Invitation, InvitationError},
        organizations::Organization,
    },
    web::{
        error::AppError,
        extract::Visitor,
        pages::members::{Selection, UsersTab},
        shell::Toast,
        urls, view,
    },
};

/// The dialog that shows a link to pass on.
#[derive(Template)]
#[template(path = "invitations/link.html")]
struct LinkDialog {
    organization_id: String,
    invitation: Invitation,
    url: String,
}

/// Mails an invitation again.
///
/// # Errors
/// 404 for an invitation that is not pending here.
pub async fn resend(
    request: HttpRequest,
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, invitation_id) = path.into_inner();
    let (proof, now) = (supervisor.clone(), visitor.now);
    let sent = visitor.state.db.write(move |tx| invitations::resend(tx, &proof, &invitation_id, now)).await;
    let toast = match sent {
        Ok(invitation) => Toast::ok(format!("The invitation to {} is sent again.", invitation.email)),
        Err(error @ InvitationError::TooSoon { .. }) => Toast::bad(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    visitor.state.mail_queued.notify_one();
    show_changed(&request, &visitor, &supervisor, toast).await
}

/// Shows a link to pass on by other ways than mail, this once.
///
/// # Errors
/// 404 for an invitation that is not pending here.
pub async fn copy_link(
    request: HttpRequest,
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, invitation_id) = path.into_inner();
    let (proof, now) = (supervisor.clone(), visitor.now);
    let (invitation, secret) =
        visitor.state.db.write(move |tx| invitations::copy_link(tx, &proof, &invitation_id, now)).await?;
    let url = visitor.state.config.public_url.join(&urls::invitation_link(secret.expose()));
    let dialog = LinkDialog { organization_id: supervisor.id.clone(), invitation, url };
    let selection = Selection::on_screen(&request);
    let tab = async |shell| UsersTab::load(&visitor, &supervisor, selection, shell).await;
    view::reveal(&visitor, &dialog, tab).await
}

/// Takes an invitation back.
///
/// # Errors
/// 404 for an invitation that is not pending here.
pub async fn cancel(
    request: HttpRequest,
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, invitation_id) = path.into_inner();
    let (proof, now) = (supervisor.clone(), visitor.now);
    let invitation =
        visitor.state.db.write(move |tx| invitations::cancel(tx, &proof, &invitation_id, now)).await?;
    let toast = Toast::ok(format!("The invitation to {} is canceled.", invitation.email));
    show_changed(&request, &visitor, &supervisor, toast).await
}

async fn show_changed(
    request: &HttpRequest,
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    toast: Toast,
) -> Result<HttpResponse, AppError> {
    let next = urls::organization(&supervisor.id, "users");
    let selection = Selection::on_screen(request);
    let tab = async |shell| UsersTab::load(visitor, supervisor, selection, shell).await;
    view::changed(visitor, toast, &next, tab).await
}
