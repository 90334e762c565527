//! How long a key or token works, as it is chosen for a new one and when a key is edited or rotated.

use time::{Date, Duration, Time, format_description::well_known::Iso8601, macros::format_description};

use crate::{
    clock::Timestamp,
    domain::api_keys::{ApiKey, ChosenExpiration, MAX_DURATION},
    web::{display, form::FieldErrors},
};

/// The durations on offer, in days.
const DURATIONS_DAYS: [i64; 6] = [7, 30, 60, 90, 180, 365];
/// The duration that is chosen at first.
pub(super) const DEFAULT_DURATION: &str = "90";
/// The choice of no end.
const NO_EXPIRATION: &str = "none";
/// Chosen when the end stays.
pub(super) const KEEP: &str = "keep";

/// What is to end: its words in errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    one: &'static str,
    many: &'static str,
}

/// An API key.
pub(super) const KEY: Lasting = Lasting { one: "key", many: "Keys" };
/// A master token.
pub(super) const TOKEN: Lasting = Lasting { one: "token", many: "Tokens" };

/// The fields for an end; shown by `components/duration.html`.
#[derive(Debug)]
pub(super) struct ExpirationFields {
    /// What is chosen, as the form sends it.
    pub(super) choice: String,
    /// The date that was typed.
    pub(super) until: String,
    /// What can be kept, in words.
    pub(super) kept: Option<String>,
    /// What is said beside "no end"; `None` where that is not offered.
    pub(super) endless: Option<&'static str>,
    /// Whether the choice is the first field of its dialog, and so takes the focus.
    pub(super) is_first: bool,
    now: Timestamp,
}

impl ExpirationFields {
    /// For a new key.
    pub(super) fn of_new_key(choice: &str, until: &str, now: Timestamp) -> Self {
        let (choice, until) = (choice.to_owned(), until.to_owned());
        Self { choice, until, kept: None, endless: Some("not recommended"), is_first: false, now }
    }

    /// For a new master token, which seldom ends.
    pub(super) fn of_new_token(choice: &str, until: &str, now: Timestamp) -> Self {
        Self { endless: Some(""), ..Self::of_new_key(choice, until, now) }
    }

    /// For a key that is rotated; `None` for one without an end, which gets none.
    pub(super) fn of_rotation(key: &ApiKey, choice: &str, until: &str, now: Timestamp) -> Option<Self> {
        let end = key.expires_at?;
        let kept = (end > now).then(|| display::date(&end));
        Some(Self { kept, endless: None, is_first: true, ..Self::of_new_key(choice, until, now) })
    }

    /// For a key that is edited; `None` for one that has expired, since its secret stays so.
    pub(super) fn of_edit(key: &ApiKey, choice: &str, until: &str, now: Timestamp) -> Option<Self> {
        let fields = Self::of_new_key(choice, until, now);
        Some(match key.expires_at {
            Some(end) if end <= now => return None,
            Some(end) => Self { kept: Some(display::date(&end)), ..fields },
            None => Self { kept: Some("no expiration".to_owned()), endless: None, ..fields },
        })
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
        iso_date(self.now.date())
    }

    /// The last one.
    pub(super) fn latest(&self) -> String {
        iso_date((self.now + MAX_DURATION).date())
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

/// The end of something new; `Some(None)` is no end, and there is none to keep.
pub(super) fn parse_new(
    what: Lasting,
    choice: &str,
    until: &str,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Option<Option<Timestamp>> {
    match parse(what, choice, until, now, errors)? {
        ChosenExpiration::At(end) => Some(Some(end)),
        ChosenExpiration::Never => Some(None),
        ChosenExpiration::Keep => errors.check("duration", Err(what.unchosen())),
    }
}

/// The end that was chosen; what is wrong with it is added to `errors`.
pub(super) fn parse(
    what: Lasting,
    choice: &str,
    until: &str,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Option<ChosenExpiration> {
    match choice {
        KEEP => Some(ChosenExpiration::Keep),
        NO_EXPIRATION => Some(ChosenExpiration::Never),
        "custom" => errors.check("until", parse_until(what, until, now)).map(ChosenExpiration::At),
        days => match DURATIONS_DAYS.iter().find(|offered| offered.to_string() == days) {
            Some(days) => Some(ChosenExpiration::At(now + Duration::days(*days))),
            None => errors.check("duration", Err(what.unchosen())),
        },
    }
}

impl Lasting {
    /// For a form without a choice that can be taken.
    pub(super) fn unchosen(self) -> String {
        format!("Choose when the {} expires.", self.one)
    }
}

/// It works through the whole of its last day in UTC.
fn parse_until(what: Lasting, text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let date = Date::parse(text.trim(), &Iso8601::DATE).map_err(|_| "Choose a date.".to_owned())?;
    let latest = now + MAX_DURATION;
    // Today will do: the day ends later than now. It may be tomorrow already where somebody is.
    if date < now.date() {
        return Err(format!("This date has passed. Today is {} (UTC).", display::date(&now)));
    }
    if date > latest.date() {
        return Err(format!(
            "Choose a date up to {}. {} can last 10 years at most.",
            display::date(&latest),
            what.many
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
