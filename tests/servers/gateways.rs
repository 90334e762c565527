//! Real gateways in front of a small backend, with the configuration that "Gateway setup" shows.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tempfile::TempDir;
use tessera::{domain::token_access::TokenAccess, web::pages::gateway_setup};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Company, TestApp};

/// The backend of the recipes.
const RECIPE_BACKEND: &str = "127.0.0.1:3000";

#[tokio::test]
async fn nginx_lets_through_whom_tessera_lets_through() {
    let gateway = Gateway::prepare().await;
    let configuration = format!(
        "daemon off; error_log stderr; pid {0}/nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n \
         client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; \
         scgi_temp_path {0}/e;\n server {{ listen {1};\n{2}\n}}\n}}\n",
        gateway.folder(),
        gateway.address,
        gateway.recipe("nginx")
    );
    let file = gateway.write("nginx.conf", &configuration);
    let running = gateway.start("nginx", &["-p", gateway.folder(), "-c", &file]).await;
    gateway.check("X-Tessera-Key-Name: Billing worker").await;
    drop(running);
}

#[tokio::test]
async fn caddy_lets_through_whom_tessera_lets_through() {
    let gateway = Gateway::prepare().await;
    let configuration = format!(
        "{{\n admin off\n auto_https off\n storage file_system {0}\n}}\nhttp://{1} {{\n{2}\n}}\n",
        gateway.folder(),
        gateway.address,
        gateway.recipe("caddy")
    );
    let file = gateway.write("Caddyfile", &configuration);
    let running = gateway.start("caddy", &["run", "--config", &file, "--adapter", "caddyfile"]).await;
    gateway.check("X-Tessera-Key-Name: Billing worker").await;
    drop(running);
}

#[tokio::test]
async fn haproxy_lets_through_whom_tessera_lets_through() {
    let gateway = Gateway::prepare().await;
    let script = gateway.write("tessera.lua", &gateway.recipe("haproxy-lua"));
    let configuration = format!(
        "global\n lua-load {script}\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         frontend api\n bind {}\n{}\n default_backend app\nbackend app\n server app {}\n",
        gateway.address,
        gateway.recipe("haproxy"),
        gateway.backend
    );
    let file = gateway.write("haproxy.cfg", &configuration);
    let running = gateway.start("haproxy", &["-db", "-f", &file]).await;
    gateway.check("").await;
    drop(running);
}

#[tokio::test]
async fn curl_asks_as_a_backend_does() {
    let gateway = Gateway::prepare().await;
    let machine = gateway.app.machine(&gateway.company, TokenAccess::Verify).await;
    let command =
        gateway.recipe("backend").replace("tess_…", &gateway.key).replace("curl ", "curl --silent ");
    let asked = Command::new("sh").args(["-c", &command]).env("MASTER_TOKEN", &machine.credential).output();
    let answer: serde_json::Value =
        serde_json::from_slice(&asked.expect("curl is installed, see tests/run").stdout).expect("JSON");
    // The key of this test lacks the scope that the recipe asks for.
    assert_eq!((&answer["valid"], &answer["code"]), (&false.into(), &"insufficient_scope".into()));
    assert_eq!(answer["key"]["name"], "Billing worker");
}

/// A key, a backend that repeats what it is asked, and a place for a gateway between them.
struct Gateway {
    app: TestApp,
    folder: TempDir,
    address: SocketAddr,
    backend: SocketAddr,
    company: Company,
    key: String,
}

/// A gateway that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Gateway {
    async fn prepare() -> Self {
        let app = TestApp::spawn().await;
        let company = app.lumen().await;
        let (_, key) = app.api_key(&company, "Billing worker").await;
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            address: free_address(),
            backend: start_backend().await,
            company,
            key,
            app,
        }
    }

    fn folder(&self) -> &str {
        self.folder.path().to_str().expect("a path in UTF-8")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file.to_str().expect("a path in UTF-8").to_owned()
    }

    /// The text of the page, with the address of this test's backend.
    fn recipe(&self, id: &str) -> String {
        let origin = format!("http://{}", self.app.address());
        let recipes = gateway_setup::recipes(&origin, &self.company.id);
        let recipe = recipes.iter().find(|recipe| recipe.id() == id).expect("a recipe");
        recipe.text().replace(RECIPE_BACKEND, &self.backend.to_string())
    }

    async fn start(&self, program: &str, arguments: &[&str]) -> Running {
        let path = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
        let program = path.iter().find(|path| path.exists()).expect("tests/run installs the gateways");
        let child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a gateway");
        let running = Running(child);
        for _ in 0..600 {
            if TcpStream::connect(self.address).await.is_ok() {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} does not listen", program.display());
    }

    /// Asks the gateway as callers do; the backend must see the header `passed_on`.
    async fn check(&self, passed_on: &str) {
        let bearer = format!("Authorization: Bearer {}", self.key);
        let basic = format!("Authorization: Basic {}", BASE64.encode(format!("Billing worker:{}", self.key)));
        for header in [bearer.as_str(), &format!("X-API-Key: {}", self.key), &basic] {
            let answer = self.ask("GET", header).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{header}: {answer}");
            let answer = answer.to_lowercase();
            assert!(answer.contains(&passed_on.to_lowercase()), "{answer}");
        }
        assert!(self.ask("POST", &bearer).await.starts_with("HTTP/1.1 200"));

        let mut other = self.key.clone();
        other.replace_range(other.len() - 1.., if other.ends_with('x') { "y" } else { "x" });
        for header in ["Accept: */*", &format!("X-API-Key: {other}"), "Authorization: Bearer nonsense"] {
            let answer = self.ask("GET", header).await;
            assert!(answer.starts_with("HTTP/1.1 401"), "{header}: {answer}");
            assert!(!answer.contains("backend"), "{answer}");
        }
    }

    async fn ask(&self, method: &str, header: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!(
            "{method} /orders HTTP/1.1\r\nHost: {}\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.expect("the request goes out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A backend that answers 200 with the request that it got.
async fn start_backend() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let body = format!("backend\n{}", String::from_utf8_lossy(&request[..read]));
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    address
}
