//! Gateways whose Tessera is behind TLS: they name the host that they mean, and believe no certificate but of
//! those whom they trust.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tessera::web::pages::gateway_setup::Program;
use tokio::net::UdpSocket;

use super::ground::{GATEWAYS, Ground, Kind, Place, Running, replace_one, settings};

/// What the texts trust.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

#[tokio::test]
async fn a_gateway_asks_over_tls_only_whom_it_trusts() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let headers = [("X-API-Key", key.secret.as_str())];
    let (front, root) = ground.put_behind_tls().await;
    let url = format!("https://localhost:{}", front.address().port());
    let names = start_name_server().await;
    for kind in &GATEWAYS {
        let texts = with_names(kind, ground.texts(kind.program, &url), names);
        let gateway = ground.start(kind, &texts, &[]).await;
        let answer = gateway.ask("GET", &headers).await;
        assert!(answer.status() >= 502 && !answer.is_from_backend(), "{:?}: {answer:?}", kind.program);
        let (texts, environment) = trusting(kind, texts, &root);
        let gateway = ground.start(kind, &texts, &environment).await;
        gateway.ask("GET", &headers).await.must_reach_the_backend();
    }
}

/// HAProxy's client for scripts asks a name server even for what is in `/etc/hosts`.
fn with_names(kind: &Kind, mut texts: Vec<String>, names: SocketAddr) -> Vec<String> {
    if kind.program == Program::HaProxy {
        texts[0] += &format!("\nresolvers default\n nameserver test {names}\n");
    }
    texts
}

/// The texts, and the environment, with which a program trusts the authority `root` instead of those of the
/// system.
fn trusting<'a>(
    kind: &Kind,
    mut texts: Vec<String>,
    root: &'a str,
) -> (Vec<String>, Vec<(&'static str, &'a str)>) {
    match kind.program {
        Program::Caddy => return (texts, vec![("SSL_CERT_FILE", root)]),
        Program::HaProxy => texts[0] += &format!("\nglobal\n httpclient.ssl.ca-file {root}\n"),
        _ => texts[0] = replace_one(&texts[0], SYSTEM, root),
    }
    (texts, Vec::new())
}

/// Says that every name is this machine's.
async fn start_name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut query).await {
            // The question (RFC 1035, 4.1.2): labels up to an empty one, then type and class.
            let labels = query[12..length].iter().position(|byte| *byte == 0).expect("the end of a name");
            let question = &query[12..12 + labels + 5];
            let is_for_ipv4 = question[labels + 1..labels + 3] == [0, 1];
            let mut answer = query[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_for_ipv4), 0, 0, 0, 0]);
            answer.extend(question);
            if is_for_ipv4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, asker).await.expect("the answer goes out");
        }
    });
    address
}

impl Ground {
    /// Caddy with a certificate for `localhost` of its own authority, and where that is. It answers only
    /// who names the host in the handshake.
    async fn put_behind_tls(&self) -> (Running, String) {
        let place = Place::new(self.app.address());
        let root: PathBuf = Path::new(place.folder()).join("pki/authorities/local/root.crt");
        let configuration = format!(
            "{{\n admin off\n skip_install_trust\n auto_https disable_redirects\n storage file_system {}\n}}\n\
             https://localhost:{} {{\n tls internal\n reverse_proxy {}\n}}\n",
            place.folder(),
            place.address.port(),
            self.app.address(),
        );
        let file = place.write("Caddyfile", &configuration);
        let mut command = Command::new("caddy");
        command.args(["run", "--config", &file, "--adapter", "caddyfile"]);
        let running = place.run(command).await;
        for _ in 0..600 {
            if fs::metadata(&root).is_ok_and(|file| file.len() > 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (running, root.to_str().expect("a path in UTF-8").to_owned())
    }
}
