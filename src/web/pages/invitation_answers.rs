//! The page to which an invitation's link leads, and the answers given there.
//!
//! A mailed link proves the address; a copied one proves nothing and works only for an account
//! whose proven address is the invited one. Showing the page changes nothing, since mail scanners
//! open links too (ASVS 3.5.3).

mod sign_up;
mod step;

pub use sign_up::sign_up;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use self::{sign_up::SignUpForm, step::Step};
use crate::{
    config::SignUp,
    domain::{
        access::{self, AccessError},
        invitations::{self, AnswerError, Found, InvitationEnd, LinkKind},
        organization::Organization,
        user::User,
    },
    web::{
        display,
        error::AppError,
        filters,
        form::FieldErrors,
        shell::{Shell, Toast},
        urls, view,
        visit::{Anybody, Visit, Visitor},
    },
};

/// `GET /i/{token}` while the invitation is open.
#[derive(Template)]
#[template(path = "invitation_answers/open.html", blocks = ["title", "content"])]
struct OpenPage {
    shell: Shell,
    token: String,
    found: Found,
    step: Step,
    form: SignUpForm,
    errors: FieldErrors,
}

/// `GET /i/{token}` when the invited person comes too late.
#[derive(Template)]
#[template(path = "invitation_answers/over.html", blocks = ["title", "content"])]
struct OverPage {
    shell: Shell,
    token: String,
    found: Found,
    is_member: bool,
}

impl OverPage {
    fn heading(&self) -> &'static str {
        match self.found.invitation.outcome {
            Some(InvitationEnd::Accepted) => "You accepted this invitation",
            Some(InvitationEnd::Declined) => "You declined this invitation",
            Some(InvitationEnd::Canceled) => "This invitation was canceled",
            Some(InvitationEnd::Expired) | None => "This invitation has expired",
        }
    }

    fn explanation(&self) -> String {
        let (invitation, name) = (&self.found.invitation, &self.found.organization.name);
        match invitation.outcome {
            _ if self.is_member => format!("You’re already a member of {name}."),
            Some(InvitationEnd::Accepted) => format!("You’re no longer a member of {name}."),
            Some(InvitationEnd::Declined) => {
                format!("It was for {name}. If you changed your mind, request a new one.")
            }
            Some(InvitationEnd::Canceled) => {
                format!("An administrator or supervisor of {name} canceled it.")
            }
            Some(InvitationEnd::Expired) | None => {
                format!(
                    "Your invitation to {name} expired on {}.",
                    display::date_time_utc(&invitation.expires_at)
                )
            }
        }
    }

    fn is_renewable(&self) -> bool {
        self.found.invitation.outcome != Some(InvitationEnd::Accepted)
    }
}

/// `GET /i/{token}` for anybody else when the link does not work, whatever the reason.
#[derive(Template)]
#[template(path = "invitation_answers/unusable.html", blocks = ["title", "content"])]
struct UnusablePage {
    shell: Shell,
    log_in: String,
}

/// Shows the invitation and what this visitor can do with it.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let token = visitor.path("token");
    show_page(&visitor, token, SignUpForm::default(), FieldErrors::default()).await
}

async fn show_page(
    visitor: &Visitor,
    token: String,
    form: SignUpForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let Some(found) = find(visitor, &token).await? else { return unusable(visitor, &token).await };
    if !found.invitation.is_open(visitor.now) {
        return show_over(visitor, token, found).await;
    }
    let step = Step::next(visitor, &found).await?;
    let page = OpenPage { shell: visitor.shell(), token, found, step, form, errors };
    visitor.plain(&page, status)
}

/// The invitation behind a link, as far as this visitor may know of it: one that is over is there
/// for the invited person alone.
async fn find(visitor: &Visitor, token: &str) -> Result<Option<Found>, AppError> {
    let token = token.to_owned();
    let found = visitor.state.db.read(move |connection| invitations::find(connection, &token)).await?;
    let is_shown =
        |found: &Found| found.invitation.is_open(visitor.now) || invited_user(visitor, found).is_some();
    Ok(found.filter(is_shown))
}

/// Tells the invited person how it ended.
async fn show_over(visitor: &Visitor, token: String, found: Found) -> Result<HttpResponse, AppError> {
    let Some(user) = invited_user(visitor, &found) else { return unusable(visitor, &token).await };
    let (user, organization_id) = (user.clone(), found.organization.id.clone());
    let membership = visitor
        .state
        .db
        .read(move |connection| access::member(connection, &user, None, &organization_id))
        .await;
    let is_member = match membership {
        Ok(_) => true,
        Err(AccessError::NotFound) => false,
        Err(error) => return Err(error.into()),
    };
    visitor.plain(&OverPage { shell: visitor.shell(), token, found, is_member }, StatusCode::OK)
}

/// The visitor's account, if its proven address is the invited one.
fn invited_user<'a>(visitor: &'a Visitor, found: &Found) -> Option<&'a User> {
    let user = &visitor.logged_in()?.user;
    (user.is_verified() && user.email == found.invitation.email).then_some(user)
}

/// One answer for unknown, spent, canceled and expired links. Each counts as a guess.
async fn unusable(visitor: &Visitor, token: &str) -> Result<HttpResponse, AppError> {
    visitor.state.limits.guess(visitor.ip)?;
    let log_in = urls::log_in(&urls::invitation_link(token));
    visitor.plain(&UnusablePage { shell: visitor.shell(), log_in }, StatusCode::NOT_FOUND)
}

/// Accepts. Whoever may not is shown the page, which says why.
pub async fn accept(visit: Visit) -> Result<HttpResponse, AppError> {
    let token = visit.path("token");
    let Some(found) = find(&visit, &token).await? else { return unusable(&visit, &token).await };
    let (invitation_id, ip) = (found.invitation.id, visit.ip);
    let accepted = visit
        .change(move |tx, visitor, now| invitations::accept(tx, user_of(visitor)?, ip, &invitation_id, now));
    match accepted.await? {
        Ok(organization) => welcome(&visit, &organization),
        Err(AnswerError::NotYours) => back(&token),
        Err(error) => Err(error.into()),
    }
}

/// Declines: as the invited person, or with nobody logged in by the mailed secret.
pub async fn decline(visit: Visit) -> Result<HttpResponse, AppError> {
    let token = visit.path("token");
    let Some(found) = find(&visit, &token).await? else { return unusable(&visit, &token).await };
    let is_by_mail = Step::next(&visit, &found).await?.may_decline_by_mail();
    let (secret, invitation_id, ip) = (token.clone(), found.invitation.id, visit.ip);
    let declined = visit.change(move |tx, visitor, now| {
        if is_by_mail {
            invitations::decline_by_mail(tx, &secret, ip, now)
        } else {
            invitations::decline(tx, user_of(visitor)?, ip, &invitation_id, now)
        }
    });
    match declined.await? {
        Ok(organization) => {
            let toast = Toast::ok(format!("Invitation to {} declined", organization.name));
            let next = if visit.logged_in().is_some() { urls::ORGANIZATIONS } else { "/" };
            visit.go(Some(toast), next)
        }
        Err(AnswerError::NotYours) => back(&token),
        Err(error) => Err(error.into()),
    }
}

/// Asks the administrators for a new invitation.
pub async fn renew(visit: Visit) -> Result<HttpResponse, AppError> {
    let token = visit.path("token");
    let Some(found) = find(&visit, &token).await? else { return unusable(&visit, &token).await };
    let (invitation_id, ip) = (found.invitation.id, visit.ip);
    let asked = visit.change(move |tx, visitor, now| {
        invitations::ask_for_renewal(tx, user_of(visitor)?, ip, &invitation_id, now)
    });
    let toast = match asked.await? {
        Ok(()) => {
            let name = &found.organization.name;
            Toast::ok(format!("New invitation to {name} requested"))
        }
        Err(error @ AnswerError::AskedAlready) => Toast::bad(error.to_string()),
        Err(AnswerError::NotYours) => return back(&token),
        Err(error) => return Err(error.into()),
    };
    visit.go(Some(toast), &urls::invitation_link(&token))
}

/// Who is logged in; whether they are the invited person the domain asks.
fn user_of(visitor: &Anybody) -> Result<&User, AnswerError> {
    visitor.user.as_ref().ok_or(AnswerError::NotYours)
}

/// Logs out, so that the invited person can log in, or sign up if the mailed link shows that
/// there is no account yet, or the invitation's own page is where one signs up.
pub async fn switch(visit: Visit) -> Result<HttpResponse, AppError> {
    let token = visit.path("token");
    let found = find(&visit, &token).await?;
    visit.log_out().await;
    let link = urls::invitation_link(&token);
    let signs_up = match found {
        Some(found) if found.link == LinkKind::Mailed => !step::has_account(&visit, &found).await?,
        // The log-in leads to the sign-up only where that is open to everybody.
        Some(_) => visit.state.config.sign_up.value != SignUp::Open,
        None => false,
    };
    Ok(view::see_other(&if signs_up { link } else { urls::log_in(&link) }))
}

fn welcome(visitor: &Visitor, organization: &Organization) -> Result<HttpResponse, AppError> {
    let toast = Toast::ok(format!("You joined {}", organization.name));
    visitor.go(Some(toast), &urls::organization(&organization.id, "users"))
}

fn back(token: &str) -> Result<HttpResponse, AppError> {
    Ok(view::see_other(&urls::invitation_link(token)))
}
