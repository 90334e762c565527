//! A person with an account, as other units know them.

use diesel::prelude::*;

use super::schema::users;
use crate::clock::Timestamp;

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// The account's id.
    pub id: String,
    /// The address, normalised.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// When the address was proven.
    pub email_verified_at: Option<Timestamp>,
    /// When the person was last seen, exact to some minutes.
    pub last_active_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Since when the person cannot log in; `None` for everybody who can.
    pub deactivated_at: Option<Timestamp>,
}

impl User {
    /// Whether the address is proven.
    pub fn is_verified(&self) -> bool {
        self.email_verified_at.is_some()
    }

    /// Whether the person cannot log in.
    pub fn is_deactivated(&self) -> bool {
        self.deactivated_at.is_some()
    }
}
