//! The durable outbox: a mail is a row, written in the transaction of the change it speaks of.
//!
//! A row holds a typed [`Message`]; `mail` renders and sends it after the commit, so a mail
//! outage loses nothing and a rolled-back change sends nothing.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{id::new_id, schema::outbox};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// What a mail says. Rendered by `mail::messages`, which knows the public address and the brand.
///
/// `token` fields are secrets: they are removed from the row once the mail is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Prove that the address is yours, after signing up.
    VerifyAddress { name: String, token: String, expires_at: Timestamp },
    /// Somebody signed up with an address that has an account already.
    AccountExists { name: String },
    /// Choose a new password.
    ResetPassword { name: String, token: String, expires_at: Timestamp },
    /// The password was changed or reset.
    PasswordChanged { name: String, changed_at: Timestamp, ip: Option<String> },
    /// Join an organization.
    Invitation {
        organization: String,
        inviter: String,
        inviter_email: String,
        /// The role's label, for example `Administrator`.
        role: String,
        /// What the role may do, as the end of "you will be able to …".
        abilities: String,
        token: String,
        expires_at: Timestamp,
    },
    /// An invited person asks the administrators for a new invitation.
    RenewalAsked { organization: String, organization_id: String, invited: String },
    /// A master token was generated, replaced or activated.
    MasterTokenNotice {
        organization: String,
        organization_id: String,
        token_name: String,
        /// `generated`, `replaced` or `activated`.
        event: String,
        actor: String,
        at: Timestamp,
        ip: Option<String>,
    },
}
