//! The program under test: the real binary on a free port with an empty database and an SMTP listener.

use super::guarded::{Guarded, free_port};
use super::mail::Inbox;
use super::proxy::{PATH, Proxy};
use super::{PATIENCE, poll};
use crate::database::TestDatabase;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Server {
    pub(crate) url: String,
    /// Its beginning, as browsers send it.
    pub(crate) origin: String,
    /// The path at its end, where it has one.
    pub(crate) path: &'static str,
    pub(crate) inbox: Inbox,
    /// Follows no redirects and keeps no cookies.
    pub(crate) http: reqwest::Client,
    log: PathBuf,
    _process: Guarded,
    _directory: TempDir,
    _database: TestDatabase,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_as(true, None, Proxy::of_environment()).await
    }

    /// A server whose public URL has a path, behind a proxy.
    pub(crate) async fn start_behind(proxy: Proxy) -> Self {
        Self::start_as(true, None, Some(proxy)).await
    }

    /// A server that keeps its emails in the local mailbox.
    pub(crate) async fn start_with_mailbox() -> Self {
        Self::start_as(false, None, Proxy::of_environment()).await
    }

    /// A server with a setting of its own: `start_with("TESSERA_SIGN_UP", "invited")`.
    pub(crate) async fn start_with(name: &str, value: &str) -> Self {
        Self::start_as(true, Some((name, value)), Proxy::of_environment()).await
    }

    async fn start_as(sends_emails: bool, setting: Option<(&str, &str)>, proxy: Option<Proxy>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = TestDatabase::new();
        let inbox = Inbox::start().await;
        let port = free_port();
        let (origin, path) = match proxy {
            Some(proxy) => (format!("http://127.0.0.1:{}", proxy.start(port).await), PATH),
            None => (format!("http://127.0.0.1:{port}"), ""),
        };
        let url = format!("{origin}{path}");
        let log = directory.path().join("server.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TESSERA_"))
        {
            command.env_remove(name);
        }
        command
            .arg("serve")
            .env("TESSERA_LISTEN", format!("127.0.0.1:{port}"))
            .env("TESSERA_PUBLIC_URL", &url)
            .env("TESSERA_DATABASE_URL", database.argument())
            .env("TESSERA_SMTP_URL", if sends_emails { inbox.url() } else { String::new() })
            .env("TESSERA_WEBHOOK_NETWORKS", "127.0.0.0/8")
            .envs(setting);
        let scratch = directory.path().join("tmp");
        std::fs::create_dir(&scratch).expect("a scratch directory");
        let process = Guarded::start(&command, &log, &scratch);
        let http = tessera::http_client::builder()
            .timeout(Duration::from_secs(30))
            // A connection that waits may be closed by the server in the moment of its next use.
            .pool_max_idle_per_host(0)
            .build()
            .expect("an HTTP client");
        let server = Self {
            url,
            origin,
            path,
            inbox,
            http,
            log,
            _process: process,
            _directory: directory,
            _database: database,
        };
        server.wait_until_healthy().await;
        server
    }

    async fn wait_until_healthy(&self) {
        let healthy = poll(PATIENCE, async || {
            let answer = self.http.get(format!("{}/healthz", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        });
        assert!(healthy.await.is_some(), "the server does not start:\n{}", self.log());
    }

    /// What the server has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The path of the set-up link that the start has written to the log.
    pub(crate) fn setup_link(&self) -> String {
        let log = self.log();
        let (_, link) = log.split_once(&format!("{}/setup/", self.url)).expect("a link in the log");
        format!("/setup/{}", link.split_whitespace().next().expect("the secret"))
    }

    /// `GET /api/v2/organization` with this key: the status, and the body when it is JSON.
    pub(crate) async fn ask_api(&self, key: &str) -> (u16, serde_json::Value) {
        let request = self.http.get(format!("{}/api/v2/organization", self.url)).bearer_auth(key);
        let answer = request.send().await.expect("the server answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }
}
