//! Sign up.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    ADDRESS, NEXT, NextQuery, signed_up_here,
    throttle::{self, NewHash, SetBy},
};
use crate::{
    domain::{
        accounts::{self, NewAccount},
        email::EmailAddress,
        names::{MAX_NAME_LENGTH, Name},
        passwords::TypedPassword,
    },
    web::{
        error::AppError,
        form::{FieldErrors, Submitted},
        shell::Shell,
        urls, view,
        visit::{Anybody, Visit},
    },
};

/// "Sign up" as it was typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignUpForm {
    name: String,
    email: String,
    password: String,
    next: String,
}

impl SignUpForm {
    fn parse(&self, brand: &str, errors: &mut FieldErrors) -> Option<(Name, EmailAddress, TypedPassword)> {
        let name = errors.check("name", Name::parse(&self.name, MAX_NAME_LENGTH));
        let email = errors.check("email", EmailAddress::parse(&self.email));
        let password = TypedPassword::parse(self.password.clone().into(), &[brand, &self.name, &self.email]);
        let password = errors.check("password", password);
        Some((name?, email?, password?))
    }
}

/// `GET /signup`.
#[derive(Template)]
#[template(path = "accounts/sign_up.html")]
struct SignUpPage {
    shell: Shell,
    form: SignUpForm,
    errors: FieldErrors,
    rejection: String,
}

/// Shows the form, or goes on for whoever is logged in.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let query: NextQuery = visitor.query()?;
    let next = query.next;
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&next)));
    }
    let page = SignUpPage {
        shell: visitor.shell(),
        form: SignUpForm { next, ..SignUpForm::default() },
        errors: FieldErrors::default(),
        rejection: String::new(),
    };
    view::plain(&page, StatusCode::OK)
}

/// Signs up and mails a link, to the account's owner or to whoever owns the address already.
pub async fn sign_up(visit: Visit<Anybody, Submitted<SignUpForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&form.next)));
    }
    let mut errors = FieldErrors::default();
    let parsed = form.parse(visitor.state.config.brand.as_str(), &mut errors);
    let Some((name, email, password)) = parsed else {
        let page = SignUpPage { shell: visitor.shell(), form, errors, rejection: String::new() };
        return view::plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let password_hash = match throttle::hash_new(&visitor, password, SetBy::Stranger).await? {
        NewHash::Hash(hash) => hash,
        NewHash::TooOften(limit) => {
            let rejection = AppError::TooOften(limit).to_string();
            let page = SignUpPage { shell: visitor.shell(), form, errors, rejection };
            return throttle::refuse(&page, Some(limit));
        }
        NewHash::Refused(error) => {
            errors.add("password", error);
            let page = SignUpPage { shell: visitor.shell(), form, errors, rejection: String::new() };
            return throttle::refuse(&page, None);
        }
    };
    visitor.remember(ADDRESS, email.as_str())?;
    visitor.remember(NEXT, &form.next)?;
    signed_up_here::note(&visitor, &password_hash)?;
    let new = NewAccount { email, name, password_hash };
    let (ip, now) = (visitor.ip, visitor.now);
    visitor.state.db.write(move |tx| accounts::sign_up(tx, &new, ip, now)).await?;
    Ok(view::see_other(urls::VERIFY_EMAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_needs_a_change_says_so() {
        let form = SignUpForm { email: "dana".into(), password: "short".into(), ..SignUpForm::default() };
        let mut errors = FieldErrors::default();
        assert!(form.parse("Tessera", &mut errors).is_none());
        assert_eq!(errors.of("name"), Some("Enter a name."));
        assert!(errors.of("email").is_some_and(|text| text.contains("email")));
        assert!(errors.of("password").is_some_and(|text| text.contains("15")));
    }
}
