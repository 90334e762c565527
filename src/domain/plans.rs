//! Plans: what organizations may use. A plan has ceilings, each of them optional; an organization without a plan has
//! none.
//!
//! Rate limit, monthly quota and scopes bind at verification, over all keys of an organization together and for keys
//! that were there before. How many keys and members there may be and how long a key may work is looked at when one is
//! made or changed: nobody could say which of those that are there should stop.

mod ceilings;
mod check;
mod manage;

pub use super::plan_limit::PlanLimit;
pub use ceilings::{Bounds, Ceilings, MAX_LIFETIME_DAYS, Override, bounds_of};
pub use check::{WantedKey, active_keys, check_active_keys, check_key, check_members, check_within};
pub use manage::{
    MAX_PLANS, Plan, PlanError, PlanOffer, change, create, default_plan, find, list, make_default,
    override_of, plan_of, set_override,
};
pub(super) use manage::{record_assigned, remove};
