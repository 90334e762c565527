//! Sign up.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{ADDRESS, NEXT, NextQuery, too_often};
use crate::{
    domain::{
        accounts::{self, NewAccount},
        email::EmailAddress,
        names::{MAX_NAME_LENGTH, Name},
        passwords::NewPassword,
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
    fn parse(&self, brand: &str, errors: &mut FieldErrors) -> Option<(Name, EmailAddress, NewPassword)> {
        let name = errors.check("name", Name::parse(&self.name, MAX_NAME_LENGTH));
        let email = errors.check("email", EmailAddress::parse(&self.email));
        let password = NewPassword::parse(self.password.clone().into(), &[brand, &self.name, &self.email]);
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
        shell: visitor.shell().await?,
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
        let page = SignUpPage { shell: visitor.shell().await?, form, errors, rejection: String::new() };
        return view::plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    if let Err(limit) = visitor.state.limits.sign_up(visitor.ip) {
        let rejection = AppError::TooOften(limit).to_string();
        return too_often(&SignUpPage { shell: visitor.shell().await?, form, errors, rejection }, limit);
    }
    visitor.remember(ADDRESS, email.as_str())?;
    visitor.remember(NEXT, &form.next)?;
    let password_hash = visitor.state.passwords.hash(password).await?;
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
        assert!(errors.of("email").is_some_and(|text| text.contains("address")));
        assert!(errors.of("password").is_some_and(|text| text.contains("15")));
    }

    #[test]
    fn a_password_made_of_the_brand_and_the_name_is_refused() {
        let form = SignUpForm {
            name: "Dana Whitfield".into(),
            email: "dana@lumen.example".into(),
            password: "LumenworksWhitfield1".into(),
            next: String::new(),
        };
        let mut errors = FieldErrors::default();
        assert!(form.parse("Lumenworks", &mut errors).is_none());
        assert!(errors.of("password").is_some_and(|text| text.contains("Lumenworks")));
    }
}
