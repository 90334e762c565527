//! Who may sign up here: what pages say before anything is typed, and what is asked when it was.
//!
//! What is decided here is decided by the setting, by the domain that was typed and by the set-up link alone, so it
//! tells nobody whether an email has an account or an invitation (ASVS 6.3.8).

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    config::{EmailDomain, SignUp},
    domain::{accounts, email::EmailAddress},
    web::{error::AppError, filters, pages::setup, shell::Shell, visit::Visitor},
};

/// How a visitor may sign up.
pub(super) enum Admission {
    /// With any email.
    Anybody,
    /// With an email at one of these domains.
    ByDomain(Vec<EmailDomain>),
    /// With any email, while the set-up link with this secret works.
    BySetupLink(String),
    /// Not at all on this page.
    Refused,
}

impl Admission {
    /// What applies to this visitor, who goes on to `next` afterwards. The set-up link lets the first operator in
    /// whatever the setting says.
    pub(super) async fn of(visitor: &Visitor, next: &str) -> Result<Self, AppError> {
        let mode = &visitor.state.config.sign_up.value;
        if *mode == SignUp::Open {
            return Ok(Self::Anybody);
        }
        if let Some(token) = setup::token_of_working_link(visitor, next).await? {
            return Ok(Self::BySetupLink(token));
        }
        Ok(match mode {
            SignUp::Domains(domains) => Self::ByDomain(domains.clone()),
            SignUp::Open | SignUp::Invited | SignUp::Closed => Self::Refused,
        })
    }

    /// The email, if one may sign up with it.
    pub(super) fn check(&self, email: EmailAddress) -> Result<EmailAddress, String> {
        match self {
            Self::ByDomain(domains) if domains.iter().all(|domain| domain.as_ascii() != email.domain()) => {
                Err(format!("Use an email at {}.", one_of(domains)))
            }
            _ => Ok(email),
        }
    }

    /// What is said above the form.
    pub(super) fn notice(&self) -> Option<String> {
        match self {
            Self::ByDomain(domains) => Some(format!(
                "You can sign up with an email at {}. If another email of yours was invited, open the link in the \
                 invitation instead.",
                one_of(domains)
            )),
            Self::Anybody | Self::BySetupLink(_) | Self::Refused => None,
        }
    }
}

/// What the first pages say of signing up, unless everybody may.
pub(in crate::web::pages) fn notice(sign_up: &SignUp) -> Option<String> {
    match sign_up {
        SignUp::Open => None,
        SignUp::Domains(domains) => {
            Some(format!("Sign up with an email at {}, or with an invitation.", one_of(domains)))
        }
        SignUp::Invited => {
            Some("To sign up, you need an invitation. Ask an administrator of your organization.".to_owned())
        }
        SignUp::Closed => {
            Some("Sign-up is closed. To get an account, ask the person who runs this server.".to_owned())
        }
    }
}

/// "lumen.example, fern.example or alder.example".
pub(in crate::web::pages) fn one_of(domains: &[EmailDomain]) -> String {
    let names: Vec<&str> = domains.iter().map(EmailDomain::as_shown).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => names.concat(),
    }
}

/// `GET /signup` where nobody may sign up by this page.
#[derive(Template)]
#[template(path = "accounts/no_sign_up.html")]
struct NoSignUpPage {
    shell: Shell,
    /// Whether people with an invitation may.
    takes_invited: bool,
    /// Whether nobody has an account yet; whoever comes then is likely to be the one who runs the server.
    first_run: bool,
    /// Where the first instance administrator is made, for whoever sits at this machine.
    setup_url: Option<String>,
    next: String,
}

/// Says how one gets an account instead of showing a form that would be refused.
pub(super) async fn refuse(
    visitor: &Visitor,
    next: String,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let page = NoSignUpPage {
        shell: visitor.shell(),
        takes_invited: visitor.state.config.sign_up.value == SignUp::Invited,
        first_run: !visitor.state.db.read(accounts::any_exists).await?,
        setup_url: setup::offer(visitor).await?,
        next,
    };
    visitor.plain(&page, status)
}
