//! The instance as a whole, for machines with an instance token: all organizations, what they used, and the plans.

pub mod organizations;
pub mod plan_exceptions;
pub mod plans;
pub mod usage;
