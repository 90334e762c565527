//! What the API answers: resources with their versions, lists with a cursor.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, LOCATION},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use crate::api_types::List;
use crate::{hex, web::error::AppError};

/// Fields that change without anybody's doing; a version does not tell them.
const VOLATILE: [&str; 7] = [
    "last_used_at",
    "last_used_from",
    "last_active_at",
    "rotation",
    "requests_last_30_days",
    "members",
    "api_keys",
];

/// An answer before it is sent, in a form that can be kept and sent again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: Option<Value>,
}

impl Response {
    /// 200 with a resource and its version.
    pub fn resource(resource: &impl Serialize) -> Result<Self, AppError> {
        let answer = Self::ok(resource)?;
        Ok(Self { etag: answer.body.as_ref().map(version), ..answer })
    }

    /// 201 with a resource that was created, its version and its address.
    pub fn created(resource: &impl Serialize, location: String) -> Result<Self, AppError> {
        Ok(Self { status: 201, location: Some(location), ..Self::resource(resource)? })
    }

    /// 200 with what has no version.
    pub fn ok(body: &impl Serialize) -> Result<Self, AppError> {
        let body = serde_json::to_value(body).map_err(AppError::internal)?;
        Ok(Self { status: 200, etag: None, location: None, body: Some(body) })
    }

    /// 204: it is done and there is nothing to say.
    pub fn done() -> Self {
        Self { status: 204, etag: None, location: None, body: None }
    }

    /// The same with one more field, which is no part of the resource's version.
    pub fn with_field(self, name: &str, value: Value) -> Result<Self, AppError> {
        let mut body = self.body.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let Value::Object(fields) = &mut body else {
            return Err(AppError::internal("only an object has room for a field"));
        };
        fields.insert(name.to_owned(), value);
        // What had nothing to say has something now.
        let status = if self.status == 204 { 200 } else { self.status };
        Ok(Self { status, body: Some(body), ..self })
    }

    /// The version of the resource in it.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The answer as it is sent.
    pub fn send(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        for (name, value) in [(ETAG, self.etag), (LOCATION, self.location)] {
            if let Some(value) = value {
                response.insert_header((name, value));
            }
        }
        match self.body {
            Some(body) => response.json(body),
            None => response.finish(),
        }
    }
}

/// The version of a resource: what it says, but for what changes by itself and the secret that is
/// told once.
fn version(body: &Value) -> String {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.retain(|name, _| name != "secret" && !VOLATILE.contains(&name.as_str()));
    }
    let digest = Sha256::digest(body.to_string());
    format!("\"{}\"", hex::of(digest.get(..16).unwrap_or_default()))
}

impl<T> List<T> {
    /// A list that is short enough to be told at once.
    pub fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_tells_every_change_but_that_of_a_last_use() {
        let etag = |body: Value| Response::resource(&body).unwrap().etag.unwrap();
        let key = json!({ "id": "1", "name": "Billing", "last_used_at": null });
        assert_eq!(etag(key.clone()), etag(json!({ "id": "1", "name": "Billing", "last_used_at": "2026" })));
        assert_eq!(
            etag(key.clone()),
            etag(json!({ "id": "1", "name": "Billing", "last_used_at": null, "secret": "x" }))
        );
        assert_ne!(etag(key), etag(json!({ "id": "1", "name": "Billing 2", "last_used_at": null })));
    }
}
