//! The browser in which somebody signed up: there the link in the email is enough to confirm it.
//!
//! The session keeps a digest of the password's hash, as one that is logged in does. It tells that the
//! password was typed here, and of another account's, or after another sign-up with the same address, it
//! tells nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::attempt::RightPassword;
use crate::{
    domain::{
        accounts::{self, Credentials},
        email::EmailAddress,
        secret::SecretDigest,
        user::User,
    },
    web::{error::AppError, visit::Visitor},
};

/// The value in the session.
const PASSWORD_SET_HERE: &str = "password_set_here";

/// Notes that the password with this hash was chosen here.
pub(super) fn note(visitor: &Visitor, password_hash: &str) -> Result<(), AppError> {
    visitor.remember(PASSWORD_SET_HERE, &digest(password_hash))
}

/// The password of `user`, where it was chosen here.
pub(super) async fn password_of(visitor: &Visitor, user: &User) -> Result<Option<RightPassword>, AppError> {
    let (Some(noted), Ok(email)) = (visitor.recall(PASSWORD_SET_HERE), EmailAddress::of_account(&user.email))
    else {
        return Ok(None);
    };
    let found = visitor.state.db.read(move |connection| accounts::credentials(connection, &email)).await?;
    let found = found.filter(|found| found.user.id == user.id && digest(&found.password_hash) == noted);
    Ok(found.map(|Credentials { user, password_hash, .. }| RightPassword {
        user,
        matched_hash: password_hash,
        stronger_hash: None,
    }))
}

fn digest(password_hash: &str) -> String {
    BASE64.encode(SecretDigest::of(password_hash).as_bytes())
}
