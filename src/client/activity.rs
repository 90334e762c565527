//! `tessera activity`.

use std::io;

use serde_json::Value;

use super::{
    Failure,
    output::{Column, Output, minute, or_dash},
    server::Server,
};
use crate::config::{ActivityAction, ActivityFilter};

const COLUMNS: &[Column<Value>] = &[
    ("Time (UTC)", |event| minute(text(event, "/at").as_ref())),
    ("Actor", |event| or_dash(text(event, "/actor/name"))),
    ("Action", |event| or_dash(text(event, "/action"))),
    ("Subject", |event| or_dash(text(event, "/subject/name"))),
    ("Details", |event| or_dash(text(event, "/details_text"))),
    ("IP address", |event| or_dash(text(event, "/ip"))),
];

pub(super) async fn run(server: &Server, output: &Output, action: &ActivityAction) -> Result<(), Failure> {
    let organization = server.organization().await?;
    match action {
        ActivityAction::List { filter, limit } => {
            let most = usize::try_from(*limit).unwrap_or(usize::MAX);
            let events = server.list(&organization.path(&["activity"]), &query(filter), most).await?;
            output.list(&events, COLUMNS, "No matching activity.")
        }
        ActivityAction::Export { filter, format } => {
            let mut query = query(filter);
            query.push(("format", format.as_str()));
            let path = organization.path(&["activity", "export"]);
            server.download(&path, &query, &mut io::stdout().lock()).await
        }
    }
}

/// The text at a JSON pointer.
fn text(event: &Value, pointer: &str) -> Option<String> {
    event.pointer(pointer)?.as_str().map(str::to_owned)
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
