//! An organization with keys, a backend that repeats what it is asked, and gateways between them.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tessera::{
    domain::{
        api_keys::{self, ChosenExpiration, KeyEdit},
        key_settings::KeySettings,
    },
    web::pages::gateway_setup,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::answer::{Answer, BACKEND};
use crate::support::{Company, TestApp};

/// The backend of the recipes.
const RECIPE_BACKEND: &str = "127.0.0.1:3000";

/// The texts of the page by their ids.
type Recipes<'a> = dyn Fn(&str) -> String + 'a;

/// A gateway that Tessera has texts for.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Writes the configuration around the recipes; tells the arguments.
    configure: fn(&Place, &Recipes<'_>) -> Vec<String>,
    /// Optional lines that let preflights through.
    pub(super) preflights: &'static [&'static str],
    /// Optional lines that keep the key from the backend.
    pub(super) keeps_key: &'static [&'static str],
}

pub(super) const GATEWAYS: [Kind; 3] = [
    Kind {
        name: "nginx",
        configure: configure_nginx,
        preflights: &["# if ($request_method = OPTIONS) { return 204; }"],
        keeps_key: &["# proxy_set_header Authorization \"\";", "# proxy_set_header X-API-Key \"\";"],
    },
    Kind {
        name: "caddy",
        configure: configure_caddy,
        preflights: &["# @preflight method OPTIONS", "# reverse_proxy @preflight"],
        keeps_key: &["# request_header -Authorization", "# request_header -X-API-Key"],
    },
    Kind {
        name: "haproxy",
        configure: configure_haproxy,
        preflights: &["-- if txn.sf:method() == \"OPTIONS\""],
        keeps_key: &["# http-request del-header Authorization", "# http-request del-header X-API-Key"],
    },
];

/// Around the text everything that can be is open, so that the text itself must close it.
fn configure_nginx(place: &Place, recipe: &Recipes<'_>) -> Vec<String> {
    let configuration = format!(
        "daemon off; error_log stderr; pid {0}/nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n \
         underscores_in_headers on;\n ignore_invalid_headers off;\n \
         client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; \
         scgi_temp_path {0}/e;\n server {{ listen {1};\n{2}\n}}\n}}\n",
        place.folder(),
        place.address,
        recipe("nginx")
    );
    let file = place.write("nginx.conf", &configuration);
    vec!["-p".to_owned(), place.folder().to_owned(), "-c".to_owned(), file]
}

fn configure_caddy(place: &Place, recipe: &Recipes<'_>) -> Vec<String> {
    let configuration = format!(
        "{{\n admin off\n auto_https off\n storage file_system {0}\n}}\nhttp://{1} {{\n{2}\n}}\n",
        place.folder(),
        place.address,
        recipe("caddy")
    );
    let file = place.write("Caddyfile", &configuration);
    ["run", "--config", &file, "--adapter", "caddyfile"].map(str::to_owned).to_vec()
}

fn configure_haproxy(place: &Place, recipe: &Recipes<'_>) -> Vec<String> {
    let script = place.write("tessera.lua", &recipe("haproxy-lua"));
    let configuration = format!(
        "global\n lua-load {script}\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         frontend api\n bind {}\n{}\n default_backend app\nbackend app\n server app {}\n",
        place.address,
        recipe("haproxy"),
        place.backend
    );
    let file = place.write("haproxy.cfg", &configuration);
    ["-db", "-f", &file].map(str::to_owned).to_vec()
}

/// Where one gateway runs.
pub(super) struct Place {
    folder: TempDir,
    address: SocketAddr,
    backend: SocketAddr,
}

impl Place {
    fn folder(&self) -> &str {
        self.folder.path().to_str().expect("a path in UTF-8")
    }

    fn write(&self, name: &str, text: &str) -> String {
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

    /// The text of the page, with the address of this test's backend.
    pub(super) fn recipe(&self, id: &str) -> String {
        self.recipe_for(&format!("http://{}", self.app.address()), id)
    }

    fn recipe_for(&self, origin: &str, id: &str) -> String {
        let recipes = gateway_setup::recipes(origin, &self.company.id).expect("the recipes");
        let recipe = recipes.iter().find(|recipe| recipe.id() == id).expect("a recipe");
        recipe.text().replace(RECIPE_BACKEND, &self.backend.to_string())
    }

    /// Starts a gateway with the recipe and those of its optional lines that are named.
    pub(super) async fn run(&self, kind: &Kind, options: &[&str]) -> Running {
        let used = options.len();
        let mut found = std::collections::BTreeSet::new();
        let texts: std::collections::BTreeMap<&str, String> = ["nginx", "caddy", "haproxy", "haproxy-lua"]
            .into_iter()
            .map(|id| {
                let mut text = self.recipe(id);
                for option in options.iter().filter(|_| id.starts_with(kind.name)) {
                    let line = option.trim_start_matches("# ").trim_start_matches("-- ");
                    let opened = text.replace(option, line);
                    if opened != text {
                        found.insert(*option);
                    }
                    text = opened;
                }
                (id, text)
            })
            .collect();
        assert_eq!(found.len(), used, "{} has not all of {options:?}", kind.name);
        self.start(kind, &|id| texts[id].clone()).await
    }

    /// Starts a gateway whose Tessera does not answer.
    pub(super) async fn run_without_tessera(&self, kind: &Kind) -> Running {
        let nowhere = format!("http://{}", free_address());
        self.start(kind, &|id| self.recipe_for(&nowhere, id)).await
    }

    async fn start(&self, kind: &Kind, recipe: &Recipes<'_>) -> Running {
        let place = Place {
            folder: tempfile::tempdir().expect("a folder"),
            address: free_address(),
            backend: self.backend,
        };
        let arguments = (kind.configure)(&place, recipe);
        let path = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(kind.name));
        let program = path.iter().find(|path| path.exists()).expect("tests/run installs the gateways");
        let log = fs::File::create(place.folder.path().join("log")).expect("a log");
        let child = Command::new(program)
            .args(arguments)
            .current_dir(place.folder())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("a gateway");
        let running = Running { child, place };
        for _ in 0..600 {
            if TcpStream::connect(running.place.address).await.is_ok() {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} does not listen: {}", kind.name, running.log());
    }
}

/// A gateway that runs until it is dropped.
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
    pub(super) async fn ask(&self, method: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_from("127.0.0.1", method, headers).await
    }

    /// Asks the gateway as a caller at `address` does.
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

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A backend that answers 200 with the head of the request that it got.
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
                let body = format!("{BACKEND}{}", String::from_utf8_lossy(&request));
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    address
}
