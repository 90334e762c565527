//! Where connections come in.

use std::{
    future::ready,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_session::{
    SessionMiddleware,
    config::{CookieContentSecurity, PersistentSession, TtlExtensionPolicy},
};
use actix_web::{
    App,
    cookie::{Key, SameSite},
    dev::{AppConfig, Server, fn_service},
    middleware::from_fn,
    rt::net::TcpStream,
    web::{self, Data},
};
use tokio::net::TcpSocket;

use super::StartError;
use crate::{
    domain::sessions,
    web::{
        middleware, routes,
        session_store::{self, DatabaseSessions},
        state::State,
        wire::{Headers, Wire},
    },
};

/// How long a connection may wait for its next request. Gateways keep theirs open between
/// verifications; this is nginx's own default (`keepalive_timeout`,
/// <https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout>) and longer than the 60 seconds after
/// which nginx gives up a connection to its upstream, so that the gateway is the one who closes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a connection's first request may take. Later heads are looked after by
/// [`Connections`](crate::web::connections::Connections).
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that may wait to be accepted, as many as actix lets.
const BACKLOG: u32 = 2048;
/// How long requests in hand may take when the server stops.
const SHUTDOWN_SECONDS: u64 = 10;

/// What actix's own `HttpServer` does, but for the [`Wire`] around each connection.
pub(super) fn listen(
    listener: TcpListener,
    state: &State,
    cookie_key: &Key,
) -> Result<(Server, SocketAddr), StartError> {
    let address = state.config.listen;
    let failed = |source| StartError::Listen { address, source };
    let bound = listener.local_addr().map_err(failed)?;
    let (state, cookie_key) = (state.clone(), cookie_key.clone());
    let (connections, config) = (state.connections.clone(), state.config.clone());
    let of_bare = state.clone();
    let bare_headers: Headers = Arc::new(move || middleware::bare_headers(&of_bare));
    let server = Server::build().shutdown_timeout(SHUTDOWN_SECONDS).disable_signals();
    let shutdown = server.graceful_shutdown_signal();
    let server = server.listen("tessera", listener, move || {
        let (shutdown, bare_headers) = (shutdown.clone(), bare_headers.clone());
        let (connections, config) = (connections.clone(), config.clone());
        let app = App::new()
            .app_data(Data::new(state.clone()))
            .wrap(from_fn(middleware::around))
            .configure(routes::machines)
            .service(
                web::scope("")
                    .wrap(session_middleware(&state, cookie_key.clone()))
                    .wrap(from_fn(session_store::around))
                    .configure(routes::people),
            );
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            .on_connect_ext(move |wire: &Wire, data| {
                let is_proxy =
                    |ip: &IpAddr| config.trusted_proxies.iter().any(|network| network.contains(ip));
                connections.admit(wire.stream(), data, is_proxy);
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .local_addr(bound)
            .h1(map_config(app, |_| AppConfig::default()));
        let connect = move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok((Wire::new(stream, bare_headers.clone()), peer)))
        };
        fn_service(connect).and_then(http)
    });
    Ok((server.map_err(failed)?.run(), bound))
}

/// Takes the address; who asks for it waits until the server runs.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    try_to_bind(address).map_err(|source| StartError::Listen { address, source })
}

fn try_to_bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// The cookie holds a random token and nothing else; how long it counts is the domain's affair. See
/// [`Cookies`](crate::web::cookies::Cookies) for its name.
fn session_middleware(state: &State, key: Key) -> SessionMiddleware<DatabaseSessions> {
    let lifetime = PersistentSession::default()
        .session_ttl(sessions::MAX_SESSION)
        .session_ttl_extension_policy(TtlExtensionPolicy::OnStateChanges);
    let sessions = DatabaseSessions::new(state.db.clone(), state.clock.clone(), state.ended_sessions.clone());
    SessionMiddleware::builder(sessions, key)
        .cookie_name(state.cookies.session.clone())
        .cookie_secure(state.cookies.are_secure())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(lifetime)
        .build()
}
