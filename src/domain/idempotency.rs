//! Requests that are run once however often they are sent: the response is kept in the
//! transaction of the change and given again (draft-ietf-httpapi-idempotency-key-header).
//!
//! A response may hold a secret that nobody else keeps, so it is sealed with a key that is made
//! from the client's own idempotency key. The database holds only a digest of that.

use std::fmt;

use diesel::prelude::*;
use rand::rngs::SysRng;
use rand_core::TryRng;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use time::Duration;

use super::{
    schema::{idempotency_claims, idempotent_responses},
    secret::NoRandomness,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// How long a response is kept.
pub const KEPT: Duration = Duration::hours(24);

/// The longest idempotency key, in bytes.
pub const MAX_KEY_LENGTH: usize = 255;

/// How long others wait for whoever has claimed a request: a process that has died gives nothing back. The clocks of the
/// nodes may differ by a few seconds.
pub const CLAIM_TERM: Duration = Duration::seconds(30);

/// A request that a client wants run once.
#[derive(Clone)]
pub struct Once {
    owner_id: String,
    key_digest: Vec<u8>,
    sealing_key: [u8; 32],
    fingerprint: Vec<u8>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once(…)")
    }
}

/// What became of a request so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It got this response.
    Kept(Vec<u8>),
    /// Somebody has claimed it and is at it.
    UnderWay,
    /// Nobody has begun it.
    Nothing,
}

/// The text is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("An Idempotency-Key must be 1 to {MAX_KEY_LENGTH} visible ASCII characters, such as a UUID.")]
pub struct NotAKey;

/// Why a response can be neither given again nor kept.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key came with another request before.
    #[error("This Idempotency-Key was used for another request. Use a new one for each request.")]
    Reused,
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Once {
    /// The request `what` (method, address and body) of `owner_id` under the key `key`.
    pub fn new(owner_id: &str, key: &str, what: &[&[u8]]) -> Result<Self, NotAKey> {
        if !(1..=MAX_KEY_LENGTH).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotAKey);
        }
        Ok(Self {
            owner_id: owner_id.to_owned(),
            key_digest: digest(&[b"idempotency look-up", owner_id.as_bytes(), key.as_bytes()]).to_vec(),
            sealing_key: digest(&[b"idempotency seal", owner_id.as_bytes(), key.as_bytes()]),
            fingerprint: digest(what).to_vec(),
        })
    }

    /// What tells this request from every other.
    pub fn digest(&self) -> [u8; 32] {
        digest(&[&self.key_digest, &self.fingerprint])
    }

    /// The response that this request got before.
    ///
    /// # Errors
    /// [`IdempotencyError::Reused`], [`IdempotencyError::Db`].
    pub fn recall(
        &self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, IdempotencyError> {
        let row: Option<(Vec<u8>, Vec<u8>)> = idempotent_responses::table
            .find((&self.owner_id, &self.key_digest))
            .filter(idempotent_responses::created_at.gt(now - KEPT))
            .select((idempotent_responses::fingerprint, idempotent_responses::response))
            .first(connection)
            .optional()
            .map_err(DbError::from)?;
        match row {
            Some((fingerprint, _)) if fingerprint != self.fingerprint => Err(IdempotencyError::Reused),
            Some((_, sealed)) => self.open(sealed).map(Some),
            None => Ok(None),
        }
    }

    /// Keeps the response in the transaction of the change that it speaks of.
    pub fn remember(&self, tx: &mut Tx<'_>, response: &[u8], now: Timestamp) -> Result<(), IdempotencyError> {
        let sealed = self.seal(response)?;
        // One that is over may not be cleaned up yet.
        diesel::delete(idempotent_responses::table.find((&self.owner_id, &self.key_digest)))
            .execute(tx.connection())
            .map_err(DbError::from)?;
        diesel::insert_into(idempotent_responses::table)
            .values((
                idempotent_responses::owner_id.eq(&self.owner_id),
                idempotent_responses::key_digest.eq(&self.key_digest),
                idempotent_responses::fingerprint.eq(&self.fingerprint),
                idempotent_responses::response.eq(sealed),
                idempotent_responses::created_at.eq(now),
            ))
            .execute(tx.connection())
            .map_err(DbError::from)?;
        Ok(())
    }

    /// What became of this request so far, for those who claim it before they run it.
    ///
    /// # Errors
    /// As [`recall`](Self::recall).
    pub fn look(&self, connection: &mut Connection, now: Timestamp) -> Result<Found, IdempotencyError> {
        if let Some(kept) = self.recall(connection, now)? {
            return Ok(Found::Kept(kept));
        }
        let claimed: Option<Vec<u8>> = idempotency_claims::table
            .find((&self.owner_id, &self.key_digest))
            .filter(idempotency_claims::ends_at.gt(now))
            .select(idempotency_claims::fingerprint)
            .first(connection)
            .optional()
            .map_err(DbError::from)?;
        match claimed {
            Some(fingerprint) if fingerprint != self.fingerprint => Err(IdempotencyError::Reused),
            Some(_) => Ok(Found::UnderWay),
            None => Ok(Found::Nothing),
        }
    }

    /// Claims the request for `holder`, where [`look`](Self::look) finds [`Found::Nothing`], which is the answer then.
    ///
    /// # Errors
    /// As [`recall`](Self::recall).
    pub fn claim(&self, tx: &mut Tx<'_>, holder: &str, now: Timestamp) -> Result<Found, IdempotencyError> {
        let found = self.look(tx.connection(), now)?;
        if found == Found::Nothing {
            // One that is over may be there still.
            diesel::delete(idempotency_claims::table.find((&self.owner_id, &self.key_digest)))
                .execute(tx.connection())
                .map_err(DbError::from)?;
            diesel::insert_into(idempotency_claims::table)
                .values((
                    idempotency_claims::owner_id.eq(&self.owner_id),
                    idempotency_claims::key_digest.eq(&self.key_digest),
                    idempotency_claims::fingerprint.eq(&self.fingerprint),
                    idempotency_claims::holder.eq(holder),
                    idempotency_claims::ends_at.eq(now + CLAIM_TERM),
                ))
                .execute(tx.connection())
                .map_err(DbError::from)?;
        }
        Ok(found)
    }

    /// Gives back what `holder` has claimed.
    pub fn give_back(&self, tx: &mut Tx<'_>, holder: &str) -> Result<(), DbError> {
        let claim = idempotency_claims::table
            .find((&self.owner_id, &self.key_digest))
            .filter(idempotency_claims::holder.eq(holder));
        diesel::delete(claim).execute(tx.connection())?;
        Ok(())
    }

    /// The nonce, then the sealed text.
    fn seal(&self, response: &[u8]) -> Result<Vec<u8>, IdempotencyError> {
        let mut nonce = [0; NONCE_LEN];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_| NoRandomness)?;
        let mut text = response.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
            .map_err(|_| damaged())?;
        Ok([nonce.as_slice(), &text].concat())
    }

    fn open(&self, mut sealed: Vec<u8>) -> Result<Vec<u8>, IdempotencyError> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let response = self.cipher()?.open_in_place(nonce, Aad::empty(), text).map_err(|_| damaged())?;
        Ok(response.to_vec())
    }

    fn cipher(&self) -> Result<LessSafeKey, IdempotencyError> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.sealing_key).map_err(|_| damaged())?;
        Ok(LessSafeKey::new(key))
    }
}

fn damaged() -> IdempotencyError {
    IdempotencyError::Db(DbError::Unreadable("a kept response is damaged".to_owned()))
}

/// Each part behind its length, so that no two lists of parts are one text.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| {
        hash.chain_update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()).chain_update(part)
    });
    hash.finalize().into()
}

/// Forgets responses and claims that are over.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let given_up = idempotency_claims::table.filter(idempotency_claims::ends_at.le(now));
    diesel::delete(given_up).execute(tx.connection())?;
    let old = idempotent_responses::table.filter(idempotent_responses::created_at.le(now - KEPT));
    Ok(diesel::delete(old).execute(tx.connection())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_a_response() {
        let once = Once::new("token", "4ab1", &[b"POST"]).unwrap();
        let sealed = once.seal(b"tess_secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(once.open(sealed.clone()).unwrap(), b"tess_secret");
        for (owner, key) in [("token", "4ab2"), ("other", "4ab1")] {
            assert!(Once::new(owner, key, &[b"POST"]).unwrap().open(sealed.clone()).is_err());
        }
    }

    #[test]
    fn a_key_is_short_and_visible() {
        for key in ["", "a b", "ä", &"a".repeat(256)] {
            assert_eq!(Once::new("token", key, &[]).unwrap_err(), NotAKey, "{key}");
        }
        assert!(Once::new("token", &"a".repeat(255), &[]).is_ok());
    }

    #[test]
    fn parts_of_a_request_do_not_run_together() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
