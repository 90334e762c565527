//! What happens around every request.

use std::{fmt::Display, net::IpAddr, time::Duration};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use tracing::{Instrument as _, Span, field};

use super::{
    base_path,
    compression::compress,
    connections::{Connection, OnUnixSocket},
    error::AppError,
    forwarded,
    metrics::Kind,
    problem::{self, Client},
    rate_headers::RateHeaders,
    request_id::RequestId,
    state::State,
    turns::in_turns,
    urls,
    visit::RequestContext,
};

/// ASVS 3.4.3: nothing inline, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// ASVS 3.4.1: a year or more.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// The outermost layer: numbers the request, finds out where it came from, renders rejections, adds
/// the security headers and writes one line to the log. Paths are not logged, since some hold
/// secrets; the route's pattern is.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = State::of(request.request())?;
    let base_path = state.config.public_url.base_path();
    base_path::enter(base_path, &mut request);
    let started = std::time::Instant::now();
    if let Some(connection) = request.conn_data::<Connection>() {
        connection.work();
    }
    let context = RequestContext { id: RequestId::next(), ip: client_address(&request, &state) };
    request.extensions_mut().insert(context);
    let referrer_policy = referrer_policy(request.path(), &state);
    let client = Client::of(&request, &state, context);
    let kind = Kind::of(request.path(), client.is_machine);
    let may_begin = state.cookies.may_begin(&request);
    let span = span_of(&request, &client);

    let result = match refuse_cross_site(&request, &state).and_then(|()| refuse_change(&request, &state)) {
        Ok(()) if is_verification(request.path()) => {
            next.call(request).instrument(span.clone()).await.map(ServiceResponse::map_into_boxed_body)
        }
        Ok(()) => in_turns(next.call(request).instrument(span.clone()))
            .await
            .map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(request.error_response(error)),
    };
    let mut response = match result {
        Ok(response) => match response.response().error() {
            Some(error) => {
                let rendered = problem::render(&state, &client, error);
                response.into_response(rendered)
            }
            None => response,
        },
        // Only a layer inside this one fails so, and it takes the request with it.
        Err(error) => {
            let mut rendered = problem::render(&state, &client, &error);
            base_path::leave(base_path, rendered.headers_mut());
            add_security_headers(rendered.headers_mut(), &state, referrer_policy, client.request_id);
            state.metrics.answered(kind, rendered.status(), started.elapsed());
            return Err(InternalError::from_response(error, rendered).into());
        }
    };
    let requests_left = response.request().extensions().get::<RateHeaders>().cloned();
    if let Some(requests_left) = requests_left {
        requests_left.add_to(response.headers_mut());
    }
    let mut response = compress(response);
    if may_begin {
        state.cookies.check_first(response.response_mut());
    }
    base_path::leave(base_path, response.headers_mut());
    add_security_headers(response.headers_mut(), &state, referrer_policy, client.request_id);
    let took = started.elapsed();
    span.record("status", response.status().as_u16());
    state.metrics.answered(kind, response.status(), took);
    log_answer(&response, &client, context.ip, took);
    if let Some(connection) = response.request().conn_data::<Connection>() {
        connection.answered(!matches!(response.response().body().size(), BodySize::Stream));
    }
    Ok(response)
}

/// What must be answered at once, whatever else is asked.
fn is_verification(path: &str) -> bool {
    matches!(path, "/auth" | "/healthz" | "/livez" | "/readyz") || path.starts_with("/api/v2/keys/verify")
}

/// What the log has of everything that is done for a request: its number and its route, and neither its path nor what
/// it carries. To machines it is of level debug, as their lines are.
fn span_of(request: &ServiceRequest, client: &Client) -> Span {
    macro_rules! span {
        ($span:ident) => {
            tracing::$span!(
                "request",
                request = %client.request_id,
                method = %request.method(),
                route = request.match_pattern().as_deref().unwrap_or("-"),
                status = field::Empty
            )
        };
    }
    if client.is_machine { span!(debug_span) } else { span!(info_span) }
}

/// One line for each answer. Those to machines are of level debug: they come by the thousand in a
/// second, and their sums stand in the usage of each key.
fn log_answer(response: &ServiceResponse, client: &Client, ip: Option<IpAddr>, took: Duration) {
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                request = %client.request_id,
                client = ip.map(field::display),
                method = %response.request().method(),
                route = response.request().match_pattern().as_deref().unwrap_or("-"),
                status = response.status().as_u16(),
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "answered"
            )
        };
    }
    if client.is_machine { log!(debug) } else { log!(info) }
}

fn client_address(request: &ServiceRequest, state: &State) -> Option<IpAddr> {
    let values = request.headers().get_all(header::X_FORWARDED_FOR).map(HeaderValue::as_bytes);
    let proxies = &state.config.trusted_proxies;
    let is_forwarded = request.headers().contains_key(header::X_FORWARDED_FOR);
    // By the connection itself: whoever came over TCP and is gone already has no address either.
    if request.conn_data::<OnUnixSocket>().is_some() {
        if is_forwarded && !proxies.on_unix_sockets {
            warn_of_unknown_proxy(&"a unix socket", &"unix", state);
        }
        let is_proxy = |ip: &IpAddr| proxies.include(ip);
        return proxies.on_unix_sockets.then(|| forwarded::client(None, values, is_proxy)).flatten();
    }
    let peer = request.peer_addr()?.ip();
    if is_forwarded && !proxies.include(&peer.to_canonical()) {
        warn_of_unknown_proxy(&peer, &peer, state);
    }
    forwarded::client(Some(peer), values, |ip| proxies.include(ip))
}

/// Behind such a proxy all people share one count, and what the audit log tells of them is wrong.
/// Strangers can send the header, too, so it is said once.
fn warn_of_unknown_proxy(peer: &dyn Display, setting: &dyn Display, state: &State) {
    if !state.limits.has_met_unknown_proxy() && state.limits.meets_unknown_proxy() {
        tracing::warn!(
            "ignored X-Forwarded-For from {peer}, which is not a trusted proxy; if this is your proxy, set \
             TESSERA_TRUSTED_PROXIES={setting}, or everyone behind it shares one limit"
        );
    }
}

/// OWASP CSRF: `Sec-Fetch-Site` tells where an unsafe request comes from; where a browser does not
/// send it, `Origin` does, and where it sends neither, `Referer`. None of them is sent by clients that
/// carry no cookies of a browser. What machines use takes no cookie; a gateway may pass its own
/// client's headers on to it.
fn refuse_cross_site(request: &ServiceRequest, state: &State) -> Result<(), AppError> {
    if is_safe(request.method()) || problem::is_for_machines(request.path()) {
        return Ok(());
    }
    let values = |name: &str| -> Vec<&str> {
        let sent = request.headers().get_all(name).filter(|value| !value.is_empty());
        sent.map(|value| value.to_str().unwrap_or("unreadable")).collect()
    };
    let (sites, origins, referrers) = (values("sec-fetch-site"), values("origin"), values("referer"));
    let is_own = if !sites.is_empty() {
        sites.iter().all(|site| matches!(*site, "same-origin" | "none"))
    } else if !origins.is_empty() {
        origins.iter().all(|origin| is_own_origin(request, state, origin))
    } else {
        referrers
            .iter()
            .all(|page| origin_of(page).is_some_and(|origin| is_own_origin(request, state, &origin)))
    };
    if is_own { Ok(()) } else { Err(AppError::CrossSite) }
}

/// While maintenance is on, only verification changes anything. Whoever wants to may still log out, and what a
/// browser alone remembers changes nothing here.
fn refuse_change(request: &ServiceRequest, state: &State) -> Result<(), AppError> {
    let path = request.path();
    if is_safe(request.method())
        || is_verification(path)
        || path == "/logout"
        || path.starts_with("/preferences/")
    {
        return Ok(());
    }
    let now = state.clock.now();
    state.maintenance_at(now).map_or(Ok(()), |maintenance| Err(AppError::maintenance(&maintenance, now)))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The origin of a page; `None` for what is no address of one.
fn origin_of(page: &str) -> Option<String> {
    let origin = url::Url::parse(page).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Whether an origin is the public address, or names the host that the request was sent to.
fn is_own_origin(request: &ServiceRequest, state: &State, origin: &str) -> bool {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named = origin.split_once("://").map(|(_, host)| host);
    origin == state.config.public_url.origin() || (host.is_some() && host == named)
}

/// ASVS 14.3.2: an address that holds a secret goes to nobody. With `no-referrer` a browser also
/// keeps `Origin` to itself, which on plain http, where it sends no `Sec-Fetch-Site` either, would
/// make every form look like a stranger's; `strict-origin` then hides the path as well.
fn referrer_policy(path: &str, state: &State) -> &'static str {
    match (urls::holds_secret(path), state.config.public_url.is_https()) {
        (false, _) => "same-origin",
        (true, true) => "no-referrer",
        (true, false) => "strict-origin",
    }
}

/// The headers of an answer that never came to the application; see [`super::wire`].
pub fn bare_headers(state: &State) -> HeaderMap {
    let (mut headers, id) = (HeaderMap::new(), RequestId::next());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    add_security_headers(&mut headers, state, "same-origin", id);
    tracing::debug!(request = %id, "what arrived was no request");
    headers
}

fn add_security_headers(
    headers: &mut HeaderMap,
    state: &State,
    referrer_policy: &'static str,
    request_id: RequestId,
) {
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, referrer_policy);
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if state.config.public_url.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY);
    }
    headers.insert(HeaderName::from_static("x-request-id"), request_id.to_header());
}
