//! How much of its plan an organization uses, limit by limit.

use crate::{
    domain::{
        instance::OrganizationDetails,
        usage::{ByOutcome, Series},
        verification::Outcome,
    },
    web::{
        display::{count, thousands},
        pages::plan_words,
    },
};

/// A limit of a plan.
pub(super) struct Limit {
    /// What is limited.
    pub(super) label: &'static str,
    /// "3 of 5"
    pub(super) words: String,
    /// What is used and what is allowed, where both can be counted; `None` for what a plan only demands.
    pub(super) share: Option<(i64, i64)>,
    /// When or how often it was reached.
    pub(super) reached: Option<String>,
}

impl Limit {
    fn counted(label: &'static str, used: i64, most: i64, unit: &str) -> Self {
        Self {
            label,
            words: format!("{} of {}{unit}", thousands(&used), thousands(&most)),
            share: Some((used.min(most), most)),
            reached: (used >= most).then(|| "Limit reached".to_owned()),
        }
    }

    fn demanded(label: &'static str, words: String) -> Self {
        Self { label, words, share: None, reached: None }
    }
}

/// The limits of an organization's plan; `days` is what was asked of its keys in the last days.
pub(super) fn of(details: &OrganizationDetails, days: &Series) -> Vec<Limit> {
    let ceilings = &details.bounds.ceilings;
    let rejected = days.totals();
    let mut limits = Vec::new();
    if let Some(rate) = ceilings.rate_limit {
        let words = plan_words::rate(rate);
        let reached = rejections(&rejected, Outcome::PlanRateLimited);
        limits.push(Limit { reached, ..Limit::demanded("Rate limit", words) });
    }
    if let Some(quota) = ceilings.monthly_quota {
        let (used, most) = (signed(details.used_this_month), signed(quota.get()));
        let limit = Limit::counted("Monthly quota", used, most, " requests");
        let reached = rejections(&rejected, Outcome::PlanQuotaExceeded).or(limit.reached);
        limits.push(Limit { reached, ..limit });
    }
    if let Some(most) = ceilings.max_active_keys {
        limits.push(Limit::counted("Active API keys", details.active_keys, most, ""));
    }
    if let Some(most) = ceilings.max_members {
        limits.push(Limit::counted("Members", details.row.members, most, ""));
    }
    if let Some(days) = ceilings.max_lifetime_days {
        let days = count(&days.into(), "day", "days");
        limits.push(Limit::demanded("Longest lifetime of a key", days));
    }
    if let scopes @ [_, ..] = ceilings.scopes.as_slice() {
        limits.push(Limit::demanded("Scopes", scopes.join(", ")));
    }
    limits
}

/// "12 requests rejected in the last 30 days"
fn rejections(rejected: &ByOutcome, outcome: Outcome) -> Option<String> {
    let number = rejected.get(outcome as usize).copied().filter(|number| *number > 0)?;
    Some(format!("{} rejected in the last 30 days", count(&number, "request", "requests")))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
