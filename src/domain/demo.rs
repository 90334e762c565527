//! An example organization, so that a newcomer sees the product alive in a minute.
//!
//! Everything is made by the functions that the pages use, at instants of the past weeks.

mod operator;

pub use operator::{OPERATOR_EMAIL, fill_instance};

use std::{cell::OnceCell, net::IpAddr, rc::Rc};

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
    verification::{Client, Outcome, Span, Sum},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{DbError, Tx},
    vocabulary::Environment,
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
    ("Élodie Fontaine", "elodie@lumen.example", Role::Developer, 21, 5),
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
    clients: &'static [ExampleClient],
}

/// A client of a key: the last number of its address, its name, how many hundredths of the key's requests are
/// its, and by how many minutes it was last seen before the key's last use.
type ExampleClient = (u8, &'static str, i64, i64);

const KEYS: [ExampleKey; 6] = [
    example_key(
        "Nightly export",
        (40, Some(30)),
        Some(290),
        false,
        700,
        "export:read",
        &[(31, "python-requests/2.32.3", 100, 0)],
    ),
    example_key(
        "Production backend",
        (27, None),
        Some(0),
        false,
        41_000,
        "",
        &[
            (11, "lumen-backend/4.18.2 (node/22.11)", 52, 0),
            (12, "lumen-backend/4.18.2 (node/22.11)", 41, 0),
            (11, "lumen-backend/4.17.0 (node/22.11)", 6, 9_400),
            (24, "curl/8.5.0", 1, 4_300),
        ],
    ),
    example_key(
        "Mobile app",
        (27, Some(30)),
        Some(1),
        false,
        12_000,
        "orders:read profile:write",
        &[
            (52, "Lumen/7.2 (iPhone; iOS 18.1)", 44, 0),
            (53, "Lumen/7.2 (Android 15)", 38, 2),
            (53, "Lumen/7.1 (Android 14)", 18, 190),
        ],
    ),
    example_key(
        "Partner feed",
        (21, Some(90)),
        Some(265),
        true,
        3_800,
        "feed:read",
        &[(88, "Apache-HttpClient/5.3 (Java/21)", 100, 0)],
    ),
    example_key(
        "Billing worker",
        (10, Some(365)),
        Some(6),
        false,
        900,
        "invoices:write",
        &[(19, "Go-http-client/2.0", 93, 0), (24, "curl/8.5.0", 7, 7_900)],
    ),
    example_key("Staging smoke tests", (1, Some(90)), None, false, 0, "", &[]),
];

const fn example_key(
    name: &'static str,
    (days_since_creation, duration_days): (i64, Option<i64>),
    hours_since_last_use: Option<i64>,
    is_off: bool,
    requests_a_day: i64,
    scopes: &'static str,
    clients: &'static [ExampleClient],
) -> ExampleKey {
    ExampleKey {
        name,
        days_since_creation,
        duration_days,
        hours_since_last_use,
        is_off,
        requests_a_day,
        scopes,
        clients,
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

    let mut past = Past::default();
    for example in &KEYS {
        key(&mut past, &admin, example, now);
    }
    for (name, email, role, days, _) in PEOPLE {
        colleague(&mut past, &members, (name, email, role), password_hash, now - Duration::days(days));
    }
    for example in &TOKENS {
        token(&mut past, &admin, example, now);
    }
    open_invitations(&mut past, &members, now);
    past.happen(tx)?;
    foreign_invitation(tx, password_hash, now)?;
    for (_, email, _, _, last_seen) in PEOPLE {
        accounts::set_last_active(tx, email, now - Duration::hours(last_seen))?;
    }
    accounts::set_last_active(tx, LOG_IN_EMAIL, now)?;
    outbox::finish_all(tx, now)?;
    Ok(())
}

/// What was done, each at its time. It happens in that order, since lists of events are sorted by the
/// order in which they were noted.
#[derive(Default)]
struct Past<'a>(Vec<(Timestamp, Deed<'a>)>);

type Deed<'a> = Box<dyn FnOnce(&mut Tx<'_>, Timestamp) -> Result<(), DemoError> + 'a>;

impl<'a> Past<'a> {
    fn add(
        &mut self,
        at: Timestamp,
        deed: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<(), DemoError> + 'a,
    ) {
        self.0.push((at, Box::new(deed)));
    }

    fn happen(mut self, tx: &mut Tx<'_>) -> Result<(), DemoError> {
        self.0.sort_by_key(|(at, _)| *at);
        self.0.into_iter().try_for_each(|(at, deed)| deed(tx, at))
    }
}

/// The id of what one deed makes and a later one needs.
type MadeId = Rc<OnceCell<String>>;

fn made(id: &MadeId) -> Result<&str, DemoError> {
    id.get().map(String::as_str).ok_or_else(|| step("a step needs what a later one makes"))
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
    organizations::create(tx, user, &actor, &name(text, MAX_NAME_LENGTH)?, &InstanceRules::default(), at)
        .map_err(step)
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

fn key<'a>(past: &mut Past<'a>, admin: &'a Grant<ManageKeys>, example: &'a ExampleKey, now: Timestamp) {
    let id = MadeId::default();
    let created = id.clone();
    past.add(now - Duration::days(example.days_since_creation), move |tx, at| {
        let expires_at = example.duration_days.map(|days| at + Duration::days(days));
        let key = new_key(tx, admin, (example.name, example.scopes), expires_at, at)?;
        let last_used_at =
            example.hours_since_last_use.map(|hours| now - Duration::hours(hours) - Duration::minutes(2));
        if let Some(last) = last_used_at {
            api_keys::note_last_use(tx, &key.id, Some(last))?;
            let first = at.max(now - Duration::days(29));
            let all =
                requests(tx, (&admin.id, &key.id), example.requests_a_day, (first.date(), last.date()))?;
            for (number, user_agent, share, minutes) in example.clients {
                let client = Client { ip: address(*number), user_agent };
                usage::add_client(
                    tx,
                    &key.id,
                    client,
                    all * share / 100,
                    last - Duration::minutes(*minutes),
                )?;
            }
            let hours = (first.max(now - Duration::hours(47)), last);
            requests_by_hour(tx, &key.id, example.requests_a_day, hours)?;
        }
        created.set(key.id).map_err(step)
    });
    if example.is_off {
        past.add(now - Duration::days(11), move |tx, at| {
            api_keys::switch(tx, admin, made(&id)?, false, at).map(drop).map_err(step)
        });
    }
}

/// Tells how many there are in all.
fn requests(
    tx: &mut Tx<'_>,
    (organization_id, key_id): (&str, &str),
    a_day: i64,
    days: (Date, Date),
) -> Result<i64, DemoError> {
    let mut all = 0;
    each_day(a_day, days, |day, requests| {
        all += requests;
        let sum = Sum { outcome: Outcome::Valid, requests, units: requests };
        usage::add_for_organization(tx, organization_id, day, sum)?;
        usage::add(tx, key_id, Span::Day, day, sum)
    })?;
    Ok(all)
}

/// The requests of a key on one day of an example, of which it has `a_day` or so: fewer at the weekend,
/// more with its `age` in days, and some unrest.
pub fn requests_on(day: i64, is_weekend: bool, a_day: i64, age: i64) -> i64 {
    let weekday = if is_weekend { 55 } else { 100 };
    let unrest = 80 + (day * 7919 + a_day) % 41;
    a_day * weekday * unrest * (70 + age) / 1_000_000
}

fn each_day(
    a_day: i64,
    (first, last): (Date, Date),
    mut add: impl FnMut(Timestamp, i64) -> Result<(), DbError>,
) -> Result<(), DemoError> {
    let mut date = first;
    while date <= last {
        let (day, age) = (i64::from(date.to_julian_day()), (date - first).whole_days());
        let requests = requests_on(day, date.weekday().number_from_monday() > 5, a_day, age);
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
    let new = NewApiKey {
        name: name(key_name, MAX_KEY_NAME_LENGTH)?,
        expires_at,
        environment: Environment::Live,
        settings,
    };
    api_keys::create(tx, admin, &new, &InstanceRules::default(), at).map(|(key, _)| key).map_err(step)
}

fn colleague<'a>(
    past: &mut Past<'a>,
    grant: &'a Grant<ManageMembers>,
    (full_name, email, role): (&'a str, &'a str, Role),
    password_hash: &'a str,
    at: Timestamp,
) {
    let role_at_first = if role == Role::Supervisor { Role::User } else { role };
    past.add(at - Duration::hours(5), move |tx, at| invite(tx, grant, (email, role_at_first), at));
    let id = MadeId::default();
    let created = id.clone();
    past.add(at, move |tx, at| {
        let user = person(tx, full_name, email, password_hash, at)?;
        for (invitation, _) in invitations::of_user(tx.connection(), &user, at)? {
            invitations::accept(tx, &user, address(140), &invitation.id, at).map_err(step)?;
        }
        created.set(user.id).map_err(step)
    });
    if role != role_at_first {
        past.add(at + Duration::hours(3), move |tx, at| {
            member_changes::change_role(tx, grant, made(&id)?, role, at).map(drop).map_err(step)
        });
    }
}

fn token<'a>(past: &mut Past<'a>, admin: &'a Grant<ManageTokens>, example: &'a ExampleToken, now: Timestamp) {
    let generated_at = now - Duration::days(example.days_since_generation);
    let id = MadeId::default();
    let generated = id.clone();
    past.add(generated_at, move |tx, at| {
        let new = NewToken {
            name: name(example.name, MAX_KEY_NAME_LENGTH)?,
            access: example.access,
            expires_at: example.ends_in_days.map(|days| now + Duration::days(days)),
        };
        let (token, _) =
            master_tokens::generate(tx, admin, &new, &InstanceRules::default(), at).map_err(step)?;
        generated.set(token.id).map_err(step)
    });
    let Some(minutes) = example.minutes_since_last_use else { return };
    let last_used_at = now - Duration::minutes(minutes);
    let used = id.clone();
    past.add(generated_at + Duration::minutes(20), move |tx, at| {
        let token = master_tokens::switch(tx, admin, made(&used)?, true, at).map_err(step)?;
        master_tokens::note_last_use(tx, &token.id, last_used_at, address(77))?;
        each_day(example.requests_a_day, (at.date(), last_used_at.date()), |day, requests| {
            usage::add_for_token(tx, &token.id, day, requests)
        })
    });
    if example.name == ERP_SYNC {
        machines_key(past, admin, id, now - Duration::days(14));
    }
}

/// A key that the token creates, and removes after twelve days.
fn machines_key<'a>(
    past: &mut Past<'a>,
    admin: &'a Grant<ManageTokens>,
    token_id: MadeId,
    created_at: Timestamp,
) {
    let machine = move |tx: &mut Tx<'_>| -> Result<Grant<ManageKeys>, DemoError> {
        let token = master_tokens::find(tx.connection(), admin, made(&token_id)?).map_err(step)?;
        token.standing(Organization::clone(admin), address(77)).grant().map_err(step)
    };
    let id = MadeId::default();
    let (created, as_before) = (id.clone(), machine.clone());
    past.add(created_at, move |tx, at| {
        let machine = machine(tx)?;
        let key = new_key(tx, &machine, ("Old importer", ""), None, at)?;
        created.set(key.id).map_err(step)
    });
    past.add(created_at + Duration::days(12), move |tx, at| {
        let machine = as_before(tx)?;
        api_keys::remove(tx, &machine, made(&id)?, at).map(drop).map_err(step)
    });
}

fn invite(
    tx: &mut Tx<'_>,
    members: &Grant<ManageMembers>,
    (email, role): (&str, Role),
    at: Timestamp,
) -> Result<(), DemoError> {
    let email = [EmailAddress::parse(email).map_err(step)?];
    invitations::invite(tx, members, role, &email, &InstanceRules::default(), at).map_err(step)?;
    Ok(())
}

fn open_invitations<'a>(past: &mut Past<'a>, members: &'a Grant<ManageMembers>, now: Timestamp) {
    for (email, role, ago) in [
        ("sam.castillo@lumen.example", Role::User, Duration::hours(2)),
        ("finance@lumen.example", Role::Administrator, Duration::hours(6 * 24 + 3)),
    ] {
        past.add(now - ago, move |tx, at| invite(tx, members, (email, role), at));
    }
}

/// An invitation for the person who logs in, to see how one answers.
fn foreign_invitation(tx: &mut Tx<'_>, password_hash: &str, now: Timestamp) -> Result<(), DemoError> {
    let at = now - Duration::days(1);
    let tomas = person(tx, "Tomás Rey", "tomas@harbour.example", password_hash, at)?;
    let harbour = organization(tx, &tomas, "Harbour Freight Data", at)?;
    let members = grant(tx, &tomas, &harbour)?;
    invite(tx, &members, (LOG_IN_EMAIL, Role::Supervisor), at)
}
