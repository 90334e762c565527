//! Answers about a refused request, which is known by its id.

use crate::{
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
        "Rejected {}, asked by {}.",
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
        "No rejection of this request is known here.",
        "It was accepted, is older than 7 days, belongs to another organization, or was answered by another server. \
         Of a flood of rejections not every one is kept.",
        "Look whether the whole id was copied, and which server the gateway or backend asks. For a recent one, send \
         the request again and paste the new id.",
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
        None => {
            Explanation { reason: format!("{} The key was removed since.", answer.reason).into(), ..answer }
        }
    })
}

/// A key that the organization has not, or did not accept as its own.
fn not_found(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    rejection: &Rejection,
) -> Result<Explanation, DbError> {
    let masked = rejection.presented.as_deref().unwrap_or_default();
    Ok(match diagnosis::diagnose(connection, grant, masked, rejection.created_at)? {
        Finding::Removed(entry) => without_key(&Finding::Removed(entry)),
        Finding::Keys(ref keys) if let [key] = keys.as_slice() => Explanation::new(
            "It came under another name.",
            "With “Basic” the user name must be the name of the key, letter by letter, and it was another.",
            "Send the name of the key as user name, or the key alone as “Authorization: Bearer”.",
        )
        .of_key(&grant.id, key),
        _ => Explanation::new(
            "No key of this organization was presented.",
            format!(
                "The request carried {masked}, which is not a key of this organization, or no longer since it was \
                 rotated."
            ),
            "Give the client a key of this organization, or look whether the gateway or backend asks for the \
             organization that the key belongs to.",
        ),
    })
}

/// Rejections that tell nothing of any organization.
fn without_verdict(code: Code) -> Explanation {
    match code {
        Code::NoKey => Explanation::new(
            "It carried no key.",
            "Neither “Authorization” nor “X-API-Key” arrived with a key that could be read, or one of them came more \
             than once.",
            "Look whether the client sends its key as “Authorization: Bearer” or “X-API-Key”, and whether the gateway \
             passes that header on.",
        ),
        Code::Malformed => Explanation::new(
            "No key of this organization was presented.",
            "What the request carried has not the form of a key: a letter is wrong, missing or too much, or it is \
             something else.",
            "Copy the key again from where it is kept, without quotation marks, blanks or line breaks.",
        ),
        Code::TokenRejected => Explanation::new(
            "The backend’s own token was rejected.",
            "It asked with a master token that does not exist or is not active, so no key was looked at.",
            "Look whether the token is active, and whether the backend sends it as “Authorization: Bearer”.",
        ),
        Code::NotFound | Code::Key(_) => Explanation::new(
            "No key of this organization was presented.",
            "The request carried a key that was not found: it was never one, was removed or rotated, or came under \
             another name.",
            "Give the client a key of this organization. Where the gateway asks for the organization, rejections are \
             told in more detail.",
        ),
    }
}
