//! Whether the server can do its work.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER},
};
use serde_json::json;

use crate::{
    domain::instance,
    web::{
        api::gate::{Anyone, Gate},
        error::UNAVAILABLE_RETRY_AFTER_SECONDS,
    },
};

/// `GET /healthz`: 200 while the database answers and takes what is written, 503 with the reason
/// otherwise.
pub async fn show(gate: Gate<Anyone>) -> HttpResponse {
    let db = &gate.state.db;
    let reason = match db.trouble().await {
        Some(trouble) => Some(trouble.to_string()),
        None => db.read(instance::ping).await.err().map(|error| error.to_string()),
    };
    let mut response = match reason {
        None => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Some(reason) => HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, UNAVAILABLE_RETRY_AFTER_SECONDS))
            .json(json!({ "status": "unavailable", "reason": reason })),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
