//! The front door of the pages: who asks, by what right, and how reads and changes are carried out.
//!
//! A handler takes one [`Visit`]. Its type says who may come in, and the route table reads it there.
//! Session, person and membership are looked up once, in one statement; a change looks again inside
//! its own transaction, so that a right which was taken away meanwhile opens nothing.

mod behind;
mod proof;
mod visitor;

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    time::{Duration, Instant},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Query};
use serde::de::DeserializeOwned;

pub use behind::{Behind, Over};
pub use proof::{Account, Anybody, Door, Founder, InSession, Proof};
pub use visitor::{RequestContext, Visitor};

use super::{error::AppError, form_id::FormId};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::spent_forms,
};

/// A body that takes longer than this is late: the right to send it may have been taken away since, so
/// it is looked at again before anything is read or shown. A change looks in any case.
const LATE: Duration = Duration::from_secs(1);

/// Somebody who asks for a page, with the proof `P` of what they may do, and what was sent as `B`,
/// which is read only once that is known.
pub struct Visit<P = Anybody, B = ()> {
    /// The proof.
    pub proof: P,
    /// What was sent.
    pub form: B,
    visitor: Visitor,
}

/// What became of a form that is carried out once.
pub enum Submission<T, E> {
    /// It is carried out.
    Done(T),
    /// It was carried out before.
    SentBefore,
    /// It was open for more than a day, or its id is none of ours: it is to be shown again.
    Stale,
    /// It could not be carried out, and so can be sent again.
    Refused(E),
}

impl<P, B> Deref for Visit<P, B> {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

impl<P: Proof, B> FromRequest for Visit<P, B>
where
    B: FromRequest + 'static,
    B::Error: Into<AppError>,
{
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut visitor = Visitor::of(&request)?;
            let mut proof = P::of(&visitor.found)?;
            visitor.count_write()?;
            visitor.touch().await;
            let let_in = Instant::now();
            let form = B::from_request(&request, &mut payload).await.map_err(Into::into)?;
            if let_in.elapsed() > LATE {
                visitor.look_again().await?;
                proof = P::of(&visitor.found)?;
            }
            Ok(Self { proof, form, visitor })
        })
    }
}

impl<P: Proof, B> Visit<P, B> {
    /// The visit without what was sent, and that.
    pub fn split(self) -> (Visit<P>, B) {
        let Self { proof, form, visitor } = self;
        (Visit { proof, form: (), visitor }, form)
    }

    /// Reads by the visit's proof, off the async workers.
    ///
    /// # Errors
    /// Whatever `work` returns, or when the database fails.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Connection, &P) -> Result<T, E> + Send + 'static,
    ) -> Result<T, AppError>
    where
        T: Send + 'static,
        E: Into<AppError> + Send + 'static,
    {
        let proof = self.proof.clone();
        self.state.db.read(move |connection| work(connection, &proof).map_err(Into::into)).await
    }

    /// Carries out a change in one transaction. The proof is made anew and the time is taken in it.
    /// The inner result is the domain's; nothing is kept where it is an error.
    ///
    /// # Errors
    /// When the right was taken away meanwhile, or the database fails.
    pub async fn change<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, AppError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        match self.transaction(None, work).await? {
            Submission::Done(done) => Ok(Ok(done)),
            Submission::Refused(error) => Ok(Err(error)),
            Submission::SentBefore | Submission::Stale => {
                Err(AppError::internal("a change without a form has none that is spent"))
            }
        }
    }

    /// [`change`](Self::change) for a form that is carried out once: its id is spent in the same
    /// transaction.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub async fn submit<T, E>(
        &self,
        form_id: &FormId,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<Submission<T, E>, AppError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.transaction(Some(form_id.clone()), work).await
    }

    /// Looks once more whether the right is still there, for whatever goes on after this request was let
    /// in.
    pub fn prove_again(&self) -> impl Fn(&mut Connection) -> Result<P, AppError> + Send + Sync + 'static {
        let (found, clock) = (self.visitor.found_alive(), self.state.clock.clone());
        move |connection| P::of(&found.clone().again(connection, clock.now())?)
    }

    async fn transaction<T, E>(
        &self,
        form_id: Option<FormId>,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<Submission<T, E>, AppError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (prove_again, clock) = (self.prove_again(), self.state.clock.clone());
        let changed = self
            .state
            .db
            .write(move |tx| {
                let now = clock.now();
                let proof = prove_again(tx.connection())?;
                proof.check_open()?;
                if let Some(form_id) = form_id {
                    if !form_id.is_fresh(now) {
                        return Err(Unchanged::Stale);
                    }
                    if !spent_forms::spend(tx, form_id.as_str(), now)? {
                        return Err(Unchanged::SentBefore);
                    }
                }
                work(tx, &proof, now).map_err(Unchanged::Refused)
            })
            .await;
        match changed {
            Ok(done) => Ok(Submission::Done(done)),
            Err(Unchanged::Refused(error)) => Ok(Submission::Refused(error)),
            Err(Unchanged::SentBefore) => Ok(Submission::SentBefore),
            Err(Unchanged::Stale) => Ok(Submission::Stale),
            Err(Unchanged::Failed(error)) => Err(error),
        }
    }

    /// What stands behind the question mark.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q, AppError> {
        Query::from_query(self.request().query_string())
            .map(Query::into_inner)
            .map_err(|error| AppError::Unreadable(format!("The URL couldn’t be read: {error}.")))
    }
}

/// Why a transaction is rolled back.
enum Unchanged<E> {
    Refused(E),
    SentBefore,
    Stale,
    Failed(AppError),
}

impl<E> From<DbError> for Unchanged<E> {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl<E> From<AppError> for Unchanged<E> {
    fn from(error: AppError) -> Self {
        Self::Failed(error)
    }
}
