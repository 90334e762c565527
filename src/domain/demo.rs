//! An example organization, so that a newcomer sees the product alive in a minute.
//!
//! Everything is made by the functions that the pages use, at instants of the past weeks.

use std::net::IpAddr;

use time::{Date, Duration, Time};

use super::{
    access::{self, Actor, Capability, Grant, ManageKeys, ManageMembers, ManageTokens, Role},
    accounts::{self, AccountError, NewAccount},
    api_keys::{self, ApiKey, NewApiKey},
    email::EmailAddress,
    invitations,
    key_settings::KeySettings,
    master_tokens::{self, NewToken},
    member_changes,
    names::{MAX_KEY_NAME_LENGTH, MAX_NAME_LENGTH, Name},
    organization::Organization,
    organizations, outbox,
    token_access::TokenAccess,
    usage,
    user::User,
    verification::{Outcome, Span, Sum},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// The address to log in with.
pub const LOG_IN_EMAIL: &str = "dana@lumen.example";

/// Why there is no example.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Somebody has signed up: the database is in use.
    #[error("the database is not empty; the example goes into a new one")]
    NotEmpty,
    /// One of the steps failed.
    #[error("the example could not be made: {0}")]
    Step(Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn step(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DemoError {
    DemoError::Step(error.into())
}

/// Name, address, role, days since joining, hours since last seen.
const PEOPLE: [(&str, &str, Role, i64, i64); 11] = [
    ("Ines Okafor", "ines.okafor@lumen.example", Role::Administrator, 26, 2),
    ("Ravi Menon", "ravi@lumen.example", Role::Supervisor, 25, 26),
    ("Sofie Lindqvist", "sofie.lindqvist@lumen.example", Role::User, 24, 90),
    ("Marcus Adeyemi", "marcus@lumen.example", Role::User, 22, 300),
    ("Élodie Fontaine", "elodie@lumen.example", Role::User, 21, 5),
    ("Jonas Brandt", "jonas.brandt@lumen.example", Role::User, 20, 49),
    ("Priya Raman", "priya@lumen.example", Role::Supervisor, 18, 1),
    ("نور الدين", "nour@lumen.example", Role::User, 15, 8),
    ("Tomasz Zieliński", "tomasz@lumen.example", Role::User, 12, 31),
    ("Grace Mbeki", "grace@lumen.example", Role::User, 9, 70),
    ("Hiroshi Tanaka", "hiroshi@lumen.example", Role::User, 4, 12),
];

/// A key of the example.
struct ExampleKey {
    name: &'static str,
    days_since_creation: i64,
    duration_days: Option<i64>,
    hours_since_last_use: Option<i64>,
    is_off: bool,
    requests_a_day: i64,
    scopes: &'static str,
}

const KEYS: [ExampleKey; 6] = [
    example_key("Nightly export", (40, Some(30)), Some(290), false, 700, "export:read"),
    example_key("Production backend", (27, None), Some(0), false, 41_000, ""),
    example_key("Mobile app", (27, Some(30)), Some(1), false, 12_000, "orders:read profile:write"),
    example_key("Partner feed", (21, Some(90)), Some(265), true, 3_800, "feed:read"),
    example_key("Billing worker", (10, Some(365)), Some(6), false, 900, "invoices:write"),
    example_key("Staging smoke tests", (1, Some(90)), None, false, 0, ""),
];

const fn example_key(
    name: &'static str,
    (days_since_creation, duration_days): (i64, Option<i64>),
    hours_since_last_use: Option<i64>,
    is_off: bool,
    requests_a_day: i64,
    scopes: &'static str,
) -> ExampleKey {
    ExampleKey {
        name,
        days_since_creation,
        duration_days,
        hours_since_last_use,
        is_off,
        requests_a_day,
        scopes,
    }
}

/// A master token of the example.
struct ExampleToken {
    name: &'static str,
    access: TokenAccess,
    days_since_generation: i64,
    ends_in_days: Option<i64>,
    /// `None` for one that was never activated.
    minutes_since_last_use: Option<i64>,
    requests_a_day: i64,
}

const TOKENS: [ExampleToken; 4] = [
    ExampleToken {
        name: "Warehouse migration",
        access: TokenAccess::Full,
        days_since_generation: 30,
        ends_in_days: None,
        minutes_since_last_use: None,
        requests_a_day: 0,
    },
    ExampleToken {
        name: "Gateway",
        access: TokenAccess::Verify,
        days_since_generation: 26,
        ends_in_days: None,
        minutes_since_last_use: Some(1),
        requests_a_day: 18_000,
    },
    ExampleToken {
        name: "Quarterly audit",
        access: TokenAccess::Read,
        days_since_generation: 25,
        ends_in_days: Some(5),
        minutes_since_last_use: Some(3_000),
        requests_a_day: 40,
    },
    ExampleToken {
        name: ERP_SYNC,
        access: TokenAccess::Keys,
        days_since_generation: 19,
        ends_in_days: Some(346),
        minutes_since_last_use: Some(9),
        requests_a_day: 300,
    },
];

/// The token that does something.
const ERP_SYNC: &str = "ERP sync";

/// Fills an empty database; everybody's password is the one behind `password_hash`.
pub fn fill(tx: &mut Tx<'_>, password_hash: &str, now: Timestamp) -> Result<(), DemoError> {
    if accounts::any_exists(tx.connection())? {
        return Err(DemoError::NotEmpty);
    }
    let start = now - Duration::days(41);
    let dana = person(tx, "Dana Whitfield", LOG_IN_EMAIL, password_hash, start)?;
    let lumen = organization(tx, &dana, "Lumen Logistics", start)?;
    organization(tx, &dana, "Whitfield Labs", now - Duration::days(3))?;
    let admin: Grant<ManageTokens> = grant(tx, &dana, &lumen)?;
    let members: Grant<ManageMembers> = grant(tx, &dana, &lumen)?;

    for example in &KEYS {
        key(tx, &admin, example, now)?;
    }
    for (name, email, role, days, last_seen) in PEOPLE {
        colleague(tx, &members, (name, email, role), password_hash, now - Duration::days(days))?;
        accounts::set_last_active(tx, email, now - Duration::hours(last_seen))?;
    }
    for example in &TOKENS {
        token(tx, &admin, example, now)?;
    }
    open_invitations(tx, &members, now)?;
    foreign_invitation(tx, password_hash, now)?;
    accounts::set_last_active(tx, LOG_IN_EMAIL, now)?;
    outbox::finish_all(tx, now)?;
    Ok(())
}

fn name(text: &str, longest: usize) -> Result<Name, DemoError> {
    Name::parse(text, longest).map_err(step)
}

fn person(
    tx: &mut Tx<'_>,
    full_name: &str,
    email: &str,
    password_hash: &str,
    at: Timestamp,
) -> Result<User, DemoError> {
    let new = NewAccount {
        email: EmailAddress::parse(email).map_err(step)?,
        name: name(full_name, MAX_NAME_LENGTH)?,
        password_hash: password_hash.to_owned(),
    };
    let user = accounts::insert(tx, &new, at)?;
    accounts::mark_verified(tx, &user, None, at).map_err(|error: AccountError| step(error))
}

fn organization(tx: &mut Tx<'_>, user: &User, text: &str, at: Timestamp) -> Result<Organization, DemoError> {
    let actor = Actor::user(user, address(24));
    organizations::create(tx, user, &actor, &name(text, MAX_NAME_LENGTH)?, at).map_err(step)
}

/// An address from the range that RFC 5737 keeps for examples.
fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([203, 0, 113, last]))
}

fn grant<C: Capability>(
    tx: &mut Tx<'_>,
    user: &User,
    organization: &Organization,
) -> Result<Grant<C>, DemoError> {
    let standing = access::member(tx.connection(), user, address(24), &organization.id).map_err(step)?;
    standing.grant().map_err(step)
}

fn key(
    tx: &mut Tx<'_>,
    admin: &Grant<ManageKeys>,
    example: &ExampleKey,
    now: Timestamp,
) -> Result<(), DemoError> {
    let created_at = now - Duration::days(example.days_since_creation);
    let expires_at = example.duration_days.map(|days| created_at + Duration::days(days));
    let key = new_key(tx, admin, (example.name, example.scopes), expires_at, created_at)?;
    let last_used_at =
        example.hours_since_last_use.map(|hours| now - Duration::hours(hours) - Duration::minutes(2));
    if let Some(last) = last_used_at {
        api_keys::note_last_use(tx, &key.id, Some(last))?;
        let first = created_at.max(now - Duration::days(29));
        requests(tx, &key.id, example.requests_a_day, (first.date(), last.date()))?;
        requests_by_hour(tx, &key.id, example.requests_a_day, (first.max(now - Duration::hours(47)), last))?;
    }
    if example.is_off {
        api_keys::switch(tx, admin, &key.id, false, now - Duration::days(11)).map_err(step)?;
    }
    Ok(())
}

fn requests(tx: &mut Tx<'_>, key_id: &str, a_day: i64, days: (Date, Date)) -> Result<(), DemoError> {
    each_day(a_day, days, |day, requests| {
        usage::add(tx, key_id, Span::Day, day, Sum { outcome: Outcome::Valid, requests, units: requests })
    })
}

/// Fewer requests at the weekend, more as the weeks go, and some unrest.
fn each_day(
    a_day: i64,
    (first, last): (Date, Date),
    mut add: impl FnMut(Timestamp, i64) -> Result<(), DbError>,
) -> Result<(), DemoError> {
    let mut date = first;
    while date <= last {
        let day = i64::from(date.to_julian_day());
        let weekday = if date.weekday().number_from_monday() > 5 { 55 } else { 100 };
        let unrest = 80 + (day * 7919 + a_day) % 41;
        let growth = 70 + (date - first).whole_days();
        let requests = a_day * weekday * unrest * growth / 1_000_000;
        add(Timestamp::new(date, Time::MIDNIGHT), requests)?;
        date += Duration::DAY;
    }
    Ok(())
}

/// Few requests at night, most at noon.
fn requests_by_hour(
    tx: &mut Tx<'_>,
    key_id: &str,
    a_day: i64,
    (first, last): (Timestamp, Timestamp),
) -> Result<(), DemoError> {
    let mut at = first;
    while at <= last {
        let hour = i64::from(at.hour());
        let share = 20 + 60 * (12 - (hour - 12).abs()) / 12;
        let begins_at = at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT));
        let requests = a_day * share / 1200;
        let sum = Sum { outcome: Outcome::Valid, requests, units: requests };
        usage::add(tx, key_id, Span::Hour, begins_at, sum)?;
        at += Duration::HOUR;
    }
    Ok(())
}

fn new_key(
    tx: &mut Tx<'_>,
    admin: &Grant<ManageKeys>,
    (key_name, scopes): (&str, &str),
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<ApiKey, DemoError> {
    let settings = KeySettings { scopes: scopes.parse().map_err(step)?, ..KeySettings::default() };
    let new = NewApiKey { name: name(key_name, MAX_KEY_NAME_LENGTH)?, expires_at, settings };
    api_keys::create(tx, admin, &new, at).map(|(key, _)| key).map_err(step)
}

fn removed_key(
    tx: &mut Tx<'_>,
    admin: &Grant<ManageKeys>,
    key_name: &str,
    at: Timestamp,
) -> Result<(), DemoError> {
    let key = new_key(tx, admin, (key_name, ""), None, at - Duration::days(12))?;
    api_keys::remove(tx, admin, &key.id, at).map_err(step)?;
    Ok(())
}

fn colleague(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    (full_name, email, role): (&str, &str, Role),
    password_hash: &str,
    at: Timestamp,
) -> Result<(), DemoError> {
    let role_at_first = if role == Role::Supervisor { Role::User } else { role };
    invite(tx, grant, (email, role_at_first), at - Duration::hours(5))?;
    let user = person(tx, full_name, email, password_hash, at)?;
    for (invitation, _) in invitations::of_user(tx.connection(), &user, at)? {
        invitations::accept(tx, &user, address(140), &invitation.id, at).map_err(step)?;
    }
    if role != role_at_first {
        member_changes::change_role(tx, grant, &user.id, role, at + Duration::hours(3)).map_err(step)?;
    }
    Ok(())
}

fn token(
    tx: &mut Tx<'_>,
    admin: &Grant<ManageTokens>,
    example: &ExampleToken,
    now: Timestamp,
) -> Result<(), DemoError> {
    let at = now - Duration::days(example.days_since_generation);
    let new = NewToken {
        name: name(example.name, MAX_KEY_NAME_LENGTH)?,
        access: example.access,
        expires_at: example.ends_in_days.map(|days| now + Duration::days(days)),
    };
    let (token, _) = master_tokens::generate(tx, admin, &new, at).map_err(step)?;
    let Some(minutes) = example.minutes_since_last_use else { return Ok(()) };
    let last_used_at = now - Duration::minutes(minutes);
    let token =
        master_tokens::switch(tx, admin, &token.id, true, at + Duration::minutes(20)).map_err(step)?;
    master_tokens::note_last_use(tx, &token.id, last_used_at, address(77))?;
    each_day(example.requests_a_day, (at.date(), last_used_at.date()), |day, requests| {
        usage::add_for_token(tx, &token.id, day, requests)
    })?;
    if example.name == ERP_SYNC {
        let standing = token.standing(Organization::clone(admin), address(77));
        let machine = standing.grant().map_err(step)?;
        removed_key(tx, &machine, "Old importer", now - Duration::days(2))?;
    }
    Ok(())
}

fn invite(
    tx: &mut Tx<'_>,
    members: &Grant<ManageMembers>,
    (email, role): (&str, Role),
    at: Timestamp,
) -> Result<(), DemoError> {
    let email = [EmailAddress::parse(email).map_err(step)?];
    invitations::invite(tx, members, role, &email, at).map_err(step)?;
    Ok(())
}

fn open_invitations(
    tx: &mut Tx<'_>,
    members: &Grant<ManageMembers>,
    now: Timestamp,
) -> Result<(), DemoError> {
    let invited = [
        ("sam.castillo@lumen.example", Role::User, Duration::hours(2)),
        ("finance@lumen.example", Role::Administrator, Duration::hours(6 * 24 + 3)),
    ];
    for (email, role, ago) in invited {
        invite(tx, members, (email, role), now - ago)?;
    }
    Ok(())
}

/// An invitation for the person who logs in, to see how one answers.
fn foreign_invitation(tx: &mut Tx<'_>, password_hash: &str, now: Timestamp) -> Result<(), DemoError> {
    let at = now - Duration::days(1);
    let tomas = person(tx, "Tomás Rey", "tomas@harbour.example", password_hash, at)?;
    let harbour = organization(tx, &tomas, "Harbour Freight Data", at)?;
    let members = grant(tx, &tomas, &harbour)?;
    invite(tx, &members, (LOG_IN_EMAIL, Role::Supervisor), at)
}
