//! The plans.

use actix_web::HttpResponse;

use crate::{
    api_types::{InstancePlan, List, RateLimitFields},
    domain::{access::Observer, instance, key_settings::MonthlyQuota, plans::Plan},
    web::{
        api::{call::Call, response::Response},
        error::AppError,
    },
};

impl From<Plan> for InstancePlan {
    fn from(Plan { id, name, ceilings, is_default, .. }: Plan) -> Self {
        Self {
            id,
            name,
            is_default,
            rate_limit: ceilings.rate_limit.map(RateLimitFields::of),
            monthly_quota: ceilings.monthly_quota.map(MonthlyQuota::get),
            max_active_keys: ceilings.max_active_keys,
            max_members: ceilings.max_members,
            max_lifetime_days: ceilings.max_lifetime_days,
            scopes: ceilings.scopes.as_slice().to_vec(),
        }
    }
}

/// List plans.
#[utoipa::path(
    get,
    path = "/api/v2/instance/plans",
    tag = "Instance",
    operation_id = "list_plans",
    responses((status = 200, description = "All plans by name.", body = List<InstancePlan>))
)]
pub async fn list(call: Call<Observer>) -> Result<HttpResponse, AppError> {
    let plans = call.read(instance::plans).await?;
    Ok(Response::ok(&List::whole(plans.into_iter().map(InstancePlan::from).collect()))?.send())
}
