//! Several pending invitations at one time: chosen among those on the screen, and canceled.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageMembers},
        invitations::{self, Invitation, InvitationError},
    },
    web::{
        display,
        error::AppError,
        filters,
        form::Submitted,
        pages::{
            members::{self, MembersQuery, UsersScreen},
            selection::{self, Selection},
        },
        shell::Toast,
        urls,
        visit::Visit,
    },
};

/// Which invitations are chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeveralInvitations {
    invitations: Vec<String>,
}

/// The dialog in which invitations are chosen.
#[derive(Template)]
#[template(path = "invitations/select.html")]
struct SelectDialog {
    selection: Selection<Invitation>,
    now: Timestamp,
}

impl SelectDialog {
    fn url(&self, path: &str) -> String {
        urls::organization(&self.selection.over.organization_id, path)
    }
}

/// Opens the dialog in which invitations of the page on the screen are chosen.
pub async fn select(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let dialog = select_dialog(&visit, selection::is_of_all(&visit)?, None).await?;
    visit.dialog::<UsersScreen>(&dialog).await
}

async fn select_dialog(
    visit: &Visit<Grant<ManageMembers>>,
    all: bool,
    error: Option<&'static str>,
) -> Result<SelectDialog, AppError> {
    let shown = visit.on_screen::<MembersQuery>();
    let pending = visit.read(move |connection, grant| {
        let page = members::pending_page(connection, grant.as_ref(), &shown)?;
        let own = page.rows.into_iter().map(|row| row.invitation);
        // Only those that the visitor may cancel.
        Ok::<_, AppError>(own.filter(|invitation| grant.reach().contains(&invitation.role)).collect())
    });
    let selection = Selection { over: visit.over::<UsersScreen>(), rows: pending.await?, all, error };
    Ok(SelectDialog { selection, now: visit.now })
}

/// Cancels the chosen invitations.
pub async fn cancel_several(
    visit: Visit<Grant<ManageMembers>, Submitted<SeveralInvitations>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(chosen)) = visit.split();
    if chosen.invitations.is_empty() {
        let error = Some("Select at least one invitation.");
        return visit.invalid::<UsersScreen>(&select_dialog(&visit, false, error).await?).await;
    }
    let canceled = visit
        .change(move |tx, grant, now| {
            let mut canceled = Vec::new();
            for id in &chosen.invitations {
                match invitations::cancel(tx, grant, id, now) {
                    Ok(invitation) => canceled.push(invitation),
                    // It was answered or canceled meanwhile.
                    Err(InvitationError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(canceled)
        })
        .await??;
    let toast = match canceled.as_slice() {
        [] => Toast::bad("Nothing to cancel. These invitations were already accepted, declined or canceled."),
        [invitation] => Toast::ok(format!("Invitation to {} canceled", invitation.email)),
        several => {
            let number = i64::try_from(several.len()).unwrap_or(i64::MAX);
            Toast::ok(format!("{} canceled", display::count(&number, "invitation", "invitations")))
        }
    };
    visit.changed::<UsersScreen>(toast).await
}
