//! The tab "Nodes": the servers of the instance, as `tessera nodes` lists them.

use actix_web::HttpResponse;
use askama::Template;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::Operator,
        nodes::{self, ListedNode},
    },
    page,
    web::{error::AppError, filters, shell::Shell, view, visit::Visit},
};

/// `GET /instance/nodes`.
#[derive(Template)]
#[template(path = "instance/nodes.html", blocks = ["title", "content", "tabs", "panel"])]
struct NodesTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    /// Whether others could use the same database.
    is_shared: bool,
    rows: Vec<NodeRow>,
}

page!(NodesTab);

/// A server.
struct NodeRow {
    name: String,
    version: String,
    is_live: bool,
    position: i64,
    /// Changes that it has not read yet.
    behind: i64,
    since: Timestamp,
    seen_at: Timestamp,
}

impl NodeRow {
    fn of(ListedNode { node, is_live, behind }: ListedNode) -> Self {
        Self {
            name: node.name,
            version: node.version,
            is_live,
            position: node.position,
            behind,
            since: node.started_at,
            seen_at: node.seen_at,
        }
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let is_shared = visit.state.db.is_shared();
    let rows = if is_shared {
        let nodes = visit.read(|connection, _| nodes::list(connection)).await?;
        nodes.list().into_iter().map(NodeRow::of).collect()
    } else {
        // A file is one process's alone, which has nobody to be behind of.
        vec![NodeRow {
            name: visit.state.node.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_live: true,
            position: 0,
            behind: 0,
            since: visit.state.started_at,
            seen_at: visit.now,
        }]
    };
    let (shell, now) = (visit.shell(), visit.now);
    view::show(&NodesTab { shell, frame: Frame::of(Tab::Nodes), now, is_shared, rows })
}
