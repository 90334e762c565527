//! The fields of a key as they are sent.

use crate::{
    api_types::{FieldProblem, KeyChange, NewKey},
    clock::Timestamp,
    domain::{
        api_keys::{ApiKey, ChosenExpiration, KeyEdit, MAX_DURATION, NewApiKey},
        key_settings::KeySettings,
        names::{MAX_KEY_NAME_LENGTH, Name},
    },
    vocabulary::Environment,
    web::{api::instants, display, error::AppError},
};

impl NewKey {
    /// The key, checked; `has_environments` says whether the server has any.
    pub fn parse(&self, has_environments: bool, now: Timestamp) -> Result<NewApiKey, AppError> {
        let mut wrong = Vec::new();
        let name = parse_name(&self.name, &mut wrong);
        let expires_at = self.expires_at.as_deref().map(|text| parse_expiration(text, now)).transpose();
        let expires_at = expires_at.map_err(|error| wrong.push(FieldProblem::new("/expires_at", error)));
        let settings = self.clone().settings().apply(&KeySettings::default(), &mut wrong);
        let environment = self.environment.unwrap_or(Environment::Live);
        if environment != Environment::Live && !has_environments {
            wrong.push(FieldProblem::new("/environment", "This server has no test keys."));
        }
        match (name, expires_at) {
            (Some(name), Ok(expires_at)) if wrong.is_empty() => {
                Ok(NewApiKey { name, expires_at, environment, settings })
            }
            _ => Err(AppError::Fields(wrong)),
        }
    }
}

impl KeyChange {
    /// What becomes of `key`, checked.
    pub fn parse(self, key: &ApiKey, now: Timestamp) -> Result<KeyEdit, AppError> {
        let mut wrong = Vec::new();
        let name = self.name.as_deref().and_then(|text| parse_name(text, &mut wrong));
        let expiration = parse_change(self.expires_at.as_ref().map(Option::as_deref), key, now);
        let expiration = expiration.map_err(|error| wrong.push(FieldProblem::new("/expires_at", error)));
        let settings = self.apply(&key.settings, &mut wrong);
        match expiration {
            Ok(expiration) if wrong.is_empty() => Ok(KeyEdit { name, expiration, settings }),
            _ => Err(AppError::Fields(wrong)),
        }
    }
}

fn parse_name(text: &str, wrong: &mut Vec<FieldProblem>) -> Option<Name> {
    Name::parse(text, MAX_KEY_NAME_LENGTH).map_err(|error| wrong.push(FieldProblem::new("/name", error))).ok()
}

/// An end that is sent back as it was told, to the second, is no change: not even of one that has passed.
fn parse_change(
    given: Option<Option<&str>>,
    key: &ApiKey,
    now: Timestamp,
) -> Result<ChosenExpiration, &'static str> {
    match given {
        None => Ok(ChosenExpiration::Keep),
        Some(text) if text == key.expires_at.map(|end| display::iso(&end)).as_deref() => {
            Ok(ChosenExpiration::Keep)
        }
        Some(None) => Ok(ChosenExpiration::Never),
        Some(Some(text)) => parse_expiration(text, now).map(ChosenExpiration::At),
    }
}

/// An expiration, which lies ahead.
pub fn parse_expiration(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = instants::parse(text)?;
    if at <= now {
        Err("Choose a time in the future.")
    } else if at > now + MAX_DURATION {
        Err("Choose a time at most 10 years from now.")
    } else {
        Ok(at)
    }
}
