//! What a visitor can do with an open invitation.

use super::invited_user;
use crate::{
    config::SignUp,
    domain::{
        invitations::{self, Found, LinkKind},
        user::User,
    },
    web::{error::AppError, visit::Visitor},
};

/// What this visitor does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Accept or decline: the account is the invited one.
    Answer,
    /// The mailed link reached somebody who has an account and is not logged in.
    LogIn,
    /// The mailed link reached somebody without an account.
    SignUp,
    /// A copied link, and nobody is logged in. Whether there is an account stays untold.
    LogInOrSignUp,
    /// A copied link, nobody is logged in, and the sign-up is not open to everybody. One signs up here, by a
    /// confirmation that goes to the invited address alone.
    SignUpByMail {
        /// The invited address, as far as the link entitles to know it.
        invited: String,
    },
    /// Nobody is logged in, and no account is made: the sign-up is closed.
    SignUpClosed {
        /// Whether the mailed link shows that the address has no account yet.
        is_mailed: bool,
    },
    /// The account's own address is not proven yet, and it takes more than this link to prove it.
    ProveAddress,
    /// Somebody else is logged in.
    SwitchAccount {
        /// The invited address, as far as the link entitles to know it.
        invited: String,
        /// The account's address.
        logged_in: String,
    },
}

impl Step {
    pub(super) async fn next(visitor: &Visitor, found: &Found) -> Result<Self, AppError> {
        if invited_user(visitor, found).is_some() {
            return Ok(Self::Answer);
        }
        let user = visitor.logged_in().map(|logged_in| &logged_in.user);
        let sign_up = &visitor.state.config.sign_up.value;
        Ok(match (found.link, user) {
            (LinkKind::Mailed, Some(user)) if user.email != found.invitation.email => {
                Self::switch(found.invitation.email.clone(), user)
            }
            (LinkKind::Mailed, _) if has_account(visitor, found).await? => Self::LogIn,
            (LinkKind::Mailed, Some(_)) if *sign_up == SignUp::Closed => Self::ProveAddress,
            (LinkKind::Mailed, None) if *sign_up == SignUp::Closed => Self::SignUpClosed { is_mailed: true },
            (LinkKind::Mailed, _) => Self::SignUp,
            (LinkKind::Copied, None) => match sign_up {
                SignUp::Open => Self::LogInOrSignUp,
                SignUp::Domains(_) | SignUp::Invited => {
                    Self::SignUpByMail { invited: masked(&found.invitation.email) }
                }
                SignUp::Closed => Self::SignUpClosed { is_mailed: false },
            },
            (LinkKind::Copied, Some(user)) if !user.is_verified() => Self::ProveAddress,
            (LinkKind::Copied, Some(user)) => Self::switch(masked(&found.invitation.email), user),
        })
    }

    fn switch(invited: String, user: &User) -> Self {
        Self::SwitchAccount { invited, logged_in: user.email.clone() }
    }

    /// Whether the secret alone is enough to decline.
    pub(super) fn may_decline_by_mail(&self) -> bool {
        matches!(self, Self::LogIn | Self::SignUp | Self::SignUpClosed { is_mailed: true })
    }

    /// Whether the page may name the invited address in full.
    pub(super) fn names_address(&self) -> bool {
        matches!(self, Self::Answer) || self.may_decline_by_mail()
    }
}

/// Whether the address of a mailed link has a proven account.
pub(super) async fn has_account(visitor: &Visitor, found: &Found) -> Result<bool, AppError> {
    let invitation = found.invitation.clone();
    Ok(visitor.state.db.read(move |connection| invitations::has_account(connection, &invitation)).await?)
}

/// "j•••@lumen.example": enough for its owner to know it, not for anybody else to learn it.
pub(super) fn masked(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}•••@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_keeps_its_first_letter_and_domain() {
        assert_eq!(masked("jonas.brandt@lumen.example"), "j•••@lumen.example");
        assert_eq!(masked("ü@x.example"), "ü•••@x.example");
    }
}
