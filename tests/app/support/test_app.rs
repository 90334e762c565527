//! A running server with a database of its own.

use std::{ffi::OsString, net::SocketAddr, ops::Deref, path::PathBuf, thread};

use actix_web::dev::ServerHandle;
use tessera::{
    app::Application,
    clock::{Clock, Timestamp},
    config::{self, Command, Config},
    domain::user::User,
    web::state::State,
};
use time::macros::datetime;
use tokio::sync::oneshot;

use super::{Client, Scrape, TestDatabase, World, argument, statements};
use crate::smtp::SmtpSink;

/// Where the clock of a test stands at first.
pub(crate) const START: Timestamp = datetime!(2026-11-23 10:00);

/// The name of the session's cookie at the public address of tests.
pub(crate) const SESSION_COOKIE: &str = "tessera-8080";

/// A server on a free port, in a thread of its own. It stops when it is dropped.
pub(crate) struct TestApp {
    /// What the server's handlers see, too.
    pub(crate) state: State,
    world: World,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    server: ServerHandle,
    database: TestDatabase,
}

/// What is special about a [`TestApp`].
pub(crate) struct TestAppBuilder {
    flags: Vec<String>,
    clock: Clock,
    is_on_file: bool,
    is_without_housekeeping: bool,
}

impl TestApp {
    pub(crate) async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    pub(crate) fn builder() -> TestAppBuilder {
        TestAppBuilder {
            flags: Vec::new(),
            clock: Clock::manual(START),
            is_on_file: false,
            is_without_housekeeping: false,
        }
    }

    /// A browser that nobody has logged in with.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address))
    }

    /// A browser in which `user` is logged in.
    pub(crate) async fn log_in_as(&self, user: &User) -> Client {
        let name = &self.state.cookies.session;
        let client = self.client();
        client.set_cookie(name, &self.session_cookie(name, user).await);
        client
    }

    /// The address of the listener. The public address is another one, see [`TestAppBuilder`].
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of the listener that shows metrics, for a test [with metrics](TestAppBuilder::with_metrics).
    pub(crate) fn watcher(&self) -> Client {
        Client::new(&format!("http://{}", self.metrics_address()))
    }

    /// Where that listener is.
    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.metrics.expect("a server that was asked for metrics")
    }

    /// What a watcher reads.
    pub(crate) async fn scrape(&self) -> Scrape {
        Scrape::parse(&self.watcher().get("/metrics").await.must_be(200).text())
    }

    /// The statements that `work` causes at the database.
    pub(crate) async fn statements(&self, work: impl Future) -> Vec<String> {
        statements::during(argument(&self.state.config.database), work).await
    }

    /// The files of the database, for a test [on a file](TestAppBuilder::on_file): itself, and what SQLite keeps
    /// beside it.
    pub(crate) fn database_files(&self) -> Vec<PathBuf> {
        let files = self.database.folder().read_dir().expect("the folder of the database");
        files.map(|file| file.expect("a file").path()).collect()
    }
}

impl Deref for TestApp {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl TestAppBuilder {
    /// Sends mails to `sink`; without one they stay in the local mailbox.
    pub(crate) fn smtp(self, sink: &SmtpSink) -> Self {
        self.flag("--smtp-url", &sink.url())
    }

    pub(crate) fn brand(self, name: &str) -> Self {
        self.flag("--brand", name)
    }

    /// Any flag of the command line, such as `--trusted-proxies`.
    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// With a listener for metrics.
    pub(crate) fn with_metrics(self) -> Self {
        self.flag("--metrics-listen", "127.0.0.1:0")
    }

    /// Without what the server does by itself, every few seconds: nothing moves but by requests.
    pub(crate) fn without_housekeeping(mut self) -> Self {
        self.is_without_housekeeping = true;
        self
    }

    /// On SQLite, whichever engine is tried: for tests that are about its files or its own words.
    pub(crate) fn on_file(mut self) -> Self {
        self.is_on_file = true;
        self
    }

    /// Starts the server. Its public address is `http://localhost:8080` whatever the port, so
    /// that pages and mails are the same in every run; `--public-url` changes it.
    pub(crate) async fn spawn(self) -> TestApp {
        statements::install();
        let database = if self.is_on_file { TestDatabase::file() } else { TestDatabase::new() };
        let config = self.config(database.argument());
        let clock = self.clock.clone();
        let (ready, started) = oneshot::channel();
        let has_housekeeping = !self.is_without_housekeeping;
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build(config, clock).await.expect("the application starts");
                if !has_housekeeping {
                    application.stop_housekeeping();
                }
                let address = application.addresses().first_tcp().expect("an IP address");
                let addresses = (address, application.metrics_address());
                let parts = (addresses, application.state().clone(), application.handle());
                // A test that is over already needs no server.
                let _ = ready.send(parts);
                application.run().await.expect("the server runs");
            });
        });
        let ((address, metrics), state, server) = started.await.expect("the application starts");
        let world = World { db: state.db.clone(), clock: self.clock };
        TestApp { state, world, address, metrics, server, database }
    }

    fn config(&self, database: &str) -> Config {
        let own = ["tessera", "serve", "--database-url", database];
        let mut arguments: Vec<OsString> = own.into_iter().map(OsString::from).collect();
        for (flag, value) in [("--listen", "127.0.0.1:0"), ("--public-url", "http://localhost:8080")] {
            if !self.flags.iter().any(|own| own == flag) {
                arguments.extend([flag, value].map(OsString::from));
            }
        }
        arguments.extend(self.flags.iter().map(OsString::from));
        match config::parse_with(arguments, |_| None) {
            Ok(Command::Serve(config)) => *config,
            other => panic!("not the settings of a server: {other:?}"),
        }
    }
}
