//! What a form showed when it was opened, so that nobody saves over what somebody else saved meanwhile.

use std::fmt::{self, Debug, Display};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::hex;

/// What whoever saves hears when the values are others by now.
pub const CHANGED: &str = "Someone else saved changes while this form was open. Save again to replace them. To see them, cancel and reload the page.";

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

    /// Whether nobody saved anything else since the form was opened: the values are those that it showed, or those that
    /// are wanted, as after a form that is sent twice. One without the field comes from a program that read none.
    pub fn fits(&self, values: &impl Debug, wanted: &impl Debug) -> bool {
        let now = Self::of(values);
        self.0.is_empty() || *self == now || now == Self::of(wanted)
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
        let (shown, wanted) = (Shown::of(&("Billing", Some(3))), ("Billing", Some(4)));
        assert!(shown.fits(&("Billing".to_owned(), Some(3)), &wanted));
        assert!(!shown.fits(&("Billing", None::<i32>), &wanted));
        assert!(shown.fits(&wanted, &wanted), "saved already");
        assert!(Shown::default().fits(&"anything", &wanted));
    }
}
