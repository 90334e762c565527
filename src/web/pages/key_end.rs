//! The end of a key, as it is chosen for a new key and when a key is rotated.

use time::{Date, Duration, Time, format_description::well_known::Iso8601, macros::format_description};

use crate::{
    clock::Timestamp,
    domain::api_keys::{ApiKey, LONGEST_DURATION},
    web::{display, form::FieldErrors},
};

/// The durations on offer, in days.
const DURATIONS_DAYS: [i64; 6] = [7, 30, 60, 90, 180, 365];
/// The duration that is chosen at first for a new key.
const DEFAULT_DURATION: &str = "90";
/// Chosen when the end stays.
const KEEP: &str = "keep";

/// An end that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChosenEnd {
    /// The one that the key has.
    Keep,
    /// None.
    Endless,
    /// That one.
    At(Timestamp),
}

/// The fields for an end; shown by `api_keys/end_fields.html`.
#[derive(Debug)]
pub(super) struct EndFields {
    /// What is chosen, as the form sends it.
    pub(super) choice: String,
    /// The date that was typed.
    pub(super) until: String,
    /// The end that can be kept.
    pub(super) kept: Option<Timestamp>,
    /// Whether "no end" is offered.
    pub(super) may_be_endless: bool,
    now: Timestamp,
}

impl EndFields {
    /// For a new key.
    pub(super) fn of_new_key(choice: &str, until: &str, now: Timestamp) -> Self {
        let (choice, until) = (choice.to_owned(), until.to_owned());
        Self { choice, until, kept: None, may_be_endless: true, now }
    }

    /// For a key that is rotated; `None` for one without an end, which gets none.
    pub(super) fn of_rotation(key: &ApiKey, choice: &str, until: &str, now: Timestamp) -> Option<Self> {
        let end = key.expires_at?;
        let kept = (end > now).then_some(end);
        let (choice, until) = (choice.to_owned(), until.to_owned());
        Some(Self { choice, until, kept, may_be_endless: false, now })
    }

    /// The durations with the date to which each leads.
    pub(super) fn options(&self) -> Vec<(String, String, String)> {
        let option = |days: &i64| {
            let end = self.now + Duration::days(*days);
            (days.to_string(), format!("{days} days"), format!("until {}", display::date(&end)))
        };
        DURATIONS_DAYS.iter().map(option).collect()
    }

    /// The first date that can be typed.
    pub(super) fn earliest(&self) -> String {
        iso_date(self.now.date() + Duration::DAY)
    }

    /// The last one.
    pub(super) fn latest(&self) -> String {
        iso_date((self.now + LONGEST_DURATION).date())
    }
}

/// What a new key's form has chosen at first.
pub(super) fn default_choice() -> String {
    DEFAULT_DURATION.to_owned()
}

/// What a rotation's form has chosen at first: the end stays, and where that is impossible or
/// `is_renewal` asks for it, the offered duration that is nearest to the key's own.
pub(super) fn choice_for(key: &ApiKey, is_renewal: bool, now: Timestamp) -> String {
    match (key.expires_at, key.duration()) {
        (Some(end), Some(duration)) if is_renewal || end <= now => nearest(duration).to_string(),
        _ => KEEP.to_owned(),
    }
}

fn nearest(duration: Duration) -> i64 {
    let distance = |days: &i64| (Duration::days(*days) - duration).abs();
    DURATIONS_DAYS.into_iter().min_by_key(distance).unwrap_or_default()
}

/// The end that was chosen; what is wrong with it is added to `errors`.
pub(super) fn parse(
    choice: &str,
    until: &str,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Option<ChosenEnd> {
    match choice {
        KEEP => Some(ChosenEnd::Keep),
        "none" => Some(ChosenEnd::Endless),
        "custom" => errors.check("until", parse_until(until, now)).map(ChosenEnd::At),
        days => match DURATIONS_DAYS.iter().find(|offered| offered.to_string() == days) {
            Some(days) => Some(ChosenEnd::At(now + Duration::days(*days))),
            None => errors.check("duration", Err("Choose how long the key works.")),
        },
    }
}

/// A key works through the whole of its last day.
fn parse_until(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let date = Date::parse(text.trim(), &Iso8601::DATE).map_err(|_| "Choose a date.".to_owned())?;
    let latest = now + LONGEST_DURATION;
    if date <= now.date() {
        return Err("Choose a date after today.".to_owned());
    }
    if date > latest.date() {
        return Err(format!(
            "Choose a date up to {}. Keys with an end last 10 years at most.",
            display::date(&latest)
        ));
    }
    Ok(Timestamp::new(date, Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT)))
}

fn iso_date(date: Date) -> String {
    date.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_duration_on_offer_stands_for_the_keys_own() {
        let of = |days| nearest(Duration::days(days));
        assert_eq!([of(90), of(1), of(20), of(70), of(200), of(3650)], [90, 7, 30, 60, 180, 365]);
        assert_eq!(nearest(Duration::days(30) + Duration::hours(13)), 30);
    }
}
