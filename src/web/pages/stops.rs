//! On which nodes a key has stopped, in a sentence for the toast.

use std::time::Duration;

use crate::{
    domain::nodes,
    web::{details, visit::Visitor},
};

/// How long a page waits for the nodes: one that has not heard of a change by then answers from the database.
const PATIENCE: Duration = Duration::from_secs(3);

/// `text`, and where what was just done has got. Nothing is added where this server is the only one, or where it
/// cannot be found out.
pub(super) async fn with_receipt(visitor: &Visitor, text: String) -> String {
    let db = &visitor.state.db;
    if !db.is_shared() {
        return text;
    }
    match nodes::wait_for_all(db, db.last_change(), PATIENCE).await {
        Ok(spread) => match spread.as_ref().and_then(details::stopped) {
            Some(stopped) => format!("{}. {stopped}", text.trim_end_matches('.')),
            None => text,
        },
        Err(error) => {
            tracing::warn!(%error, "on which nodes a key has stopped could not be read");
            text
        }
    }
}
