//! A key's settings in JSON.

use crate::{
    api_types::{FieldProblem, KeyChange, RateLimitFields, SettingsFields},
    domain::key_settings::{self, KeySettings, Metadata, MonthlyQuota, Networks, RateLimit, RateLimitError},
};

impl SettingsFields {
    /// Stored settings.
    pub fn of(settings: &KeySettings) -> Self {
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
        Self {
            description: settings.description.clone(),
            scopes: settings.scopes.as_slice().to_vec(),
            networks: words(settings.networks.to_string()),
            rate_limit: settings.rate_limit.map(RateLimitFields::of),
            monthly_quota: settings.monthly_quota.map(MonthlyQuota::get),
            metadata: settings.metadata.as_ref().map(Metadata::to_value),
        }
    }
}

impl RateLimitFields {
    /// A stored limit.
    pub fn of(limit: RateLimit) -> Self {
        Self { requests: limit.count.get().into(), per: limit.period }
    }

    /// The limit.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(&self) -> Result<RateLimit, RateLimitError> {
        format!("{}/{}", self.requests, self.per.as_str()).parse()
    }
}

impl KeyChange {
    /// `before` with the change; what is wrong with it is added to `wrong`.
    pub fn apply(self, before: &KeySettings, wrong: &mut Vec<FieldProblem>) -> KeySettings {
        let mut after = before.clone();
        let words = |list: Option<Vec<String>>| list.unwrap_or_default().join(" ");
        if let Some(text) = self.description {
            let parsed = key_settings::parse_description(&text.unwrap_or_default());
            set(&mut after.description, "/description", parsed, wrong);
        }
        if let Some(scopes) = self.scopes {
            set(&mut after.scopes, "/scopes", words(scopes).parse(), wrong);
        }
        if let Some(networks) = self.networks {
            set(&mut after.networks, "/networks", words(networks).parse::<Networks>(), wrong);
        }
        if let Some(rate) = self.rate_limit {
            let parsed = rate.map(|rate| rate.parse()).transpose();
            set(&mut after.rate_limit, "/rate_limit/requests", parsed, wrong);
        }
        if let Some(quota) = self.monthly_quota {
            set(&mut after.monthly_quota, "/monthly_quota", quota.map(MonthlyQuota::new).transpose(), wrong);
        }
        if let Some(object) = self.metadata {
            let text = object.as_ref().map_or("", |object| object.get());
            set(&mut after.metadata, "/metadata", Metadata::parse(text), wrong);
        }
        after
    }
}

fn set<T, E: ToString>(field: &mut T, name: &str, parsed: Result<T, E>, wrong: &mut Vec<FieldProblem>) {
    match parsed {
        Ok(value) => *field = value,
        Err(error) => wrong.push(FieldProblem::new(name, error)),
    }
}
