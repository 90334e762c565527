//! A call of the management API: who calls, by what right, and how its changes are run.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{HeaderName, IF_MATCH},
    web::Data,
};

use super::{credentials, json::BodyDigest, receipts::Wait, response::Response};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{AccessError, Capability, Grant, InstanceStanding, Observer, Operator, Standing},
        id,
        idempotency::{IdempotencyError, Once},
        instance_access::InstanceAccess,
        instance_tokens, master_tokens,
        secret::SecretDigest,
        token_access::TokenAccess,
        verification::{KnownInstanceToken, KnownToken},
    },
    web::{access::Access, error::AppError, etags, rate_headers::RateHeaders, state::State, visit::Door},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call whose credential carries the proof `P` that the handler needs. `B` is what the handler reads
/// of the request once the caller is known.
pub struct Call<P: TokenProof, B = ()> {
    /// The application's parts.
    pub state: Data<State>,
    /// The instant at which the call arrived. A change takes its own.
    pub now: Timestamp,
    /// The proof of what the caller may do.
    pub proof: P,
    /// The token behind the call.
    pub token: Arc<P::Token>,
    /// What was sent.
    pub input: B,
    request: HttpRequest,
}

/// A kind of token that calls are made with.
pub trait CallToken: Send + Sync + Sized + 'static {
    /// What an accepted token proves.
    type Standing;

    /// The active token behind the credential. Its use is noted.
    fn caller(
        request: &HttpRequest,
        state: &State,
        now: Timestamp,
    ) -> impl Future<Output = Result<Arc<Self>, AppError>>;

    /// The id of the token.
    fn id(&self) -> &str;

    /// What the token proves, when it is accepted from `ip`.
    fn standing(&self, ip: Option<IpAddr>) -> Self::Standing;

    /// What the token with this digest proves now, by a look at the database.
    fn look_again(
        connection: &mut Connection,
        digest: SecretDigest,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Self::Standing>, DbError>;

    /// Whether the token is there for the organization `wanted` in an address.
    fn is_for(standing: &Self::Standing, wanted: &str) -> bool;
}

impl CallToken for KnownToken {
    type Standing = Standing;

    async fn caller(request: &HttpRequest, state: &State, now: Timestamp) -> Result<Arc<Self>, AppError> {
        credentials::caller(request, state, now).await
    }

    fn id(&self) -> &str {
        &self.token.id
    }

    fn standing(&self, ip: Option<IpAddr>) -> Standing {
        Self::standing(self, ip)
    }

    fn look_again(
        connection: &mut Connection,
        digest: SecretDigest,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DbError> {
        master_tokens::standing(connection, digest, ip, now)
    }

    fn is_for(standing: &Standing, wanted: &str) -> bool {
        wanted == standing.id
    }
}

impl CallToken for KnownInstanceToken {
    type Standing = InstanceStanding;

    async fn caller(request: &HttpRequest, state: &State, now: Timestamp) -> Result<Arc<Self>, AppError> {
        credentials::instance_caller(request, state, now).await
    }

    fn id(&self) -> &str {
        &self.token.id
    }

    fn standing(&self, ip: Option<IpAddr>) -> InstanceStanding {
        Self::standing(self, ip)
    }

    fn look_again(
        connection: &mut Connection,
        digest: SecretDigest,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<InstanceStanding>, DbError> {
        instance_tokens::standing(connection, digest, ip, now)
    }

    /// It is there for all of them. Whether there is such an organization is for the call to find out.
    fn is_for(_: &InstanceStanding, _: &str) -> bool {
        true
    }
}

/// A proof that a token can carry.
pub trait TokenProof: Clone + Send + Sized + 'static {
    /// The kind of token.
    type Token: CallToken;

    /// Which tokens carry it.
    const ACCESS: Access;

    /// The proof, where the token's standing carries it.
    fn of(standing: <Self::Token as CallToken>::Standing) -> Result<Self, AccessError>;

    /// Whether what it is the proof of may change at all now.
    ///
    /// # Errors
    /// [`AccessError::Suspended`].
    fn check_open(&self) -> Result<(), AccessError> {
        Ok(())
    }
}

impl TokenProof for Standing {
    type Token = KnownToken;

    const ACCESS: Access = Access::Token(TokenAccess::Verify);

    fn of(standing: Self) -> Result<Self, AccessError> {
        Ok(standing)
    }
}

impl TokenProof for Observer {
    type Token = KnownInstanceToken;

    const ACCESS: Access = Access::InstanceToken(InstanceAccess::Read);

    fn of(standing: InstanceStanding) -> Result<Self, AccessError> {
        standing.observer()
    }
}

impl TokenProof for Operator {
    type Token = KnownInstanceToken;

    const ACCESS: Access = Access::InstanceToken(InstanceAccess::Operate);

    fn of(standing: InstanceStanding) -> Result<Self, AccessError> {
        standing.operator()
    }
}

impl<C: Capability> TokenProof for Grant<C> {
    type Token = KnownToken;

    const ACCESS: Access = match C::ACCESS {
        Some(access) => Access::Token(access),
        None => panic!("no master token carries this"),
    };

    fn of(standing: Standing) -> Result<Self, AccessError> {
        standing.grant()
    }

    fn check_open(&self) -> Result<(), AccessError> {
        Self::check_open(self)
    }
}

impl<P: TokenProof, B> Door for Call<P, B> {
    const ACCESS: Access = P::ACCESS;
}

impl<P: TokenProof, B> FromRequest for Call<P, B>
where
    B: FromRequest + 'static,
    B::Error: Into<AppError>,
{
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = State::of(&request)?;
            let now = state.clock.now();
            let token = P::Token::caller(&request, &state, now).await?;
            count(&request, &state, token.id())?;
            let proof = prove(
                token.standing(credentials::client_ip(&request)),
                organization_in(&request).as_deref(),
            )?;
            let input = B::from_request(&request, &mut payload).await.map_err(Into::into)?;
            Ok(Self { state, now, proof, token, input, request })
        })
    }
}

/// The organization in the path, where there is one.
fn organization_in(request: &HttpRequest) -> Option<String> {
    request.match_info().get("organization").map(id::as_stored)
}

/// The proof in the organization `wanted`, or in the token's own where none is named.
fn prove<P: TokenProof>(
    standing: <P::Token as CallToken>::Standing,
    wanted: Option<&str>,
) -> Result<P, AccessError> {
    if wanted.is_some_and(|wanted| !P::Token::is_for(&standing, wanted)) {
        return Err(AccessError::NotFound);
    }
    P::of(standing)
}

/// Each token has so many calls a minute; what is left is told with every answer.
fn count(request: &HttpRequest, state: &State, token_id: &str) -> Result<(), AppError> {
    let left = state.limits.call(token_id);
    request.extensions_mut().insert(RateHeaders::of_requests(&left));
    left.check().map_err(AppError::TooOften)
}

impl<P: TokenProof, B> Call<P, B> {
    /// The part of the path that the route table calls `name`.
    pub fn path(&self, name: &str) -> String {
        id::as_stored(self.request.match_info().get(name).unwrap_or_default())
    }

    /// Reads by the caller's proof.
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

    /// Shows a resource; 304 when the client has this version of it.
    pub fn show(&self, resource: &impl serde::Serialize) -> Result<HttpResponse, AppError> {
        let answer = Response::resource(resource)?;
        if answer.etag().is_some_and(|etag| etags::is_known(&self.request, etag)) {
            return Ok(HttpResponse::NotModified()
                .insert_header(("ETag", answer.etag().unwrap_or_default()))
                .finish());
        }
        Ok(answer.send())
    }

    /// The version that the client demands of what it changes. A header that cannot be read demands
    /// one that nothing has: it must not pass for none.
    pub fn precondition(&self) -> Precondition {
        Precondition(etags::list(&self.request, &IF_MATCH))
    }

    /// Looks once more whether the token may still do this, for whatever goes on after the request was
    /// let in.
    ///
    /// # Errors
    /// When the credential can no longer be read.
    pub fn prove_again(
        &self,
    ) -> Result<impl Fn(&mut Connection) -> Result<P, AppError> + Send + Sync + 'static, AppError> {
        let (seal, clock) = (self.state.session_tokens.clone(), self.state.clock.clone());
        let ip = credentials::client_ip(&self.request);
        let presented = credentials::master_token(&self.request)?.to_owned();
        let wanted = organization_in(&self.request);
        Ok(move |connection: &mut Connection| {
            let now = clock.now();
            // By the secret, not by the id: a token that was replaced goes on under another one.
            let digest = credentials::digest_of_token(&presented, &seal, now);
            let standing = P::Token::look_again(connection, digest, ip, now)?;
            Ok(prove(standing.ok_or_else(credentials::no_token)?, wanted.as_deref())?)
        })
    }

    /// Carries out a change in one transaction, in which the token is looked at again and the time is
    /// taken. With an `Idempotency-Key`, the response is kept in that transaction, and given again to
    /// the same request without carrying it out again.
    ///
    /// # Errors
    /// Whatever `work` returns; nothing is changed and nothing kept then. 401 for a token that is no
    /// longer accepted, 422 for a key that came with another request.
    pub async fn change(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<Response, AppError> + Send + 'static,
    ) -> Result<HttpResponse, AppError> {
        Ok(self.commit(work).await?.send())
    }

    /// [`change`](Self::change), and then, where `?wait` asks for it, waits until every node has heard of it, and
    /// tells when each had.
    ///
    /// # Errors
    /// As [`change`](Self::change), and 400 for a `wait` that is no duration; nothing is changed then.
    pub async fn change_everywhere(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<Response, AppError> + Send + 'static,
    ) -> Result<HttpResponse, AppError> {
        let wait = Wait::of(&self.request)?;
        let response = self.commit(work).await?;
        match wait {
            Some(wait) => Ok(wait.receipts(&self.state).await?.add_to(response)?.send()),
            None => Ok(response.send()),
        }
    }

    async fn commit(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &P, Timestamp) -> Result<Response, AppError> + Send + 'static,
    ) -> Result<Response, AppError> {
        let (once, clock, prove_again) = (self.once()?, self.state.clock.clone(), self.prove_again()?);
        self.state
            .db
            .write(move |tx| {
                let (proof, now) = (prove_again(tx.connection())?, clock.now());
                proof.check_open()?;
                let Some(once) = once else { return work(tx, &proof, now) };
                if let Some(kept) = once.recall(tx.connection(), now)? {
                    return serde_json::from_slice(&kept).map_err(AppError::internal);
                }
                let response = work(tx, &proof, now)?;
                let kept = serde_json::to_vec(&response).map_err(AppError::internal)?;
                once.remember(tx, &kept, now)?;
                Ok::<_, AppError>(response)
            })
            .await
    }

    fn once(&self) -> Result<Option<Once>, AppError> {
        once(&self.request, self.token.id())
    }
}

/// What the header `Idempotency-Key` asks for, if it is there.
pub fn once(request: &HttpRequest, token_id: &str) -> Result<Option<Once>, AppError> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    // The draft writes a string of structured fields; most clients leave the quotation marks out.
    let text = value.to_str().unwrap_or_default().trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let body = request.extensions().get::<BodyDigest>().map(|digest| digest.0).unwrap_or_default();
    let method = request.method().as_str().as_bytes();
    let address = request.uri().path_and_query().map(|address| address.as_str()).unwrap_or_default();
    let once = Once::new(token_id, key, &[method, address.as_bytes(), &body]);
    once.map(Some).map_err(|error| AppError::Unreadable(error.to_string()))
}

impl From<IdempotencyError> for AppError {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::Reused => Self::IdempotencyKeyReused,
            IdempotencyError::NoRandomness(error) => error.into(),
            IdempotencyError::Db(error) => error.into(),
        }
    }
}

/// The version that a change is meant for; none where the client did not say.
#[derive(Clone, Debug)]
pub struct Precondition(Option<String>);

impl Precondition {
    /// Checks the version of `present`, inside the transaction of the change.
    pub fn check(&self, present: &impl serde::Serialize) -> Result<(), AppError> {
        let Some(wanted) = &self.0 else { return Ok(()) };
        let answer = Response::resource(present)?;
        if answer.etag().is_some_and(|etag| etags::names(wanted, etag)) {
            Ok(())
        } else {
            Err(AppError::PreconditionFailed)
        }
    }
}
