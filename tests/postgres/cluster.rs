//! Servers of the real program on one database, and what is done to it past them.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tessera::{
    clock::Clock,
    config::DatabaseUrl,
    db::Db,
    domain::{access::ManageTokens, master_tokens, token_access::TokenAccess},
};

use crate::{
    database::{TestDatabase, argument},
    support::{Company, World, until},
};

/// A database and the servers on it.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) lumen: Company,
    /// A master token for everything.
    pub(crate) token: String,
    pub(crate) http: Client,
    folder: TempDir,
    database: TestDatabase,
}

/// One of the servers. It is killed when it is dropped.
pub(crate) struct Node {
    pub(crate) url: String,
    process: Child,
    log: PathBuf,
}

impl Cluster {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::empty();
        let db = Db::open(database.url()).expect("the database");
        let world = World { db, clock: Clock::System };
        let lumen = world.lumen().await;
        let (token, secret) = world.master_token_for(&lumen, "Deploys", TokenAccess::Full, None).await;
        let (company, now) = (lumen.clone(), world.now());
        world
            .write(move |tx| {
                let admin = company.grant::<ManageTokens>(tx)?;
                Ok(master_tokens::switch(tx, &admin, &token.id, true, now)?)
            })
            .await;
        let http =
            tessera::http_client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        let folder = tempfile::tempdir().expect("a folder");
        Self { world, lumen, token: secret, http, folder, database }
    }

    /// A server more.
    pub(crate) async fn node(&self) -> Node {
        self.node_with(&[]).await
    }

    /// A server more, with flags of its own; those for the database may be among them.
    pub(crate) async fn node_with(&self, flags: &[&str]) -> Node {
        self.node_at(&free_port().to_string(), flags).await
    }

    /// [`Cluster::node_with`], at this port.
    pub(crate) async fn node_at(&self, port: &str, flags: &[&str]) -> Node {
        let url = format!("http://127.0.0.1:{port}");
        let mut command = program();
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--public-url", &url]).args(flags);
        if !flags.contains(&"--database-url") {
            command.args(["--database-url", self.database_url()]);
        }
        let node = Node::start(command, url, self.folder.path());
        until(async || {
            self.http
                .get(format!("{}/healthz", node.url))
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        node
    }

    /// The status and the words of a server that does not start.
    pub(crate) async fn refused_start(&self) -> (Option<i32>, String) {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", self.database_url()]);
        let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
        let ended = ended.expect("the program");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    /// The database, to open it beside the nodes.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        self.database.url()
    }

    /// As it is given to `--database-url`.
    pub(crate) fn database_url(&self) -> &str {
        argument(self.database.url())
    }

    /// A key without an end: its id and its secret.
    pub(crate) async fn key(&self, name: &str) -> (String, String) {
        let (key, secret) = self.world.api_key(&self.lumen, name).await;
        (key.id, secret)
    }

    /// What a node says of a key.
    pub(crate) async fn verify(&self, node: &Node, secret: &str) -> StatusCode {
        let request = self.http.get(format!("{}/auth", node.url)).bearer_auth(secret);
        request.send().await.expect("an answer").status()
    }

    /// A call of the management API below `/keys` of the organization.
    pub(crate) async fn call(&self, node: &Node, method: Method, rest: &str) -> (StatusCode, Value) {
        let url = format!("{}/api/v2/organizations/{}/keys/{rest}", node.url, self.lumen.id);
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }
}

/// The program, without settings of whoever runs the tests.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TESSERA_")) {
        command.env_remove(name);
    }
    command
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

impl Node {
    /// Runs a command that is to listen at `url`; what it writes is kept in `folder`.
    pub(crate) fn start(mut command: Command, url: String, folder: &Path) -> Self {
        let port = url.rsplit(':').next().expect("a port");
        let log = folder.join(format!("{port}.log"));
        // One that is started again goes on in the same file.
        let output = File::options().create(true).append(true).open(&log).expect("a log");
        let errors = output.try_clone().expect("a log");
        let process =
            command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().expect("the program");
        Self { url, process, log }
    }

    /// What it is called.
    pub(crate) fn port(&self) -> &str {
        self.url.rsplit(':').next().expect("a port")
    }

    /// Without a chance to finish anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// As an operator does, and waits until it is over.
    pub(crate) async fn stop(&mut self) {
        let id = self.process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(told.success());
        for _ in 0..1200 {
            if let Some(status) = self.process.try_wait().expect("a process") {
                assert!(status.success(), "{status}: {}", self.log());
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it goes on after 60 seconds: {}", self.log());
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
