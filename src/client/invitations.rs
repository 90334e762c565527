//! `tessera invitations`.

use uuid::Uuid;

use super::{
    Failure,
    output::{Column, Output, minute, or_dash},
    printable, say,
    server::{Organization, Server},
};
use crate::{
    api_types::{Invitation, InvitationOutcome, InvitationOutcomes, NewInvitations},
    config::InvitationsAction,
};

const COLUMNS: &[Column<Invitation>] = &[
    ("Email", |invitation| invitation.email.clone()),
    ("Role", |invitation| invitation.role.as_str().to_owned()),
    ("Status", |invitation| invitation.status.as_str().to_owned()),
    ("Invited by", |invitation| invitation.invited_by.clone()),
    ("Expires (UTC)", |invitation| minute(Some(&invitation.expires_at))),
    ("Delivery", |invitation| or_dash(invitation.mail.as_ref().map(|mail| mail.state.as_str()))),
    ("ID", |invitation| invitation.id.clone()),
];

const OUTCOMES: &[Column<InvitationOutcome>] = &[
    ("Email", |outcome| outcome.email.clone()),
    ("Result", |outcome| outcome.outcome.as_str().replace('_', " ")),
    ("Invitation", |outcome| or_dash(outcome.invitation.as_ref().map(|invitation| &invitation.id))),
];

pub(super) async fn run(server: &Server, output: &Output, action: &InvitationsAction) -> Result<(), Failure> {
    let organization = server.organization().await?;
    match action {
        InvitationsAction::List { search } => {
            let query: Vec<(&str, &str)> =
                search.as_deref().map(|search| ("q", search)).into_iter().collect();
            let invitations = server.list(&organization.path(&["invitations"]), &query, usize::MAX).await?;
            output.list(&invitations, COLUMNS, "No pending invitations.")
        }
        InvitationsAction::Send { emails, role } => {
            let new = NewInvitations { emails: emails.clone(), role: *role };
            let InvitationOutcomes { data } = server.post(&organization.path(&["invitations"]), &new).await?;
            output.list(&data, OUTCOMES, "Nobody was invited.")
        }
        InvitationsAction::Resend { invitation } => {
            let found = find(server, &organization, invitation).await?;
            let path = organization.path(&["invitations", &found.id, "resend"]);
            let sent: Invitation = server.post(&path, &()).await?;
            output.changed(&sent, &format!("Resent the invitation to “{}”.", sent.email))
        }
        InvitationsAction::Cancel { invitation } => {
            let found = find(server, &organization, invitation).await?;
            server.delete(&organization.path(&["invitations", &found.id])).await?;
            say(printable(&format!("Canceled the invitation to “{}”.", found.email)));
            Ok(())
        }
    }
}

/// The invitation of this id or address.
async fn find(server: &Server, organization: &Organization, invitation: &str) -> Result<Invitation, Failure> {
    if Uuid::parse_str(invitation).is_ok() {
        return server.get(&organization.path(&["invitations", invitation]), &[]).await;
    }
    let path = organization.path(&["invitations"]);
    server.list(&path, &[("email", invitation)], 1).await?.pop().ok_or_else(|| {
        let said = printable(&format!("“{}” has no invitation for “{invitation}”.", organization.name));
        Failure::NotFound(format!("{said} List them with “tessera invitations list”."))
    })
}
