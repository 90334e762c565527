//! Charts as SVG paths, drawn here so that pages need no script for them.

mod bars;

use std::fmt::Write;

pub use bars::{Bars, Column, Legend, Piece, outcome_words};

use crate::{domain::usage::DailyRequests, web::display};

/// Width and height of a sparkline, in its own units; 24 of them from the busiest day to none.
const WIDTH: f64 = 112.0;
const FLOOR: f64 = 27.0;
const HEIGHT: f64 = 24.0;

/// A sparkline of the last days, scaled to its own peak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparkline {
    /// The line.
    pub line: String,
    /// The area under it.
    pub area: String,
    /// The numbers in words, for those who cannot see it.
    pub label: String,
    /// All requests together.
    pub total: i64,
}

impl Sparkline {
    /// Draws `requests`.
    pub fn of(requests: &DailyRequests) -> Self {
        let (peak, total) = (requests.peak(), requests.total());
        let step = WIDTH / (requests.0.len() - 1).max(1) as f64;
        let mut line = String::new();
        for (day, count) in requests.0.iter().enumerate() {
            let height = if peak == 0 { 0.0 } else { HEIGHT * *count as f64 / peak as f64 };
            let letter = if day == 0 { 'M' } else { 'L' };
            // Writing to a String does not fail.
            let _ = write!(line, "{letter}{} {}", short(day as f64 * step), short(FLOOR - height));
        }
        let label = match total {
            0 => "No requests in the last 30 days".to_owned(),
            _ => format!(
                "Requests per day, last 30 days: peak {}, total {}",
                display::thousands(&peak),
                display::thousands(&total)
            ),
        };
        Self { area: format!("{line}L112 28L0 28Z"), line, label, total }
    }
}

/// One decimal, none where it would be zero.
fn short(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
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
        assert!(sparkline.line.starts_with("M0 15L3.9 27L"), "{}", sparkline.line);
        assert!(sparkline.line.ends_with("L112 3"), "{}", sparkline.line);
        assert_eq!(sparkline.label, "Requests per day, last 30 days: peak 100, total 150");
    }

    #[test]
    fn no_requests_are_said_so() {
        let sparkline = Sparkline::of(&DailyRequests([0; DAYS_SHOWN]));
        assert_eq!((sparkline.total, sparkline.label.as_str()), (0, "No requests in the last 30 days"));
    }
}
