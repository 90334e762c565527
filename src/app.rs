//! Puts the parts together: database, sessions, routes, the workers for mails and webhooks,
//! housekeeping.

mod backups;
mod bucket;
mod check;
mod duty;
mod housekeeping;
mod http2;
mod import;
mod key_ends;
mod listener;
mod log;
mod maintenance;
mod metrics;
mod service_manager;
mod sockets;
mod stopping;
mod stops;
mod tls;
mod upgrading;
mod users;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    cookie::Key,
    dev::{Server, ServerHandle},
};
use quick_cache::sync::Cache;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

pub use self::{
    check::{Finding, Verdict, check},
    import::{ImportMistake, ImportOutcome, Progress, import},
    log::start_log,
    maintenance::manage_maintenance,
    tls::TlsError,
    users::{UsersOutcome, manage_users},
};
use self::{
    duty::{Follower, Orders},
    sockets::{SocketFile, Sockets},
    stopping::StopSignals,
    tls::Tls,
};
use crate::{
    clock::{Clock, microseconds},
    config::{Config, DatabaseUrl, EmailTestCall, Listen, ListenAddress},
    db::{Change, Db, DbError},
    domain::{
        self, demo,
        devices::DeviceSeal,
        email::EmailAddress,
        id::new_id,
        instance::{self, InstanceError},
        instance_secrets::{self, InstanceSecretError},
        nodes::{self, Nodes},
        passwords::{PasswordHasher, TypedPassword},
        rejections,
        secret::Secret,
        session_tokens::SessionSeal,
        sessions::EndedSessions,
        throttles::ThrottleKey,
        usage::Recorder,
        verification::Verifier,
        webhooks::AllowedNetworks,
    },
    machine,
    mail::{
        delivery::{Delivery, Envelope},
        messages::{Composer, RenderedMail},
        worker,
    },
    web::{
        api::openapi,
        connections::Connections,
        cookies::Cookies,
        limits::Limits,
        metrics::Metrics,
        routes,
        state::{MailPreview, MailPreviewer, State},
        urls,
    },
    webhooks::{sender::Sender, worker as webhook_worker},
};

/// Verifications under an `Idempotency-Key` that may be under way together; more than a server answers.
const MAX_UNDER_WAY: usize = 1000;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The instance's own secrets cannot be had.
    #[error(transparent)]
    Secrets(#[from] InstanceSecretError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// What systemd handed over cannot be used.
    #[error("cannot listen on what was handed over (LISTEN_FDS): {0}")]
    HandedOver(io::Error),
    /// The sockets cannot be served.
    #[error("cannot serve: {0}")]
    Server(io::Error),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The mail server's address cannot be used.
    #[error("the URL of the mail server can't be used: {0}")]
    Mail(#[from] lettre::transport::smtp::Error),
    /// The way out for webhooks cannot be set up.
    #[error("webhooks can't be sent: {0}")]
    Webhooks(#[from] reqwest::Error),
    /// The system does not tell of signals.
    #[error("can't listen for signals: {0}")]
    Signals(io::Error),
}

/// A server that listens and is ready to run.
pub struct Application {
    server: Server,
    /// Last to go, once nothing is answered any more.
    socket_files: Vec<SocketFile>,
    metrics: Option<(Server, SocketAddr)>,
    state: State,
    orders: Orders,
    /// Of one of several: what seeks the lead for it.
    seeking: Option<JoinHandle<()>>,
    signals: StopSignals,
    /// What looks whether maintenance is on.
    looking: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Application {
    /// Opens the database, applies migrations, binds the address and starts the workers.
    pub async fn build(mut config: Config, clock: Clock) -> Result<Self, StartError> {
        // Before anything is made: whoever cannot listen leaves nothing behind.
        let tls = config.tls.as_ref().map(|files| Tls::open(files, &clock)).transpose()?.map(Arc::new);
        let inherited = service_manager::inherited_sockets().map_err(StartError::HandedOver)?;
        let sockets =
            if inherited.is_empty() { Sockets::bind(&config.listen)? } else { Sockets::inherited(inherited) };
        let metrics_socket = config.metrics_listen.map(bind_metrics).transpose()?;
        // Inherited sockets count by their own addresses.
        config.listen = sockets.addresses().map_err(StartError::Server)?;
        config.sign_up.follow_listener(&config.listen);
        let (database, node) = (config.database.clone(), node_name(&config.listen));
        let name = node.clone();
        let opening = tokio::task::spawn_blocking(move || Db::open_to_serve(&database, &name));
        let opened =
            upgrading::answer_meanwhile(&sockets.open, tls.as_ref(), opening, upgrading::PATIENCE).await;
        let db = opened.map_err(DbError::from)??;
        let cookie_key = db.write(|tx| instance_secrets::secret(tx, "cookie key")).await?;
        let device_key = db.write(|tx| instance_secrets::secret(tx, "device key")).await?;
        let throttle_key = db.write(|tx| instance_secrets::secret(tx, "throttle key")).await?;
        let session_token_key = db.write(|tx| instance_secrets::secret(tx, "session token key")).await?;
        let (maintained, maintenance) = watch::channel(db.read(domain::maintenance::current).await?);
        if maintenance.borrow().is_some() {
            maintenance::log(maintenance.borrow().as_ref());
        }
        let setup_link = setup_link(&db, &node, &clock).await;
        let (url, key_prefix) = (config.public_url.to_string(), config.rules.key_prefix);
        let state = State {
            setup_link: setup_link.map(Arc::new),
            started_at: clock.now(),
            maintenance,
            preview_mail: mail_previewer(&config),
            newest_mail: note_newest_mail(&db, &clock),
            verifier: Verifier::new(&db, config.keys_in_memory),
            metrics: Arc::new(Metrics::default()),
            is_stopping: Arc::default(),
            node: node.into(),
            db,
            clock,
            passwords: PasswordHasher::default(),
            devices: DeviceSeal::new(device_key),
            session_tokens: SessionSeal::new(&session_token_key),
            throttles: ThrottleKey::new(&throttle_key),
            cookies: Arc::new(Cookies::of(&config.public_url)),
            connections: Connections::new(machine::raise_limit_of_files()),
            limits: Arc::new(Limits::new(config.requests_per_minute)),
            usage: Recorder::default(),
            rejections: rejections::Buffer::default(),
            ended_sessions: EndedSessions::default(),
            verifications_under_way: Arc::new(Cache::new(MAX_UNDER_WAY)),
            max_body: routes::max_body,
            api_description: Arc::new(LazyLock::new(Box::new(move || {
                openapi::in_words_of(key_prefix, openapi::describe(routes::ROUTES, &url))
            }))),
            config: Arc::new(config),
        };
        let signals = StopSignals::heed(tls.clone()).map_err(StartError::Signals)?;
        let orders = if state.db.is_shared() { Orders::among_others() } else { Orders::alone() };
        let looking = tokio::spawn(maintenance::follow(state.db.clone(), maintained));
        let mut tasks = vec![start_housekeeping(&state, orders.follow())];
        tasks.extend(start_mail_worker(&state, orders.follow())?);
        tasks.push(start_webhook_worker(&state, orders.follow())?);
        let (open, socket_files) = sockets.into_parts();
        let server = listener::listen(open, tls.as_ref(), &state, &Key::from(&cookie_key))
            .map_err(StartError::Server)?;
        let metrics = metrics_socket.map(|socket| metrics::listen(socket, &state)).transpose()?;
        let seek = || tokio::spawn(duty::seek(state.db.clone(), state.clock.clone(), orders.clone()));
        let seeking = state.db.is_shared().then(seek);
        Ok(Self { server, socket_files, metrics, state, orders, seeking, signals, looking, tasks })
    }

    /// Where the server listens, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> &Listen {
        &self.state.config.listen
    }

    /// The address of the metrics, where there are any.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Whether mails go nowhere: no mail server is set, and nobody is shown the local mailbox.
    pub fn sends_no_mail(&self) -> bool {
        self.state.sends_no_mail()
    }

    /// Whether mails stay in the local mailbox.
    pub fn keeps_mail(&self) -> bool {
        self.state.has_mailbox()
    }

    /// Who may sign up, and why, in words for the log.
    pub fn sign_up(&self) -> String {
        let sign_up = &self.state.config.sign_up;
        format!("{} ({})", sign_up.value, sign_up.reason())
    }

    /// Whether strangers may sign up although no setting says so: the server listens on loopback, and is reached at
    /// another URL.
    pub fn is_open_by_default_to_strangers(&self) -> bool {
        check::is_open_by_default_to_strangers(&self.state.config)
    }

    /// Where the first instance administrator is made, while there is none.
    pub fn setup_url(&self) -> Option<String> {
        let link = self.state.setup_link.as_ref()?;
        Some(self.state.config.public_url.join(&urls::setup(link.expose())))
    }

    /// Leaves undone what is done at its own pace beside the requests, for tests of what requests alone do.
    pub fn stop_housekeeping(&self) {
        if let Some(housekeeping) = self.tasks.first() {
            housekeeping.abort();
        }
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
        let (server, is_stopping) = (self.server.handle(), self.state.is_stopping.clone());
        let drain = self.state.config.drain;
        let signals = self.signals;
        let listening = tokio::spawn(async move { signals.stop(server, &is_stopping, drain).await });
        let telling = tokio::spawn(service_manager::tell_while_alive(self.state.db.clone()));
        let metrics = self.metrics.map(|(server, _)| (server.handle(), actix_web::rt::spawn(server)));
        let result = self.server.await;
        listening.abort();
        telling.abort();
        self.looking.abort();
        self.orders.stop();
        let [housekeeping, workers @ ..] = self.tasks.as_slice() else { return result };
        housekeeping.abort();
        while workers.iter().any(|task| !task.is_finished()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if let Some(seeking) = self.seeking {
            seeking.abort();
            if let Err(error) = duty::give_back(&self.state.db).await {
                tracing::warn!(%error, "the other nodes wait for the end of this one's lease");
            }
        }
        let saved = stopping::save(&self.state).await;
        // Last, so that a watcher sees the server stop.
        if let Some((server, task)) = metrics {
            server.stop(false).await;
            task.abort();
        }
        drop(self.socket_files);
        result.and(saved)
    }
}

/// The set-up link of this start, where there is no instance administrator yet. A database that takes nothing at the
/// moment is no reason not to serve.
async fn setup_link(db: &Db, node: &str, clock: &Clock) -> Option<Secret> {
    let has_administrator = db.read(instance::has_administrator).await;
    if matches!(has_administrator, Ok(true)) {
        return None;
    }
    let (node, now) = (node.to_owned(), clock.now());
    let begun = db.write(move |tx| instance::begin_setup(tx, &node, now)).await;
    begun.unwrap_or_else(|error: InstanceError| {
        tracing::warn!(%error, "the set-up link could not be made; start again to have one");
        None
    })
}

fn bind_metrics(address: SocketAddr) -> Result<TcpListener, StartError> {
    let failed = |source| StartError::Listen { address: ListenAddress::Tcp(address), source };
    sockets::bind_tcp(address).map_err(failed)
}

/// What people call this process among several: the machine, and the port or the path of a socket.
fn node_name(listen: &Listen) -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match (listen.first_tcp(), listen.iter().next()) {
        (Some(address), _) => format!("{machine}:{}", address.port()),
        (None, Some(ListenAddress::Unix(path))) => format!("{machine}:{}", path.display()),
        _ => machine,
    }
}

fn mail_previewer(config: &Config) -> MailPreviewer {
    let composer = Composer::new(config.brand.clone(), config.public_url.clone());
    Arc::new(move |mail| {
        let RenderedMail { subject, text, html } = composer.compose(&mail.recipient, &mail.message)?;
        Ok(MailPreview { subject, text, html })
    })
}

fn note_newest_mail(db: &Db, clock: &Clock) -> Arc<AtomicI64> {
    let newest = Arc::new(AtomicI64::new(i64::MIN));
    let (noted, clock) = (newest.clone(), clock.clone());
    db.on_change(move |change| {
        if matches!(change, Change::MailQueued | Change::Anything) {
            noted.store(microseconds(clock.now()), Ordering::Relaxed);
        }
    });
    newest
}

/// Wakes whoever waits for it after each commit that brought what `is_wanted`.
fn wake_on(db: &Db, is_wanted: fn(&Change) -> bool) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    let woken = wake.clone();
    db.on_change(move |change| {
        if is_wanted(change) || *change == Change::Anything {
            woken.notify_one();
        }
    });
    wake
}

fn start_housekeeping(state: &State, orders: Follower) -> JoinHandle<()> {
    let stops = wake_on(&state.db, |change| matches!(change, Change::Stop(_)));
    tokio::spawn(housekeeping::keep(state.clone(), orders, stops))
}

fn start_mail_worker(state: &State, orders: Follower) -> Result<Option<JoinHandle<()>>, StartError> {
    let config = &state.config;
    let Some(smtp) = &config.smtp else { return Ok(None) };
    let delivery = Delivery::smtp(smtp, config.mail_from.clone())?;
    let composer = Composer::new(config.brand.clone(), config.public_url.clone());
    let (db, clock, wake) =
        (state.db.clone(), state.clock.clone(), wake_on(&state.db, |change| *change == Change::MailQueued));
    Ok(Some(tokio::spawn(orders.while_leading(move |end| {
        let (delivery, composer, wake) = (delivery.clone(), composer.clone(), wake.clone());
        worker::run(db.clone(), clock.clone(), delivery, composer, wake, end.wait())
    }))))
}

fn start_webhook_worker(state: &State, orders: Follower) -> Result<JoinHandle<()>, StartError> {
    let sender = Sender::new(AllowedNetworks::new(&state.config.webhook_networks))?;
    let (db, clock, wake) = (
        state.db.clone(),
        state.clock.clone(),
        wake_on(&state.db, |change| *change == Change::WebhookQueued),
    );
    Ok(tokio::spawn(orders.while_leading(move |end| {
        webhook_worker::run(db.clone(), clock.clone(), sender.clone(), wake.clone(), end.wait())
    })))
}

/// Sends an email by the mail server that is set, and gives what that answered.
///
/// # Errors
/// When none is set, the address is none, or the server does not take the email.
pub fn send_test_email(call: &EmailTestCall, clock: &Clock) -> Result<String, Box<dyn std::error::Error>> {
    let smtp = call.smtp.as_ref().ok_or("no mail server configured; set TESSERA_SMTP_URL")?;
    let recipient = EmailAddress::parse(&call.recipient)?;
    let composer = Composer::new(call.brand.clone(), call.public_url.clone());
    let rendered = composer.compose_test(recipient.as_str())?;
    let now = clock.now();
    let envelope = Envelope { id: &new_id(now), recipient: recipient.as_str(), created_at: now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let delivery = Delivery::smtp(smtp, call.mail_from.clone()).map_err(StartError::Mail)?;
        let sent = delivery.send(envelope, &rendered).await;
        Ok(sent.map_err(|error| format!("the email was not sent: {error}"))?)
    })
}

/// The servers that use a database.
///
/// # Errors
/// When the database cannot be used.
pub fn nodes(database: &DatabaseUrl) -> Result<Nodes, DbError> {
    if matches!(database, DatabaseUrl::Sqlite(_)) {
        let reason = "the database is a file, which one server has to itself";
        return Err(DbError::Open(format!("{database}: {reason}")));
    }
    Db::open_existing(database)?.read_blocking(nodes::list)
}

/// Fills an empty database with an example organization; returns the password to log in with.
///
/// # Errors
/// When the database is in use already or cannot be opened.
pub fn fill_with_example(
    database: &DatabaseUrl,
    is_instance: bool,
    clock: &Clock,
) -> Result<Secret, Box<dyn std::error::Error>> {
    let db = Db::open_alone(database)?;
    let password = Secret::generate_password()?;
    let typed = TypedPassword::parse(password.expose().to_owned().into(), &[])?;
    let hash = PasswordHasher::hash_at_command_line(&typed)??;
    let now = clock.now();
    db.write_blocking(|tx| {
        demo::fill(tx, &hash, now)?;
        if is_instance { demo::fill_instance(tx, &hash, now) } else { Ok(()) }
    })?;
    Ok(password)
}
