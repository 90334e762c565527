//! An example instance: many organizations on plans, so that whoever operates one sees what that looks like.

use time::{Duration, Time};

use super::{
    DemoError, MadeId, PEOPLE, Past, grant, made, name, new_key, organization, person, requests, step,
};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::{Grant, InstanceAdministrator, ManageKeys, Operator, Role},
        accounts, api_keys,
        instance::{self, Notes},
        key_settings::MonthlyQuota,
        members,
        names::MAX_NAME_LENGTH,
        plans::{self, Ceilings, Override, PlanOffer},
        usage,
        verification::{Outcome, Sum},
    },
};

/// The address of the instance administrator.
pub const OPERATOR_EMAIL: &str = "olga@operator.example";

/// The plans: name, rate limit, monthly quota, active keys, members.
const PLANS: [(&str, &str, u64, i64, i64); 3] = [
    ("Free", "60/minute", 10_000, 3, 5),
    ("Starter", "600/minute", 500_000, 25, 25),
    ("Business", "6000/minute", 10_000_000, 500, 250),
];

/// An organization of the example: name, place of its plan, days since it was created, members beside its owner, keys,
/// and how many requests its keys have in a day.
type ExampleOrganization = (&'static str, usize, i64, usize, usize, i64);

const ORGANIZATIONS: [ExampleOrganization; 37] = [
    ("Alpine Weather", 2, 390, 9, 6, 96_000),
    ("Atlas Parcel", 2, 372, 8, 7, 71_000),
    ("Beacon Clinics", 1, 361, 6, 3, 9_400),
    ("Birchwood Bank", 2, 350, 10, 8, 143_000),
    ("Blue Heron Travel", 1, 341, 4, 3, 7_100),
    ("Café Solstice", 0, 333, 1, 1, 120),
    ("Cedar & Stone", 0, 322, 0, 1, 40),
    ("Copperfield Energy", 2, 314, 7, 5, 38_000),
    ("Delta Freight", 1, 301, 5, 4, 11_800),
    ("Drift Analytics", 1, 287, 3, 2, 4_300),
    ("Ember Games", 2, 276, 6, 4, 52_000),
    ("Fennel Foods", 0, 262, 2, 1, 210),
    ("Firefly Robotics", 1, 255, 4, 5, 13_900),
    ("Glacier Audio", 0, 243, 1, 2, 260),
    ("Granite Insurance", 2, 231, 9, 6, 64_000),
    ("Harrow Legal", 0, 220, 2, 1, 90),
    ("Indigo Learning", 1, 211, 5, 3, 6_200),
    ("Juniper Homes", 0, 198, 1, 1, 30),
    ("Kestrel Mobility", 1, 187, 4, 4, 15_100),
    ("Larkspur Media", 1, 175, 3, 2, 3_900),
    ("Lighthouse Pharmacy", 1, 166, 4, 2, 5_500),
    ("Maple Transit", 2, 154, 6, 5, 47_000),
    ("Mica Sensors", 1, 143, 2, 3, 8_800),
    ("Nordwind Rederei", 1, 131, 3, 2, 2_700),
    ("Northgate Schools", 0, 120, 3, 1, 180),
    ("Opal Cosmetics", 0, 111, 1, 1, 70),
    ("Orchard Markets", 1, 99, 2, 2, 4_600),
    ("Pelican Airways", 2, 88, 5, 4, 29_000),
    ("Quarry Labs", 0, 76, 0, 2, 310),
    ("Redwood Print", 0, 65, 1, 1, 55),
    ("Saffron Kitchen", 0, 54, 0, 1, 25),
    ("Silverline Telecom", 2, 43, 4, 3, 33_000),
    ("Tidewater Marine", 0, 33, 1, 1, 140),
    ("Umber Design", 0, 24, 0, 1, 15),
    ("Vantage Sports", 1, 16, 2, 2, 1_900),
    ("شركة النخيل", 0, 9, 1, 1, 80),
    ("Zephyr Cloud Services and Infrastructure Holding of the Northern Countries", 0, 2, 0, 1, 5),
];

/// The one that does not pay, and what its members are told.
const SUSPENDED: (&str, &str) = ("Juniper Homes", "The invoice of September is unpaid.");
/// One that gave up.
const REMOVED: &str = "Umber Design";
/// One that was promised more for a while.
const EXCEPTED: &str = "Firefly Robotics";
/// Those that asked for more than their plan allows.
const BEYOND_THEIR_PLAN: [&str; 3] = ["Café Solstice", EXCEPTED, "Orchard Markets"];
/// What is noted about some.
const NOTES: [(&str, &str); 2] = [
    (SUSPENDED.0, "Third reminder sent on the 3rd.\nAsk Ines before it is resumed."),
    (EXCEPTED, "Launch campaign until the end of the year, agreed with Jonas."),
];

const KEY_NAMES: [&str; 8] = [
    "Production backend",
    "Mobile app",
    "Billing worker",
    "Partner feed",
    "Reporting",
    "Search indexer",
    "Data export",
    "Monitoring",
];

/// Adds to the example who operates it, and all organizations but those that [`fill`](super::fill) made.
pub fn fill_instance(tx: &mut Tx<'_>, password_hash: &str, now: Timestamp) -> Result<(), DemoError> {
    let start = now - Duration::days(400);
    let olga = person(tx, "Olga Ferreira", OPERATOR_EMAIL, password_hash, start)?;
    let operator = Operator::from(InstanceAdministrator::of(&olga, None));
    instance::appoint(tx, &operator, &olga.id, start).map_err(step)?;
    let mut plan_ids = Vec::new();
    for (text, rate, quota, keys, members) in PLANS {
        let ceilings = Ceilings {
            rate_limit: Some(rate.parse().map_err(step)?),
            monthly_quota: Some(MonthlyQuota::new(quota).map_err(step)?),
            max_active_keys: Some(keys),
            max_members: Some(members),
            ..Ceilings::default()
        };
        let offer = PlanOffer { name: name(text, MAX_NAME_LENGTH)?, ceilings };
        plan_ids.push(plans::create(tx, &operator, &offer, start).map_err(step)?.id);
    }
    let (operator, plan_ids) = (&operator, &plan_ids);
    let mut past = Past::default();
    for (number, example) in ORGANIZATIONS.iter().enumerate() {
        add(&mut past, operator, (number, example), (plan_ids, password_hash), now);
    }
    past.happen(tx)?;
    accounts::set_last_active(tx, OPERATOR_EMAIL, now)?;
    Ok(())
}

fn add<'a>(
    past: &mut Past<'a>,
    operator: &'a Operator,
    (number, example): (usize, &'a ExampleOrganization),
    (plan_ids, password_hash): (&'a [String], &'a str),
    now: Timestamp,
) {
    let (title, plan, days, colleagues, keys, a_day) = *example;
    let plan_id = plan_ids.get(plan).map(String::as_str);
    let id = MadeId::default();
    let created = id.clone();
    past.add(now - Duration::days(days), move |tx, at| {
        let owner = person(tx, &person_name(number), &email(number, 0), password_hash, at)?;
        let company = organization(tx, &owner, title, at)?;
        instance::change_plan(tx, operator, (&company.id, plan_id), at).map_err(step)?;
        for colleague in 1..=colleagues {
            let full_name = person_name(number + colleague);
            let user = person(tx, &full_name, &email(number, colleague), password_hash, at)?;
            let role = if colleague == 1 { Role::Developer } else { Role::User };
            members::insert(tx, &company.id, &user.id, role, at)?;
        }
        let admin: Grant<ManageKeys> = grant(tx, &owner, &company)?;
        for (place, key_name) in KEY_NAMES.iter().take(keys).enumerate() {
            let key = new_key(tx, &admin, (key_name, ""), None, at)?;
            let first = at.max(now - Duration::days(29));
            // The first keys have most of the requests.
            let share = a_day / i64::try_from(keys + place).unwrap_or(1);
            requests(tx, (&company.id, &key.id), share, (first.date(), now.date()))?;
            let minutes = i64::try_from(7 * (number + 1) * (place + 1)).unwrap_or(1);
            api_keys::note_last_use(tx, &key.id, Some(now - Duration::minutes(minutes)))?;
        }
        created.set(company.id).map_err(step)
    });
    if BEYOND_THEIR_PLAN.contains(&title) {
        let id = id.clone();
        past.add(now, move |tx, at| {
            for days in 3..9 {
                let day = Timestamp::new((at - Duration::days(days)).date(), Time::MIDNIGHT);
                let requests = a_day / (10 + days);
                let sum = Sum { outcome: Outcome::PlanRateLimited, requests, units: 0 };
                usage::add_for_organization(tx, made(&id)?, day, sum)?;
            }
            Ok(())
        });
    }
    if let Some((_, notes)) = NOTES.iter().find(|(organization, _)| *organization == title) {
        let id = id.clone();
        past.add(now - Duration::days(5), move |tx, at| {
            let notes = Notes::parse(notes).map_err(step)?;
            instance::change_notes(tx, operator, (made(&id)?, notes.as_ref()), at).map_err(step)
        });
    }
    match title {
        title if title == SUSPENDED.0 => past.add(now - Duration::days(6), move |tx, at| {
            let reason = instance::parse_reason(SUSPENDED.1).map_err(step)?;
            instance::suspend_organization(tx, operator, (made(&id)?, &reason), at).map(drop).map_err(step)
        }),
        REMOVED => past.add(now - Duration::days(3), move |tx, at| {
            instance::remove_organization(tx, operator, made(&id)?, at).map_err(step)
        }),
        EXCEPTED => past.add(now - Duration::days(12), move |tx, at| {
            let quota = MonthlyQuota::new(2_000_000).map_err(step)?;
            let ceilings = Ceilings { monthly_quota: Some(quota), ..Ceilings::default() };
            let instead = Override { ceilings, ends_at: Some(now + Duration::days(34)) };
            let assigned = instance::assign_plan(tx, operator, (made(&id)?, plan_id, Some(instead)), at);
            assigned.map(drop).map_err(step)
        }),
        _ => {}
    }
}

/// The first name of one and the last name of another.
fn person_name(number: usize) -> String {
    let part = |number: usize| PEOPLE.get(number % PEOPLE.len()).map_or("", |(full_name, ..)| *full_name);
    let (first, last) = (part(number), part(number * 7 + number / PEOPLE.len() + 1));
    let first = first.split(' ').next().unwrap_or_default();
    format!("{first} {}", last.split(' ').next_back().unwrap_or_default())
}

fn email(number: usize, colleague: usize) -> String {
    format!("person{colleague}@company{number}.example")
}
