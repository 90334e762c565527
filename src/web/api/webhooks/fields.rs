//! The fields of a webhook as they are sent.

use crate::{
    api_types::{FieldProblem, NewWebhook, WebhookChange},
    domain::{
        key_settings,
        webhooks::{AllowedNetworks, Events, NewWebhook as CheckedWebhook, Webhook, WebhookUrl},
    },
    web::error::AppError,
};

impl NewWebhook {
    /// The webhook, checked.
    pub fn parse(&self, networks: &AllowedNetworks) -> Result<CheckedWebhook, AppError> {
        let description = self.description.as_deref().unwrap_or_default();
        parse(&self.url, description, &self.events, networks)
    }
}

impl WebhookChange {
    /// `before` with the change.
    pub fn apply(self, before: &Webhook, networks: &AllowedNetworks) -> Result<CheckedWebhook, AppError> {
        let url = self.url.as_deref().unwrap_or(&before.url);
        let description = self.description.unwrap_or_else(|| before.description.clone());
        let Some(events) = self.events else {
            let same = before.events.clone();
            let new = parse(url, &description.unwrap_or_default(), &[], networks)?;
            return Ok(CheckedWebhook { events: same, ..new });
        };
        parse(url, &description.unwrap_or_default(), &events, networks)
    }
}

fn parse(
    url: &str,
    description: &str,
    events: &[String],
    networks: &AllowedNetworks,
) -> Result<CheckedWebhook, AppError> {
    let mut wrong = Vec::new();
    let url = WebhookUrl::parse(url, networks).map_err(|error| wrong.push(FieldProblem::new("/url", error)));
    let description = key_settings::parse_description(description)
        .map_err(|error| wrong.push(FieldProblem::new("/description", error)));
    for (index, name) in events.iter().enumerate() {
        if let Err(error) = Events::chosen([name.as_str()]) {
            wrong.push(FieldProblem::new(format!("/events/{index}"), error));
        }
    }
    let events =
        if events.is_empty() { Ok(Events::all()) } else { Events::chosen(events.iter().map(String::as_str)) };
    match (url, description, events) {
        (Ok(url), Ok(description), Ok(events)) if wrong.is_empty() => {
            Ok(CheckedWebhook { url, description, events })
        }
        _ => Err(AppError::Fields(wrong)),
    }
}
