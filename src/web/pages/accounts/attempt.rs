//! One try at a password, wherever a page asks for one.

use actix_web::{HttpResponse, cookie::time::Duration};

use super::{afterwards, throttle::limit_of};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        accounts::{self, Credentials},
        email::EmailAddress,
        passwords::Comparison,
        throttles::{self, Counter, Kind, ThrottleError, TooOften, origin},
        user::User,
    },
    web::{error::AppError, state::State, visit::Visitor},
};

/// The text for an unknown address and for a wrong password.
pub const NOT_RIGHT: &str = "Incorrect email or password.";
/// The text for the right password of an account that is deactivated. Nobody else reads it.
pub const DEACTIVATED: &str = "This account is deactivated. Ask your operator to activate it.";

/// How long a browser stays known.
const DEVICE_COOKIE_LIFETIME: Duration = Duration::days(365);

/// How long a try waits for those before it.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// How often; together three seconds, in which one core compares more than a hundred passwords.
const PAUSES: usize = 15;

/// What a try came to.
pub enum Attempt {
    /// It is the password of this account.
    Right(Box<RightPassword>),
    /// There is no such account, it is another password, or too many tries in a row failed.
    Wrong,
    /// Not tried: too many tries lately.
    TooOften(TooOften),
}

/// An account whose password was given just now.
pub struct RightPassword {
    /// The account.
    pub user: User,
    /// The hash that the password matched.
    pub matched_hash: String,
    /// A hash of today's parameters, where the stored one is weaker.
    pub stronger_hash: Option<String>,
}

/// What whoever tries a password has shown already, and so whose count a failure is. What has a count
/// of its own is never locked by strangers (OWASP, device cookies; ASVS 6.1.1).
#[derive(Clone, Debug)]
pub enum Shown {
    /// Nothing, unless the browser is one that logged in to the account before.
    Nothing,
    /// A mailed link.
    Link(String),
    /// An open session of the account.
    Session(String),
}

/// The counts of one try.
#[derive(Clone, Copy)]
enum Counts {
    /// The address, the origin, and both together.
    Stranger([Counter; 3]),
    /// One of their own.
    Own(Counter),
}

impl Counts {
    fn all(&self) -> &[Counter] {
        match self {
            Self::Stranger(counters) => counters,
            Self::Own(counter) => std::slice::from_ref(counter),
        }
    }
}

/// Tries `password` for the account at the address `typed`. Takes as long, and writes as much, without
/// an account. The try is counted as a failure first, so that many at once are no more than one after
/// the other; a success takes it back. So whoever finds the count full while others are being compared
/// waits a little: an office whose people all come at nine fails nowhere.
pub async fn attempt(
    visitor: &Visitor,
    typed: &str,
    password: String,
    shown: Shown,
) -> Result<Attempt, AppError> {
    for _ in 0..PAUSES {
        let came_to = try_once(visitor, typed, password.clone(), shown.clone()).await?;
        let is_full = matches!(came_to, Attempt::TooOften(_));
        if !is_full || !visitor.state.passwords.are_being_hashed() {
            return Ok(came_to);
        }
        tokio::time::sleep(PAUSE).await;
    }
    try_once(visitor, typed, password, shown).await
}

async fn try_once(
    visitor: &Visitor,
    typed: &str,
    password: String,
    shown: Shown,
) -> Result<Attempt, AppError> {
    let state = &visitor.state;
    let (credentials, counts) = match look_up(visitor, typed, shown).await? {
        Ok(found) => found,
        Err(limit) => return Ok(Attempt::TooOften(limit)),
    };
    let is_stranger = matches!(counts, Counts::Stranger(_));
    let (user, now) = (credentials.as_ref().map(|found| found.user.clone()), visitor.now);
    let counted = state
        .db
        .write(move |tx| {
            let counted = throttles::count(tx, counts.all(), now)?;
            if is_stranger {
                accounts::count_failure(tx, user.as_ref())?;
            }
            Ok(counted)
        })
        .await;
    let counted = match counted {
        Ok(counted) => counted,
        Err(error) => return limit_of(error).map(Attempt::TooOften),
    };
    let stored = credentials.as_ref().map(|found| found.password_hash.clone());
    let comparison = state.passwords.compare(password.into(), stored, counted).await?;
    let Some(Credentials { user, password_hash: matched_hash, is_exhausted }) = credentials else {
        note_failure(visitor, None);
        return Ok(Attempt::Wrong);
    };
    let is_closed = is_stranger && is_exhausted;
    let stronger_hash = match comparison {
        Comparison::Same if !is_closed => None,
        Comparison::SameButWeak(hash) if !is_closed => Some(hash),
        _ => {
            note_failure(visitor, Some(user));
            return Ok(Attempt::Wrong);
        }
    };
    state.db.write(move |tx| take_back(tx, counts, now)).await?;
    Ok(Attempt::Right(Box::new(RightPassword { user, matched_hash, stronger_hash })))
}

/// The account at the address, and the counts of a try at it, unless one of them is full.
async fn look_up(
    visitor: &Visitor,
    typed: &str,
    shown: Shown,
) -> Result<Result<(Option<Credentials>, Counts), TooOften>, AppError> {
    let (state, now) = (visitor.state.clone(), visitor.now);
    let (typed, from) = (typed.to_owned(), origin(visitor.ip));
    let cookie = visitor.request().cookie(&state.cookies.device).map(|cookie| cookie.value().to_owned());
    let found = visitor
        .state
        .db
        .read(move |connection| {
            let credentials = match EmailAddress::of_account(&typed) {
                Ok(email) => accounts::credentials(connection, &email)?,
                Err(_) => None,
            };
            let own = match shown {
                Shown::Link(token) => Some(state.throttles.counter(Kind::Link, &[&token])),
                Shown::Session(id) => Some(state.throttles.counter(Kind::Session, &[&id])),
                Shown::Nothing => {
                    let known = credentials
                        .as_ref()
                        .zip(cookie.as_deref())
                        .filter(|(found, cookie)| state.devices.knows(&found.user.id, cookie))
                        .map(|(_, cookie)| state.throttles.counter(Kind::Device, &[cookie]));
                    match known {
                        // A known browser that failed too often is one like any other.
                        Some(device) if throttles::is_used_up(connection, device, now)? => None,
                        known => known,
                    }
                }
            };
            let counts = match own {
                Some(own) => Counts::Own(own),
                None => Counts::Stranger(counts_of_stranger(&state, &typed, &from)),
            };
            throttles::check(connection, counts.all(), now)?;
            Ok::<_, ThrottleError>((credentials, counts))
        })
        .await;
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(error) => limit_of(error).map(Err),
    }
}

fn counts_of_stranger(state: &State, typed: &str, from: &str) -> [Counter; 3] {
    let address = counted(typed);
    [
        state.throttles.counter(Kind::Origin, &[from]),
        state.throttles.counter(Kind::Address, &[&address]),
        state.throttles.counter(Kind::AddressFromOrigin, &[&address, from]),
    ]
}

/// The address under which tries are counted: one count, however it is written.
fn counted(typed: &str) -> String {
    match EmailAddress::of_account(typed) {
        Ok(email) => email.into(),
        Err(_) => typed.chars().take(254).collect(),
    }
}

/// What failed before somebody remembered the password counts no more: not for the address, and not
/// for others at the same origin. What failed there for other addresses goes on counting.
fn take_back(tx: &mut Tx<'_>, counts: Counts, now: Timestamp) -> Result<(), DbError> {
    match counts {
        Counts::Own(counter) => throttles::forget(tx, counter),
        Counts::Stranger([from_origin, of_address, of_both]) => {
            throttles::forget(tx, of_address)?;
            throttles::take_back(tx, of_both, from_origin, now)
        }
    }
}

fn note_failure(visitor: &Visitor, user: Option<User>) {
    let (db, ip, now) = (visitor.state.db.clone(), visitor.ip, visitor.now);
    // README gives the words to fail2ban.
    tracing::warn!(client = ip.map(tracing::field::display), "login failed");
    afterwards(async move {
        Ok(db.write(move |tx| accounts::record_failed_log_in(tx, user.as_ref(), ip, now)).await?)
    });
}

/// Starts a session of the account under a new id, and notes it. `None` where the password was changed
/// since it was compared.
pub async fn log_in(visitor: &Visitor, right: RightPassword) -> Result<Option<User>, AppError> {
    let RightPassword { user, matched_hash, stronger_hash } = right;
    let (ip, now) = (visitor.ip, visitor.now);
    let hash = stronger_hash.unwrap_or_else(|| matched_hash.clone());
    let (is_in, user, hash) = visitor
        .state
        .db
        .write(move |tx| {
            let is_in = accounts::record_log_in(tx, &user, (&matched_hash, &hash), ip, now)?;
            Ok::<_, DbError>((is_in, user, hash))
        })
        .await?;
    if !is_in {
        return Ok(None);
    }
    visitor.log_in(&user, &hash)?;
    Ok(Some(user))
}

/// Lets the browser be known at its next log-in to the account.
pub fn remember_device(visitor: &Visitor, response: &mut HttpResponse, user: &User) -> Result<(), AppError> {
    let state = &visitor.state;
    let sealed = state.devices.issue(&user.id)?;
    let cookie = state.cookies.make(&state.cookies.device, sealed, DEVICE_COOKIE_LIFETIME);
    response.add_cookie(&cookie).map_err(AppError::internal)
}
