//! Verification without consequences: what would be answered now, and why. Nothing is counted,
//! taken from a limit or noted as a use.

use super::{Decision, KeyRequest, Limits, Outcome, Verifier, reject_early};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ApiKey},
        secret::{self, SecretDigest, SecretKind},
    },
};

/// The key that a request is tried with.
#[derive(Clone, Copy)]
pub enum Tried<'a> {
    /// What somebody would present.
    Secret(&'a str),
    /// A key of the organization, whose secret nobody has at hand.
    Key(&'a ApiKey),
}

/// What verification would answer.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The answer. A key of another organization is not found.
    pub decision: Decision,
    /// Every reason to refuse, the one that is given first.
    pub reasons: Vec<Outcome>,
    /// What the limits leave as they stand.
    pub left: Limits,
}

impl DryRun {
    fn without_key(decision: Decision) -> Self {
        Self { decision, reasons: Vec::new(), left: Limits::default() }
    }
}

impl Verifier {
    /// Evaluates a request with a key of the organization as [`verify`](Self::verify) would at the
    /// instant `now`, by the live limits of this process.
    pub async fn dry_run(
        &self,
        grant: &Grant<SeeKeys>,
        tried: Tried<'_>,
        wanted: &KeyRequest<'_>,
        now: Timestamp,
    ) -> Result<DryRun, DbError> {
        let digest = match tried {
            Tried::Secret(text) if !secret::is_well_formed(SecretKind::ApiKey, text) => {
                return Ok(DryRun::without_key(Decision::Malformed));
            }
            Tried::Secret(text) => Some(SecretDigest::of(text)),
            Tried::Key(key) => {
                let (grant, key_id) = (grant.clone(), key.id.clone());
                self.db.read(move |connection| api_keys::digest(connection, &grant, &key_id)).await?
            }
        };
        let wanted = KeyRequest { organization: Some(&grant.id), ..*wanted };
        let key = match digest {
            Some(digest) => self.key_with(digest, now).await?,
            None => None,
        };
        let Some(key) = key.filter(|key| reject_early(key, &wanted, now).is_none()) else {
            return Ok(DryRun::without_key(Decision::NotFound));
        };
        let (reasons, limits) = key.dry_run(&wanted, now);
        let left = key.peek(0, now);
        let outcome = reasons.first().copied().unwrap_or(Outcome::Valid);
        Ok(DryRun { decision: Decision::Known { key, outcome, limits }, reasons, left })
    }
}
