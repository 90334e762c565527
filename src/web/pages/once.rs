//! Forms that are carried out once, and the answers that they share.

use actix_web::HttpResponse;
use serde::Deserialize;

use crate::{
    domain::managed::ManageError,
    web::{
        error::AppError,
        form_id::FormId,
        shell::Toast,
        visit::{Behind, Proof, Submission, Visit},
    },
};

/// What a form says that was sent before and whose answer held a secret.
pub(super) const SECRET_WAS_SHOWN: &str = "This was already saved. The secret can’t be shown again.";

/// A confirmation, which has nothing but its id.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confirmation {
    pub(super) form_id: FormId,
}

/// What is left for the handler to answer.
pub(super) enum Settled<T> {
    /// The change, to be shown.
    Done(T),
    /// The form, to be shown again with a sentence and an id that can be sent.
    Again(String, FormId),
    /// Nothing.
    Answered(HttpResponse),
}

/// Settles what a form came to: one that was sent before changes nothing and says so with
/// `sent_before`, one that is stale or needs a change is shown once more.
pub(super) fn settle<S: Behind, P, T>(
    visit: &Visit<P>,
    form_id: &FormId,
    submission: Submission<T, ManageError>,
    sent_before: &str,
) -> Result<Settled<T>, AppError>
where
    P: Proof + AsRef<S::Proof>,
{
    Ok(match submission {
        Submission::Done(done) => Settled::Done(done),
        Submission::SentBefore => {
            let address = S::address(visit, visit.proof.as_ref());
            Settled::Answered(visit.go(Some(Toast::bad(sent_before)), &address)?)
        }
        Submission::Stale => {
            Settled::Again("This form expired. Save again.".to_owned(), FormId::new(visit.now))
        }
        Submission::Refused(error) => match error {
            ManageError::NameTaken { .. } | ManageError::TooMany { .. } | ManageError::State(_) => {
                Settled::Again(error.to_string(), form_id.clone())
            }
            error => return Err(error.into()),
        },
    })
}
