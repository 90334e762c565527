//! Signing up by an invitation's link. A mailed one proves the address, so the account is made with it proven, and no
//! second mail is needed. A copied one proves nothing: whoever has it signs up with the invited address, which the
//! page does not name, and a link that proves it goes there.

use actix_web::HttpResponse;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Step, back, find, show_page, step, unusable, welcome};
use crate::{
    domain::{
        accounts,
        invitations::{self, AnswerError, Found, LinkKind},
        names::{MAX_NAME_LENGTH, Name},
        passwords::TypedPassword,
    },
    web::{
        error::AppError,
        form::{FieldErrors, Submitted},
        pages::accounts::{
            note_sign_up,
            throttle::{self, NewHash, SetBy},
        },
        urls, view,
        visit::{Anybody, Visit},
    },
};

/// The sign-up as it was typed. Not `Debug`: a password must not end up in a log.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignUpForm {
    pub(super) name: String,
    password: String,
}

impl SignUpForm {
    fn parse(&self, brand: &str, found: &Found) -> Result<(Name, TypedPassword), FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_NAME_LENGTH));
        let context = [brand, &self.name, &found.invitation.email, &found.organization.name];
        let typed = SecretString::from(self.password.clone());
        let password = errors.check("password", TypedPassword::parse(typed, &context));
        name.zip(password).ok_or(errors)
    }
}

/// Makes the account. By a mailed link, accepts and logs in, too.
pub async fn sign_up(visit: Visit<Anybody, Submitted<SignUpForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let token = visitor.path("token");
    let Some(found) = find(&visitor, &token).await? else { return unusable(&visitor, &token).await };
    if !found.invitation.is_open(visitor.now) {
        return back(&token);
    }
    let set_by = match Step::next(&visitor, &found).await? {
        Step::SignUp => SetBy::Link(&token),
        // Has an email sent, as any stranger who signs up.
        Step::SignUpByMail { .. } => SetBy::Stranger,
        _ => return back(&token),
    };
    let (name, password) = match form.parse(visitor.state.config.brand.as_str(), &found) {
        Ok(parsed) => parsed,
        Err(errors) => return show_page(&visitor, token, form, errors).await,
    };
    let hash = match throttle::hash_new(&visitor, password, set_by).await? {
        NewHash::Hash(hash) => hash,
        NewHash::TooOften(limit) => return Err(limit.into()),
        NewHash::Refused(error) => {
            return show_page(&visitor, token, form, FieldErrors::one("password", error)).await;
        }
    };
    if found.link == LinkKind::Copied {
        return sign_up_by_mail(visitor, token, found, name, hash).await;
    }
    let (secret, ip) = (token.clone(), visitor.ip);
    let own_hash = hash.clone();
    let accepted = visitor.change(move |tx, _, now| {
        let (user, organization) =
            invitations::accept_with_new_account(tx, &secret, name, hash.clone(), ip, now)?;
        accounts::record_log_in(tx, &user, (&hash, &hash), ip, now)?;
        Ok((user, organization))
    });
    match accepted.await? {
        Ok((user, organization)) => {
            visitor.log_in(&user, &own_hash)?;
            welcome(&visitor, &organization)
        }
        Err(AnswerError::NotYours | AnswerError::HasAccount) => back(&token),
        Err(error) => Err(error.into()),
    }
}

/// Signs up and mails the link that proves the invited address. The answer is the same whether that has an account.
async fn sign_up_by_mail(
    visitor: Visit,
    token: String,
    found: Found,
    name: Name,
    hash: String,
) -> Result<HttpResponse, AppError> {
    let (secret, ip, password_hash) = (token.clone(), visitor.ip, hash.clone());
    let signed_up = visitor
        .change(move |tx, _, now| invitations::sign_up_by_copy(tx, &secret, name, password_hash, ip, now));
    match signed_up.await? {
        Ok(()) => {
            let email = &found.invitation.email;
            let next = urls::invitation_link(&token);
            note_sign_up(&visitor, email, Some(&step::masked(email)), &hash, &next)?;
            Ok(view::see_other(urls::VERIFY_EMAIL))
        }
        Err(AnswerError::NotYours) => back(&token),
        Err(error) => Err(error.into()),
    }
}
