//! Where connections come in.

use std::{future::ready, io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use actix_http::{HttpService, KeepAlive, Request, error::DispatchError};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, boxed, boxed::BoxFuture, fn_factory,
    forward_ready,
};
use actix_session::{
    SessionMiddleware,
    config::{CookieContentSecurity, PersistentSession, TtlExtensionPolicy},
};
use actix_web::{
    App, HttpResponse,
    body::BoxBody,
    cookie::{Key, SameSite},
    dev::{AppConfig, Server, ServiceResponse, fn_service},
    middleware::from_fn,
    rt::net::{TcpStream, UnixStream},
    web::{self, Data},
};
use tokio::time::timeout;

use super::{
    http2::{self, Http1},
    sockets::Socket,
    tls::{self, Tls},
};
use crate::{
    domain::sessions,
    web::{
        middleware, routes,
        session_store::{self, DatabaseSessions},
        state::State,
        stream::Stream,
        wire::{Headers, Wire},
    },
};

/// How long a connection may wait for its next request. Gateways keep theirs open between
/// verifications; this is nginx's own default (`keepalive_timeout`,
/// <https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout>) and longer than the 60 seconds after
/// which nginx gives up a connection to its upstream, so that the gateway is the one who closes.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a connection's first request may take. Later heads are looked after by
/// [`Connections`](crate::web::connections::Connections).
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What the threads that serve are called.
const NAME: &str = "tessera";
/// How long requests in hand may take when the server stops.
const SHUTDOWN_SECONDS: u64 = 10;

/// What actix's own `HttpServer` does, but for the [`Wire`] around each connection.
pub(super) fn listen(
    sockets: Vec<Socket>,
    tls: Option<&Arc<Tls>>,
    state: &State,
    cookie_key: &Key,
) -> io::Result<Server> {
    let of_bare = state.clone();
    let bare_headers: Headers = Arc::new(move || middleware::bare_headers(&of_bare));
    let mut server = Server::build().shutdown_timeout(SHUTDOWN_SECONDS).disable_signals();
    let stops = server.graceful_shutdown_signal();
    for socket in sockets {
        let (state, cookie_key) = (state.clone(), cookie_key.clone());
        let stops = stops.clone();
        let door = Arc::new(Door { state: state.clone(), bare_headers: bare_headers.clone() });
        // Made anew by each worker.
        let http = move || {
            let stops = stops.clone();
            let stopped: Stopped = Rc::new(move || {
                let stops = stops.clone();
                Box::pin(async move { stops.notified().await })
            });
            worker(state.clone(), cookie_key.clone(), stopped)
        };
        server = match socket {
            Socket::Tcp(socket) => {
                let tls = tls.cloned();
                server.listen(NAME, socket, move || {
                    let (door, tls) = (door.clone(), tls.clone());
                    let accept =
                        move |stream: TcpStream| door.clone().let_in(Stream::Tcp(stream), tls.clone());
                    fn_service(accept).and_then(http())
                })
            }
            Socket::Unix(socket) => server.listen_uds(NAME, socket, move || {
                let door = door.clone();
                let accept = move |stream: UnixStream| door.clone().let_in(Stream::Unix(stream), None);
                fn_service(accept).and_then(http())
            }),
        }?;
    }
    Ok(server.run())
}

/// What stands before the first byte of a connection.
struct Door {
    state: State,
    bare_headers: Headers,
}

impl Door {
    /// Counts the connection, and then encrypts it: whoever does not finish that takes nobody's place either.
    async fn let_in(
        self: Arc<Self>,
        stream: Stream,
        tls: Option<Arc<Tls>>,
    ) -> Result<Arrival, DispatchError> {
        let peer = stream.peer();
        let admission = self.state.connections.admit(&stream, &self.state.config.trusted_proxies);
        let bare_headers = self.bare_headers.clone();
        let stream = match (stream, tls) {
            (Stream::Tcp(stream), Some(tls)) => {
                let encrypted = timeout(HEAD_TIMEOUT, tls.accept(stream)).await;
                let stream =
                    encrypted.map_err(|_| DispatchError::SlowRequestTimeout)?.map_err(DispatchError::Io)?;
                if tls::chose_http_2(&stream) {
                    return Ok(Arrival::Http2(http2::Arrived { stream, peer, admission, bare_headers }));
                }
                Stream::Tls(stream)
            }
            (stream, _) => stream,
        };
        Ok(Arrival::Http1(Wire::new(stream, bare_headers, admission), peer))
    }
}

/// A connection that was let in, by the form of HTTP that its client chose.
enum Arrival {
    Http1(Wire, Option<SocketAddr>),
    Http2(http2::Arrived),
}

/// What answers the connections of one worker.
struct Worker {
    connections: Http1,
    /// For requests that were taken out of HTTP/2. Their connection says by itself when the server stops, so these
    /// go on until it is done; and they wait for the next one as long as it does.
    taken_out: Http1,
    stopped: Stopped,
}

/// Waits until the server takes no more requests.
type Stopped = Rc<dyn Fn() -> BoxFuture<()>>;

impl Service<Arrival> for Worker {
    type Response = ();
    type Error = DispatchError;
    type Future = BoxFuture<Result<(), DispatchError>>;

    forward_ready!(connections);

    fn call(&self, arrival: Arrival) -> Self::Future {
        match arrival {
            Arrival::Http1(wire, peer) => self.connections.call((wire, peer)),
            Arrival::Http2(arrived) => {
                let serving = http2::serve(arrived, self.taken_out.clone(), (self.stopped)());
                Box::pin(async move {
                    serving.await;
                    Ok(())
                })
            }
        }
    }
}

fn worker(
    state: State,
    cookie_key: Key,
    stopped: Stopped,
) -> impl ServiceFactory<Arrival, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    fn_factory(move || {
        let app = application(&state, &cookie_key).new_service(AppConfig::default());
        let stopped = stopped.clone();
        async move {
            let app = Rc::new(app.await?);
            // One application, with two sets of rules for the connections to it.
            let shared = || {
                let app = app.clone();
                fn_factory(move || ready(Ok::<_, ()>(app.clone())))
            };
            let signal = stopped.clone();
            let connections = HttpService::build()
                .graceful_shutdown_signal(move || signal())
                .on_connect_ext(|wire: &Wire, data| wire.tell(data))
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .h1(shared());
            let taken_out = HttpService::build()
                .on_connect_ext(|wire: &Wire, data| wire.tell(data))
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(HEAD_TIMEOUT)
                .h1(shared());
            Ok(Worker {
                connections: boxed::rc_service(connections.new_service(()).await?),
                taken_out: boxed::rc_service(taken_out.new_service(()).await?),
                stopped,
            })
        }
    })
}

/// All that answers requests.
fn application(
    state: &State,
    cookie_key: &Key,
) -> impl ServiceFactory<
    Request,
    Config = AppConfig,
    Response = ServiceResponse<BoxBody>,
    Error = HttpResponse,
    InitError = (),
> + use<> {
    let app = App::new()
        .app_data(Data::new(state.clone()))
        .wrap(from_fn(middleware::around))
        .configure(routes::machines)
        .service(
            web::scope("")
                .wrap(session_middleware(state, cookie_key.clone()))
                .wrap(from_fn(session_store::around))
                .configure(routes::people),
        );
    app.into_factory().map_err(|error: actix_web::Error| error.error_response())
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
        .cookie_path(state.cookies.path_of(&state.cookies.session).to_owned())
        .cookie_secure(state.cookies.are_secure())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(lifetime)
        .build()
}
