//! What a plan allows, in a few words.

use crate::{
    domain::{key_settings::RateLimit, plans::Ceilings},
    web::display,
};

/// "60 requests per minute · 5 active API keys"
pub(super) fn limits(ceilings: &Ceilings) -> String {
    match words(ceilings).as_slice() {
        [] => "Nothing is limited".to_owned(),
        words => words.join(" · "),
    }
}

/// "60 requests per minute"
pub(super) fn rate(rate: RateLimit) -> String {
    let requests = display::count(&rate.count.get().into(), "request", "requests");
    format!("{requests} per {}", rate.period.as_str())
}

fn words(ceilings: &Ceilings) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(ceilings.rate_limit.map(rate));
    if let Some(quota) = ceilings.monthly_quota {
        let quota = i64::try_from(quota.get()).unwrap_or(i64::MAX);
        words.push(format!("{} per month", display::count(&quota, "request", "requests")));
    }
    if let Some(keys) = ceilings.max_active_keys {
        words.push(display::count(&keys, "active API key", "active API keys"));
    }
    if let Some(members) = ceilings.max_members {
        words.push(display::count(&members, "member", "members"));
    }
    if let Some(days) = ceilings.max_lifetime_days {
        words.push(format!("Keys last up to {}", display::count(&days.into(), "day", "days")));
    }
    match ceilings.scopes.as_slice() {
        [] => {}
        [scope] => words.push(format!("Only the scope {scope}")),
        scopes => words.push(format!("Only the scopes {}", scopes.join(", "))),
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key_settings::MonthlyQuota;

    #[test]
    fn each_ceiling_has_its_words() {
        let ceilings = Ceilings {
            rate_limit: "1/minute".parse().ok(),
            monthly_quota: MonthlyQuota::new(10_000).ok(),
            max_active_keys: Some(5),
            max_members: Some(1),
            max_lifetime_days: Some(365),
            scopes: "a b".parse().unwrap(),
        };
        assert_eq!(
            limits(&ceilings),
            "1 request per minute · 10,000 requests per month · 5 active API keys · 1 member · Keys last up to 365 days · \
             Only the scopes a, b"
        );
        assert_eq!(limits(&Ceilings::default()), "Nothing is limited");
    }
}
