//! `tessera invitations`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Failure,
    output::{Column, Output, minute, shown, text},
    printable, say,
    server::{Organization, Server},
};
use crate::config::InvitationsAction;

const COLUMNS: &[Column] = &[
    ("Address", |invitation| shown(invitation, "/email")),
    ("Role", |invitation| shown(invitation, "/role")),
    ("Status", |invitation| shown(invitation, "/status")),
    ("Invited by", |invitation| shown(invitation, "/invited_by")),
    ("Expires (UTC)", |invitation| minute(invitation, "/expires_at")),
    ("Mail", |invitation| shown(invitation, "/mail/state")),
    ("Id", |invitation| shown(invitation, "/id")),
];

const OUTCOMES: &[Column] = &[
    ("Address", |outcome| shown(outcome, "/email")),
    ("Outcome", |outcome| text(outcome, "/outcome").replace('_', " ")),
    ("Invitation", |outcome| shown(outcome, "/invitation/id")),
];

pub(super) async fn run(server: &Server, output: &Output, action: &InvitationsAction) -> Result<(), Failure> {
    let organization = server.organization().await?;
    match action {
        InvitationsAction::List { search } => {
            let query: Vec<(&str, &str)> =
                search.as_deref().map(|search| ("q", search)).into_iter().collect();
            let invitations = server.list(&organization.path(&["invitations"]), &query, usize::MAX).await?;
            output.list(&invitations, COLUMNS, "No invitation waits for an answer.")
        }
        InvitationsAction::Send { emails, role } => {
            let body = json!({ "emails": emails, "role": role.as_str() });
            let answer = server.post(&organization.path(&["invitations"]), Some(&body)).await?;
            let outcomes =
                answer.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            output.list(outcomes, OUTCOMES, "Nobody was invited.")
        }
        InvitationsAction::Resend { invitation } => {
            let found = find(server, &organization, invitation).await?;
            let path = organization.path(&["invitations", text(&found, "/id"), "resend"]);
            let sent = server.post(&path, None).await?;
            output.changed(&sent, &format!("Sent the invitation of “{}” again.", text(&sent, "/email")))
        }
        InvitationsAction::Cancel { invitation } => {
            let found = find(server, &organization, invitation).await?;
            server.delete(&organization.path(&["invitations", text(&found, "/id")])).await?;
            say(printable(&format!("Withdrew the invitation of “{}”.", text(&found, "/email"))));
            Ok(())
        }
    }
}

/// The invitation of this id or address.
async fn find(server: &Server, organization: &Organization, invitation: &str) -> Result<Value, Failure> {
    if Uuid::parse_str(invitation).is_ok() {
        return server.get(&organization.path(&["invitations", invitation]), &[]).await;
    }
    let path = organization.path(&["invitations"]);
    server.list(&path, &[("email", invitation)], 1).await?.pop().ok_or_else(|| {
        let said = printable(&format!("“{}” has no invitation of “{invitation}”.", organization.name));
        Failure::NotFound(format!("{said} “tessera invitations list” shows those that wait."))
    })
}
