//! The gate for machines that come without a session: who is asked for what, and the one way in which
//! a key is verified, its use counted and its rejection kept.

use std::{future::Future, marker::PhantomData, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{HeaderValue, USER_AGENT},
    web::Data,
};

use super::credentials;
use crate::{
    clock::Timestamp,
    domain::{
        rejections::{Code, Endpoint, Rejected},
        token_access::TokenAccess,
        verification::{Client, Decision, KeyRequest, Limits, Outcome},
    },
    web::{
        access::Access,
        error::AppError,
        rate_headers::RateHeaders,
        state::State,
        visit::{Door, RequestContext},
    },
};

/// What a gate lets in; the route table reads it.
pub trait Admission: 'static {
    /// Who may come in.
    const ACCESS: Access;
}

macro_rules! admissions {
    ($($(#[$doc:meta])* $name:ident => $access:expr;)+) => {
        $(
            $(#[$doc])*
            pub enum $name {}

            impl Admission for $name {
                const ACCESS: Access = $access;
            }
        )+
    };
}

admissions! {
    /// Anybody.
    Anyone => Access::Public;
    /// Whoever presents an API key.
    WithKey => Access::Key;
    /// Whoever presents an active master token, of whatever access.
    WithToken => Access::Token(TokenAccess::Verify);
    /// Whoever may report leaked keys.
    WithReport => Access::Reporter;
}

/// A request at a gate. The handler looks at its credential itself: how that is refused belongs to
/// what the endpoint promises.
pub struct Gate<A, B = ()> {
    /// The request.
    pub request: HttpRequest,
    /// The application's parts.
    pub state: Data<State>,
    /// When it arrived.
    pub now: Timestamp,
    /// What was sent, or why it cannot be read; that is told after the credential.
    body: Result<B, AppError>,
    admission: PhantomData<A>,
}

impl<A: Admission, B> Door for Gate<A, B> {
    const ACCESS: Access = A::ACCESS;
}

impl<A: Admission, B> FromRequest for Gate<A, B>
where
    B: FromRequest + 'static,
    B::Error: Into<AppError>,
{
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = State::of(request);
        let (request, body) = (request.clone(), B::from_request(request, payload));
        Box::pin(async move {
            let state = state?;
            let body = body.await.map_err(Into::into);
            Ok(Self { now: state.clock.now(), request, state, body, admission: PhantomData })
        })
    }
}

/// One key that is asked about.
pub struct Asked<'a> {
    /// Where the request came in.
    pub endpoint: Endpoint,
    /// Which of the request's keys it is.
    pub place: usize,
    /// The text that was presented.
    pub key: &'a str,
    /// What it is to be used for.
    pub wanted: &'a KeyRequest<'a>,
    /// Who presented it, if that is known.
    pub client: Option<Client<'a>>,
}

impl<A, B> Gate<A, B> {
    /// What was sent, once the credential is known to be good.
    pub fn take_body(&mut self) -> Result<B, AppError> {
        let taken = Err(AppError::internal("the body was taken before"));
        std::mem::replace(&mut self.body, taken)
    }

    /// Verifies a key. The use of a known one is counted, and a rejection is kept to be explained.
    pub async fn verify(&self, asked: Asked<'_>) -> Result<Decision, AppError> {
        let Asked { endpoint, place, key, wanted, client } = asked;
        let decision = self.state.verifier.verify(key, wanted, self.now).await;
        self.state.metrics.verified(endpoint, decision.as_ref().ok());
        let decision = decision?;
        if let Decision::Known { key, outcome, .. } = &decision {
            let State { usage, db, .. } = &**self.state;
            if let Some(due) = usage.note(key, *outcome, wanted.cost, client, self.now) {
                db.beside("the use of a quota could not be written", usage.flush_due(db, key, due)).await;
            }
        }
        if !matches!(decision, Decision::Known { outcome: Outcome::Valid, .. }) {
            self.with_id(endpoint, place, wanted, |rejected| {
                self.state.rejections.note(rejected, key, &decision, self.now);
            });
        }
        Ok(decision)
    }

    /// Keeps the rejection of a request that carried nothing to verify.
    pub fn note_unverified(&self, endpoint: Endpoint, code: Code, wanted: &KeyRequest<'_>) {
        self.state.metrics.not_verified(endpoint, code);
        self.with_id(endpoint, 0, wanted, |rejected| {
            self.state.rejections.note_code(rejected, code, self.now);
        });
    }

    fn with_id(
        &self,
        endpoint: Endpoint,
        place: usize,
        wanted: &KeyRequest<'_>,
        note: impl FnOnce(&Rejected<'_>),
    ) {
        if let Some(RequestContext { id, .. }) = self.request.extensions().get() {
            note(&Rejected { request_id: &id.to_string(), place, endpoint, wanted });
        }
    }

    /// The client's address and its description of itself. Gateways pass both on.
    pub fn client(&self) -> Client<'_> {
        let user_agent = self.request.headers().get(USER_AGENT).map(HeaderValue::to_str).and_then(Result::ok);
        Client { ip: credentials::client_ip(&self.request), user_agent: user_agent.unwrap_or_default() }
    }
}

/// The door of what needs nothing but the request.
pub struct Open(pub HttpRequest);

impl Door for Open {
    const ACCESS: Access = Access::Public;
}

impl FromRequest for Open {
    type Error = AppError;
    type Future = std::future::Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(request.clone())))
    }
}

/// A body as it arrives, for what must be looked at before it is read.
pub struct RawBody(pub Payload);

impl FromRequest for RawBody {
    type Error = AppError;
    type Future = std::future::Ready<Result<Self, AppError>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(payload.take())))
    }
}

/// What the rejection of a known key is in HTTP's words; `None` for an accepted one.
pub fn rejection(outcome: Outcome, limits: &Limits) -> Option<AppError> {
    let unauthorized = |detail| Some(AppError::Unauthorized { detail, presented: true });
    let limited = |detail| {
        Some(AppError::KeyLimited {
            detail,
            limited_by: outcome.limited_by(),
            retry_after_seconds: limits.retry_after_seconds().unwrap_or(1).max(1),
            headers: Box::new(RateHeaders::of(limits)),
        })
    };
    match outcome {
        Outcome::Valid => None,
        Outcome::Expired => unauthorized("This key has expired."),
        Outcome::Deactivated => unauthorized("This key is deactivated."),
        Outcome::ForbiddenIp => Some(AppError::KeyForbidden("This key can’t be used from this IP address.")),
        Outcome::WrongEnvironment => Some(AppError::KeyForbidden("This key is for another environment.")),
        Outcome::InsufficientScope => Some(AppError::InsufficientScope),
        Outcome::RateLimited => limited("Rate limit exceeded. Try again later."),
        Outcome::QuotaExceeded => limited("Monthly quota exceeded."),
        Outcome::PlanRateLimited => limited("The organization’s rate limit is exceeded. Try again later."),
        Outcome::PlanQuotaExceeded => limited("The organization’s monthly quota is exceeded."),
        Outcome::OrganizationSuspended => Some(AppError::OrganizationSuspended),
    }
}
