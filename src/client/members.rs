//! `tessera members`.

use uuid::Uuid;

use super::{
    Failure, confirm, must_be_able_to_ask,
    output::{Column, Output, minute},
    printable, say,
    server::{Organization, Server},
};
use crate::{
    api_types::{Member, MemberChange},
    config::MembersAction,
    folding::fold,
};

const COLUMNS: &[Column<Member>] = &[
    ("Name", |member| member.name.clone()),
    ("Email", |member| member.email.clone()),
    ("Role", |member| member.role.as_str().to_owned()),
    ("Joined (UTC)", |member| minute(Some(&member.joined_at))),
    ("Last active (UTC)", |member| minute(member.last_active_at.as_ref())),
    ("ID", |member| member.id.clone()),
];

pub(super) async fn run(server: &Server, output: &Output, action: &MembersAction) -> Result<(), Failure> {
    match action {
        MembersAction::List { search, role } => {
            let organization = server.organization().await?;
            let mut query = Vec::new();
            query.extend(search.as_deref().map(|search| ("q", search)));
            query.extend(role.map(|role| ("role", role.as_str())));
            let members = server.list(&organization.path(&["members"]), &query, usize::MAX).await?;
            output.list(&members, COLUMNS, "No matching members.")
        }
        MembersAction::Role { user, role } => {
            let organization = server.organization().await?;
            let member = find(server, &organization, user).await?;
            let path = organization.path(&["members", &member.id]);
            let member: Member = server.patch(&path, &MemberChange { role: Some(*role) }).await?;
            output.changed(&member, &format!("“{}” is now {}.", member.name, member.role.as_str()))
        }
        MembersAction::Remove { user, yes } => {
            must_be_able_to_ask(*yes)?;
            let organization = server.organization().await?;
            let member = find(server, &organization, user).await?;
            let name = &member.name;
            confirm(*yes, &format!("Remove “{name}” from “{}”?", organization.name))?;
            server.delete(&organization.path(&["members", &member.id])).await?;
            say(printable(&format!("Removed “{name}” from “{}”.", organization.name)));
            Ok(())
        }
    }
}

/// The member of this id or address.
async fn find(server: &Server, organization: &Organization, user: &str) -> Result<Member, Failure> {
    if Uuid::parse_str(user).is_ok() {
        return server.get(&organization.path(&["members", user]), &[]).await;
    }
    let members: Vec<Member> =
        server.list(&organization.path(&["members"]), &[("q", user)], usize::MAX).await?;
    members.into_iter().find(|member| fold(&member.email) == fold(user)).ok_or_else(|| {
        let said = printable(&format!("“{}” has no member “{user}”.", organization.name));
        Failure::NotFound(format!("{said} List them with “tessera members list”."))
    })
}
