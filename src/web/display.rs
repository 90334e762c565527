//! Words for values: names, dates, numbers. Everything takes references, since that is how
//! templates pass arguments.

use time::{Duration, format_description::StaticFormatDescription, macros::format_description};

use crate::{
    clock::Timestamp,
    domain::{grouped::grouped, page::Total},
};

const DATE: StaticFormatDescription = format_description!("[month repr:short] [day padding:none], [year]");
const DATE_TIME: StaticFormatDescription =
    format_description!("[month repr:short] [day padding:none], [year], [hour]:[minute] UTC");
const TIME: StaticFormatDescription = format_description!("[hour]:[minute] UTC");
const ISO: StaticFormatDescription = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const ISO_MILLIS: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// How far ahead an instant is still told in days, not as a date.
const DAYS_IN_WORDS: i64 = 30;

/// The letters of an avatar: those of the first and the last word.
pub fn initials(name: &str) -> String {
    let mut letters =
        name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = letters.next();
    let last = letters.next_back();
    let initials: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if initials.is_empty() { "?".to_owned() } else { initials }
}

/// The colour of an avatar, 1 to 6, the same for the same name everywhere.
pub fn tint(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193) // FNV-1a
    });
    hash % 6 + 1
}

/// "Nov 26, 2026".
pub fn date(at: &Timestamp) -> String {
    at.format(DATE).unwrap_or_default()
}

/// "Nov 26, 2026, 09:12 UTC".
pub fn date_time_utc(at: &Timestamp) -> String {
    at.format(DATE_TIME).unwrap_or_default()
}

/// "14:30 UTC", with the day when it is not that of `now`.
pub fn time_of_day(at: &Timestamp, now: &Timestamp) -> String {
    if at.date() == now.date() { at.format(TIME).unwrap_or_default() } else { date_time_utc(at) }
}

/// "2026-11-26T09:12:00Z", for `<time datetime>`.
pub fn iso(at: &Timestamp) -> String {
    at.format(ISO).unwrap_or_default()
}

/// "2026-11-26T09:12:00.250Z".
pub fn iso_millis(at: &Timestamp) -> String {
    at.format(ISO_MILLIS).unwrap_or_default()
}

/// "2 minutes ago", "Yesterday", "in 6 days", or the date when it is further away.
pub fn relative(at: &Timestamp, now: &Timestamp) -> String {
    if at > now { future(at, now) } else { past(at, now) }
}

/// [`relative`] for the past within a sentence, short: "4 min ago", "just now", "yesterday".
pub fn ago(at: &Timestamp, now: &Timestamp) -> String {
    let length = *now - *at;
    if length >= Duration::MINUTE && length < Duration::HOUR {
        return format!("{} min ago", length.whole_minutes());
    }
    // A date, which ends with its year, keeps the capital letter of its month.
    let words = past(at, now);
    if words.ends_with(|c: char| c.is_ascii_digit()) { words } else { words.to_lowercase() }
}

/// When something happened: "2 minutes ago", "Yesterday", the date. What was done after `now` was
/// taken, while a page was made, was just now.
pub fn past(at: &Timestamp, now: &Timestamp) -> String {
    let ago = *now - *at;
    match calendar_days(at, now) {
        _ if ago < Duration::MINUTE => "Just now".to_owned(),
        _ if ago < Duration::DAY => format!("{} ago", minutes_or_hours(ago)),
        1 => "Yesterday".to_owned(),
        _ => date(at),
    }
}

fn future(at: &Timestamp, now: &Timestamp) -> String {
    let ahead = *at - *now;
    match calendar_days(now, at) {
        _ if ahead < Duration::MINUTE => "in a moment".to_owned(),
        _ if ahead < Duration::DAY => format!("in {}", minutes_or_hours(ahead)),
        1 => "tomorrow".to_owned(),
        days if days <= DAYS_IN_WORDS => format!("in {days} days"),
        _ => date(at),
    }
}

fn calendar_days(from: &Timestamp, to: &Timestamp) -> i64 {
    (to.date() - from.date()).whole_days()
}

fn minutes_or_hours(length: Duration) -> String {
    if length < Duration::HOUR {
        count(&length.whole_minutes(), "minute", "minutes")
    } else {
        count(&length.whole_hours(), "hour", "hours")
    }
}

/// "Expired", "Expires in 3 days", "Expires tomorrow", "Expires Feb 21, 2027".
pub fn expiry_words(at: &Timestamp, now: &Timestamp) -> String {
    if at <= now { "Expired".to_owned() } else { format!("Expires {}", future(at, now)) }
}

/// "1,175,237".
pub fn thousands(number: &i64) -> String {
    grouped(*number)
}

/// The text with a capital at its beginning.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// "1,204", or "1,000+" where the rest was not counted.
pub fn total(total: &Total) -> String {
    match total {
        Total::Exactly(total) => thousands(total),
        Total::MoreThan(total) => format!("{}+", thousands(total)),
    }
}

/// "1 member", "1,204 members".
pub fn count(number: &i64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if *number == 1 { one } else { many })
}

/// "a, b and c".
pub fn list(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-23 09:12:40);

    #[test]
    fn initials_are_those_of_the_first_and_last_word() {
        for (name, expected) in [
            ("Dana Whitfield", "DW"),
            ("Ana de la Cruz", "AC"),
            ("cher", "C"),
            ("  (élodie)  ", "É"),
            ("王 小明", "王小"),
            ("—", "?"),
            ("", "?"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn a_tint_is_stable_and_in_range() {
        assert_eq!(tint("Lumen Logistics"), tint("Lumen Logistics"));
        let seen: std::collections::BTreeSet<u32> =
            (0..200).map(|number| tint(&format!("Name {number}"))).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn the_past_is_told_in_words_for_two_days() {
        for (at, expected) in [
            (datetime!(2026-11-23 09:12:40.5), "Just now"),
            (NOW, "Just now"),
            (datetime!(2026-11-23 09:11:00), "1 minute ago"),
            (datetime!(2026-11-23 08:13:00), "59 minutes ago"),
            (datetime!(2026-11-22 09:13:00), "23 hours ago"),
            (datetime!(2026-11-22 09:12:00), "Yesterday"),
            (datetime!(2026-11-21 23:59:00), "Nov 21, 2026"),
            (datetime!(2025-03-03 00:00:00), "Mar 3, 2025"),
        ] {
            assert_eq!(past(&at, &NOW), expected);
            assert!(at > NOW || relative(&at, &NOW) == expected, "{expected}");
        }
    }

    #[test]
    fn the_past_is_short_within_a_sentence() {
        for (at, expected) in [
            (NOW, "just now"),
            (datetime!(2026-11-23 09:08:30), "4 min ago"),
            (datetime!(2026-11-23 08:02:00), "1 hour ago"),
            (datetime!(2026-11-22 09:12:00), "yesterday"),
            (datetime!(2026-11-01 09:12:00), "Nov 1, 2026"),
        ] {
            assert_eq!(ago(&at, &NOW), expected);
        }
    }

    #[test]
    fn the_future_is_told_in_words_for_thirty_days() {
        for (at, expected) in [
            (datetime!(2026-11-23 09:13:00), "in a moment"),
            (datetime!(2026-11-23 09:42:40), "in 30 minutes"),
            (datetime!(2026-11-24 09:00:00), "in 23 hours"),
            (datetime!(2026-11-24 10:00:00), "tomorrow"),
            (datetime!(2026-11-30 09:12:40), "in 7 days"),
            (datetime!(2027-02-21 09:12:40), "Feb 21, 2027"),
        ] {
            assert_eq!(relative(&at, &NOW), expected);
        }
    }

    #[test]
    fn expiry_says_whether_it_has_happened() {
        assert_eq!(expiry_words(&NOW, &NOW), "Expired");
        let at = datetime!(2026-11-26 09:12:40);
        assert_eq!(expiry_words(&at, &NOW), "Expires in 3 days");
    }

    #[test]
    fn dates_come_in_three_lengths() {
        assert_eq!(date(&NOW), "Nov 23, 2026");
        assert_eq!(date_time_utc(&NOW), "Nov 23, 2026, 09:12 UTC");
        assert_eq!(iso(&NOW), "2026-11-23T09:12:40Z");
    }

    #[test]
    fn numbers_are_grouped_and_agree_with_their_noun() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_175_237, "1,175,237"), (-12_345, "−12,345")]
        {
            assert_eq!(thousands(&number), expected);
        }
        assert_eq!(count(&1, "member", "members"), "1 member");
        assert_eq!(count(&0, "member", "members"), "0 members");
        assert_eq!(count(&10_000, "member", "members"), "10,000 members");
    }
}
