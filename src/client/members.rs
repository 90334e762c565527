//! `tessera members`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Failure, confirm, must_be_able_to_ask,
    output::{Column, Output, minute, shown, text},
    printable, say,
    server::{Organization, Server},
};
use crate::config::MembersAction;

const COLUMNS: &[Column] = &[
    ("Name", |member| shown(member, "/name")),
    ("Address", |member| shown(member, "/email")),
    ("Role", |member| shown(member, "/role")),
    ("Joined (UTC)", |member| minute(member, "/joined_at")),
    ("Last active (UTC)", |member| minute(member, "/last_active_at")),
    ("Id", |member| shown(member, "/id")),
];

pub(super) async fn run(server: &Server, output: &Output, action: &MembersAction) -> Result<(), Failure> {
    match action {
        MembersAction::List { search, role } => {
            let organization = server.organization().await?;
            let mut query = Vec::new();
            query.extend(search.as_deref().map(|search| ("q", search)));
            query.extend(role.map(|role| ("role", role.as_str())));
            let members = server.list(&organization.path(&["members"]), &query, usize::MAX).await?;
            output.list(&members, COLUMNS, "There are no such members.")
        }
        MembersAction::Role { user, role } => {
            let organization = server.organization().await?;
            let member = find(server, &organization, user).await?;
            let path = organization.path(&["members", text(&member, "/id")]);
            let member = server.patch(&path, &json!({ "role": role.as_str() })).await?;
            output
                .changed(&member, &format!("“{}” is {} now.", text(&member, "/name"), text(&member, "/role")))
        }
        MembersAction::Remove { user, yes } => {
            must_be_able_to_ask(*yes)?;
            let organization = server.organization().await?;
            let member = find(server, &organization, user).await?;
            let name = text(&member, "/name");
            confirm(*yes, &format!("Remove “{name}” from “{}”?", organization.name))?;
            server.delete(&organization.path(&["members", text(&member, "/id")])).await?;
            say(printable(&format!("Removed “{name}” from “{}”.", organization.name)));
            Ok(())
        }
    }
}

/// The member of this id or address.
async fn find(server: &Server, organization: &Organization, user: &str) -> Result<Value, Failure> {
    if Uuid::parse_str(user).is_ok() {
        return server.get(&organization.path(&["members", user]), &[]).await;
    }
    let members = server.list(&organization.path(&["members"]), &[("q", user)], usize::MAX).await?;
    members.into_iter().find(|member| text(member, "/email").eq_ignore_ascii_case(user)).ok_or_else(|| {
        let said = printable(&format!("“{}” has no member “{user}”.", organization.name));
        Failure::NotFound(format!("{said} “tessera members list” shows all of them."))
    })
}
