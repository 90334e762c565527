//! On which nodes a key has stopped, in a sentence for the toast.

use std::time::Duration;

use crate::{
    domain::nodes::{self, Spread},
    web::visit::Visitor,
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
        Ok(Some(spread)) if is_of_several(&spread) => format!("{text}. {}", sentence(&spread)),
        Ok(_) => text,
        Err(error) => {
            tracing::warn!(%error, "on which nodes a key has stopped could not be read");
            text
        }
    }
}

fn is_of_several(spread: &Spread) -> bool {
    spread.receipts.len() + spread.waits_for.len() > 1
}

fn sentence(spread: &Spread) -> String {
    let (stopped, all) = (spread.receipts.len(), spread.receipts.len() + spread.waits_for.len());
    format!("Stopped on {stopped} of {all} nodes, slowest {:.2} s", spread.slowest().as_seconds_f64())
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::domain::nodes::Receipt;

    #[test]
    fn a_receipt_counts_the_nodes_and_tells_of_the_slowest() {
        let made_at = datetime!(2026-11-26 20:00);
        let receipt =
            |millis| Receipt { node: "keys:8080".into(), at: made_at + Duration::milliseconds(millis) };
        let spread = |receipts, waits_for| Spread { made_at, receipts, waits_for };
        let all = spread(vec![receipt(0), receipt(42), receipt(310)], Vec::new());
        assert_eq!(sentence(&all), "Stopped on 3 of 3 nodes, slowest 0.31 s");
        assert!(is_of_several(&all) && !is_of_several(&spread(vec![receipt(0)], Vec::new())));
        let some = spread(vec![receipt(4)], vec!["keys:8081".into()]);
        assert_eq!(sentence(&some), "Stopped on 1 of 2 nodes, slowest 0.00 s");
    }
}
