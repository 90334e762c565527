//! Accepting by a mailed link without an account. The link proves the address, so the account is
//! made with it proven and no second mail is needed.

use actix_web::HttpResponse;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Step, back, find, show_page, unusable, welcome};
use crate::{
    domain::{
        accounts,
        invitations::{self, AnswerError, Found},
        names::{MAX_NAME_LENGTH, Name},
        passwords::TypedPassword,
    },
    web::{
        error::AppError,
        form::{FieldErrors, Submitted},
        pages::accounts::throttle::{self, NewHash, SetBy},
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

/// Makes the account, accepts and logs in.
pub async fn sign_up(visit: Visit<Anybody, Submitted<SignUpForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let token = visitor.path("token");
    let Some(found) = find(&visitor, &token).await? else { return unusable(&visitor, &token).await };
    if !found.invitation.is_open(visitor.now) || Step::next(&visitor, &found).await? != Step::SignUp {
        return back(&token);
    }
    let (name, password) = match form.parse(visitor.state.config.brand.as_str(), &found) {
        Ok(parsed) => parsed,
        Err(errors) => return show_page(&visitor, token, form, errors).await,
    };
    let hash = match throttle::hash_new(&visitor, password, SetBy::Link(&token)).await? {
        NewHash::Hash(hash) => hash,
        NewHash::TooOften(limit) => return Err(limit.into()),
        NewHash::Refused(error) => {
            return show_page(&visitor, token, form, FieldErrors::one("password", error)).await;
        }
    };
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
