//! The services of `compose.yaml` as processes of this machine.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use reqwest::{Client as HttpClient, StatusCode};
use tempfile::TempDir;

use super::file::{Compose, Service, Variables, repository};
use crate::{
    cluster::{Node, free_port},
    database::TestDatabase,
    support::{Client, until},
};

const EMAIL: &str = "dana@lumen.example";
const PASSWORD: &str = "a violet umbrella in the rain";

/// Where the binary is in the image.
const BINARY: &str = "/usr/local/bin/tessera";

/// All of it, on a database of its own.
pub(super) struct Stack {
    /// Where people come in.
    pub(super) public_url: String,
    /// Where gateways and backends do.
    pub(super) internal_url: String,
    pub(super) http: HttpClient,
    pub(super) caddy: Node,
    pub(super) nodes: Vec<Node>,
    environments: Vec<BTreeMap<String, String>>,
    health_check: Vec<String>,
    folder: TempDir,
    _database: TestDatabase,
}

/// An administrator of an organization, in a browser.
pub(super) struct Administrator {
    pub(super) browser: Client,
    /// `/orgs/` and the id.
    organization: String,
    stack_url: String,
    http: HttpClient,
}

impl Stack {
    pub(super) async fn start() -> Self {
        let (database, folder) = (TestDatabase::empty(), tempfile::tempdir().expect("a folder"));
        let (public, internal) = (free_port(), free_port());
        let public_url = format!("http://localhost:{public}");
        // The file is read as for somebody who has set these.
        let variables = Variables::from([
            ("TESSERA_PUBLIC_URL", public_url.as_str()),
            ("TESSERA_LOG", "info,tessera=debug"),
        ]);
        let compose = Compose::read(&variables);
        let (mut names, mut environments) = (Vec::new(), Vec::new());
        for (name, service) in compose.nodes() {
            let port = free_port();
            environments.push(environment_of(service, compose.service("caddy"), port, &database));
            names.push((format!("{name}:8080"), format!("127.0.0.1:{port}")));
        }
        let health_check = compose.nodes()[0].1.healthcheck.as_ref().expect("a health check").test.clone();
        let caddy = start_caddy(compose.service("caddy"), &names, &public_url, internal, &folder);
        let http = tessera::http_client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
        let nodes = environments.iter().map(|environment| start_node(environment, &folder)).collect();
        let stack = Self {
            internal_url: format!("http://127.0.0.1:{internal}"),
            http: http.expect("a client"),
            public_url,
            caddy,
            nodes,
            environments,
            health_check,
            folder,
            _database: database,
        };
        for number in 0..stack.nodes.len() {
            stack.wait_until_healthy(number).await;
        }
        // Caddy may have looked before they were there.
        for base in [&stack.public_url, &stack.internal_url] {
            let url = format!("{base}/healthz");
            until(async || {
                stack.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success())
            })
            .await;
        }
        stack
    }

    /// Starts a node that was stopped.
    pub(super) async fn start_again(&mut self, number: usize) {
        self.nodes[number] = start_node(&self.environments[number], &self.folder);
        self.wait_until_healthy(number).await;
    }

    /// As Docker finds it out.
    async fn wait_until_healthy(&self, number: usize) {
        let [kind, program, arguments @ ..] = self.health_check.as_slice() else { panic!("a command") };
        assert_eq!((kind.as_str(), program.as_str()), ("CMD", BINARY));
        let is_healthy = async || {
            let output = command(&self.environments[number]).args(arguments).output().expect("the program");
            assert!(output.status.success() != output.stderr.starts_with(b"tessera: "), "{output:?}");
            output.status.success()
        };
        until(is_healthy).await;
    }

    /// What a command prints in the container of the first node.
    pub(super) fn tessera(&self, arguments: &[&str]) -> String {
        let output = command(&self.environments[0]).args(arguments).output().expect("the program");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What is answered to somebody with a key.
    pub(super) async fn ask_at(&self, base: &str, path: &str, secret: &str) -> StatusCode {
        let request = self.http.get(format!("{base}{path}")).bearer_auth(secret);
        request.send().await.expect("an answer").status()
    }

    /// Somebody for whom the operator makes an account as the head of the file says, and who creates an
    /// organization.
    pub(super) async fn administrator(&self) -> Administrator {
        let link = self.tessera(&["users", "create", EMAIL, "--name", "Dana Whitfield"]);
        assert!(link.starts_with(&self.public_url), "{link}");
        let browser = Client::new(&self.public_url);
        let page = browser.get(link.trim()).await.must_be(200).html();
        browser.post(&page.action("Save"), &[("password", PASSWORD)]).await.must_be(303);
        browser.post("/login", &[("email", EMAIL), ("password", PASSWORD)]).await.must_be(303);
        let form = browser.get("/orgs/new").await.must_be(200).html();
        let fields = [("name", "Lumen"), ("form_id", &form.hidden("form_id"))];
        let created = browser.post("/orgs", &fields).await.must_be(303);
        let path = browser.destination(&created).await;
        let id = path.split('/').nth(2).expect("an organization");
        Administrator {
            organization: format!("/orgs/{id}"),
            stack_url: self.internal_url.clone(),
            http: self.http.clone(),
            browser,
        }
    }
}

impl Administrator {
    /// An address inside the organization.
    pub(super) fn url(&self, rest: &str) -> String {
        format!("{}/{rest}", self.organization)
    }

    /// A new key without an end: its id and its secret.
    pub(super) async fn key(&self, name: &str) -> (String, String) {
        let form = self.browser.get(&self.url("api/keys/new")).await.must_be(200).html();
        let fields = [("name", name), ("duration", "none"), ("form_id", &form.hidden("form_id"))];
        let created = self.browser.post(&self.url("api/keys"), &fields).await.must_be(200).html();
        let secret = created.text("dialog code#secret");
        let request = self.http.get(format!("{}/auth", self.stack_url)).bearer_auth(&secret);
        let answer = request.send().await.expect("an answer");
        let id = answer.headers().get("x-tessera-key-id").expect("the id of the key");
        (id.to_str().expect("ASCII").to_owned(), secret)
    }
}

/// What a node has in its environment, with the names of hosts in it replaced.
fn environment_of(
    node: &Service,
    caddy: &Service,
    port: u16,
    database: &TestDatabase,
) -> BTreeMap<String, String> {
    let mut environment = node.environment.clone();
    let mut replace = |name: &str, from: &str, to: &str| {
        let value = environment.get_mut(name).unwrap_or_else(|| panic!("{name} is not set"));
        assert!(value.contains(from), "{name} is {value}");
        *value = to.to_owned();
    };
    replace("TESSERA_LISTEN", "0.0.0.0:8080", &format!("127.0.0.1:{port}"));
    replace("TESSERA_DATABASE_URL", "@database:5432/", database.argument());
    replace("TESSERA_TRUSTED_PROXIES", &caddy.address().to_string(), "127.0.0.1");
    environment
}

fn start_node(environment: &BTreeMap<String, String>, folder: &TempDir) -> Node {
    let mut command = command(environment);
    command.arg("serve");
    Node::start(command, format!("http://{}", environment["TESSERA_LISTEN"]), folder.path())
}

/// The program as in its container: with nothing in its environment but what the file has.
fn command(environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.env_clear().envs(environment);
    command
}

fn start_caddy(
    service: &Service,
    names: &[(String, String)],
    public_url: &str,
    internal: u16,
    folder: &TempDir,
) -> Node {
    let mut mounted =
        service.volumes.iter().filter_map(|volume| volume.strip_suffix(":/etc/caddy/Caddyfile:ro"));
    let file = repository(mounted.next().expect("the Caddyfile"));
    let mut environment = service.environment.clone();
    environment.insert("TESSERA_INTERNAL_PORT".to_owned(), internal.to_string());
    let nodes = environment.get_mut("TESSERA_NODES").expect("the nodes");
    for (name, address) in names {
        assert_eq!(nodes.matches(name).count(), 1, "{nodes}");
        *nodes = nodes.replace(name, address);
    }
    // Several of them run on this machine, where one has the usual place to be told of changes.
    let alone = folder.path().join("Caddyfile");
    fs::write(&alone, format!("{{\n\tadmin off\n}}\nimport {}\n", file.display())).expect("a file");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(alone)
        .env_clear()
        .envs(environment)
        // Debian puts servers into sbin, which is not in everybody's path.
        .env("PATH", format!("{path}:/usr/sbin"))
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path());
    Node::start(command, public_url.to_owned(), folder.path())
}
