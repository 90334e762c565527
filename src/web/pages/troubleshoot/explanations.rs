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
                "It has expired.",
                format!("Its end was {}. Every request since then was rejected.", since(key.expires_at)),
                "Create a new key and put it in the place of this one. An end that has passed cannot be moved.",
            ),
            (KeyStatus::Deactivated, Some(end)) => Self::new(
                "It is paused.",
                format!("It comes back by itself at {}.", display::time_of_day(&end, &now)),
                "Wait for that, or choose Activate in the cogwheel of the key.",
            ),
            (KeyStatus::Deactivated, None) => Self::new(
                "It is deactivated.",
                format!(
                    "It was switched off on {}. The key’s history says by whom.",
                    since(key.deactivated_at)
                ),
                "If it should work, choose Activate in the cogwheel of the key. It holds from the next request on.",
            ),
            (KeyStatus::Active, _) => Self::new(
                "It is active.",
                match key.last_used_at {
                    Some(at) => format!("It was last accepted {}.", display::date_time_utc(&at)),
                    None => "It was never accepted: no request with it has arrived here.".to_owned(),
                },
                "If clients are rejected all the same, compare what they send with the key letter by letter, look \
                 whether it arrives as “Authorization: Bearer” or “X-API-Key”, and whether the gateway asks for \
                 this organization. The request id of such an answer, pasted above, tells the reason; below you can \
                 try a request.",
            ),
        };
        answer.of_key(organization_id, key)
    }
}

/// What there is to say where there is no key.
pub(super) fn without_key(finding: &Finding) -> Explanation {
    match finding {
        Finding::Removed(entry) => Explanation::new(
            "It was removed.",
            format!(
                "{} removed the key “{}” on {}.",
                entry.actor_name,
                entry.subject_name,
                display::date_time_utc(&entry.created_at)
            ),
            "Create a new key. A removed one cannot be brought back.",
        ),
        Finding::Keys(_) | Finding::Unknown => Explanation::new(
            "This organization has no such key.",
            "It belongs to another organization or installation, or it never existed.",
            "Look in which organization the key was created, and whether the client asks the right address.",
        ),
        Finding::Mistyped => Explanation::new(
            "It is not a whole key.",
            "It begins like a key, but a letter is wrong, missing or too much: its check digits do not fit.",
            "Copy the key again from where it is kept, without quotation marks, blanks or line breaks.",
        ),
        Finding::TooShort => Explanation::new(
            "That is too short.",
            "The first four characters after “tess_” are needed to tell keys apart.",
            "Paste more of the key.",
        ),
        Finding::MasterToken => Explanation::new(
            "It is a master token, not an API key.",
            "Master tokens open the API of the organization. Where an API key is asked for they are rejected.",
            "Give the client an API key.",
        ),
        Finding::NotAKey => Explanation::new(
            "It is not a key of this product.",
            "Every API key begins with “tess_”.",
            "Look which variable or header the client takes its key from.",
        ),
    }
}
