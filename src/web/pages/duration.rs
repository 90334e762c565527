//! How long something works: some durations, a date, or no end.

use time::{Date, Duration, Time, format_description::well_known::Iso8601, macros::format_description};

use crate::{
    clock::Timestamp,
    domain::api_keys::LONGEST_DURATION,
    web::{display, form::FieldErrors},
};

/// The durations on offer, in days.
const DURATIONS_DAYS: [i64; 6] = [7, 30, 60, 90, 180, 365];

/// What is to end: its words in errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// The choices, as they lead to dates from `now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Durations {
    pub(super) now: Timestamp,
}

impl Durations {
    /// The durations with the date to which each leads.
    pub(super) fn options(&self) -> Vec<(String, String, String)> {
        let option = |days: &i64| {
            let end = self.now + Duration::days(*days);
            (days.to_string(), format!("{days} days"), format!("until {}", display::date(&end)))
        };
        DURATIONS_DAYS.iter().map(option).collect()
    }

    pub(super) fn earliest(&self) -> String {
        iso_date(self.now.date() + Duration::DAY)
    }

    pub(super) fn latest(&self) -> String {
        iso_date((self.now + LONGEST_DURATION).date())
    }
}

fn iso_date(date: Date) -> String {
    date.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

/// Reads the fields `duration` and `until`. `Some(None)` is no end.
pub(super) fn parse(
    what: Lasting,
    duration: &str,
    until: &str,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Option<Option<Timestamp>> {
    match duration {
        "none" => Some(None),
        "custom" => errors.check("until", parse_until(what, until, now)).map(Some),
        days => match DURATIONS_DAYS.iter().find(|offered| offered.to_string() == days) {
            Some(days) => Some(Some(now + Duration::days(*days))),
            None => errors.check("duration", Err(format!("Choose how long the {} works.", what.one))),
        },
    }
}

/// It works through the whole of its last day.
fn parse_until(what: Lasting, text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let date = Date::parse(text.trim(), &Iso8601::DATE).map_err(|_| "Choose a date.".to_owned())?;
    let latest = now + LONGEST_DURATION;
    if date <= now.date() {
        return Err("Choose a date after today.".to_owned());
    }
    if date > latest.date() {
        return Err(format!(
            "Choose a date up to {}. {} with an end last 10 years at most.",
            display::date(&latest),
            what.many
        ));
    }
    Ok(Timestamp::new(date, Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT)))
}
