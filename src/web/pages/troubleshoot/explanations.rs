//! Answers about keys: their state, and what was taken for a key.

use std::borrow::Cow;

use crate::{
    clock::Timestamp,
    domain::{api_keys::ApiKey, diagnosis::Finding},
    vocabulary::KeyStatus,
    web::{display, urls},
};

/// What is known of one key, or of what was taken for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    /// The state in a sentence.
    pub(super) title: Cow<'static, str>,
    /// Why, and since when.
    pub(super) reason: Cow<'static, str>,
    /// What to do.
    pub(super) advice: Cow<'static, str>,
    /// The page of the key, with its name.
    pub(super) key: Option<(String, String)>,
}

impl Explanation {
    pub(super) fn new(
        title: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { title: title.into(), reason: reason.into(), advice: advice.into(), key: None }
    }

    /// With a link to the page of the key.
    pub(super) fn of_key(self, organization_id: &str, key: &ApiKey) -> Self {
        Self { key: Some((urls::api_key(organization_id, &key.id), key.name.clone())), ..self }
    }

    /// The state of a key.
    pub(super) fn about(organization_id: &str, key: &ApiKey, now: Timestamp) -> Self {
        let since = |at: Option<Timestamp>| at.map(|at| display::date_time_utc(&at)).unwrap_or_default();
        let answer = match (key.status(now), key.paused_until) {
            (KeyStatus::Expired, _) => Self::new(
                "Key expired",
                format!("It expired on {}. All requests since then were rejected.", since(key.expires_at)),
                "Rotate the key to set a new expiration date.",
            ),
            (KeyStatus::Deactivated, Some(end)) => Self::new(
                "Key paused",
                format!("It’s paused until {}, then it works again.", display::time_of_day(&end, &now)),
                "Wait until then, or choose Activate in the key’s menu.",
            ),
            (KeyStatus::Deactivated, None) => Self::new(
                "Key deactivated",
                format!(
                    "It was deactivated on {}. The key’s history shows who did it.",
                    since(key.deactivated_at)
                ),
                "To use it again, choose Activate in the key’s menu.",
            ),
            (KeyStatus::Active, _) => Self::new(
                "Key active",
                match key.last_used_at {
                    Some(at) => format!("It was last accepted on {}.", display::date_time_utc(&at)),
                    None => "It has never been accepted: no request with it has arrived here.".to_owned(),
                },
                "Still rejected? Check that clients send this exact key, in the right header, and that your gateway \
                 uses this organization’s ID.",
            ),
        };
        answer.of_key(organization_id, key)
    }
}

/// What there is to say where there is no key.
pub(super) fn without_key(finding: &Finding) -> Explanation {
    match finding {
        Finding::Removed(entry) => Explanation::new(
            "Key removed",
            format!(
                "{} removed the key “{}” on {}.",
                entry.actor_name,
                entry.subject_name,
                display::date_time_utc(&entry.created_at)
            ),
            "Restore it under “Removed keys” on the tab API within 14 days, or create a new key.",
        ),
        Finding::Keys(_) | Finding::Unknown => Explanation::new(
            "Key not found",
            "It belongs to another organization or server, or it never existed.",
            "Check which organization the key was created in, and that the client uses the right URL.",
        ),
        Finding::Mistyped => Explanation::new(
            "Not a complete key",
            "The checksum doesn’t match. The key may be mistyped or incomplete.",
            "Copy the key again, without quotation marks, spaces or line breaks.",
        ),
        Finding::TooShort => Explanation::new(
            "Too short",
            "At least the first four characters after the last underscore are needed to tell keys apart.",
            "Paste more of the key.",
        ),
        Finding::MasterToken => Explanation::new(
            "Master token, not an API key",
            "Master tokens are for the management API. They’re rejected where an API key is required.",
            "Give the client an API key.",
        ),
        Finding::NotAKey => Explanation::new(
            "Not a Tessera key",
            "An API key is a short prefix, an underscore, and 36 letters and digits.",
            "Check which variable or header the client takes its key from.",
        ),
    }
}
