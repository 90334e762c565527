//! `docs/OPERATIONS.md` followed: its settings, its proxies and its unit, as they stand there.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{gateways::ground::free_address, support::Client};

/// The text of the only block of this language that has these words.
fn block(language: &str, words: &str) -> String {
    let text = fs::read_to_string(root().join("docs/OPERATIONS.md")).expect("the document");
    let opening = format!("```{language}\n");
    let blocks =
        text.split(&opening).skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block));
    let found: Vec<&str> = blocks.filter(|block| block.contains(words)).collect();
    assert_eq!(found.len(), 1, "blocks of {language} with {words}: {found:?}");
    found[0].to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `text` with `new` for `old`, which is there once.
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old} in {text}");
    text.replace(old, new)
}

/// A program that runs until this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(started.unwrap_or_else(|error| panic!("tests/run installs the programs: {command:?}: {error}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn tessera(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).expect("a file");
    file
}

#[tokio::test]
async fn the_settings_start_a_server_and_people_reach_it_through_either_proxy() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "tessera.toml", &block("toml", "public_url"));
    write(folder, "TESSERA_SMTP_URL", "smtp://tessera:secret@127.0.0.1:9\n");
    let server = free_address();
    let listen = server.to_string();
    let variables = [
        ("TESSERA_CONFIG", "tessera.toml"),
        ("TESSERA_LISTEN", listen.as_str()),
        ("CREDENTIALS_DIRECTORY", folder.to_str().expect("UTF-8")),
    ];
    let settings = tessera(folder).arg("config").envs(variables).output().expect("the settings");
    let settings = String::from_utf8(settings.stdout).expect("UTF-8");
    for words in ["https://keys.example.com", "Example Keys", "127.0.0.1,::1", "<password>"] {
        assert!(settings.contains(words), "{words}: {settings}");
    }
    let _server = Running::start(tessera(folder).arg("serve").envs(variables));

    let caddyfile = replaced(&block("text", "reverse_proxy 127"), "127.0.0.1:8080", &listen);
    let (_caddy, caddy) = start_caddy(folder, &caddyfile);
    // Without its certificate, which the reader has.
    let text = block("nginx", "listen 80;");
    let (_, text) = text.split_once("\n\n").expect("the server for https");
    let text = replaced(text, "127.0.0.1:8080", &listen);
    let (_nginx, nginx) = start_nginx(folder, &text);
    for proxy in [caddy, nginx] {
        lead_to_tessera(proxy).await;
    }
}

/// The blocks about a unix socket followed; the server hears where people are.
#[tokio::test]
async fn people_reach_a_server_at_a_unix_socket_through_either_proxy() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let socket = folder.join("tessera.sock");
    let socket = socket.to_str().expect("UTF-8");
    let log = folder.join("log");
    let mut server = tessera(folder);
    let listen = format!("unix:{socket}");
    server.arg("serve").envs([
        ("TESSERA_LISTEN", listen.as_str()),
        ("TESSERA_TRUSTED_PROXIES", "unix"),
        ("TESSERA_PUBLIC_URL", "https://keys.example.com"),
        ("TESSERA_BRAND", "Example Keys"),
    ]);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).expect("a file"));
    let _server = Running(server.spawn().expect("the server"));

    let caddyfile = replaced(&block("text", "reverse_proxy unix"), "/run/tessera/tessera.sock", socket);
    let (_caddy, caddy) = start_caddy(folder, &caddyfile);
    let location = replaced(&block("nginx", "proxy_pass http://unix"), "/run/tessera/tessera.sock", socket);
    let text = format!("server {{\n listen 443 ssl http2;\n server_name keys.example.com;\n{location}}}\n");
    let (_nginx, nginx) = start_nginx(folder, &text);
    for proxy in [caddy, nginx] {
        lead_to_tessera(proxy).await;
        let log = fs::read_to_string(&log).expect("the log");
        let last = log.lines().last().expect("the request");
        assert!(last.contains("client=127.0.0.1 ") && !log.contains("ignored X-Forwarded-For"), "{log}");
    }

    let health = "curl --silent --show-error --fail --unix-socket tessera.sock http://localhost/healthz";
    let asked = Command::new("sh").args(["-c", health]).current_dir(folder).output().expect("curl");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), r#"{"status":"ok"}"#, "{asked:?}");
}

/// An old version of TLS is not even offered by curl.
#[tokio::test]
async fn curl_speaks_tls_and_either_form_of_http_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = root().join("tests/app/command_line/tls");
    let [certificate, key] = ["first.pem", "first.key"].map(|name| certificates.join(name));
    let address = free_address();
    let mut server = tessera(folder.path());
    server.arg("serve").env("TESSERA_LISTEN", address.to_string());
    server.env("TESSERA_TLS_CERTIFICATE", &certificate).env("TESSERA_TLS_KEY", &key);
    let _server = Running::start(&mut server);
    let curl = |arguments: &[&str], path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--cacert"]).arg(&certificate).args(arguments);
        curl.args(["--retry", "20", "--retry-connrefused", "--retry-delay", "1", "--dump-header", "-"]);
        curl.args(["--write-out", " %{http_code} over HTTP/%{http_version}"]).current_dir(folder.path());
        let asked = curl.arg(format!("https://localhost:{}{path}", address.port())).output().expect("curl");
        assert!(asked.status.success(), "{asked:?}");
        String::from_utf8(asked.stdout).expect("UTF-8")
    };
    for (tls, form, number) in [("1.2", "--http1.1", "1.1"), ("1.2", "--http2", "2"), ("1.3", "--http2", "2")]
    {
        let said = curl(&[form, "--tls-max", tls, &format!("--tlsv{tls}")], "/livez");
        assert!(said.ends_with(&format!("{{\"status\":\"ok\"}} 200 over HTTP/{number}")), "{said}");
        assert!(
            said.contains("strict-transport-security: max-age=63072000"),
            "the public URL is https: {said}"
        );
    }
    // It is refused long before all of it is there.
    write(folder.path(), "large", &"x".repeat(8_000_000));
    let said = curl(&["--http2", "--data-binary", "@large"], "/login");
    assert!(said.ends_with(" 413 over HTTP/2") && said.contains("</html>"), "{said}");
}

/// Caddy with a site of the document, without TLS, and where it is.
fn start_caddy(folder: &Path, site: &str) -> (Running, SocketAddr) {
    let address = free_address();
    let name = format!("http://keys.example.com:{} {{\n\tbind 127.0.0.1", address.port());
    let site = replaced(site, "keys.example.com {", &name);
    let text =
        format!("{{\n admin off\n auto_https off\n storage file_system {}\n}}\n{site}", folder.display());
    let file = write(folder, "Caddyfile", &text);
    let mut command = Command::new("caddy");
    (Running::start(command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file)), address)
}

/// nginx with a server of the document, without TLS, and where it is.
fn start_nginx(folder: &Path, server: &str) -> (Running, SocketAddr) {
    let address = free_address();
    let text = replaced(server, "listen 443 ssl http2;", &format!("listen {address};"));
    let text: String = text
        .lines()
        .filter(|line| !line.contains("ssl_certificate"))
        .map(|line| format!("{line}\n"))
        .collect();
    let place = folder.display();
    // Where the test is root, a worker of nginx would be somebody else, who may not enter the folder.
    let text = format!(
        "daemon off; user root; error_log stderr; pid {place}/nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n \
         client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c; \
         uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n{text}}}\n"
    );
    let file = write(folder, "nginx.conf", &text);
    let started = Running::start(Command::new("nginx").arg("-p").arg(folder).arg("-c").arg(file));
    (started, address)
}

async fn lead_to_tessera(proxy: SocketAddr) {
    let client = Client::new(&format!("http://{proxy}"));
    let mut tries = 0;
    let page = loop {
        match client.request("GET", "/login").header("host", "keys.example.com").try_send().await {
            Some(page) if page.status == 200 => break page.html(),
            _ if tries == 600 => panic!("{proxy} does not lead to Tessera"),
            _ => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(page.title().ends_with("Example Keys"), "{}", page.title());
}

/// Prometheus' own program reads what a server shows, and the rules that are shipped.
#[tokio::test]
async fn prometheus_understands_the_metrics_and_the_alert_rules() {
    let rules = promtool(&["check", "rules", "packaging/prometheus/alerts.yml"], "");
    assert!(rules.contains("SUCCESS: 13 rules found"), "{rules}");

    let folder = tempfile::tempdir().expect("a folder");
    let (server, metrics) = (free_address(), free_address());
    let variables = [("TESSERA_LISTEN", server), ("TESSERA_METRICS_LISTEN", metrics)];
    let variables = variables.map(|(name, address)| (name, address.to_string()));
    let _server = Running::start(tessera(folder.path()).arg("serve").envs(variables));
    let client = Client::new(&format!("http://{metrics}"));
    let mut tries = 0;
    let shown = loop {
        match client.request("GET", "/metrics").try_send().await {
            Some(answer) => break answer.must_be(200).text(),
            None if tries == 600 => panic!("no metrics"),
            None => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(promtool(&["check", "metrics"], &shown), "", "{shown}");
    let without_help = shown.replace("# HELP tessera_sessions", "# tessera_sessions");
    assert!(try_promtool(&["check", "metrics"], &without_help).is_err(), "it finds what is wrong");
}

/// What the program writes, which has nothing to complain of.
fn promtool(arguments: &[&str], input: &str) -> String {
    try_promtool(arguments, input).unwrap_or_else(|said| panic!("{arguments:?}: {said}"))
}

fn try_promtool(arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(root()).stdin(Stdio::piped());
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut process = started.expect("tests/run installs the programs: promtool");
    let mut stdin = process.stdin.take().expect("standard input");
    // One that does not read it may be over already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = process.wait_with_output().expect("promtool ends");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    if output.status.success() { Ok(said) } else { Err(said) }
}

#[test]
fn the_unit_is_as_closed_as_the_document_says() {
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "packaging/tessera.service"])
        .current_dir(root())
        .output()
        .expect("tests/run installs the programs: systemd-analyze");
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, exposure) = told.rsplit_once("tessera.service: ").expect("the exposure");
    let exposure = exposure.split_whitespace().next().expect("a number");
    let text = fs::read_to_string(root().join("docs/OPERATIONS.md")).expect("the document");
    let (_, said) = text.split_once("gives it an exposure of ").expect("the exposure in the document");
    let said = said.split_whitespace().next().expect("a number");
    let [exposure, said]: [f64; 2] = [exposure, said].map(|number| number.parse().expect("a number"));
    assert!(exposure <= said, "{exposure} instead of {said}");
}
