//! Charts as SVG paths, drawn here so that pages need no script for them.

mod bars;

use std::fmt::Write;

pub use bars::{Bars, Column, Legend, Piece, outcome_words};

use crate::{domain::usage::DailyRequests, web::display};

/// Units from the top of a sparkline to the floor, and those of them from the busiest day to none. One
/// unit to the right is a day.
const FLOOR: i64 = 27;
const HEIGHT: i64 = 24;

/// A sparkline of the last days, scaled to its own peak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparkline {
    /// The line; it begins and ends below the floor beside the picture, so that what it closes is the
    /// area.
    pub path: String,
    /// The numbers in words, for those who cannot see it.
    pub label: String,
    /// All requests together.
    pub total: i64,
}

impl Sparkline {
    /// Draws `requests`.
    pub fn of(requests: &DailyRequests) -> Self {
        let (peak, total) = (requests.peak(), requests.total());
        if total == 0 {
            return Self { path: String::new(), label: "No requests in the last 30 days".to_owned(), total };
        }
        let label = format!(
            "{} in the last 30 days · Peak: {} per day",
            display::count(&total, "request", "requests"),
            display::thousands(&peak)
        );
        Self { path: path(&requests.0, peak), label, total }
    }
}

/// Steps from day to day, as short as SVG lets: a page may have a hundred of these.
fn path(days: &[i64], peak: i64) -> String {
    let heights = days.iter().map(|count| FLOOR - (HEIGHT * count + peak / 2) / peak.max(1));
    let (mut path, mut last, mut level) = (String::new(), None, 0);
    // Writing to a String does not fail.
    for height in heights {
        match last {
            None => {
                let _ = write!(path, "M-1 29V{height}");
                level = 1;
            }
            Some(last) if last == height => level += 1,
            Some(last) => {
                level_out(&mut path, &mut level);
                let _ = write!(path, "l1 {}", height - last);
            }
        }
        last = Some(height);
    }
    level += 1;
    level_out(&mut path, &mut level);
    path + "V29"
}

/// Days in a row that are alike, in one step.
fn level_out(path: &mut String, days: &mut u32) {
    if *days > 0 {
        let _ = write!(path, "h{days}");
        *days = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::DAYS_SHOWN;

    #[test]
    fn the_busiest_day_touches_the_top_and_a_quiet_one_the_floor() {
        let mut days = [0; DAYS_SHOWN];
        days[0] = 50;
        days[29] = 100;
        let sparkline = Sparkline::of(&DailyRequests(days));
        assert!(sparkline.path.starts_with("M-1 29V15h1l1 12h27"), "{}", sparkline.path);
        assert!(sparkline.path.ends_with("h27l1 -24h1V29"), "{}", sparkline.path);
        assert_eq!(sparkline.label, "150 requests in the last 30 days · Peak: 100 per day");
    }

    #[test]
    fn no_requests_are_said_so() {
        let sparkline = Sparkline::of(&DailyRequests([0; DAYS_SHOWN]));
        assert_eq!((sparkline.total, sparkline.label.as_str()), (0, "No requests in the last 30 days"));
    }
}
