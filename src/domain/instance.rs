//! The instance as a whole, for those who operate it: all organizations, all people, and who the instance
//! administrators are.
//!
//! A person is an instance administrator by a row, not by a role in an organization, and sees nothing of an
//! organization's keys but how many there are and how often they are used. Whatever is done here takes an
//! [`Operator`](super::access::Operator), and is noted in the audit log without an organization; what only reads for
//! machines, too, takes the weaker [`Observer`](super::access::Observer).

mod administrators;
mod customers;
mod failing_webhooks;
mod from_outside;
mod imports;
mod links;
mod mails;
mod monthly_usage;
mod notes;
mod organizations;
mod people;
mod plans;
mod removal;
mod setup;
mod suspension;

pub use administrators::{appoint, dismiss, has_administrator};
pub use customers::{
    Administering, FirstPlan, NewCustomer, cancel_administrator, copy_administrators_link,
    create_organization, invite_administrator, rename_organization,
};
pub use failing_webhooks::{FailingWebhook, page_of_failing_webhooks};
pub use imports::{
    Destination, Import, ImportReport, ImportedKeys, import_keys, imported_keys, organization_called,
    preview_import,
};
pub use links::{AccountLink, LinkKind, create_account, create_link};
pub use mails::{UndeliveredMail, page_of_mails, send_again};
pub use monthly_usage::{MonthlyUsage, monthly_usage, monthly_usage_of};
pub use notes::{MAX_NOTES_LENGTH, Notes, change_notes};
pub use organizations::{
    OrganizationDetails, OrganizationRow, OrganizationSelection, PlanFilter, find_organization, find_row,
    list_organizations, page_of_organizations, total_of_organizations,
};
pub use people::{
    Person, activate, deactivate, delete, find_person, log_out, page_of_people, person_at, total_of_people,
};
pub use plans::{
    assign_plan, assign_plan_to_those_without, change_plan, plans, remove_plan, total_without_plan,
};
pub use removal::{remove_organization, restore_organization};
pub use setup::{become_first, begin_setup, is_setup_link};
pub use suspension::{MAX_REASON_LENGTH, parse_reason, resume_organization, suspend_organization};

use diesel::prelude::*;

use super::{access::AccessError, members::MemberError, schema::users, secret::NoRandomness, user::User};
use crate::db::{Connection, DbError};

/// Why something is not done to the instance.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// No such person or organization.
    #[error("not found")]
    NotFound,
    /// The set-up link is unknown or has ended.
    #[error("this link no longer works")]
    LinkOver,
    /// Nobody who can log in would be left to operate the instance.
    #[error("This is the last instance administrator. Make someone else an instance administrator first.")]
    LastAdministrator,
    /// Organizations would be left without an administrator.
    #[error("This is the last administrator of {}. Make someone else an administrator there first.", quoted(.0))]
    LastAdministratorOf(Vec<String>),
    /// There is an account with this email already.
    #[error("there is an account with this email already")]
    HasAccount,
    /// A log-in link would let in whoever signed up with an email that nobody confirmed.
    #[error("This email isn’t confirmed yet. Use a link for choosing a password.")]
    NotConfirmed,
    /// The person cannot log in.
    #[error("This account is deactivated. Activate it first.")]
    Deactivated,
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for InstanceError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<AccessError> for InstanceError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Db(error) => Self::Db(error),
            AccessError::NotFound
            | AccessError::Forbidden { .. }
            | AccessError::Insufficient { .. }
            | AccessError::InsufficientOnInstance { .. }
            | AccessError::Suspended { .. } => Self::NotFound,
        }
    }
}

impl From<MemberError> for InstanceError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Db(error) => Self::Db(error),
            MemberError::NotFound
            | MemberError::LastAdministrator
            | MemberError::OnlyPeople
            | MemberError::AboveYou => Self::NotFound,
        }
    }
}

/// “Lumen”, “Fern” and “Alder”.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

/// The account with this id.
fn user(connection: &mut Connection, user_id: &str) -> Result<User, InstanceError> {
    let user = users::table.find(user_id).select(User::as_select()).first(connection).optional()?;
    user.ok_or(InstanceError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organizations_that_stand_in_the_way_are_named() {
        let error = |names: &[&str]| {
            InstanceError::LastAdministratorOf(names.iter().map(|name| (*name).to_owned()).collect())
                .to_string()
        };
        assert!(error(&["Lumen"]).starts_with("This is the last administrator of “Lumen”. "));
        assert!(error(&["A", "B", "C"]).contains(" of “A”, “B” and “C”. "));
    }
}
