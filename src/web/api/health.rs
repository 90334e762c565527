//! Whether the server can do its work.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use serde_json::json;

use crate::{
    domain::instance,
    web::{
        api::gate::{Anyone, Gate},
        error::AppError,
    },
};

/// `GET /healthz`: 200 while the database answers.
pub async fn show(gate: Gate<Anyone>) -> Result<HttpResponse, AppError> {
    gate.state.db.read(instance::ping).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ok" })))
}
