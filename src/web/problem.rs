//! Turns every rejection into what the client can read: a page, a toast for htmx, or an RFC 9457
//! problem document for the API. Detail of our own faults is logged once and never shown.

use actix_web::{
    HttpResponse, ResponseError,
    dev::ServiceRequest,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use askama::Template;

use super::{
    error::{AppError, UNAVAILABLE_RETRY_AFTER_SECONDS},
    fragment::Fragment,
    pages::error::ErrorPage,
    request_id::RequestId,
    shell::{Shell, Theme, Toast},
    state::State,
    urls, view,
    visit::RequestContext,
};
use crate::{api_types::ProblemDocument, config::BasePath};

/// What kind of answer the client can read, noted before the request goes on its way.
#[derive(Clone, Debug)]
pub struct Client {
    /// The number to quote to the operator.
    pub request_id: RequestId,
    /// Whether the address is for machines.
    pub is_machine: bool,
    is_htmx: bool,
    has_session: bool,
    theme: Theme,
}

impl Client {
    /// Reads it from the request.
    pub fn of(request: &ServiceRequest, state: &State, context: RequestContext) -> Self {
        if is_for_machines(request.path()) {
            // Answered with a document, whatever a browser would be shown: cookies are not read.
            return Self {
                request_id: context.id,
                is_machine: true,
                is_htmx: false,
                has_session: false,
                theme: Theme::default(),
            };
        }
        Self {
            request_id: context.id,
            is_machine: false,
            is_htmx: Fragment::of(request.headers()).is_fragment(),
            has_session: request.cookie(&state.cookies.session).is_some(),
            theme: Theme::of(request.request()),
        }
    }
}

/// Whether an address is for machines: it takes credentials from headers, never a cookie, and
/// answers problems as documents.
pub(super) fn is_for_machines(path: &str) -> bool {
    (path.starts_with("/api/") && path != "/api/docs") || path == "/auth"
}

/// The answer to a request that ended in `error`.
pub fn render(state: &State, client: &Client, error: &actix_web::Error) -> HttpResponse {
    let foreign;
    let problem = match error.as_error::<AppError>() {
        Some(problem) => problem,
        None => {
            foreign = from_foreign(error.as_response_error());
            &foreign
        }
    };
    match problem {
        AppError::Internal(cause) => {
            tracing::error!(request = %client.request_id, error = %cause, "request failed");
        }
        AppError::Unavailable(reason) => {
            tracing::error!(request = %client.request_id, error = %reason, "request failed for the moment");
        }
        // ASVS 16.3.2: attempts at what is not allowed.
        AppError::Forbidden(_)
        | AppError::TokenForbidden(_)
        | AppError::InstanceTokenForbidden(_)
        | AppError::CrossSite
        | AppError::TooOften(_)
        | AppError::Busy => {
            tracing::warn!(request = %client.request_id, reason = problem.title(), "request rejected");
        }
        _ => {}
    }
    answer(state, client, problem)
}

/// actix's own rejections, by their status.
fn from_foreign(error: &dyn ResponseError) -> AppError {
    match error.status_code() {
        StatusCode::NOT_FOUND => AppError::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => AppError::UnsupportedMediaType,
        StatusCode::SERVICE_UNAVAILABLE => AppError::Unavailable(error.to_string()),
        status if status.is_client_error() => AppError::Unreadable("The request couldn’t be read.".into()),
        _ => AppError::internal(error.to_string()),
    }
}

fn answer(state: &State, client: &Client, problem: &AppError) -> HttpResponse {
    let (is_api, is_htmx) = (client.is_machine, client.is_htmx);
    let mut response = match problem {
        AppError::LogInFirst(next) if is_htmx => redirect_htmx(&urls::log_in(next)),
        AppError::LogInFirst(next) if !is_api => view::see_other(&urls::log_in(next)),
        AppError::VerifyFirst if is_htmx => redirect_htmx(urls::VERIFY_EMAIL),
        AppError::VerifyFirst if !is_api => view::see_other(urls::VERIFY_EMAIL),
        _ if is_api => document(problem, client.request_id),
        _ if is_htmx => toast(problem, state.config.public_url.base_path()),
        _ => page(state, client, problem),
    };
    add_headers(&mut response, problem);
    response
}

/// The session is over: htmx must load a whole page, not swap it into a part of this one.
fn redirect_htmx(location: &str) -> HttpResponse {
    view::html(StatusCode::UNAUTHORIZED).insert_header(("HX-Redirect", location)).finish()
}

fn document(problem: &AppError, id: RequestId) -> HttpResponse {
    let status = problem.status_code();
    let document = ProblemDocument {
        kind: format!("/problems/{}", problem.kind()),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: problem.detail(),
        request_id: id.to_string(),
        errors: problem.fields().to_vec(),
        limited_by: problem.limited_by(),
    };
    let body = serde_json::to_string(&document).unwrap_or_default();
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

/// Nothing of the page is replaced; the toast says why.
fn toast(problem: &AppError, base_path: &BasePath) -> HttpResponse {
    let body = view::toasts(&[Toast::bad(problem.to_string())], base_path).unwrap_or_default();
    view::html(problem.status_code()).insert_header(("HX-Reswap", "none")).body(body)
}

fn page(state: &State, client: &Client, problem: &AppError) -> HttpResponse {
    let page = ErrorPage {
        shell: Shell {
            brand: state.config.brand.as_str().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            public_host: state.config.public_url.host().to_owned(),
            base_path: state.config.public_url.base_path().clone(),
            theme: client.theme,
            ..Shell::default()
        },
        title: problem.title().to_owned(),
        explanation: problem.to_string(),
        has_session: client.has_session,
        reference: client.request_id.to_string(),
    };
    match page.render_with_values(&page.shell.base_path) {
        Ok(body) => view::html(problem.status_code()).body(body),
        Err(error) => {
            tracing::error!(request = %client.request_id, %error, "the error page failed");
            HttpResponse::new(problem.status_code())
        }
    }
}

fn add_headers(response: &mut HttpResponse, problem: &AppError) {
    let headers = response.headers_mut();
    match problem {
        AppError::TooOften(limit) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(limit.retry_after_seconds));
        }
        AppError::Unavailable(_) | AppError::Busy => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(UNAVAILABLE_RETRY_AFTER_SECONDS));
        }
        AppError::TemporaryConflict { retry_after_seconds, .. }
        | AppError::Maintenance { retry_after_seconds, .. }
        | AppError::BudgetSpent { retry_after_seconds, .. } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
        }
        AppError::KeyLimited { retry_after_seconds, headers: limits, .. } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
            limits.add_to(headers);
        }
        AppError::MethodNotAllowed(methods) => {
            if let Ok(methods) = HeaderValue::from_str(methods) {
                headers.insert(header::ALLOW, methods);
            }
        }
        AppError::InsufficientScope | AppError::TokenForbidden(_) | AppError::InstanceTokenForbidden(_) => {
            let challenge = r#"Bearer realm="api", error="insufficient_scope""#;
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        AppError::CredentialTwice => {
            let challenge = r#"Bearer realm="api", error="invalid_request""#;
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        AppError::Unauthorized { presented, .. } => {
            let challenge = if *presented {
                r#"Bearer realm="api", error="invalid_token""#
            } else {
                r#"Bearer realm="api""#
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        _ => {}
    }
}
