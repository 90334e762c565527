//! Whether the server lives, and whether it can do its work.

use std::sync::atomic::Ordering;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER},
};
use serde_json::json;

use crate::{
    domain::instance_secrets,
    web::{
        api::gate::{Anyone, Gate},
        error::UNAVAILABLE_RETRY_AFTER_SECONDS,
    },
};

/// `GET /healthz`: 200 while the database answers and takes what is written, 503 with the reason
/// otherwise.
pub async fn show(gate: Gate<Anyone>) -> HttpResponse {
    answer(trouble(&gate).await)
}

/// `GET /livez`: 200 as long as requests are answered at all. Whoever starts a server anew that is not
/// alive asks here: another start mends no database.
pub async fn alive(_: Gate<Anyone>) -> HttpResponse {
    answer(None)
}

/// `GET /readyz`: as `/healthz`, and 503 from the moment on at which the server is to stop. Whoever spreads
/// requests over several servers asks here.
pub async fn ready(gate: Gate<Anyone>) -> HttpResponse {
    if gate.state.is_stopping.load(Ordering::Relaxed) {
        return answer(Some("the server is stopping".to_owned()));
    }
    answer(trouble(&gate).await)
}

/// What keeps the database from being read or written.
async fn trouble(gate: &Gate<Anyone>) -> Option<String> {
    let db = &gate.state.db;
    match db.trouble().await {
        Some(trouble) => Some(trouble.to_string()),
        None => db.read(instance_secrets::ping).await.err().map(|error| error.to_string()),
    }
}

fn answer(reason: Option<String>) -> HttpResponse {
    let mut response = match reason {
        None => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Some(reason) => HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, UNAVAILABLE_RETRY_AFTER_SECONDS))
            .json(json!({ "status": "unavailable", "reason": reason })),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
