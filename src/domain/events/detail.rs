//! What an event tells beside its subject.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Role,
        instance_access::InstanceAccess,
        instants,
        key_settings::KeySetting,
        nodes::Receipt,
        rotation::{GracePeriod, Starts},
        token_access::TokenAccess,
    },
    vocabulary::{ImportFormat, LeakPolicy, WebhookFailure},
};

/// The details of an event. The audit log, the API and webhooks use the same JSON. New types and fields
/// may be added; existing ones are never renamed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(
    as = EventDetails,
    example = json!({ "type": "role_change", "from": "user", "to": "supervisor" }),
)]
#[expect(missing_docs, reason = "utoipa makes an impossible schema of an inlined field with a description")]
pub enum Detail {
    /// The details of an older event, as text.
    Text {
        /// The text.
        #[schema(example = "from User to Supervisor")]
        text: String,
    },
    /// A new name.
    NameChange {
        /// The previous name.
        #[schema(example = "Lumen")]
        from: String,
        /// The new name.
        #[schema(example = "Lumen Logistics")]
        to: String,
    },
    /// A new policy for leaked keys.
    LeakPolicyChange {
        #[schema(inline)]
        from: LeakPolicy,
        #[schema(inline)]
        to: LeakPolicy,
    },
    /// The role of an invitation or a new member.
    Role {
        #[schema(inline)]
        role: Role,
    },
    /// A new role.
    RoleChange {
        #[schema(inline)]
        from: Role,
        #[schema(inline)]
        to: Role,
    },
    /// The secret of a key.
    Key {
        /// The masked secret.
        #[schema(example = "tess_9fQ2…x7Lm")]
        masked: String,
    },
    /// Keys that were imported.
    Import {
        /// The format of the file.
        #[schema(inline)]
        source: ImportFormat,
        /// How many keys.
        #[schema(example = 1300)]
        keys: i64,
    },
    /// Changed expiration of a key.
    ExpirationChange {
        /// The previous expiration; null for never.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        from: Option<Timestamp>,
        /// The new expiration; null for never.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        to: Option<Timestamp>,
    },
    /// Changed settings of a key.
    KeySettings {
        /// The names of the settings.
        #[schema(inline)]
        changed: Vec<KeySetting>,
    },
    /// How a key was rotated.
    Rotation {
        /// The masked new secret.
        #[schema(example = "tess_9fQ2…x7Lm")]
        masked: String,
        /// How long the previous secret keeps working; null if the key had expired.
        #[schema(inline)]
        grace_period: Option<GracePeriod>,
        /// When the grace period starts; null if the key had expired.
        #[schema(inline)]
        starts: Option<Starts>,
        /// The previous expiration date, if the rotation changed it.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_from: Option<Timestamp>,
        /// The new expiration date, if the rotation changed it.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_to: Option<Timestamp>,
    },
    /// How long a key is paused.
    Pause {
        /// When the pause ends.
        #[serde(with = "instants")]
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// How soon a key expires. Only sent to webhooks.
    Expiry {
        /// Within this many days.
        #[schema(example = 3)]
        within_days: i32,
    },
    /// How much of a monthly quota is used. Only sent to webhooks.
    Quota {
        /// At least this share, in percent: 80 or 100.
        #[schema(example = 80)]
        percent: u8,
        /// The units used this month.
        #[schema(example = 8000)]
        used: u64,
        /// The units allowed.
        #[schema(example = 10_000)]
        quota: u64,
        /// When it resets.
        #[schema(value_type = String, format = DateTime)]
        #[serde(with = "instants")]
        resets_at: Timestamp,
    },
    /// Where a key stopped being accepted. Only sent to webhooks.
    Stop {
        /// The ID of the event that stopped it.
        #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
        event_id: String,
        /// The action of that event.
        #[schema(example = "api_key.deactivated")]
        action: String,
        /// The nodes, with the time at which each stopped accepting the key.
        #[schema(value_type = Vec<crate::api_types::Receipt>)]
        receipts: Vec<Receipt>,
    },
    /// A master token.
    Token {
        /// The masked secret.
        #[schema(example = "tess_m_9fQ2…x7Lm")]
        masked: String,
        #[schema(inline)]
        access: TokenAccess,
        /// When the token expires; null if never.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
    },
    /// An instance token.
    InstanceToken {
        /// The masked secret.
        #[schema(example = "tess_i_9fQ2…x7Lm")]
        masked: String,
        #[schema(inline)]
        access: InstanceAccess,
        /// When the token expires; null if never.
        #[serde(with = "instants::option", default)]
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
    },
    /// Where a secret was found in public.
    Leak {
        /// The masked secret.
        #[schema(example = "tess_9fQ2…x7Lm")]
        masked: String,
        /// The URL; null if the report didn’t include one.
        #[schema(example = "https://github.com/lumen/site/blob/main/.env")]
        url: Option<String>,
        /// The kind of place; null if the report didn’t include it.
        #[schema(example = "commit")]
        source: Option<String>,
    },
    /// Changed settings of a webhook.
    WebhookSettings {
        /// The names of the settings.
        #[schema(inline)]
        changed: Vec<WebhookSetting>,
    },
    /// Why a webhook was deactivated automatically.
    WebhookFailure {
        #[schema(inline)]
        reason: WebhookFailure,
    },
}

/// A setting of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSetting {
    /// The URL.
    Url,
    /// The description.
    Description,
    /// The event types.
    Events,
}

impl Detail {
    /// The masked form of the secret that it is about, if it is about one.
    pub fn masked(&self) -> Option<&str> {
        match self {
            Self::Key { masked }
            | Self::Rotation { masked, .. }
            | Self::Token { masked, .. }
            | Self::InstanceToken { masked, .. }
            | Self::Leak { masked, .. } => Some(masked),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Result<Value, DbError> {
        serde_json::to_value(self).map_err(DbError::Encoding)
    }

    /// The detail of a stored event. One from before details were facts has `search_text` only, which
    /// then was the English to show; so has, as far as this version can tell, one that it cannot read.
    pub(in crate::domain) fn of_row(
        event_id: &str,
        details: Option<&str>,
        search_text: Option<String>,
    ) -> Option<Self> {
        let Some(details) = details else { return search_text.map(|text| Self::Text { text }) };
        match serde_json::from_str(details) {
            Ok(detail) => Some(detail),
            Err(error) => {
                tracing::warn!(event = event_id, %error, "the details of an event cannot be read");
                Some(Self::Text { text: search_text.unwrap_or_else(|| details.to_owned()) })
            }
        }
    }
}

/// What a search finds an event by: the texts among the facts, without the names of their fields.
pub(super) fn search_text(details: &Value) -> String {
    let mut texts = Vec::new();
    for (name, value) in details.as_object().into_iter().flatten() {
        if name != "type" {
            match value {
                Value::String(text) => texts.push(text.as_str()),
                Value::Array(list) => texts.extend(list.iter().filter_map(Value::as_str)),
                _ => {}
            }
        }
    }
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn read(details: Option<&str>, search_text: Option<&str>) -> Option<Detail> {
        Detail::of_row("event", details, search_text.map(str::to_owned))
    }

    #[test]
    fn facts_survive_the_database_and_are_found_by_their_values() {
        for (detail, json, text) in [
            (
                Detail::RoleChange { from: Role::User, to: Role::Supervisor },
                json!({ "type": "role_change", "from": "user", "to": "supervisor" }),
                "user supervisor",
            ),
            (
                Detail::KeySettings { changed: vec![KeySetting::Networks, KeySetting::RateLimit] },
                json!({ "type": "key_settings", "changed": ["networks", "rate_limit"] }),
                "networks rate_limit",
            ),
            (
                Detail::Rotation {
                    masked: "tess_9fQ2…x7Lm".into(),
                    grace_period: Some(GracePeriod::Day),
                    starts: Some(Starts::OnFirstUse),
                    expires_from: None,
                    expires_to: Some(datetime!(2027-02-21 10:00)),
                },
                json!({
                    "type": "rotation", "masked": "tess_9fQ2…x7Lm", "grace_period": "24h",
                    "starts": "on_first_use", "expires_from": null, "expires_to": "2027-02-21T10:00:00Z",
                }),
                "tess_9fQ2…x7Lm 24h on_first_use 2027-02-21T10:00:00Z",
            ),
            (Detail::Expiry { within_days: 3 }, json!({ "type": "expiry", "within_days": 3 }), ""),
        ] {
            let written = detail.to_json().unwrap();
            assert_eq!(written, json);
            assert_eq!(search_text(&written), text);
            assert_eq!(read(Some(&written.to_string()), Some(text)), Some(detail));
        }
    }

    #[test]
    fn what_is_no_fact_of_ours_is_shown_as_text() {
        let text = |text: &str| Some(Detail::Text { text: text.to_owned() });
        assert_eq!(read(None, None), None);
        assert_eq!(read(None, Some("from User to Supervisor")), text("from User to Supervisor"));
        assert_eq!(read(None, Some("{\"type\":\"key\"}")), text("{\"type\":\"key\"}"));
        let later = r#"{"type":"of_a_later_version","place":"Kiel"}"#;
        assert_eq!(read(Some(later), Some("Kiel")), text("Kiel"));
        assert_eq!(read(Some("broken"), None), text("broken"));
    }

    #[test]
    fn a_field_of_a_later_version_does_not_make_facts_unreadable() {
        let later = r#"{"type":"role","role":"user","because":"of that"}"#;
        assert_eq!(read(Some(later), None), Some(Detail::Role { role: Role::User }));
    }

    #[test]
    fn words_are_the_same_in_facts_and_in_their_own_columns() {
        fn word(value: impl Serialize) -> Value {
            serde_json::to_value(value).unwrap()
        }
        assert!(Role::ALL.iter().all(|role| word(role) == role.as_str()));
        assert!(TokenAccess::ALL.iter().all(|access| word(access) == access.as_str()));
        assert!(InstanceAccess::ALL.iter().all(|access| word(access) == access.as_str()));
        assert!(LeakPolicy::ALL.iter().all(|policy| word(policy) == policy.as_str()));
        assert!(GracePeriod::ALL.iter().all(|period| word(period) == period.as_str()));
        assert!(Starts::ALL.iter().all(|starts| word(starts) == starts.as_str()));
    }
}
