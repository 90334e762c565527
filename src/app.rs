//! Puts the parts together: database, sessions, routes, the workers for mails and webhooks,
//! housekeeping.

mod key_ends;

use std::{
    future::ready,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
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
    dev::{AppConfig, Server, ServerHandle, fn_service},
    middleware::from_fn,
    rt::net::TcpStream,
    web::{self, Data},
};
use quick_cache::sync::Cache;
use tokio::{
    net::TcpSocket,
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    clock::{Clock, Timestamp},
    config::{Config, DatabaseUrl},
    db::{Change, Db, DbError, Trouble, Tx},
    domain::{
        api_keys, budgets, demo,
        devices::DeviceSeal,
        email_links, idempotency,
        instance::{self, InstanceError},
        leaks, outbox,
        passwords::{HashError, PasswordHasher, TypedPassword},
        rejections,
        secret::Secret,
        session_tokens::SessionSeal,
        sessions::{self, EndedSessions},
        spent_forms,
        throttles::{self, ThrottleKey},
        usage::{self, Recorder},
        verification::Verifier,
        webhooks::{self, AllowedNetworks},
    },
    machine,
    mail::{
        delivery::Delivery,
        messages::{Composer, RenderedMail},
        worker,
    },
    web::{
        api::openapi,
        connections::Connections,
        limits::Limits,
        middleware, routes,
        session_store::{self, DatabaseSessions},
        state::{MailPreview, MailPreviewer, State},
        wire::{Headers, Wire},
    },
    webhooks::{sender::Sender, worker as webhook_worker},
};

/// How often usage is written.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is looked whether the database is still there and takes what is written.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// For how long it is tried to save what is in memory when the server stops. With the ten seconds
/// for requests in hand and what one try takes it stays well below the 90 seconds after which
/// systemd kills (`DefaultTimeoutStopSec`).
const SAVE_PATIENCE: Duration = Duration::from_secs(6);
/// A pause between two tries.
const SAVE_PAUSE: Duration = Duration::from_millis(250);
/// Over how long one writing is spread. With the interval it stays below the ten seconds within
/// which the last use of a key is right.
const FLUSH_PERIOD: Duration = Duration::from_secs(4);
/// A pause for others, between two portions of what is removed.
const CLEAN_UP_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether [`CLEAN_UP_INTERVAL`] is over: tests move the clock.
const CLEAN_UP_LOOK: Duration = Duration::from_secs(5);
/// How often what is over is forgotten.
const CLEAN_UP_INTERVAL: Duration = Duration::from_secs(3600);
/// Verifications under an `Idempotency-Key` that may be under way together; more than a server answers.
const MAX_UNDER_WAY: usize = 1000;
/// How long a connection may wait for its next request. Gateways keep theirs open between
/// verifications; this is nginx's own default (`keepalive_timeout`,
/// <https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout>) and longer than the 60 seconds after
/// which nginx gives up a connection to its upstream, so that the gateway is the one who closes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a connection's first request may take. Later heads are looked after by
/// [`Connections`].
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked for connections that wait too long.
const CONNECTIONS_INTERVAL: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted, as many as actix lets.
const BACKLOG: u32 = 2048;
/// How long requests in hand may take when the server stops.
const SHUTDOWN_SECONDS: u64 = 10;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The instance's own secrets cannot be had.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The system gave no randomness.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The mail server's address cannot be used.
    #[error("the mail server's address cannot be used: {0}")]
    Mail(#[from] lettre::transport::smtp::Error),
    /// The way out for webhooks cannot be set up.
    #[error("webhooks cannot be sent: {0}")]
    Webhooks(#[from] reqwest::Error),
    /// The system does not tell of signals.
    #[error("signals cannot be heeded: {0}")]
    Signals(io::Error),
}

/// A server that listens and is ready to run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    state: State,
    stopping: Arc<Notify>,
    signals: StopSignals,
    tasks: Vec<JoinHandle<()>>,
}

impl Application {
    /// Opens the database, applies migrations, binds the address and starts the workers.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, StartError> {
        let db = Db::open_alone(config.database.path())?;
        let cookie_key = db.write(|tx| instance::secret(tx, "cookie key")).await?;
        let device_key = db.write(|tx| instance::secret(tx, "device key")).await?;
        let throttle_key = db.write(|tx| instance::secret(tx, "throttle key")).await?;
        let session_token_key = db.write(|tx| instance::secret(tx, "session token key")).await?;
        let origin = config.public_url.origin();
        let state = State {
            preview_mail: mail_previewer(&config),
            verifier: Verifier::new(&db, config.keys_in_memory),
            db,
            clock,
            passwords: PasswordHasher::new()?,
            devices: DeviceSeal::new(device_key),
            session_tokens: SessionSeal::new(&session_token_key),
            throttles: ThrottleKey::new(&throttle_key),
            connections: Connections::new(machine::raise_limit_of_files()),
            limits: Arc::new(Limits::new(config.requests_per_minute)),
            usage: Recorder::default(),
            rejections: rejections::Buffer::default(),
            ended_sessions: EndedSessions::default(),
            verifications_under_way: Arc::new(Cache::new(MAX_UNDER_WAY)),
            max_body: routes::max_body,
            api_description: Arc::new(LazyLock::new(Box::new(move || {
                openapi::describe(routes::ROUTES, &origin)
            }))),
            config: Arc::new(config),
        };
        let signals = StopSignals::heed().map_err(StartError::Signals)?;
        let stopping = Arc::new(Notify::new());
        let mut tasks = vec![tokio::spawn(housekeeping(state.clone()))];
        tasks.extend(start_mail_worker(&state, stopping.clone())?);
        tasks.push(start_webhook_worker(&state, stopping.clone())?);
        let (server, address) = listen(&state, &Key::from(&cookie_key))?;
        Ok(Self { server, address, state, stopping, signals, tasks })
    }

    /// The address that is listened on; of use when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// The shared parts, for tests.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Serves until the process is told to stop, then finishes what is in hand.
    ///
    /// # Errors
    /// When the server fails, or cannot save what it has in memory at the end.
    pub async fn run(self) -> io::Result<()> {
        let listening = tokio::spawn(self.signals.stop(self.server.handle()));
        let result = self.server.await;
        listening.abort();
        self.stopping.notify_waiters();
        let [housekeeping, workers @ ..] = self.tasks.as_slice() else { return result };
        housekeeping.abort();
        while workers.iter().any(|task| !task.is_finished()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        result.and(save(&self.state).await)
    }
}

/// The signals that stop the server. They are heeded from the moment on at which this is made, before
/// anybody is told that the server listens.
struct StopSignals {
    terminate: Signal,
    /// A terminal was closed.
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl StopSignals {
    fn heed() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Stops the server at each of them; the two of a keyboard do not wait for requests in hand.
    async fn stop(mut self, server: ServerHandle) {
        loop {
            let waits_for_requests = tokio::select! {
                _ = self.terminate.recv() => true,
                _ = self.hang_up.recv() => true,
                _ = self.interrupt.recv() => false,
                _ = self.quit.recv() => false,
            };
            // Whether it has stopped is seen where it runs.
            drop(server.stop(waits_for_requests));
        }
    }
}

/// Saves what is in memory. Another program may hold the database's lock: it is tried again for a
/// while.
async fn save(state: &State) -> io::Result<()> {
    let started = Instant::now();
    loop {
        let Err(error) = save_once(state).await else { return Ok(()) };
        if started.elapsed() >= SAVE_PATIENCE {
            let lost = format!("what was counted since the last writing is lost: {error}");
            return Err(io::Error::other(lost));
        }
        tokio::time::sleep(SAVE_PAUSE).await;
    }
}

async fn save_once(state: &State) -> Result<(), DbError> {
    state.ended_sessions.flush(&state.db).await?;
    state.usage.flush(&state.db).await?;
    state.rejections.flush(&state.db).await
}

fn mail_previewer(config: &Config) -> MailPreviewer {
    let composer = Composer::new(config.brand.clone(), config.public_url.clone());
    Arc::new(move |mail| {
        let RenderedMail { subject, text, html } = composer.compose(&mail.recipient, &mail.message)?;
        Ok(MailPreview { subject, text, html })
    })
}

/// What actix's own `HttpServer` does, but for the [`Wire`] around each connection.
fn listen(state: &State, cookie_key: &Key) -> Result<(Server, SocketAddr), StartError> {
    let address = state.config.listen;
    let failed = |source| StartError::Listen { address, source };
    let listener = bind(address).map_err(failed)?;
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

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// ASVS 3.3.1 to 3.3.4: `__Host-`, Secure, HttpOnly, SameSite=Lax. The cookie holds a random
/// token and nothing else; how long it counts is the domain's affair.
fn session_middleware(state: &State, key: Key) -> SessionMiddleware<DatabaseSessions> {
    let lifetime = PersistentSession::default()
        .session_ttl(sessions::MAX_SESSION)
        .session_ttl_extension_policy(TtlExtensionPolicy::OnStateChanges);
    let sessions = DatabaseSessions::new(state.db.clone(), state.clock.clone(), state.ended_sessions.clone());
    SessionMiddleware::builder(sessions, key)
        .cookie_name(state.session_cookie().to_owned())
        .cookie_secure(state.has_secure_cookies())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(lifetime)
        .build()
}

/// Wakes whoever waits for it after each commit that brought `wanted`.
fn wake_on(db: &Db, wanted: Change) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    let woken = wake.clone();
    db.on_change(move |change| {
        if *change == wanted {
            woken.notify_one();
        }
    });
    wake
}

fn start_mail_worker(state: &State, stopping: Arc<Notify>) -> Result<Option<JoinHandle<()>>, StartError> {
    let config = &state.config;
    let Some(smtp) = &config.smtp else { return Ok(None) };
    let delivery = Delivery::smtp(smtp, config.mail_from.clone())?;
    let composer = Composer::new(config.brand.clone(), config.public_url.clone());
    let (db, clock, wake) = (state.db.clone(), state.clock.clone(), wake_on(&state.db, Change::MailQueued));
    Ok(Some(tokio::spawn(async move {
        worker::run(db, clock, delivery, composer, wake, async move { stopping.notified().await }).await;
    })))
}

fn start_webhook_worker(state: &State, stopping: Arc<Notify>) -> Result<JoinHandle<()>, StartError> {
    let sender = Sender::new(AllowedNetworks::new(&state.config.webhook_networks))?;
    let (db, clock, wake) =
        (state.db.clone(), state.clock.clone(), wake_on(&state.db, Change::WebhookQueued));
    Ok(tokio::spawn(async move {
        webhook_worker::run(db, clock, sender, wake, async move { stopping.notified().await }).await;
    }))
}

/// What is done beside the requests. Each part keeps its own time: none waits for another.
async fn housekeeping(state: State) {
    tokio::join!(
        watch_database(&state),
        write_usage(&state),
        key_ends::note_in_time(&state),
        purge_regularly(&state),
        close_connections(&state)
    );
}

/// Says once in the log that the database takes nothing, and once that it does again.
async fn watch_database(state: &State) {
    let mut known = None;
    loop {
        let found = state.db.trouble().await;
        match (&known, &found) {
            (_, Some(trouble)) if known != found => {
                let file = state.config.database.path().display();
                tracing::error!(%file, "nothing can be saved, not ready: {trouble}");
            }
            (Some(_), None) => tracing::info!("the database can be written again"),
            _ => {}
        }
        if let Some(Trouble::NotWritable(_)) = found {
            // Nobody else may write for long; that this fails is known already.
            let _ = state.db.try_to_write().await;
        }
        known = found;
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

async fn close_connections(state: &State) {
    loop {
        tokio::time::sleep(CONNECTIONS_INTERVAL).await;
        state.connections.close_overdue();
    }
}

async fn write_usage(state: &State) {
    let mut ticks = tokio::time::interval(FLUSH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if let Err(error) = state.usage.flush_spread(&state.db, FLUSH_PERIOD).await {
            tracing::error!(%error, "the usage of keys could not be written");
        }
        if let Err(error) = state.rejections.flush(&state.db).await {
            tracing::error!(%error, "rejections could not be written");
        }
        if let Err(error) = state.ended_sessions.flush(&state.db).await {
            tracing::error!(%error, "sessions that have ended could not be deleted");
        }
    }
}

async fn purge_regularly(state: &State) {
    let mut last_clean_up = None;
    loop {
        let now = state.clock.now();
        if last_clean_up.is_none_or(|last| now - last >= CLEAN_UP_INTERVAL) {
            last_clean_up = Some(now);
            clean_up(state).await;
            key_ends::tell_of_those_ahead(state, now).await;
            if let Err(error) = tell_of_collected_leaks(state, now).await {
                tracing::error!(%error, "nobody could be told of leaks that were reported again");
            }
            if let Err(error) = purge_usage(state, now).await {
                tracing::error!(%error, "old usage could not be cleaned up");
            }
        }
        tokio::time::sleep(CLEAN_UP_LOOK).await;
    }
}

/// A secret whose row cannot be read hides no other.
async fn tell_of_collected_leaks(state: &State, now: Timestamp) -> Result<(), DbError> {
    for secret in state.db.read(move |connection| leaks::collected(connection, now)).await? {
        if let Err(error) = state.db.write(move |tx| leaks::tell_of_collected(tx, &secret, now)).await {
            tracing::error!(%error, "nobody could be told of a leak that was reported again");
        }
    }
    Ok(())
}

async fn purge_usage(state: &State, now: Timestamp) -> Result<(), DbError> {
    while state.db.write(move |tx| usage::purge_expired(tx, now)).await? {
        tokio::time::sleep(CLEAN_UP_PAUSE).await;
    }
    Ok(())
}

/// Each kind by itself: a row that cannot be read keeps no other kind from being purged.
async fn clean_up(state: &State) {
    type Purge = fn(&mut Tx<'_>, Timestamp) -> Result<(), DbError>;
    const KINDS: [(&str, Purge); 10] = [
        ("sessions", |tx, now| sessions::purge_expired(tx, now).map(drop)),
        ("mailed links", |tx, now| email_links::purge_expired(tx, now).map(drop)),
        ("forms", |tx, now| spent_forms::purge_expired(tx, now).map(drop)),
        ("throttles", |tx, now| throttles::purge_expired(tx, now).map(drop)),
        ("kept responses", |tx, now| idempotency::purge_expired(tx, now).map(drop)),
        ("rotations", api_keys::purge_expired),
        ("rejections", rejections::purge_expired),
        ("messages to webhooks", |tx, now| webhooks::purge_expired(tx, now).map(drop)),
        ("budgets", |tx, now| budgets::purge_expired(tx, now).map(drop)),
        ("mails", |tx, now| outbox::purge_expired(tx, now).map(drop)),
    ];
    state.limits.purge_expired();
    let now = state.clock.now();
    for (kind, purge) in KINDS {
        if let Err(error) = state.db.write(move |tx| purge(tx, now)).await {
            tracing::error!(%error, kind, "what is over could not be cleaned up");
        }
    }
}

/// Fills an empty database with an example organization; returns the password to log in with.
///
/// # Errors
/// When the database is in use already or cannot be opened.
pub fn fill_with_example(
    database: &DatabaseUrl,
    clock: &Clock,
) -> Result<Secret, Box<dyn std::error::Error>> {
    let db = Db::open_alone(database.path())?;
    let password = Secret::generate_password()?;
    let typed = TypedPassword::parse(password.expose().to_owned().into(), &[])?;
    let hash = PasswordHasher::hash_at_command_line(&typed)??;
    db.write_blocking(|tx| demo::fill(tx, &hash, clock.now()))?;
    Ok(password)
}
