//! The fields of a webhook as they are sent.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        key_settings,
        webhooks::{AllowedNetworks, Events, NewWebhook as CheckedWebhook, Webhook, WebhookUrl},
    },
    web::{
        api::key_settings::{Given, given},
        error::{AppError, FieldProblem},
    },
};

/// A webhook to create.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where its messages go, over https.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200, example = "Chat channel of the operators")]
    description: Option<String>,
    /// What it is told of; left out or empty for everything, also what later versions tell.
    #[serde(default)]
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    events: Vec<String>,
}

impl NewWebhook {
    /// The webhook, checked.
    ///
    /// # Errors
    /// 422 for fields that need a change.
    pub fn parse(&self, networks: &AllowedNetworks) -> Result<CheckedWebhook, AppError> {
        let description = self.description.as_deref().unwrap_or_default();
        parse(&self.url, description, &self.events, networks)
    }
}

/// What to change of a webhook; what is left out stays.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where its messages go, over https. Those that wait go there, too.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    url: Option<String>,
    /// What it is for; null for nothing in particular.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Chat channel of the operators")]
    description: Given<String>,
    /// What it is told of; empty for everything, also what later versions tell.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    events: Option<Vec<String>>,
}

impl WebhookChange {
    /// `before` with the change.
    ///
    /// # Errors
    /// 422 for fields that need a change.
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
