//! Stacked bars: the requests of one key by outcome. The words around the picture are the page's.

use time::{format_description::StaticFormatDescription, macros::format_description};

use crate::{
    domain::{
        usage::{Series, Step},
        verification::{Outcome, Span},
    },
    web::display,
};

/// Width of a step and of the bar in it; height of the picture. In units of its own.
const STEP: f64 = 12.0;
const BAR: f64 = 9.0;
const HEIGHT: f64 = 160.0;

const HOUR: StaticFormatDescription =
    format_description!("[month repr:short] [day padding:none], [hour]:[minute]");
const DAY: StaticFormatDescription = format_description!("[month repr:short] [day padding:none]");

/// The fills, in the order of [`Outcome::ALL`]: told apart by their pattern, not by colour alone.
const FILLS: [&str; 10] =
    ["solid", "hatch", "dots", "cross", "lines", "back", "checks", "bars", "rings", "steps"];

/// A chart of stacked bars.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// One column for each step, the oldest first.
    pub columns: Vec<Column>,
    /// The outcomes that occurred, with what is drawn for them.
    pub legend: Vec<Legend>,
    /// Marks of the vertical axis, from the top.
    pub marks: [String; 3],
    /// Words under the first, the middle and the last column.
    pub ends: [String; 3],
    /// Width in units of its own.
    pub width: String,
    /// The picture in a sentence.
    pub label: String,
    /// All requests.
    pub total: i64,
}

/// The bars of one hour or day, one upon another.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Which hour or day.
    pub when: String,
    /// Requests of each outcome in the legend, in its order.
    pub requests: Vec<i64>,
    /// The sum in words.
    pub label: String,
    /// The rectangles.
    pub pieces: Vec<Piece>,
}

/// A rectangle.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The fill's name.
    pub fill: &'static str,
    /// Left edge.
    pub x: String,
    /// Upper edge.
    pub y: String,
    /// Width.
    pub width: String,
    /// Height.
    pub height: String,
}

/// What a fill stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legend {
    /// The fill's name.
    pub fill: &'static str,
    /// The outcome in words.
    pub words: &'static str,
    /// Its requests.
    pub total: i64,
    place: usize,
}

impl Bars {
    /// Draws `series`.
    pub fn of(series: &Series) -> Self {
        let legend = legend(series);
        let top = round_up(series.peak());
        let columns: Vec<Column> = series
            .steps
            .iter()
            .enumerate()
            .map(|(number, step)| column(number, step, series.span, &legend, top))
            .collect();
        let when = |column: Option<&Column>| column.map(|column| column.when.clone()).unwrap_or_default();
        let total = series.totals().iter().sum();
        Self {
            marks: [top, top / 2, 0].map(|mark| display::thousands(&mark)),
            ends: [when(columns.first()), when(columns.get(columns.len() / 2)), when(columns.last())],
            width: short(STEP * series.steps.len() as f64),
            label: sentence(series, total),
            columns,
            legend,
            total,
        }
    }
}

fn legend(series: &Series) -> Vec<Legend> {
    let outcomes = Outcome::ALL.into_iter().zip(series.totals()).enumerate();
    outcomes
        .filter(|(place, (_, total))| *place == 0 || *total > 0)
        .map(|(place, (outcome, total))| Legend {
            fill: FILLS.get(place).copied().unwrap_or("bars"),
            words: outcome_words(outcome),
            total,
            place,
        })
        .collect()
}

fn column(number: usize, step: &Step, span: Span, legend: &[Legend], top: i64) -> Column {
    let when = step.begins_at.format(if span == Span::Hour { HOUR } else { DAY }).unwrap_or_default();
    let requests: Vec<i64> =
        legend.iter().map(|line| step.requests.get(line.place).copied().unwrap_or_default()).collect();
    let mut floor = HEIGHT;
    let mut pieces = Vec::new();
    for (line, count) in legend.iter().zip(&requests).filter(|(_, count)| **count > 0) {
        let height = (HEIGHT * *count as f64 / top as f64).max(1.0);
        floor -= height;
        pieces.push(Piece {
            fill: line.fill,
            x: short(number as f64 * STEP + (STEP - BAR) / 2.0),
            y: short(floor.max(0.0)),
            width: short(BAR),
            height: short(height),
        });
    }
    let words: Vec<String> = legend
        .iter()
        .zip(&requests)
        .filter(|(_, count)| **count > 0)
        .map(|(line, count)| format!("{} {}", display::thousands(count), line.words.to_lowercase()))
        .collect();
    Column { label: format!("{when} UTC: {}", words.join(", ")), when, requests, pieces }
}

fn sentence(series: &Series, total: i64) -> String {
    let (step, length) = match series.span {
        Span::Hour => ("hour", "48 hours"),
        Span::Day => ("day", "30 days"),
    };
    if total == 0 {
        return format!("No requests in the last {length}");
    }
    format!(
        "{} in the last {length} · Peak: {} per {step}",
        display::count(&total, "request", "requests"),
        display::thousands(&series.peak())
    )
}

/// What a person calls an outcome.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Valid => "Accepted",
        Outcome::Expired => "Rejected: expired",
        Outcome::Deactivated => "Rejected: deactivated",
        Outcome::ForbiddenIp => "Rejected: IP address not allowed",
        Outcome::InsufficientScope => "Rejected: missing scope",
        Outcome::RateLimited => "Rejected: rate limit exceeded",
        Outcome::QuotaExceeded => "Rejected: monthly quota exceeded",
        Outcome::OrganizationSuspended => "Rejected: organization suspended",
        Outcome::WrongEnvironment => "Rejected: wrong environment",
        Outcome::PlanRateLimited => "Rejected: plan’s rate limit exceeded",
        Outcome::PlanQuotaExceeded => "Rejected: plan’s monthly quota exceeded",
    }
}

/// The next of 2, 4, 6, 8, 10, 20, 40 …, so that the half is whole, too.
fn round_up(peak: i64) -> i64 {
    let mut power: i64 = 1;
    loop {
        for top in [2, 4, 6, 8, 10].map(|times| power.saturating_mul(times)) {
            if top >= peak {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// One decimal, none where it would be zero.
fn short(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::domain::usage::ByOutcome;

    fn series(requests: &[(i64, i64)]) -> Series {
        let step = |(number, (valid, deactivated)): (usize, &(i64, i64))| {
            let mut requests = ByOutcome::default();
            requests[0] = *valid;
            let place = Outcome::ALL.iter().position(|outcome| *outcome == Outcome::Deactivated).unwrap();
            requests[place] = *deactivated;
            let hours = Duration::HOUR * i32::try_from(number).unwrap();
            Step { begins_at: datetime!(2026-11-23 08:00) + hours, requests }
        };
        Series { span: Span::Hour, steps: requests.iter().enumerate().map(step).collect() }
    }

    #[test]
    fn outcomes_stand_one_upon_another_and_are_named() {
        let bars = Bars::of(&series(&[(10, 10), (0, 0), (30, 0)]));
        assert_eq!(bars.marks, ["40", "20", "0"]);
        let pieces = &bars.columns[0].pieces;
        assert_eq!((pieces[0].y.as_str(), pieces[1].y.as_str()), ("120", "80"));
        assert_ne!(pieces[0].fill, pieces[1].fill);
        assert_eq!(bars.columns[0].label, "Nov 23, 08:00 UTC: 10 accepted, 10 rejected: deactivated");
        assert!(bars.columns[1].pieces.is_empty());
        let words: Vec<&str> = bars.legend.iter().map(|line| line.words).collect();
        assert_eq!(words, ["Accepted", "Rejected: deactivated"]);
        assert_eq!(bars.label, "50 requests in the last 48 hours · Peak: 30 per hour");
    }

    #[test]
    fn a_quiet_key_has_an_empty_picture() {
        let bars = Bars::of(&series(&[(0, 0)]));
        assert_eq!((bars.total, bars.label.as_str()), (0, "No requests in the last 48 hours"));
        assert_eq!(bars.legend.len(), 1);
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        assert_eq!([0, 3, 11, 40, 41, 950].map(round_up), [2, 4, 20, 40, 60, 1000]);
    }
}
