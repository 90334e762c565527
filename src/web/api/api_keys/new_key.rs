//! A key to create.

use crate::{
    api_types::{FieldProblem, NewKey},
    clock::Timestamp,
    domain::{
        api_keys::{MAX_DURATION, NewApiKey},
        key_settings::KeySettings,
        names::{MAX_KEY_NAME_LENGTH, Name},
    },
    web::{api::instants, error::AppError},
};

impl NewKey {
    /// The key, checked.
    pub fn parse(&self, now: Timestamp) -> Result<NewApiKey, AppError> {
        let mut wrong = Vec::new();
        let name = Name::parse(&self.name, MAX_KEY_NAME_LENGTH)
            .map_err(|error| wrong.push(FieldProblem::new("/name", error)));
        let expires_at = self.expires_at.as_deref().map(|text| parse_expiration(text, now)).transpose();
        let expires_at = expires_at.map_err(|error| wrong.push(FieldProblem::new("/expires_at", error)));
        let settings = self.clone().settings().apply(&KeySettings::default(), &mut wrong);
        match (name, expires_at) {
            (Ok(name), Ok(expires_at)) if wrong.is_empty() => Ok(NewApiKey { name, expires_at, settings }),
            _ => Err(AppError::Fields(wrong)),
        }
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
