//! The tab "Sign-up": who may sign up and create organizations, and which settings say so. They are the operator's, so
//! nothing is changed here.

use actix_web::HttpResponse;
use askama::Template;

use super::{Frame, Tab};
use crate::{
    config::{Founders, SignUp},
    domain::access::Operator,
    page,
    web::{error::AppError, filters, pages::accounts::admission, shell::Shell, view, visit::Visit},
};

/// `GET /instance/sign-up`.
#[derive(Template)]
#[template(path = "instance/sign_up.html", blocks = ["title", "content", "tabs", "panel"])]
struct SignUpTab {
    shell: Shell,
    frame: Frame,
    sign_up: Rule,
    organizations: Rule,
}

page!(SignUpTab);

/// What applies, and why.
struct Rule {
    words: String,
    reason: String,
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let config = &visit.state.config;
    let sign_up = Rule { words: words_of(&config.sign_up.value), reason: config.sign_up.reason() };
    let founders = match config.founders.value {
        Founders::Everyone => "Everyone with an account can create organizations.",
        Founders::InstanceAdministrators => "Only instance administrators can create organizations.",
    };
    let organizations = Rule { words: founders.to_owned(), reason: config.founders.reason() };
    view::show(&SignUpTab { shell: visit.shell(), frame: Frame::of(Tab::SignUp), sign_up, organizations })
}

fn words_of(sign_up: &SignUp) -> String {
    match sign_up {
        SignUp::Open => "Everyone can sign up.".to_owned(),
        SignUp::Domains(domains) => format!(
            "Everyone with an email at {} can sign up, not including subdomains. Everyone else needs an invitation.",
            admission::one_of(domains)
        ),
        SignUp::Invited => "Only people with an invitation to an organization can sign up.".to_owned(),
        SignUp::Closed => {
            "No one can sign up. Invitations are only for people who already have an account.".to_owned()
        }
    }
}
