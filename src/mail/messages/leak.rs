//! The words of the mail about a leaked key.

use crate::domain::outbox::{LeakedKind, Measure};

/// A link with the words on it.
pub(super) struct Button {
    pub(super) label: &'static str,
    pub(super) url: String,
}

/// What depends on what was found and on what was done about it.
pub(super) struct Words {
    pub(super) what: &'static str,
    pub(super) consequence: &'static str,
    /// What to do next, where something has to be done.
    pub(super) remedy: Option<Button>,
    /// Where the key or token is shown.
    pub(super) page: Button,
}

/// The words for the key or token `id` in the API tab at `api`.
pub(super) fn words(leaked: LeakedKind, measure: Measure, api: &str, id: &str) -> Words {
    let key = || Button { label: "Open key", url: format!("{api}/keys/{id}") };
    let is_over = measure == Measure::StoppedBefore;
    match leaked {
        LeakedKind::ApiKey => Words {
            what: "API key",
            consequence: match measure {
                Measure::Stopped => {
                    "It was deactivated immediately. Rotate it, put the new secret in place, then activate it."
                }
                Measure::StoppedBefore => "It was already inactive.",
                Measure::None => "It’s still active. Rotate it now.",
            },
            remedy: (!is_over)
                .then(|| Button { label: "Rotate key", url: format!("{api}/keys/{id}/rotate") }),
            page: key(),
        },
        LeakedKind::PreviousSecret => Words {
            what: "previous secret of API key",
            consequence: match measure {
                Measure::Stopped => "It was revoked immediately. The new secret keeps working.",
                Measure::StoppedBefore => "It was already inactive.",
                Measure::None => "It still works. Revoke it on the key’s page.",
            },
            remedy: None,
            page: key(),
        },
        LeakedKind::MasterToken => Words {
            what: "master token",
            consequence: match measure {
                Measure::Stopped => {
                    "It was deactivated immediately. Replace it, put the new token in place, then activate it."
                }
                Measure::StoppedBefore => {
                    "It was already inactive. Replace it before you activate it, or anyone who has it can use it."
                }
                Measure::None => "It’s still active. Replace it now.",
            },
            remedy: Some(Button { label: "Replace token", url: format!("{api}/tokens/{id}/replace") }),
            page: Button { label: "Open API", url: api.to_owned() },
        },
    }
}

/// How many other places there are; `None` for none.
pub(super) fn more(places: usize) -> Option<String> {
    match places {
        0 => None,
        1 => Some("and in 1 more place".to_owned()),
        places => Some(format!("and in {places} more places")),
    }
}
