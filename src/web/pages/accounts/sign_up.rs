//! Sign up.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    NextQuery,
    admission::{self, Admission},
    note_sign_up,
    throttle::{self, NewHash, SetBy},
};
use crate::{
    config::Founders,
    domain::{
        accounts::{self, AccountError, NewAccount},
        email::EmailAddress,
        instance,
        names::{MAX_NAME_LENGTH, Name},
        passwords::TypedPassword,
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Shell,
        urls, view,
        visit::{Anybody, Visit, Visitor},
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
    fn parse(
        &self,
        brand: &str,
        admission: &Admission,
        errors: &mut FieldErrors,
    ) -> Option<(Name, EmailAddress, TypedPassword)> {
        let name = errors.check("name", Name::parse(&self.name, MAX_NAME_LENGTH));
        let email = EmailAddress::parse(&self.email).map_err(|error| error.to_string());
        let email = errors.check("email", email.and_then(|email| admission.check(email)));
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
    /// With which emails one may sign up, unless with all.
    notice: Option<String>,
    /// Whether everybody with an account may create organizations.
    creates_organizations: bool,
}

impl SignUpPage {
    fn new(
        visitor: &Visitor,
        admission: &Admission,
        form: SignUpForm,
        errors: FieldErrors,
        rejection: String,
    ) -> Self {
        let creates_organizations = visitor.state.config.founders.value == Founders::Everyone;
        let (shell, notice) = (visitor.shell(), admission.notice());
        Self { shell, form, errors, rejection, notice, creates_organizations }
    }
}

/// Shows the form, or goes on for whoever is logged in.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let query: NextQuery = visitor.query()?;
    let next = query.next;
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&next)));
    }
    let admission = Admission::of(&visitor, &next).await?;
    if let Admission::Refused = admission {
        return admission::refuse(&visitor, next, StatusCode::OK).await;
    }
    let form = SignUpForm { next, ..SignUpForm::default() };
    let page = SignUpPage::new(&visitor, &admission, form, FieldErrors::default(), String::new());
    visitor.plain(&page, StatusCode::OK)
}

/// Signs up and mails a link, to the account's owner or to whoever owns the address already.
pub async fn sign_up(visit: Visit<Anybody, Submitted<SignUpForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&form.next)));
    }
    let admission = Admission::of(&visitor, &form.next).await?;
    if let Admission::Refused = admission {
        return admission::refuse(&visitor, form.next, StatusCode::FORBIDDEN).await;
    }
    let mut errors = FieldErrors::default();
    let parsed = form.parse(visitor.state.config.brand.as_str(), &admission, &mut errors);
    let page = |form, errors, rejection| SignUpPage::new(&visitor, &admission, form, errors, rejection);
    let Some((name, email, password)) = parsed else {
        return visitor.plain(&page(form, errors, String::new()), StatusCode::UNPROCESSABLE_ENTITY);
    };
    let password_hash = match throttle::hash_new(&visitor, password, SetBy::Stranger).await? {
        NewHash::Hash(hash) => hash,
        NewHash::TooOften(limit) => {
            let rejection = AppError::TooOften(limit).to_string();
            return throttle::refuse(&visitor, &page(form, errors, rejection), Some(limit));
        }
        NewHash::Refused(error) => {
            errors.add("password", error);
            return throttle::refuse(&visitor, &page(form, errors, String::new()), None);
        }
    };
    let new = NewAccount { email, name, password_hash };
    if !make_account(&visitor, admission, new.clone()).await? {
        return Ok(view::see_other(&urls::sign_up(&form.next)));
    }
    note_sign_up(&visitor, new.email.as_str(), None, &new.password_hash, &form.next)?;
    Ok(view::see_other(urls::VERIFY_EMAIL))
}

/// Makes the account, unless the set-up link that lets the person in has ended meanwhile.
async fn make_account(visitor: &Visitor, admission: Admission, new: NewAccount) -> Result<bool, AppError> {
    let (ip, now) = (visitor.ip, visitor.now);
    let made = visitor.state.db.write(move |tx| {
        if let Admission::BySetupLink(token) = &admission
            && !instance::is_setup_link(tx.connection(), token)?
        {
            return Ok(false);
        }
        accounts::sign_up(tx, &new, ip, now)?;
        Ok::<_, AccountError>(true)
    });
    Ok(made.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_needs_a_change_says_so() {
        let form = SignUpForm { email: "dana".into(), password: "short".into(), ..SignUpForm::default() };
        let mut errors = FieldErrors::default();
        assert!(form.parse("Tessera", &Admission::Anybody, &mut errors).is_none());
        assert_eq!(errors.of("name"), Some("Enter a name."));
        assert!(errors.of("email").is_some_and(|text| text.contains("email")));
        assert!(errors.of("password").is_some_and(|text| text.contains("15")));
    }
}
