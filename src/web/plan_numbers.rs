//! How large the numbers of a plan can be, for forms as for machines.

use super::display;

/// The largest number of active keys or members that a plan can allow.
pub const MAX_COUNT: i64 = 1_000_000;

/// Checks that a number is from 1 to `most`.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn check(number: i64, most: i64) -> Result<i64, String> {
    if (1..=most).contains(&number) { Ok(number) } else { Err(out_of_range(most)) }
}

/// What is said of something that is no number from 1 to `most`.
pub fn out_of_range(most: i64) -> String {
    format!("Enter a whole number from 1 to {}, or leave it empty for no limit.", display::thousands(&most))
}
