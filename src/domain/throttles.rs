//! What strangers must not do too often, counted where every node sees it.
//!
//! A count is one row: a theoretical arrival time as in [`gcra`](super::gcra), and the failures since
//! the last success. Its key is a [`Kind`] and some bits of a digest that only this installation can
//! compute. So the counts of two kinds never meet whatever is typed, the table has a fixed size at
//! most, and nobody can aim at the row of another. Two subjects share a row once in 131,072 times; to
//! fill a noticeable part of the rows takes more password hashes than this program computes
//! ([`passwords`](super::passwords) lets few run at once).

use std::{fmt, net::IpAddr, sync::Arc};

use diesel::prelude::*;
use ring::hmac;
use time::Duration;

use super::schema::throttles;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// Rows that one kind has at most.
pub const BUCKETS: i64 = 1 << 17;

/// NIST SP 800-63B-4, 3.2.2: at most 100 failures in a row. Where only those who proved something
/// before can fail, their own count is held to it.
const MAX_FAILURES_IN_A_ROW: i32 = 100;
/// How long such failures are remembered: as long as a session may last.
const IN_A_ROW_MEMORY: Duration = Duration::days(30);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wrong passwords for an address, in browsers that are not known there.
    Address = 1,
    /// Wrong passwords from an origin, in such browsers.
    Origin,
    /// Those of one address from one origin: a success takes them back from the origin.
    AddressFromOrigin,
    /// Wrong passwords in a browser that logged in to the account before.
    Device,
    /// Wrong passwords in an open session.
    Session,
    /// Wrong passwords behind a mailed link.
    Link,
    /// Sign-ups and mails asked for without a session, by origin.
    SignUp,
    /// New passwords weighed and hashed, by whoever sets one.
    NewPassword,
}

impl Kind {
    /// How many in which time.
    fn limit(self) -> (i64, Duration) {
        match self {
            // As PyPI does: ten in five minutes, by account and by address of origin.
            Self::Address
            | Self::Origin
            | Self::AddressFromOrigin
            | Self::Device
            | Self::Session
            | Self::Link => (10, Duration::minutes(5)),
            Self::SignUp | Self::NewPassword => (20, Duration::HOUR),
        }
    }

    /// Whether failures in a row are held to [`MAX_FAILURES_IN_A_ROW`] here. Those of strangers are
    /// held to it by account, in `accounts`.
    fn counts_in_a_row(self) -> bool {
        matches!(self, Self::Device | Self::Session | Self::Link)
    }

    /// By how much one of them moves the arrival time, in milliseconds.
    fn step(self) -> i64 {
        let (most, period) = self.limit();
        milliseconds(period) / most
    }
}

/// One count of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    kind: Kind,
    bucket: i64,
}

/// Shows that something was counted before it was begun. Made by [`count`] only.
#[derive(Debug)]
pub struct Counted(());

/// Too often: try again after this many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Whole seconds, rounded up.
    pub retry_after_seconds: u64,
}

impl TooOften {
    /// When to try again: "in 40 seconds".
    pub fn when(self) -> String {
        match self.retry_after_seconds {
            seconds @ 0..=90 => format!("in {seconds} seconds"),
            seconds @ 91..=7200 => format!("in {} minutes", seconds.div_ceil(60)),
            seconds => format!("in {} hours", seconds.div_ceil(3600)),
        }
    }
}

/// Why something is not counted, and so must not be begun.
#[derive(Debug, thiserror::Error)]
pub enum ThrottleError {
    /// It happened too often.
    #[error("too often")]
    TooOften(TooOften),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ThrottleError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Finds the rows of subjects with a secret of this installation.
#[derive(Clone)]
pub struct ThrottleKey(Arc<hmac::Key>);

impl fmt::Debug for ThrottleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ThrottleKey(…)")
    }
}

impl ThrottleKey {
    /// A key of the installation's own `secret`.
    pub fn new(secret: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The count of `kind` for a subject, which may have several parts.
    pub fn counter(&self, kind: Kind, subject: &[&str]) -> Counter {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[kind as u8]);
        for part in subject {
            // With its length, so that two parts never read as two others.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let digest = context.sign();
        let (low, _) = digest.as_ref().split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        Counter { kind, bucket: (kind as i64) * BUCKETS + i64::from(u32::from_be_bytes(*low)) % BUCKETS }
    }
}

/// What one customer of a network has: an IPv4 address, or an IPv6 /64.
pub fn origin(ip: Option<IpAddr>) -> String {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => String::new(),
    }
}

/// Whether one more could be counted in each of `counters`. Counts nothing, so that whoever asks too
/// often writes nothing and does not even wait for the writer.
///
/// # Errors
/// [`ThrottleError::TooOften`].
pub fn check(connection: &mut Connection, counters: &[Counter], now: Timestamp) -> Result<(), ThrottleError> {
    for counter in counters {
        counter.check(find(connection, *counter, now)?, now)?;
    }
    Ok(())
}

/// Whether failures in a row have used the count up for good.
pub fn is_used_up(connection: &mut Connection, counter: Counter, now: Timestamp) -> Result<bool, DbError> {
    Ok(counter.is_used_up(find(connection, counter, now)?))
}

/// Counts one in each of `counters`, or in none.
///
/// # Errors
/// [`ThrottleError::TooOften`].
pub fn count(tx: &mut Tx<'_>, counters: &[Counter], now: Timestamp) -> Result<Counted, ThrottleError> {
    let mut rows = Vec::with_capacity(counters.len());
    for counter in counters {
        let found = find(tx.connection(), *counter, now)?;
        counter.check(found, now)?;
        rows.push(found);
    }
    for (counter, found) in counters.iter().zip(rows) {
        let row = Row {
            failures: found.failures.saturating_add(1),
            counted_until: found.counted_until.max(instant(now)) + counter.kind.step(),
        };
        keep(tx, *counter, row, now)?;
    }
    Ok(Counted(()))
}

/// Forgets a count: what it counted was followed by a success.
pub fn forget(tx: &mut Tx<'_>, counter: Counter) -> Result<(), DbError> {
    diesel::delete(throttles::table.find(counter.bucket)).execute(tx.connection())?;
    Ok(())
}

/// Forgets the count `part`, and takes what it counted back from `whole`, where it was counted, too.
pub fn take_back(tx: &mut Tx<'_>, part: Counter, whole: Counter, now: Timestamp) -> Result<(), DbError> {
    let failures = find(tx.connection(), part, now)?.failures;
    forget(tx, part)?;
    let found = find(tx.connection(), whole, now)?;
    let row = Row {
        failures: (found.failures - failures).max(0),
        counted_until: found.counted_until - i64::from(failures) * whole.kind.step(),
    };
    if row.failures == 0 || row.counted_until <= instant(now) {
        return forget(tx, whole);
    }
    keep(tx, whole, row, now)
}

/// Forgets counts that are empty again.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over = throttles::table.filter(throttles::forget_at.lt(instant(now)));
    Ok(diesel::delete(over).execute(tx.connection())?)
}

/// Counts that are kept, for tests and whoever wonders.
pub fn number_kept(connection: &mut Connection) -> Result<i64, DbError> {
    Ok(throttles::table.count().get_result(connection)?)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    failures: i32,
    counted_until: i64,
}

impl Counter {
    fn is_used_up(self, found: Row) -> bool {
        self.kind.counts_in_a_row() && found.failures >= MAX_FAILURES_IN_A_ROW
    }

    fn check(self, found: Row, now: Timestamp) -> Result<(), ThrottleError> {
        if self.is_used_up(found) {
            return Err(too_often(milliseconds(IN_A_ROW_MEMORY)));
        }
        let (most, _) = self.kind.limit();
        let burst = self.kind.step() * most;
        let now = instant(now);
        // Further ahead than a burst: the clock was set back.
        let ahead = found.counted_until.clamp(now, now + burst) - now + self.kind.step();
        if ahead > burst { Err(too_often(ahead - burst)) } else { Ok(()) }
    }
}

fn too_often(wait: i64) -> ThrottleError {
    let seconds = u64::try_from(wait).unwrap_or_default().div_ceil(1000);
    ThrottleError::TooOften(TooOften { retry_after_seconds: seconds.max(1) })
}

fn find(connection: &mut Connection, counter: Counter, now: Timestamp) -> Result<Row, DbError> {
    let found: Option<(i32, i64)> = throttles::table
        .find(counter.bucket)
        .filter(throttles::forget_at.ge(instant(now)))
        .select((throttles::failures, throttles::counted_until))
        .first(connection)
        .optional()?;
    Ok(found.map(|(failures, counted_until)| Row { failures, counted_until }).unwrap_or_default())
}

fn keep(tx: &mut Tx<'_>, counter: Counter, row: Row, now: Timestamp) -> Result<(), DbError> {
    let forget_at = if counter.kind.counts_in_a_row() {
        row.counted_until.max(instant(now + IN_A_ROW_MEMORY))
    } else {
        row.counted_until
    };
    let values = (
        throttles::failures.eq(row.failures),
        throttles::counted_until.eq(row.counted_until),
        throttles::forget_at.eq(forget_at),
    );
    let updated =
        diesel::update(throttles::table.find(counter.bucket)).set(values).execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(throttles::table)
            .values((throttles::bucket.eq(counter.bucket), values))
            .execute(tx.connection())?;
    }
    Ok(())
}

fn instant(at: Timestamp) -> i64 {
    i64::try_from(at.assume_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.whole_milliseconds()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::db::Db;

    const NOW: Timestamp = datetime!(2026-11-23 10:00);

    const KINDS: [Kind; 8] = [
        Kind::Address,
        Kind::Origin,
        Kind::AddressFromOrigin,
        Kind::Device,
        Kind::Session,
        Kind::Link,
        Kind::SignUp,
        Kind::NewPassword,
    ];

    fn key() -> ThrottleKey {
        ThrottleKey::new(&[7; 64])
    }

    fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("tessera.db").into()).unwrap();
        (folder, db)
    }

    fn try_once(db: &Db, counters: &[Counter], now: Timestamp) -> Result<(), u64> {
        match db.write_blocking(|tx| count(tx, counters, now)) {
            Ok(_) => Ok(()),
            Err(ThrottleError::TooOften(limit)) => Err(limit.retry_after_seconds),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_eleventh_in_five_minutes_waits_for_the_thirtieth_second() {
        let (_folder, db) = database();
        let dana = [key().counter(Kind::Address, &["dana@lumen.example"])];
        for _ in 0..10 {
            assert_eq!(try_once(&db, &dana, NOW), Ok(()));
        }
        assert_eq!(try_once(&db, &dana, NOW), Err(30));
        assert_eq!(try_once(&db, &dana, NOW + Duration::seconds(29)), Err(1));
        assert_eq!(try_once(&db, &dana, NOW + Duration::seconds(30)), Ok(()));
        assert_eq!(try_once(&db, &dana, NOW - Duration::days(300)), Err(30), "a clock that was set back");
    }

    #[test]
    fn what_is_refused_by_one_count_is_counted_in_none() {
        let (_folder, db) = database();
        let (full, other) = (key().counter(Kind::Origin, &["a"]), key().counter(Kind::Address, &["b"]));
        while try_once(&db, &[full], NOW).is_ok() {}
        assert!(try_once(&db, &[other, full], NOW).is_err());
        let kept = db.write_blocking(|tx| number_kept(tx.connection())).unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn a_device_has_a_hundred_failures_in_a_row_however_slow() {
        let (_folder, db) = database();
        let device = [key().counter(Kind::Device, &["cookie"])];
        let hours = |count: i64| NOW + Duration::hours(count);
        for hour in 0..100 {
            assert_eq!(try_once(&db, &device, hours(hour)), Ok(()));
        }
        assert!(try_once(&db, &device, hours(100)).is_err());
        db.write_blocking(|tx| forget(tx, device[0])).unwrap();
        assert_eq!(try_once(&db, &device, hours(100)), Ok(()));
    }

    #[test]
    fn what_is_taken_back_of_an_origin_is_what_one_address_failed_there() {
        let (_folder, db) = database();
        let origin = key().counter(Kind::Origin, &["192.0.2.1"]);
        let of = |address: &str| key().counter(Kind::AddressFromOrigin, &[address, "192.0.2.1"]);
        for address in ["dana", "dana", "dana", "eve", "eve"] {
            try_once(&db, &[origin, of(address)], NOW).unwrap();
        }
        db.write_blocking(|tx| take_back(tx, of("dana"), origin, NOW)).unwrap();
        let left = (0..).take_while(|_| try_once(&db, &[origin], NOW).is_ok()).count();
        assert_eq!(left, 8, "the two of Eve's stay");
    }

    #[test]
    fn what_is_over_is_purged() {
        let (_folder, db) = database();
        let counters = KINDS.map(|kind| key().counter(kind, &["x"]));
        try_once(&db, &counters, NOW).unwrap();
        let left = |now| {
            db.write_blocking(|tx| {
                purge_expired(tx, now)?;
                number_kept(tx.connection())
            })
            .unwrap()
        };
        assert_eq!(left(NOW), 8);
        assert_eq!(left(NOW + Duration::HOUR), 3, "failures in a row");
        assert_eq!(left(NOW + Duration::days(31)), 0);
    }

    proptest! {
        /// An address such as `dana@lumen.example known` was once the name of another count.
        #[test]
        fn no_text_names_a_count_of_another_kind_or_a_row_too_many(text in ".*", other in ".*") {
            let kinds = KINDS.map(|kind| key().counter(kind, &[&text, &other]).bucket);
            for (kind, bucket) in KINDS.iter().zip(kinds) {
                prop_assert_eq!(bucket / BUCKETS, *kind as i64);
            }
        }
    }
}
