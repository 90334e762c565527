//! What a form showed when it was opened, so that nobody saves over what somebody else saved meanwhile.

use std::fmt::{self, Debug, Display};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::hex;

/// What whoever saves hears when the values are others by now.
pub const CHANGED: &str = "Someone else saved changes while this form was open. Save again to replace them, or reload the page to see them.";

/// The field of a form by that name, and in the errors of a form.
pub const FIELD: &str = "shown";

/// A digest of the values that a form showed at first, kept in a hidden field of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// Of values, by how they print: those that are equal print alike.
    pub fn of(values: &impl Debug) -> Self {
        Self(hex::of(&Sha256::digest(format!("{values:?}"))))
    }

    /// Whether the form showed these values. One without the field comes from a program that read none.
    pub fn is_of(&self, values: &impl Debug) -> bool {
        self.0.is_empty() || *self == Self::of(values)
    }
}

impl Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_fits_the_values_that_it_showed() {
        let shown = Shown::of(&("Billing", Some(3)));
        assert!(shown.is_of(&("Billing", Some(3))));
        assert!(!shown.is_of(&("Billing", None::<i32>)));
        assert!(Shown::default().is_of(&"anything"));
    }
}
