//! An organization with keys, a backend that repeats what it is asked, and gateways between them.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tessera::{
    config::ServerUrl,
    domain::{
        api_keys::{self, ChosenExpiration, KeyEdit},
        key_settings::KeySettings,
    },
    web::pages::gateway_setup::{Program, Recipe},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::answer::{Answer, BACKEND};
use crate::support::{Company, TestApp};

/// The backend of the recipes.
const RECIPE_BACKEND: &str = "127.0.0.1:3000";

/// What begins the optional lines that let preflights through.
pub(super) const PREFLIGHTS: &str = "Optional, for browsers";
/// What begins the optional lines that keep the key from the backend.
pub(super) const KEEPS_KEY: &str = "keep the key from your API";

/// A gateway that Tessera has texts for.
pub(super) struct Kind {
    pub(super) program: Program,
    /// Writes the configuration with the texts; tells the arguments.
    configure: fn(&Place, &[String]) -> Vec<String>,
}

/// Traefik is not among Debian's packages; its texts are only read, see `texts.rs`.
pub(super) const GATEWAYS: [Kind; 4] = [
    Kind { program: Program::Nginx, configure: configure_nginx },
    Kind { program: Program::Caddy, configure: configure_caddy },
    Kind { program: Program::HaProxy, configure: configure_haproxy },
    Kind { program: Program::Envoy, configure: configure_envoy },
];

/// Around the text everything that can be is open, so that the text itself must close it.
fn configure_nginx(place: &Place, texts: &[String]) -> Vec<String> {
    let configuration = format!(
        "daemon off; error_log stderr; pid {0}/nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n \
         underscores_in_headers on;\n ignore_invalid_headers off;\n \
         client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; \
         scgi_temp_path {0}/e;\n{1}\n}}\n",
        place.folder(),
        replace_one(&texts[0], "listen 80;", &format!("listen {};", place.address)),
    );
    let file = place.write("nginx.conf", &configuration);
    vec!["-p".to_owned(), place.folder().to_owned(), "-c".to_owned(), file]
}

fn configure_caddy(place: &Place, texts: &[String]) -> Vec<String> {
    let configuration = format!(
        "{{\n admin off\n auto_https off\n storage file_system {0}\n}}\n{1}\n",
        place.folder(),
        replace_one(&texts[0], "api.example.com {", &format!("http://{} {{", place.address)),
    );
    let file = place.write("Caddyfile", &configuration);
    ["run", "--config", &file, "--adapter", "caddyfile"].map(str::to_owned).to_vec()
}

fn configure_haproxy(place: &Place, texts: &[String]) -> Vec<String> {
    let script = place.write("tessera.lua", &texts[1]);
    let text = replace_one(&texts[0], "/etc/haproxy/tessera.lua", &script);
    let configuration = format!(
        "global\n maxconn 100\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n{}\n",
        replace_one(&text, "bind :80", &format!("bind {}", place.address)),
    );
    let file = place.write("haproxy.cfg", &configuration);
    ["-db", "-f", &file].map(str::to_owned).to_vec()
}

fn configure_envoy(place: &Place, texts: &[String]) -> Vec<String> {
    let (listener, backend) = (place.address, place.backend);
    let listens = format!("address: {}, port_value: {}", listener.ip(), listener.port());
    let asks = format!("address: {}, port_value: {}", backend.ip(), backend.port());
    let text = replace_one(&texts[0], "address: 0.0.0.0, port_value: 8000", &listens);
    let file = place.write("envoy.yaml", &replace_one(&text, "address: 127.0.0.1, port_value: 3000", &asks));
    ["-c", &file, "--disable-hot-restart", "--concurrency", "1"].map(str::to_owned).to_vec()
}

/// Replaces what must be in the text exactly once.
#[track_caller]
pub(super) fn replace_one(text: &str, placeholder: &str, value: &str) -> String {
    assert_eq!(text.matches(placeholder).count(), 1, "{placeholder}: {text}");
    text.replace(placeholder, value)
}

/// Takes the comment signs from the lines that follow the comment with these words.
#[track_caller]
fn use_optional_lines(text: &str, words: &str) -> String {
    let mut is_within = false;
    let mut used = 0;
    let lines = text.lines().map(|line| {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        let code = bare.strip_prefix("# ").or_else(|| bare.strip_prefix("-- "));
        if bare.contains(words) {
            is_within = true;
            return line.to_owned();
        }
        is_within &= code.is_some();
        match code {
            Some(code) if is_within => {
                used += 1;
                format!("{indent}{code}")
            }
            _ => line.to_owned(),
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    if text.contains(words) {
        assert!(used > 0, "no lines after “{words}”: {text}");
    }
    text + "\n"
}

/// Where one program runs.
pub(super) struct Place {
    folder: TempDir,
    pub(super) address: SocketAddr,
    backend: SocketAddr,
}

impl Place {
    pub(super) fn new(backend: SocketAddr) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), address: free_address(), backend }
    }

    /// Starts a program and waits until it listens.
    pub(super) async fn run(self, mut command: Command) -> Running {
        // Debian puts servers into sbin, which is not in everybody's path.
        let path = std::env::var("PATH").unwrap_or_default();
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = command
            .env("PATH", format!("{path}:/usr/sbin"))
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("tests/run installs the programs: {command:?}: {error}"));
        let running = Running { child, place: self };
        for _ in 0..600 {
            if TcpStream::connect(running.place.address).await.is_ok() {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{command:?} does not listen: {}", running.log());
    }

    pub(super) fn folder(&self) -> &str {
        self.folder.path().to_str().expect("a path in UTF-8")
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file.to_str().expect("a path in UTF-8").to_owned()
    }
}

pub(super) struct Ground {
    pub(super) app: TestApp,
    pub(super) company: Company,
    backend: SocketAddr,
}

/// A key that a caller holds.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) secret: String,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let app = TestApp::builder().flag("--trusted-proxies", "127.0.0.1").spawn().await;
        Self { company: app.lumen().await, backend: start_backend().await, app }
    }

    pub(super) async fn key(&self, name: &str, settings: KeySettings) -> Key {
        let (key, secret) = self.app.api_key(&self.company, name).await;
        let scopes = settings.scopes.to_string();
        let (company, id, now) = (self.company.clone(), key.id.clone(), self.app.now());
        self.app
            .write(move |tx| {
                let admin = company.admin(tx)?;
                let edit = KeyEdit { name: None, expiration: ChosenExpiration::Keep, settings };
                api_keys::edit(tx, &admin, &id, &edit, now)?;
                Ok(())
            })
            .await;
        Key { id: key.id, name: name.to_owned(), scopes, secret }
    }

    /// Where Tessera listens.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.app.address())
    }

    /// The texts of the page for a Tessera at `url`.
    pub(super) fn texts(&self, program: Program, url: &str) -> Vec<String> {
        let url = ServerUrl::parse(url).expect("an address");
        let recipe = Recipe::new(program, &url, &self.company.id).expect("the recipe");
        recipe.texts.into_iter().map(|text| text.text).collect()
    }

    /// Starts a gateway with those of its optional lines that are named.
    pub(super) async fn run(&self, kind: &Kind, options: &[&str]) -> Running {
        let mut texts = self.texts(kind.program, &self.url());
        for words in options {
            assert!(texts.iter().any(|text| text.contains(words)), "{words}: {texts:?}");
            texts = texts.iter().map(|text| use_optional_lines(text, words)).collect();
        }
        self.start(kind, &texts, &[]).await
    }

    /// Starts a gateway whose Tessera is somewhere else, with these variables in its environment.
    pub(super) async fn run_at(&self, kind: &Kind, url: &str, environment: &[(&str, &str)]) -> Running {
        self.start(kind, &self.texts(kind.program, url), environment).await
    }

    /// Starts a gateway whose Tessera does not answer.
    pub(super) async fn run_without_tessera(&self, kind: &Kind) -> Running {
        self.run_at(kind, &format!("http://{}", free_address()), &[]).await
    }

    pub(super) async fn start(&self, kind: &Kind, texts: &[String], environment: &[(&str, &str)]) -> Running {
        let place = Place::new(self.backend);
        let backend = self.backend.to_string();
        let texts: Vec<String> = texts.iter().map(|text| text.replace(RECIPE_BACKEND, &backend)).collect();
        let mut command = Command::new(kind.program.id());
        command.args((kind.configure)(&place, &texts)).envs(environment.iter().copied());
        place.run(command).await
    }
}

/// A program that runs until it is dropped.
pub(super) struct Running {
    child: Child,
    place: Place,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(super) fn address(&self) -> SocketAddr {
        self.place.address
    }

    pub(super) async fn ask(&self, method: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_from("127.0.0.1", method, headers).await
    }

    /// Asks the program as a caller at `address` does.
    pub(super) async fn ask_from(&self, address: &str, method: &str, headers: &[(&str, &str)]) -> Answer {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("a local address");
        let mut stream = socket.connect(self.place.address).await.expect("a connection");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "{method} /orders HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{lines}Content-Length: 0\r\n\r\n",
            self.place.address
        );
        stream.write_all(request.as_bytes()).await.expect("the request goes out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        Answer(answer)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.folder.path().join("log")).unwrap_or_default()
    }
}

pub(super) fn settings(scopes: &str, networks: &str, rate: Option<&str>) -> KeySettings {
    KeySettings {
        scopes: scopes.parse().expect("scopes"),
        networks: networks.parse().expect("networks"),
        rate_limit: rate.map(|rate| rate.parse().expect("a rate")),
        ..KeySettings::default()
    }
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// With this header a caller chooses the status of the backend's answer.
pub(super) const WANTED_STATUS: &str = "x-wanted-status";

/// A backend that answers with the head of the request that it got, and 200 unless something else is wanted.
async fn start_backend() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part).await {
                        Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                        _ => return,
                    }
                }
                let request = String::from_utf8_lossy(&request);
                let wanted = request.lines().filter_map(|line| line.split_once(": "));
                let wanted = wanted.filter(|(name, _)| name.eq_ignore_ascii_case(WANTED_STATUS));
                let status = wanted.map(|(_, status)| status).next().unwrap_or("200");
                let body = format!("{BACKEND}{request}");
                let head = format!(
                    "HTTP/1.1 {status} Own\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    address
}
