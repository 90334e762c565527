//! What happens to leaked keys: the organization's choice.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{call::Call, json::Json, response::Response};
use crate::{
    domain::{
        access::{Govern, Grant, See},
        leak_policy::LeakPolicy as StoredPolicy,
        organizations,
    },
    web::error::AppError,
};

/// What happens to leaked keys.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeakPolicy {
    /// The choice. It holds for what is reported from now on.
    pub policy: LeakPolicyName,
}

/// What an organization has done with a key that was found in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeakPolicyName {
    /// The administrators are told.
    Notify,
    /// The key is switched off, too.
    Deactivate,
}

impl From<StoredPolicy> for LeakPolicy {
    fn from(policy: StoredPolicy) -> Self {
        let policy = match policy {
            StoredPolicy::Notify => LeakPolicyName::Notify,
            StoredPolicy::Deactivate => LeakPolicyName::Deactivate,
        };
        Self { policy }
    }
}

impl From<LeakPolicy> for StoredPolicy {
    fn from(LeakPolicy { policy }: LeakPolicy) -> Self {
        match policy {
            LeakPolicyName::Notify => Self::Notify,
            LeakPolicyName::Deactivate => Self::Deactivate,
        }
    }
}

/// What happens to keys of the organization that are found in public.
///
/// # Errors
/// 403 for a token that may only verify.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "show_leak_policy",
    responses((status = 200, description = "The choice.", body = LeakPolicy))
)]
pub async fn show_policy(call: Call<Grant<See>>) -> Result<HttpResponse, AppError> {
    let policy = call.read(organizations::leak_policy).await?;
    call.show(&LeakPolicy::from(policy))
}

/// Chooses what happens to keys of the organization that are found in public.
///
/// # Errors
/// 400 for what is no policy, 412 for another version of the choice.
#[utoipa::path(
    put,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "change_leak_policy",
    request_body(content = LeakPolicy, example = json!({ "policy": "deactivate" })),
    responses((status = 200, description = "The choice as it is now.", body = LeakPolicy))
)]
pub async fn change_policy(call: Call<Grant<Govern>, Json<LeakPolicy>>) -> Result<HttpResponse, AppError> {
    let (wanted, precondition) = (call.input.0, call.precondition());
    call.change(move |tx, grant, now| {
        precondition.check(&LeakPolicy::from(organizations::leak_policy(tx.connection(), grant)?))?;
        organizations::change_leak_policy(tx, grant, wanted.into(), now)?;
        Response::resource(&wanted)
    })
    .await
}
