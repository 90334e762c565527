//! The way from memory to the database: who was noted, in which order, in how small portions.

use std::{
    collections::VecDeque,
    hint, mem,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{rows, tokens, totals};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    domain::{
        instance_tokens,
        verification::{
            Client, KnownInstanceToken, KnownKey, KnownToken, Outcome, Owner, Pending, Tally, Used,
        },
    },
};

/// Keys that one transaction writes: some two milliseconds of one core, so that nobody who waits
/// for the writer or for a core waits long.
const KEYS_AT_ONCE: usize = 64;

/// Portions that one spread writing has at most. Each ends with a sync of the disk, of which a
/// slow one does some hundred in a second.
const MAX_PORTIONS: usize = 160;

/// Tries to have the turn before it is waited for: those who only look have it for less than a microsecond.
const TRIES: usize = 100;

/// Gathers usage; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// Who was used since it was last written, each once.
    noted: Arc<Mutex<Vec<Noted>>>,
    /// Whose turn it is to be written. Locked while a portion is written: who holds it finds
    /// everything either written or still in memory.
    turn: Arc<AsyncMutex<Turn>>,
    /// Quotas of which somebody is to be told that so much of them is used.
    reached: Arc<Mutex<Vec<Reached>>>,
}

type Turn = VecDeque<Noted>;

/// A quota of which so much is used that somebody is to be told.
#[derive(Clone, Debug)]
pub struct Reached {
    /// Whose quota it is.
    pub(in crate::domain) owner: Owner,
    /// How much of it is used, in percent.
    pub(in crate::domain) percent: u8,
    /// Whether a request was refused for it.
    pub(in crate::domain) is_refused: bool,
    known: Arc<KnownKey>,
}

impl Reached {
    /// It was not so, or could not be told: it is looked at again after the next writing.
    pub fn not_told(&self, now: Timestamp) {
        match &self.owner {
            Owner::Key(_) => self.known.monthly_use().into_iter().for_each(|month| month.not_told(now)),
            Owner::Organization(_) => {
                self.known.organization.quota().into_iter().for_each(|(_, month)| month.not_told(now));
            }
        }
    }

    /// What was reached with what was just written of a key.
    fn of(known: &Arc<KnownKey>, pending: &Pending) -> impl Iterator<Item = Self> {
        let at = pending.begins_at();
        let (of_key, of_organization) = (known.quota(), known.organization.quota());
        let quotas = [
            (of_key, Outcome::QuotaExceeded, known.owner()),
            (of_organization, Outcome::PlanQuotaExceeded, known.organization.owner()),
        ];
        quotas.into_iter().filter_map(move |(quota, refusal, owner)| {
            let ((quota, month), is_refused) = (quota?, pending.has(refusal));
            let percent = month.reached(quota, is_refused, at)?;
            Some(Self { owner, percent, is_refused, known: known.clone() })
        })
    }
}

/// A quota whose use is to be written before anything more is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueQuota {
    /// That of the key.
    OfKey,
    /// That of all keys of the organization together.
    OfOrganization,
}

/// Somebody with something to be written.
#[derive(Clone, Debug)]
enum Noted {
    Key(Arc<KnownKey>),
    Token(Arc<KnownToken>),
    InstanceToken(Arc<KnownInstanceToken>),
}

impl Noted {
    fn tally(&self) -> &Tally {
        match self {
            Self::Key(known) => &known.tally,
            Self::Token(known) => &known.tally,
            Self::InstanceToken(known) => &known.tally,
        }
    }

    fn organization_id(&self) -> Option<&str> {
        match self {
            Self::Key(known) => Some(&known.organization.id),
            Self::Token(known) => Some(&known.organization.id),
            Self::InstanceToken(_) => None,
        }
    }

    /// After [`write`](Self::write): whether it is kept.
    fn written(&self, pending: &Pending, is_written: bool) {
        if let Self::Key(known) = self
            && let Some(month) = known.monthly_use()
        {
            month.handed_over(&Used::of(pending), is_written);
        }
    }

    fn write(&self, tx: &mut Tx<'_>, pending: &Pending) -> Result<(), DbError> {
        match self {
            Self::Key(known) => rows::write(tx, known, pending),
            Self::Token(known) => tokens::write(tx, known, pending),
            Self::InstanceToken(known) => match pending.last_used_at {
                Some(at) => {
                    instance_tokens::note_last_use(tx, &known.token.id, at, pending.clients.last_ip())
                }
                None => Ok(()),
            },
        }
    }

    /// Keys by age: their rows then lie side by side, and a transaction touches fewer pages.
    fn place(&self) -> Option<Uuid> {
        match self {
            Self::Key(known) => Some(known.id),
            Self::Token(_) | Self::InstanceToken(_) => None,
        }
    }
}

impl Recorder {
    /// Counts a verification of a key, what it cost and who presented it. Tells whether so much of a
    /// quota waits to be written that nothing more should be answered before it is: that of the key or that of its
    /// organization.
    pub fn note(
        &self,
        known: &Arc<KnownKey>,
        outcome: Outcome,
        cost: u32,
        client: Option<Client<'_>>,
        now: Timestamp,
    ) -> Option<DueQuota> {
        let counted = known.tally.count(outcome, cost, client, now);
        if counted.is_first {
            self.gather(Noted::Key(known.clone()));
        }
        if outcome != Outcome::Valid {
            return None;
        }
        let is_organization_due = known.organization.note_units(cost);
        let is_key_due = known.max_unwritten_units().is_some_and(|most| counted.unwritten_units >= most);
        match (is_organization_due, is_key_due) {
            (true, _) => Some(DueQuota::OfOrganization),
            (false, true) => Some(DueQuota::OfKey),
            (false, false) => None,
        }
    }

    /// Notes that a master token was accepted, and the address that it came from.
    pub fn note_token(&self, known: &Arc<KnownToken>, ip: Option<IpAddr>, now: Timestamp) {
        if known.tally.count(Outcome::Valid, 1, Some(Client { ip, user_agent: "" }), now).is_first {
            self.gather(Noted::Token(known.clone()));
        }
    }

    /// Notes that an instance token was accepted, and the address that it came from.
    pub fn note_instance_token(&self, known: &Arc<KnownInstanceToken>, ip: Option<IpAddr>, now: Timestamp) {
        if known.tally.count(Outcome::Valid, 1, Some(Client { ip, user_agent: "" }), now).is_first {
            self.gather(Noted::InstanceToken(known.clone()));
        }
    }

    fn gather(&self, noted: Noted) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    }

    /// Writes the use of a quota that is due.
    pub async fn flush_due(&self, db: &Db, known: &Arc<KnownKey>, due: DueQuota) -> Result<(), DbError> {
        match due {
            DueQuota::OfKey => self.flush_key(db, known).await,
            DueQuota::OfOrganization => self.flush_organization(db, &known.organization.id).await,
        }
    }

    /// Writes what was counted of one key.
    pub async fn flush_key(&self, db: &Db, known: &Arc<KnownKey>) -> Result<(), DbError> {
        let (turn, known) = (self.turn.clone().lock_owned().await, known.clone());
        self.write_some(db, turn, |_| vec![Noted::Key(known)]).await.map(drop)
    }

    fn note_reached(&self, taken: &[(Noted, Box<Pending>)]) {
        let keys = taken.iter().filter_map(|(noted, pending)| match noted {
            Noted::Key(known) => Some((known, &**pending)),
            Noted::Token(_) | Noted::InstanceToken(_) => None,
        });
        let reached = keys.flat_map(|(known, pending)| Reached::of(known, pending));
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).extend(reached);
    }

    /// The quotas of which somebody is to be told, each once.
    pub fn take_reached(&self) -> Vec<Reached> {
        mem::take(&mut *self.reached.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes everything that was gathered, as when the server stops. What cannot be written is
    /// gathered again.
    pub async fn flush(&self, db: &Db) -> Result<(), DbError> {
        let turn = self.turn().await;
        let waiting = turn.len();
        self.write(db, turn, waiting).await
    }

    /// Writes what was gathered of one organization, before a page shows it.
    pub async fn flush_organization(&self, db: &Db, organization_id: &str) -> Result<(), DbError> {
        let mut turn = self.turn().await;
        let is_own = |noted: &Noted| noted.organization_id() == Some(organization_id);
        if !turn.iter().any(is_own) {
            return Ok(());
        }
        let (mut own, others): (Turn, Turn) = mem::take(&mut *turn).into_iter().partition(is_own);
        let waiting = own.len();
        own.extend(others);
        *turn = own;
        self.write(db, turn, waiting).await
    }

    /// Writes everything that was gathered, in small portions evenly over `period`: with many
    /// keys in use, writing at once would keep verifications waiting. Between two portions
    /// somebody else may write.
    pub async fn flush_spread(&self, db: &Db, period: Duration) -> Result<(), DbError> {
        let end = Instant::now() + period;
        let mut turn = self.turn().await;
        turn.make_contiguous().sort_unstable_by_key(Noted::place);
        let mut left = turn.len();
        let size = KEYS_AT_ONCE.max(left.div_ceil(MAX_PORTIONS));
        while left > 0 && !turn.is_empty() {
            drop(self.write_first(db, turn, size.min(left)).await?);
            left = left.saturating_sub(size);
            let portions = u32::try_from(left.div_ceil(size)).unwrap_or(u32::MAX);
            if portions > 0 {
                sleep(end.saturating_duration_since(Instant::now()) / portions.saturating_add(1)).await;
            }
            turn = self.turn.clone().lock_owned().await;
        }
        Ok(())
    }

    /// The turn, with everybody in it who was noted.
    async fn turn(&self) -> OwnedMutexGuard<Turn> {
        // Pages have it for a moment. Whoever stood in the line for it would get it while its worker is busy with
        // another page, and all others would stand still until then.
        let at_once = (0..TRIES).find_map(|_| {
            hint::spin_loop();
            self.turn.clone().try_lock_owned().ok()
        });
        let mut turn = match at_once {
            Some(turn) => turn,
            None => self.turn.clone().lock_owned().await,
        };
        turn.extend(mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner)));
        turn
    }

    /// Writes the first `waiting` of the turn without a pause.
    async fn write(&self, db: &Db, mut turn: OwnedMutexGuard<Turn>, waiting: usize) -> Result<(), DbError> {
        let mut left = waiting;
        while left > 0 {
            turn = self.write_first(db, turn, KEYS_AT_ONCE.min(left)).await?;
            left = left.saturating_sub(KEYS_AT_ONCE);
        }
        Ok(())
    }

    /// Writes the first `portion` of the turn.
    async fn write_first(
        &self,
        db: &Db,
        turn: OwnedMutexGuard<Turn>,
        portion: usize,
    ) -> Result<OwnedMutexGuard<Turn>, DbError> {
        self.write_some(db, turn, move |turn| turn.drain(..portion.min(turn.len())).collect()).await
    }

    /// Writes those whom `choose` takes out of the turn in one transaction. Goes on to its end even when
    /// nobody waits for it any more, so that nothing is lost between memory and database.
    async fn write_some(
        &self,
        db: &Db,
        mut turn: OwnedMutexGuard<Turn>,
        choose: impl FnOnce(&mut Turn) -> Vec<Noted> + Send + 'static,
    ) -> Result<OwnedMutexGuard<Turn>, DbError> {
        let (db, recorder) = (db.clone(), self.clone());
        tokio::spawn(async move {
            let (give, given) = oneshot::channel();
            let written = db.write_beside(move |tx| {
                // Not before it is its turn: until then, what is in it is counted on.
                let taken = take(choose(&mut turn));
                let written = taken
                    .iter()
                    .try_for_each(|(noted, pending)| noted.write(tx, pending))
                    .and_then(|()| of_organizations(&taken).iter().try_for_each(|of| of.write(tx)));
                // Whoever wrote it goes on with it once it is known whether all of it is kept.
                let _ = give.send((turn, taken));
                written
            });
            let written = written.await;
            let Ok((turn, taken)) = given.await else {
                // Not even begun: nothing was taken out.
                return written.and(Err(DbError::Busy("usage is written later".to_owned())));
            };
            taken.iter().for_each(|(noted, pending)| noted.written(pending, written.is_ok()));
            of_organizations(&taken).iter().for_each(|of| of.written(written.is_ok()));
            if written.is_ok() {
                recorder.note_reached(&taken);
            }
            if written.is_err() {
                for (noted, pending) in taken {
                    if noted.tally().put_back(pending) {
                        recorder.gather(noted);
                    }
                }
            }
            written.map(|()| turn)
        })
        .await?
    }
}

/// What there is to write of the organizations of keys.
fn of_organizations(taken: &[(Noted, Box<Pending>)]) -> Vec<totals::OfOrganization<'_>> {
    let keys = taken.iter().filter_map(|(noted, pending)| match noted {
        Noted::Key(known) => Some((&**known, &**pending)),
        Noted::Token(_) | Noted::InstanceToken(_) => None,
    });
    totals::of_each(keys)
}

/// What there is to write of each, in the same order on all nodes: none waits for a row of another that waits for one
/// of its own.
fn take(chosen: Vec<Noted>) -> Vec<(Noted, Box<Pending>)> {
    let pending = |noted: Noted| noted.tally().take().map(|pending| (noted, pending));
    let mut taken: Vec<(Noted, Box<Pending>)> = chosen.into_iter().filter_map(pending).collect();
    taken.sort_by_key(|(noted, _)| noted.place());
    taken
}
