//! Words for what happened to an account.

use crate::domain::audit::{Action, Entry};

/// An icon and a sentence.
pub(super) fn words(event: &Entry) -> (&'static str, &str) {
    match event.action() {
        Some(Action::SignedUp) => ("user-plus", "Signed up"),
        Some(Action::SignUpRepeated) => ("user-plus", "Someone tried to sign up with your email"),
        Some(Action::EmailVerified) => ("mail", "Confirmed email"),
        Some(Action::LoggedIn) => ("log-in", "Logged in"),
        Some(Action::LoggedOut) => ("log-out", "Logged out"),
        Some(Action::LogInFailed) => ("circle-alert", "Failed login: wrong password"),
        Some(Action::ResetAsked) => ("mail", "Requested a password reset"),
        Some(Action::PasswordReset) => ("lock", "Reset password by email"),
        Some(Action::PasswordChanged) => ("lock", "Changed password"),
        Some(Action::SessionsEnded) => ("laptop", "Logged out other sessions"),
        Some(Action::AdministratorAdded) => ("shield", "Became instance administrator"),
        Some(Action::AdministratorDismissed) => ("shield", "Removed from the instance administrators"),
        Some(Action::AccountCreated) => ("user-plus", "Account created by the operator"),
        Some(Action::AccountLinkCreated) => ("link", "The operator created a link for your account"),
        Some(Action::AccountLoggedOut) => ("log-out", "Logged out everywhere by the operator"),
        Some(Action::AccountDeactivated) => ("circle-slash", "Deactivated by the operator"),
        Some(Action::AccountActivated) => ("power", "Activated by the operator"),
        _ => ("info", &event.action),
    }
}
