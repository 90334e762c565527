//! Forms that are carried out once, and the answers that they share.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::{
    config::InstanceRules,
    db::Connection,
    domain::managed::ManageError,
    web::{
        error::AppError,
        filters,
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

/// The dialog instead of a form that could not be carried out, since there are as many as there may be.
#[derive(Template)]
#[template(path = "components/limit.html")]
struct LimitDialog {
    /// What the form is called.
    title: &'static str,
    close: String,
    /// Which limit is reached.
    reason: String,
}

/// Answers with a dialog that says which limit is reached, before anything is typed; `None` where there is room.
/// Somebody else may take that meanwhile, so the form says the same.
pub(super) async fn limit_reached<S: Behind, P>(
    visit: &Visit<P>,
    title: &'static str,
    check_room: fn(&mut Connection, &P, &InstanceRules) -> Result<(), ManageError>,
) -> Result<Option<HttpResponse>, AppError>
where
    P: Proof + AsRef<S::Proof>,
{
    let rules = visit.state.config.rules;
    let room = visit.read(move |connection, proof| Ok::<_, AppError>(check_room(connection, proof, &rules)));
    match room.await? {
        Ok(()) => Ok(None),
        Err(error @ ManageError::TooMany { .. }) => {
            let close = S::address(visit, visit.proof.as_ref());
            visit.dialog::<S>(&LimitDialog { title, close, reason: error.to_string() }).await.map(Some)
        }
        Err(error) => Err(error.into()),
    }
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
