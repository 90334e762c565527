//! `tessera activity`.

use std::io;

use super::{
    Failure,
    output::{Column, Output, minute, shown},
    server::Server,
};
use crate::config::{ActivityAction, ActivityFilter};

const COLUMNS: &[Column] = &[
    ("When (UTC)", |event| minute(event, "/at")),
    ("Who", |event| shown(event, "/actor/name")),
    ("What", |event| shown(event, "/action")),
    ("To what", |event| shown(event, "/subject/name")),
    ("Details", |event| shown(event, "/details_text")),
    ("From", |event| shown(event, "/ip")),
];

pub(super) async fn run(server: &Server, output: &Output, action: &ActivityAction) -> Result<(), Failure> {
    let organization = server.organization().await?;
    match action {
        ActivityAction::List { filter, limit } => {
            let most = usize::try_from(*limit).unwrap_or(usize::MAX);
            let events = server.list(&organization.path(&["activity"]), &query(filter), most).await?;
            output.list(&events, COLUMNS, "Nothing like that was done.")
        }
        ActivityAction::Export { filter, format } => {
            let mut query = query(filter);
            query.push(("format", format.as_str()));
            let path = organization.path(&["activity", "export"]);
            server.download(&path, &query, &mut io::stdout().lock()).await
        }
    }
}

fn query(filter: &ActivityFilter) -> Vec<(&'static str, &str)> {
    let parts = [
        ("q", filter.search.as_deref()),
        ("actor", filter.actor.as_deref()),
        ("action", filter.action.as_deref()),
        ("from", filter.from.as_ref().map(|moment| moment.as_str())),
        ("to", filter.to.as_ref().map(|moment| moment.as_str())),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
