//! Words for what happened to an account.

use crate::domain::audit::{Action, Entry};

/// An icon and a sentence.
pub(super) fn words(event: &Entry) -> (&'static str, &str) {
    match event.action() {
        Some(Action::SignedUp) => ("user-plus", "Signed up"),
        Some(Action::SignUpRepeated) => ("user-plus", "Somebody signed up with your address again"),
        Some(Action::EmailVerified) => ("mail", "Confirmed the address"),
        Some(Action::LoggedIn) => ("log-in", "Logged in"),
        Some(Action::LoggedOut) => ("log-out", "Logged out"),
        Some(Action::LogInFailed) => ("circle-alert", "Failed login: wrong password"),
        Some(Action::ResetAsked) => ("mail", "Asked for a link to choose a new password"),
        Some(Action::PasswordReset) => ("lock", "Chose a new password by a mailed link"),
        Some(Action::PasswordChanged) => ("lock", "Changed the password"),
        Some(Action::SessionsEnded) => ("laptop", "Ended log-ins in other browsers"),
        _ => ("info", &event.action),
    }
}
