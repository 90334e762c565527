//! Which nodes have stopped accepting a key, and when: for whoever asks with `?wait`.

use std::time::Duration;

use actix_web::HttpRequest;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::response::Response;
use crate::{
    api_types::Receipt,
    domain::nodes::{self, Spread},
    web::{
        display,
        error::{AppError, FieldProblem},
        state::State,
    },
};

/// The longest wait. A node that does not read the log answers nothing from memory after three seconds.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// For how long to wait for the nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WaitParams {
    /// Wait until all nodes have applied the change, at most this long, such as `5s` or `500ms` (up to `30s`).
    /// The response then has `receipts`: each node with the time from which it no longer accepts the key.
    #[param(example = "5s", pattern = "^(([0-9]|[12][0-9]|30)s|([0-9]{1,4}|[12][0-9]{4}|30000)ms)$")]
    pub wait: Option<String>,
}

/// What `?wait` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(Duration);

impl Wait {
    /// `None` where it asks for nothing.
    pub(super) fn of(request: &HttpRequest) -> Result<Option<Self>, AppError> {
        let WaitParams { wait } =
            serde_html_form::from_str(request.query_string()).unwrap_or(WaitParams { wait: None });
        wait.map(|text| Self::parse(&text).ok_or_else(wrong)).transpose()
    }

    fn parse(text: &str) -> Option<Self> {
        let duration = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(millis), _) => Duration::from_millis(millis.parse().ok()?),
            (None, Some(seconds)) => Duration::from_secs(seconds.parse().ok()?),
            (None, None) => return None,
        };
        (duration <= MAX_WAIT).then_some(Self(duration))
    }

    /// Waits. A node that is the only one has heard of a change before it answers.
    pub(super) async fn receipts(self, state: &State) -> Result<Receipts, AppError> {
        let spread = nodes::wait_for_all(&state.db, state.db.last_change(), self.0).await?;
        Ok(Receipts(match spread {
            Some(Spread { receipts, .. }) => of(receipts),
            None => {
                vec![Receipt { node: state.node.to_string(), at: display::iso_millis(&state.clock.now()) }]
            }
        }))
    }
}

/// Receipts as the API tells them.
pub(super) fn of(receipts: Vec<nodes::Receipt>) -> Vec<Receipt> {
    let one = |receipt: nodes::Receipt| Receipt { node: receipt.node, at: display::iso_millis(&receipt.at) };
    receipts.into_iter().map(one).collect()
}

fn wrong() -> AppError {
    AppError::BadParameter(FieldProblem::new(
        "wait",
        format!(
            "Use a number of seconds or milliseconds up to {} seconds, such as 5s or 500ms.",
            MAX_WAIT.as_secs()
        ),
    ))
}

/// Who has heard of a change.
pub(super) struct Receipts(Vec<Receipt>);

impl Receipts {
    /// The response, with them in it.
    pub(super) fn add_to(self, response: Response) -> Result<Response, AppError> {
        response.with_field("receipts", json!(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_with_its_unit() {
        for (text, millis) in [("5s", 5000), ("500ms", 500), ("0s", 0), ("30s", 30_000)] {
            assert_eq!(Wait::parse(text), Some(Wait(Duration::from_millis(millis))), "{text}");
        }
        for text in ["", "5", "s", "ms", "31s", "-1s", "1.5s", "5 s", "5m", "99999999999999999999s"] {
            assert_eq!(Wait::parse(text), None, "{text}");
        }
    }
}
