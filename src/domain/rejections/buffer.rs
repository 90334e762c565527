//! Rejections since the last writing: bounded in all and for each organization, so that neither
//! somebody who makes up keys nor one busy organization pushes out what others may ask for.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use strum::{EnumString, IntoStaticStr};
use tokio::sync::Mutex as AsyncMutex;

use super::{Code, masked};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    domain::verification::{Decision, KeyRequest, KnownKey, Outcome},
};

/// Rejections of one organization between two writings; the oldest go first.
const MAX_OF_ONE: usize = 200;
/// Rejections of a pool: some 300 bytes each.
const MAX_IN_ALL: usize = 2000;
/// Bytes of the scopes that a request needed; what does not fit in is left out.
const MAX_SCOPES_LENGTH: usize = 500;
/// Bytes of an organization's id. A longer one in an address is nobody's.
const MAX_ID_LENGTH: usize = 36;

/// Where a request asks to be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Endpoint {
    /// A gateway, for its client.
    Auth,
    /// A client itself, for its organization.
    Organization,
    /// A backend, for its client.
    Verify,
}

/// A refused request, as whoever answers it sees it.
#[derive(Clone, Copy)]
pub struct Rejected<'a> {
    /// The id that its answer bears.
    pub request_id: &'a str,
    /// Which of the request's keys it is about.
    pub place: usize,
    /// Where it asked.
    pub endpoint: Endpoint,
    /// What was asked of the key.
    pub wanted: &'a KeyRequest<'a>,
}

/// A rejection that waits to be written.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) request_id: String,
    pub(super) place: i32,
    pub(super) endpoint: Endpoint,
    /// The organization that was asked for.
    pinned: Option<String>,
    /// The key as it was when it was refused.
    pub(super) key: Option<Arc<KnownKey>>,
    pub(super) code: Code,
    pub(super) presented: Option<String>,
    pub(super) needed_scopes: String,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) cost: u32,
    pub(super) retry_after_seconds: Option<u64>,
    pub(super) at: Timestamp,
}

impl Noted {
    /// What is kept of a decision on `presented`; `None` for an accepted key.
    fn of(refused: &Rejected<'_>, presented: &str, decision: &Decision, now: Timestamp) -> Option<Self> {
        let noted = |code| Self::new(refused, code, now);
        Some(match decision {
            Decision::Known { outcome: Outcome::Valid, .. } => return None,
            Decision::Known { key, outcome, limits } => Self {
                key: Some(key.clone()),
                retry_after_seconds: limits.retry_after_seconds(),
                ..noted(Code::Key(*outcome))
            },
            Decision::Malformed => noted(Code::Malformed),
            // That it is a key of somebody else is nothing that the two may learn of each other.
            Decision::NotFound | Decision::Foreign => {
                Self { presented: masked(presented), ..noted(Code::NotFound) }
            }
        })
    }

    fn new(refused: &Rejected<'_>, code: Code, at: Timestamp) -> Self {
        let wanted = refused.wanted;
        let mut needed_scopes = String::new();
        for scope in wanted.scopes {
            if needed_scopes.len() + scope.len() < MAX_SCOPES_LENGTH {
                needed_scopes += scope;
                needed_scopes.push(' ');
            }
        }
        Self {
            request_id: refused.request_id.to_owned(),
            place: i32::try_from(refused.place).unwrap_or(i32::MAX),
            endpoint: refused.endpoint,
            pinned: wanted.organization.filter(|id| id.len() <= MAX_ID_LENGTH).map(str::to_owned),
            key: None,
            code,
            presented: None,
            needed_scopes,
            client_ip: wanted.client_ip,
            cost: wanted.cost,
            retry_after_seconds: None,
            at,
        }
    }

    /// The organization that may hear of it.
    pub(super) fn organization_id(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.organization.id.as_str()).or(self.pinned.as_deref())
    }

    /// What the key allowed of that which was refused.
    pub(super) fn allowed(&self) -> String {
        match (&self.key, self.code) {
            (Some(key), Code::Key(outcome)) => key.allowance(outcome),
            _ => String::new(),
        }
    }
}

/// The bounded memory of rejections; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    /// Of keys that exist, and of those that a backend asked for with its token.
    proven: Arc<Mutex<Pool>>,
    /// Of whatever anybody may send, under whatever organization they name.
    claimed: Arc<Mutex<Pool>>,
    /// Held while what was taken is not written yet.
    writing: Arc<AsyncMutex<()>>,
}

#[derive(Debug, Default)]
struct Pool {
    count: usize,
    of_one: HashMap<Option<String>, VecDeque<Noted>>,
}

impl Buffer {
    /// Notes a decision, unless the key is accepted.
    pub fn note(&self, refused: &Rejected<'_>, presented: &str, decision: &Decision, now: Timestamp) {
        if let Some(noted) = Noted::of(refused, presented, decision, now) {
            self.put(noted);
        }
    }

    /// Notes a rejection without a decision.
    pub fn note_code(&self, refused: &Rejected<'_>, code: Code, now: Timestamp) {
        self.put(Noted::new(refused, code, now));
    }

    /// Writes what was noted, and waits for what somebody else is writing. What cannot be written
    /// is noted again. Goes on to its end even when nobody waits for it any more.
    pub async fn flush(&self, db: &Db) -> Result<(), DbError> {
        let (buffer, db) = (self.clone(), db.clone());
        tokio::spawn(async move { buffer.write(&db).await }).await?
    }

    async fn write(&self, db: &Db) -> Result<(), DbError> {
        let _writing = self.writing.lock().await;
        let noted = Arc::new(self.take());
        if noted.is_empty() {
            return Ok(());
        }
        let rows = noted.clone();
        let result = db.write_beside(move |tx| super::write(tx, &rows)).await;
        if result.is_err() {
            self.put_back(Arc::into_inner(noted).unwrap_or_default());
        }
        result
    }

    /// Takes everything out.
    fn take(&self) -> Vec<Noted> {
        let pools = [&self.proven, &self.claimed]
            .map(|pool| std::mem::take(&mut *pool.lock().unwrap_or_else(PoisonError::into_inner)));
        pools.into_iter().flat_map(|pool| pool.of_one.into_values()).flatten().collect()
    }

    /// Puts back what could not be written, as far as there is room.
    fn put_back(&self, taken: Vec<Noted>) {
        taken.into_iter().for_each(|noted| self.put(noted));
    }

    fn put(&self, noted: Noted) {
        let is_proven = noted.key.is_some() || (noted.endpoint == Endpoint::Verify && noted.pinned.is_some());
        let pool = if is_proven { &self.proven } else { &self.claimed };
        pool.lock().unwrap_or_else(PoisonError::into_inner).put(noted);
    }
}

impl Pool {
    /// Whoever has too many loses the oldest; where the pool is full, whoever comes anew is not
    /// noted.
    fn put(&mut self, noted: Noted) {
        let owner = noted.organization_id().map(str::to_owned);
        let is_full = self.count >= MAX_IN_ALL;
        if is_full && !self.of_one.contains_key(&owner) {
            return;
        }
        let of_one = self.of_one.entry(owner).or_default();
        if is_full || of_one.len() >= MAX_OF_ONE {
            of_one.pop_front();
            self.count -= 1;
        }
        of_one.push_back(noted);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-23 10:00);

    fn note(buffer: &Buffer, number: usize, organization: Option<&str>, scopes: &[String]) {
        let wanted = KeyRequest { organization, scopes, ..KeyRequest::default() };
        let request_id = format!("req_{number}");
        let refused =
            Rejected { request_id: &request_id, place: 0, endpoint: Endpoint::Auth, wanted: &wanted };
        buffer.note(&refused, "tess_none", &Decision::Malformed, NOW);
    }

    #[test]
    fn one_organization_keeps_its_newest_and_pushes_out_nobody() {
        let buffer = Buffer::default();
        note(&buffer, 0, Some("quiet"), &[]);
        for number in 1..=3 * MAX_OF_ONE {
            note(&buffer, number, Some("busy"), &[]);
            note(&buffer, number, None, &[]);
        }
        let taken = buffer.take();
        let of = |id| taken.iter().filter(move |noted| noted.organization_id() == id);
        assert_eq!((of(Some("quiet")).count(), of(Some("busy")).count(), of(None).count()), (1, 200, 200));
        assert!(of(Some("busy")).all(|noted| noted.request_id != "req_1"));
        assert_eq!(of(Some("busy")).next_back().unwrap().request_id, format!("req_{}", 3 * MAX_OF_ONE));
        assert!(buffer.take().is_empty());
    }

    #[test]
    fn made_up_organizations_and_scopes_do_not_make_it_grow() {
        let buffer = Buffer::default();
        let scopes = ["é".repeat(100_000)];
        for number in 0..3 * MAX_IN_ALL {
            note(&buffer, number, Some(&format!("made up {number}")), &scopes);
            note(&buffer, number, Some(&"x".repeat(1000)), &[]);
        }
        let taken = buffer.take();
        assert_eq!(taken.len(), MAX_IN_ALL);
        assert!(taken.iter().all(|noted| noted.needed_scopes.len() <= MAX_SCOPES_LENGTH));
        buffer.put_back(taken);
        assert_eq!(buffer.take().len(), MAX_IN_ALL);
    }
}
