//! Answers about a refused request, which is known by its id.

use crate::{
    config::KeyPrefix,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ApiKey},
        diagnosis::{self, Finding},
        managed::ManageError,
        rejections::{self, Code, Endpoint, Rejection},
    },
    web::display,
};

use super::{
    Answers,
    attempt::Attempt,
    explanations::{Explanation, without_key},
    reasons::{Facts, Tense, explain},
};

/// What is known of the request `id`.
pub(super) fn answers(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    id: &str,
) -> Result<Answers, DbError> {
    let rejections = rejections::find(connection, grant, id)?;
    let Some(first) = rejections.first() else { return Ok(Answers { title: id.to_owned(), ..unknown() }) };
    let subtitle = format!(
        "Rejected on {}. Requested by {}.",
        display::date_time_utc(&first.created_at),
        match first.endpoint {
            Endpoint::Auth => "a gateway at /auth",
            Endpoint::Organization => "the client itself at /api/v2/organization",
            Endpoint::Verify => "a backend at /api/v2/keys/verify",
        }
    );
    let mut answers = Answers { title: id.to_owned(), subtitle, ..Answers::default() };
    for rejection in &rejections {
        let key = key_of(connection, grant, rejection)?;
        if let Some(key) = &key {
            let (scopes, address) = (&rejection.needed_scopes, rejection.client_address.as_deref());
            answers.attempt = Attempt::with(key).asking(scopes, address, rejection.cost);
        }
        answers.list.push(of_rejection(connection, grant, rejection, key.as_ref())?);
    }
    Ok(answers)
}

fn unknown() -> Answers {
    Answers::of(Explanation::new(
        "Request not found",
        "It was accepted, is older than 7 days, belongs to another organization, or was handled by another server. \
         In a flood of rejections, not every one is stored.",
        "Check that you copied the full ID, and which server the gateway or backend calls. For a recent request, \
         send it again and paste the new ID.",
    ))
}

/// The key of a rejection, unless it was removed since.
fn key_of(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    rejection: &Rejection,
) -> Result<Option<ApiKey>, DbError> {
    let Some(key_id) = &rejection.api_key_id else { return Ok(None) };
    match api_keys::find(connection, grant, key_id) {
        Ok(key) => Ok(Some(key)),
        Err(ManageError::Db(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

fn of_rejection(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    rejection: &Rejection,
    key: Option<&ApiKey>,
) -> Result<Explanation, DbError> {
    let outcome = match rejection.code {
        Code::Key(outcome) => outcome,
        Code::NotFound if rejection.is_own => return not_found(connection, grant, rejection),
        other => return Ok(without_verdict(other)),
    };
    let facts = Facts {
        allowed: &rejection.allowed,
        needed_scopes: &rejection.needed_scopes,
        client_address: rejection.client_address.as_deref(),
        cost: rejection.cost,
        retry_after_seconds: rejection.retry_after_seconds,
        expires_at: key.and_then(|key| key.expires_at),
    };
    let answer = explain(outcome, Tense::At(rejection.created_at), &facts);
    Ok(match key {
        Some(key) => answer.of_key(&grant.id, key),
        None => Explanation {
            reason: format!("{} The key has since been removed.", answer.reason).into(),
            ..answer
        },
    })
}

/// A key that the organization has not, or did not accept as its own.
fn not_found(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    rejection: &Rejection,
) -> Result<Explanation, DbError> {
    let masked = rejection.presented.as_deref().unwrap_or_default();
    // Under whatever prefix: its checksum was right.
    let prefix = masked.split('_').next().map(KeyPrefix::parse);
    let prefix = prefix.and_then(Result::ok).unwrap_or_default();
    Ok(match diagnosis::diagnose(connection, grant, prefix, masked, rejection.created_at)? {
        Finding::Removed(entry) => without_key(&Finding::Removed(entry)),
        Finding::Keys(ref keys) if let [key] = keys.as_slice() => Explanation::new(
            "Wrong user name",
            "With Basic auth, the user name must be exactly the name of the key.",
            "Send the key’s name as the user name, or only the key as “Authorization: Bearer”.",
        )
        .of_key(&grant.id, key),
        _ => Explanation::new(
            "Not a key of this organization",
            format!(
                "The request used {masked}, which isn’t a key of this organization, or no longer works since the \
                 key was rotated."
            ),
            "Give the client a key of this organization, or check that the gateway or backend uses the ID of the \
             organization that the key belongs to.",
        ),
    })
}

/// Rejections that tell nothing of any organization.
fn without_verdict(code: Code) -> Explanation {
    match code {
        Code::NoKey => Explanation::new(
            "No key sent",
            "Neither Authorization nor X-API-Key contained a key that could be read, or one of them was sent more \
             than once.",
            "Check that the client sends its key as “Authorization: Bearer” or “X-API-Key”, and that the gateway \
             passes that header on.",
        ),
        Code::Malformed => Explanation::new(
            "Not a valid key",
            "The value isn’t a valid key. It may be mistyped or incomplete.",
            "Copy the key again, without quotation marks, spaces or line breaks.",
        ),
        Code::TokenRejected => Explanation::new(
            "Master token rejected",
            "The backend used a master token that doesn’t exist or isn’t active, so no key was checked.",
            "Check that the token is active, and that the backend sends it as “Authorization: Bearer”.",
        ),
        Code::NotFound | Code::Key(_) => Explanation::new(
            "Key not found",
            "The request used a key that never existed, was removed or rotated, or was sent with the wrong user name.",
            "Give the client a key of this organization. If the gateway sends this organization’s ID, rejections are \
             explained in more detail.",
        ),
    }
}
