//! What verification is asked and what it answers.

use crate::{
    api_types::{LimitFields, NamedId, Verification, VerificationRequest, VerifiedKey},
    domain::{
        key_settings::Metadata,
        verification::{Client, KnownKey, Limits, Outcome},
    },
    vocabulary::VerificationCode,
    web::display,
};

impl VerificationRequest {
    /// The backend's own client, as far as the backend tells.
    pub(super) fn client(&self) -> Option<Client<'_>> {
        let user_agent = self.user_agent.as_deref().map(str::trim).unwrap_or_default();
        let is_known = self.client_ip.is_some() || !user_agent.is_empty();
        is_known.then(|| Client { ip: self.client_ip.map(|ip| ip.to_canonical()), user_agent })
    }
}

impl Verification {
    pub(super) fn without_key(code: VerificationCode) -> Self {
        Self {
            valid: false,
            code,
            organization: None,
            key: None,
            limited_by: None,
            limits: LimitFields::of(&Limits::default()),
        }
    }

    pub(super) fn of(outcome: Outcome, known: &KnownKey, limits: &Limits) -> Self {
        Self {
            valid: outcome == Outcome::Valid,
            code: outcome.into(),
            organization: Some(NamedId {
                id: known.organization.id.clone(),
                name: known.organization.name.clone(),
            }),
            key: Some(VerifiedKey {
                id: known.id.to_string(),
                name: known.name.to_string(),
                environment: known.environment,
                scopes: known.scopes().to_vec(),
                metadata: known.metadata().map(Metadata::to_value),
                expires_at: known.expires_at.map(|at| display::iso(&at)),
            }),
            limited_by: outcome.limited_by(),
            limits: LimitFields::of(limits),
        }
    }
}
