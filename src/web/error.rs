//! Everything that can go wrong in a handler, and its status.

use std::convert::Infallible;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};

use super::{display, limits::TooOften, rate_headers::RateHeaders};
pub use crate::api_types::FieldProblem;
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{AccessError, Role},
        accounts::AccountError,
        api_keys::KeyChangeError,
        calendar_links::CalendarError,
        instance::InstanceError,
        instance_access::InstanceAccess,
        invitations::{AnswerError, InvitationError},
        maintenance::Maintenance,
        managed::ManageError,
        members::MemberError,
        passwords::HashError,
        plans::{PlanError, PlanLimit},
        secret::NoRandomness,
        token_access::TokenAccess,
        verification::VerifyError,
    },
    vocabulary::LimitedBy,
};

/// A token that made an administrator would have handed out more than it holds.
const ONLY_PEOPLE: &str =
    "A master token can’t add administrators. An administrator can do that on the organization’s Users tab.";

/// What a master token is told that would leave an organization without one.
const LAST_ADMINISTRATOR: &str = "This is the last administrator. Make someone else an administrator first.";

/// When a database that takes nothing is worth asking again.
pub const UNAVAILABLE_RETRY_AFTER_SECONDS: u64 = 5;

/// A request that is not run. [`super::problem`] turns it into a page, a toast or a
/// problem document, whichever the client asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Nothing is there, or nothing that this visitor may know of.
    #[error("This page doesn’t exist, or you don’t have access.")]
    NotFound,
    /// The visitor's role is too low.
    #[error("Only {} can do this. Ask one for access.", plural(.0))]
    Forbidden(&'static [Role]),
    /// Organizations are created by instance administrators alone, and the visitor is none.
    #[error("Only instance administrators can create organizations here. Ask one to create yours.")]
    NotFounder,
    /// The domain refused with a reason for the person.
    #[error("{0}")]
    Conflict(String),
    /// The domain refused, and will not after a while.
    #[error("{detail}")]
    TemporaryConflict {
        /// The reason.
        detail: String,
        /// Whole seconds until it is worth trying again.
        retry_after_seconds: u64,
    },
    /// Nobody is logged in. Carries where to go afterwards.
    #[error("Log in to continue.")]
    LogInFirst(String),
    /// The address of the account is not proven yet.
    #[error("Confirm your email to continue.")]
    VerifyFirst,
    /// The API got no credential, or one that opens nothing.
    #[error("{detail}")]
    Unauthorized {
        /// What is wrong, in a sentence.
        detail: &'static str,
        /// Whether a credential was sent (RFC 6750, 3: name no error where none was).
        presented: bool,
    },
    /// The API got more than one credential, of which no two programs need read the same.
    #[error("A header with credentials was sent more than once. Send it only once.")]
    CredentialTwice,
    /// The key is good, but not for this.
    #[error("{0}")]
    KeyForbidden(&'static str),
    /// The key is good, but its organization is suspended.
    #[error("This key’s organization is suspended.")]
    OrganizationSuspended,
    /// Nothing can be changed in a suspended organization.
    #[error("This organization is suspended, so nothing can be changed. Reason: {0}")]
    Suspended(String),
    /// The key is good, but lacks a scope that this needs.
    #[error("This key doesn’t have the required scope.")]
    InsufficientScope,
    /// The master token is good, but may not do this.
    #[error("This master token isn’t allowed to do this. Required access: {}.", .0.label())]
    TokenForbidden(TokenAccess),
    /// The instance token is good, but may not do this.
    #[error("This instance token isn’t allowed to do this. Required access: {}.", .0.label())]
    InstanceTokenForbidden(InstanceAccess),
    /// The key was used too often, or its quota is spent.
    #[error("{detail}")]
    KeyLimited {
        /// Which of the two.
        detail: &'static str,
        /// The same for machines.
        limited_by: Option<LimitedBy>,
        /// Whole seconds until it is worth trying again.
        retry_after_seconds: u64,
        /// What the limits leave.
        headers: Box<RateHeaders>,
    },
    /// The request comes from another site.
    #[error("For your security, we blocked a request from another site. Reload the page and try again.")]
    CrossSite,
    /// The request cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The body is not what the endpoint takes.
    #[error("This URL doesn’t accept this content type.")]
    UnsupportedMediaType,
    /// The body is too large.
    #[error("The request is too large.")]
    TooLarge,
    /// The body took too long.
    #[error("The rest of the request didn’t arrive in time. Try again.")]
    TooSlow,
    /// Too many ask for the same at this moment.
    #[error("The server is busy. Try again in a few seconds.")]
    Busy,
    /// A body of the API that is JSON, but not of the kind that is expected.
    #[error("The request body isn’t valid. {}", .0.detail)]
    BadBody(FieldProblem),
    /// A parameter in the address of the API that cannot be used.
    #[error("{}", .0.detail)]
    BadParameter(FieldProblem),
    /// Fields of a body that need a change.
    #[error("Check the highlighted fields.")]
    Fields(Vec<FieldProblem>),
    /// The resource is not in the version that the change is meant for.
    #[error("It has changed since you read it. Read it again and retry with the new version.")]
    PreconditionFailed,
    /// An `Idempotency-Key` came with another request before.
    #[error("This Idempotency-Key was used for another request. Use a new one for each request.")]
    IdempotencyKeyReused,
    /// The address is there, but takes other methods.
    #[error("Allowed methods: {0}.")]
    MethodNotAllowed(String),
    /// It happens too often.
    #[error("Too many attempts. Try again {}.", .0.when())]
    TooOften(TooOften),
    /// The database takes nothing for the moment. The reason is logged and never shown.
    #[error("The database is unavailable right now. No changes were made. Try again in a moment.")]
    Unavailable(String),
    /// Nothing is changed for a while.
    #[error("API keys keep working, but nothing can be changed right now.{}", .message.as_deref().map(|text| format!(" {text}")).unwrap_or_default())]
    Maintenance {
        /// What those who run the server say about it.
        message: Option<String>,
        /// Whole seconds until it is worth trying again.
        retry_after_seconds: u64,
    },
    /// It happened too often in a day.
    #[error("{detail}")]
    BudgetSpent {
        /// Of what too little is left.
        detail: String,
        /// Whole seconds until there is more.
        retry_after_seconds: u64,
    },
    /// The fault is ours. The detail is logged and never shown.
    #[error("Something went wrong on our side. Your changes weren’t saved. Try again in a moment.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl AppError {
    /// What is wrong with one field of a body.
    pub fn field(pointer: &str, detail: impl ToString) -> Self {
        Self::Fields(vec![FieldProblem::new(pointer, detail)])
    }

    /// The fields that are wrong.
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Fields(fields) => fields,
            Self::BadBody(field) | Self::BadParameter(field) => std::slice::from_ref(field),
            _ => &[],
        }
    }

    /// What a change is told while maintenance is on.
    pub fn maintenance(maintenance: &Maintenance, now: Timestamp) -> Self {
        Self::Maintenance {
            message: maintenance.message.clone(),
            retry_after_seconds: maintenance.retry_after_seconds(now),
        }
    }

    /// Which limit was exceeded, if one was.
    pub fn limited_by(&self) -> Option<LimitedBy> {
        match self {
            Self::KeyLimited { limited_by, .. } => *limited_by,
            _ => None,
        }
    }

    /// The stable name of the problem, the last part of its `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Forbidden(_) | Self::NotFounder => "forbidden",
            Self::Conflict(_) | Self::TemporaryConflict { .. } => "conflict",
            Self::LogInFirst(_) | Self::Unauthorized { .. } => "unauthorized",
            Self::VerifyFirst => "address-not-confirmed",
            Self::KeyForbidden(_) => "forbidden",
            Self::TokenForbidden(_) | Self::InstanceTokenForbidden(_) => "insufficient-access",
            Self::InsufficientScope => "insufficient-scope",
            Self::OrganizationSuspended | Self::Suspended(_) => "organization-suspended",
            Self::KeyLimited { .. } => "key-limited",
            Self::CrossSite => "cross-site-request",
            Self::Unreadable(_) | Self::BadBody(_) | Self::CredentialTwice => "malformed-request",
            Self::BadParameter(_) => "bad-parameter",
            Self::Fields(_) => "invalid-fields",
            Self::PreconditionFailed => "precondition-failed",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::MethodNotAllowed(_) => "method-not-allowed",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Busy => "busy",
            Self::TooOften(_) | Self::BudgetSpent { .. } => "too-many-requests",
            Self::Maintenance { .. } => "maintenance",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal-error",
        }
    }

    /// The sentence for clients of the API, which have neither pages nor highlighted fields.
    pub fn detail(&self) -> String {
        match self {
            Self::NotFound => "This doesn’t exist, or you don’t have access.".to_owned(),
            Self::Fields(_) => "Some fields are invalid. See errors.".to_owned(),
            _ => self.to_string(),
        }
    }

    /// An internal fault.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The heading of the error page.
    pub fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Page not found",
            Self::Forbidden(_)
            | Self::NotFounder
            | Self::KeyForbidden(_)
            | Self::TokenForbidden(_)
            | Self::InstanceTokenForbidden(_)
            | Self::InsufficientScope => "You don’t have access",
            Self::OrganizationSuspended | Self::Suspended(_) => "Organization suspended",
            Self::Conflict(_) | Self::TemporaryConflict { .. } => "This can’t be done",
            Self::LogInFirst(_) | Self::Unauthorized { .. } => "Log in to continue",
            Self::VerifyFirst => "Confirm your email",
            Self::CrossSite => "Request blocked",
            Self::Unreadable(_)
            | Self::CredentialTwice
            | Self::UnsupportedMediaType
            | Self::BadBody(_)
            | Self::BadParameter(_)
            | Self::MethodNotAllowed(_) => "Invalid request",
            Self::Fields(_) => "Invalid fields",
            Self::PreconditionFailed => "Changed in the meantime",
            Self::IdempotencyKeyReused => "Idempotency key already used",
            Self::TooLarge => "Request too large",
            Self::TooSlow => "Request timed out",
            Self::Busy => "Server busy",
            Self::TooOften(_) | Self::BudgetSpent { .. } | Self::KeyLimited { .. } => "Too many attempts",
            Self::Maintenance { .. } => "Under maintenance",
            Self::Unavailable(_) => "Temporarily unavailable",
            Self::Internal(_) => "Something went wrong",
        }
    }
}

/// Those who have one of the roles, in a sentence.
fn plural(roles: &[Role]) -> String {
    let words: Vec<&str> = roles.iter().copied().map(Role::plural).collect();
    display::list(&words)
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden(_)
            | Self::NotFounder
            | Self::KeyForbidden(_)
            | Self::TokenForbidden(_)
            | Self::InstanceTokenForbidden(_)
            | Self::InsufficientScope
            | Self::OrganizationSuspended
            | Self::Suspended(_)
            | Self::VerifyFirst
            | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Conflict(_) | Self::TemporaryConflict { .. } => StatusCode::CONFLICT,
            Self::LogInFirst(_) | Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) | Self::CredentialTwice | Self::BadBody(_) | Self::BadParameter(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Fields(_) | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften(_) | Self::BudgetSpent { .. } | Self::KeyLimited { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable(_) | Self::Maintenance { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<Infallible> for AppError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NullCharacter => Self::Unreadable("The request contains a null character.".to_owned()),
            error if error.is_temporary() => Self::Unavailable(error.to_string()),
            error => Self::internal(error),
        }
    }
}

impl From<VerifyError> for AppError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Db(error) => error.into(),
            VerifyError::Busy => Self::Busy,
        }
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

impl From<HashError> for AppError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed(_) | HashError::Interrupted => Self::internal(error),
        }
    }
}

impl From<TooOften> for AppError {
    fn from(error: TooOften) -> Self {
        Self::TooOften(error)
    }
}

impl From<AccessError> for AppError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound => Self::NotFound,
            AccessError::Forbidden { needed } => Self::Forbidden(needed),
            AccessError::Insufficient { needed: Some(needed) } => Self::TokenForbidden(needed),
            AccessError::InsufficientOnInstance { needed } => Self::InstanceTokenForbidden(needed),
            AccessError::Insufficient { needed: None } => Self::KeyForbidden(ONLY_PEOPLE),
            AccessError::Suspended { reason } => Self::Suspended(reason),
            AccessError::Db(error) => error.into(),
        }
    }
}

impl From<AccountError> for AppError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::LinkOver => Self::NotFound,
            AccountError::NoRandomness(error) => error.into(),
            AccountError::Db(error) => error.into(),
        }
    }
}

impl From<InstanceError> for AppError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::NotFound | InstanceError::LinkOver => Self::NotFound,
            InstanceError::LastAdministrator
            | InstanceError::LastAdministratorOf(_)
            | InstanceError::HasAccount
            | InstanceError::NotConfirmed
            | InstanceError::Deactivated => Self::Conflict(error.to_string()),
            InstanceError::NoRandomness(error) => error.into(),
            InstanceError::Db(error) => error.into(),
        }
    }
}

impl From<NoRandomness> for AppError {
    fn from(error: NoRandomness) -> Self {
        Self::internal(error)
    }
}

impl From<CalendarError> for AppError {
    fn from(error: CalendarError) -> Self {
        match error {
            CalendarError::NoRandomness(error) => error.into(),
            CalendarError::Db(error) => error.into(),
        }
    }
}

impl From<ManageError> for AppError {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::NotFound => Self::NotFound,
            ManageError::NameTaken { .. } => Self::field("/name", error),
            ManageError::Plan(limit) => limit.into(),
            ManageError::TooMany { .. } | ManageError::State(_) => Self::Conflict(error.to_string()),
            ManageError::NoRandomness(error) => error.into(),
            ManageError::Db(error) => error.into(),
        }
    }
}

impl From<PlanError> for AppError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::NotFound => Self::NotFound,
            PlanError::NameTaken => Self::field("/name", error),
            PlanError::TooMany | PlanError::InUse => Self::Conflict(error.to_string()),
            PlanError::Db(error) => error.into(),
        }
    }
}

impl From<PlanLimit> for AppError {
    fn from(error: PlanLimit) -> Self {
        let pointer = match &error {
            PlanLimit::ActiveKeys(_) | PlanLimit::Members(_) => return Self::Conflict(error.to_string()),
            PlanLimit::Lifetime(_) => "/expires_at",
            PlanLimit::Scope(_) => "/scopes",
            PlanLimit::RateLimit(_) => "/rate_limit",
            PlanLimit::MonthlyQuota(_) => "/monthly_quota",
            PlanLimit::Db(_) => return Self::internal(error),
        };
        Self::field(pointer, error)
    }
}

impl From<KeyChangeError> for AppError {
    fn from(error: KeyChangeError) -> Self {
        match error {
            KeyChangeError::Key(error) => error.into(),
            KeyChangeError::Expiration(error) => Self::Conflict(error.to_string()),
        }
    }
}

impl From<MemberError> for AppError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::NotFound => Self::NotFound,
            MemberError::AboveYou => Self::Forbidden(&[Role::Administrator]),
            MemberError::OnlyPeople => Self::KeyForbidden(ONLY_PEOPLE),
            // The sentence of the error speaks to that administrator; this is for machines.
            MemberError::LastAdministrator => Self::Conflict(LAST_ADMINISTRATOR.to_owned()),
            MemberError::Db(error) => error.into(),
        }
    }
}

impl From<InvitationError> for AppError {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::NotFound => Self::NotFound,
            InvitationError::AboveYou => Self::Forbidden(&[Role::Administrator]),
            InvitationError::OnlyPeople => Self::KeyForbidden(ONLY_PEOPLE),
            InvitationError::TooSoon { retry_after_seconds } => {
                Self::TemporaryConflict { detail: error.to_string(), retry_after_seconds }
            }
            InvitationError::Full(_) | InvitationError::TooManyMails | InvitationError::Deactivated => {
                Self::Conflict(error.to_string())
            }
            InvitationError::BudgetSpent(spent) if spent.is_beyond_a_day() => {
                Self::Conflict(error.to_string())
            }
            InvitationError::BudgetSpent(spent) => Self::BudgetSpent {
                detail: error.to_string(),
                retry_after_seconds: spent.left.retry_after_seconds,
            },
            InvitationError::NoRandomness(error) => Self::internal(error),
            InvitationError::Db(error) => error.into(),
        }
    }
}

impl From<AnswerError> for AppError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::NotYours => Self::NotFound,
            AnswerError::Full(_)
            | AnswerError::Suspended
            | AnswerError::HasAccount
            | AnswerError::AskedAlready => Self::Conflict(error.to_string()),
            AnswerError::Account(error) => error.into(),
            AnswerError::Db(error) => error.into(),
        }
    }
}

impl From<actix_session::SessionInsertError> for AppError {
    fn from(error: actix_session::SessionInsertError) -> Self {
        Self::internal(error.to_string())
    }
}
