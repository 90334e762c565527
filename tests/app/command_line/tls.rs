//! TLS of the real binary's own. The certificates beside this file are for localhost and 127.0.0.1, until 2126; their
//! keys are known to everybody and open nothing.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::Certificate;
use tessera::http_client;

use super::instance::{Instance, run};

/// The path of a file beside this one.
pub(crate) fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app/command_line/tls");
    folder.join(name).to_str().expect("UTF-8").to_owned()
}

/// A client that takes these certificates alone, and a new connection for each request if it `forgets`.
fn client(names: &[&str], forgets: bool) -> reqwest::Client {
    let certificates = names.iter().map(|name| {
        let pem = fs::read(file(&format!("{name}.pem"))).expect("a certificate");
        Certificate::from_pem(&pem).expect("a certificate")
    });
    let idle = if forgets { 0 } else { 1 };
    let client = http_client::builder().no_proxy().pool_max_idle_per_host(idle);
    client.tls_certs_only(certificates).timeout(Duration::from_secs(20)).build().expect("a client")
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<(), String> {
    let asked = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    asked.map(drop).map_err(|error| format!("{error:?}"))
}

/// A server with a copy of the first certificate, which is at the path that is given as well.
pub(crate) fn start() -> (Instance, PathBuf, PathBuf) {
    let mut instance = Instance::prepare();
    let [certificate, key] = ["tls.pem", "tls.key"].map(|name| instance.folder().join(name));
    fs::copy(file("first.pem"), &certificate).expect("a copy");
    fs::copy(file("first.key"), &key).expect("a copy");
    let shown = [&certificate, &key].map(|path| path.to_str().expect("UTF-8").to_owned());
    instance.start_with(&[("TESSERA_TLS_CERTIFICATE", &shown[0]), ("TESSERA_TLS_KEY", &shown[1])]);
    (instance, certificate, key)
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_failed_request() {
    let (mut instance, certificate, key) = start();
    let url = format!("https://{}/livez", instance.address);
    let stays = client(&["first"], false);
    ask(&stays, &url).await.expect("the certificate of the start");

    let is_over = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..2)
        .map(|_| {
            let (is_over, url) = (is_over.clone(), url.clone());
            let client = client(&["first", "second"], true);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    answers.push(ask(&client, &url).await);
                }
                answers
            })
        })
        .collect();

    fs::copy(file("second.pem"), &certificate).expect("a copy");
    fs::copy(file("second.key"), &key).expect("a copy");
    let second = client(&["second"], true);
    ask(&second, &url).await.expect_err("nobody told the server");
    instance.send("HUP");
    instance.wait_for_log("reloaded the TLS certificate: the certificate is valid until 2126-11-01").await;
    ask(&second, &url).await.expect("the new certificate");
    ask(&client(&["first"], true), &url).await.expect_err("the former one");
    ask(&stays, &url).await.expect("a connection goes on with what it began with");

    // Half of a pair, as in the middle of a renewal.
    fs::copy(file("first.key"), &key).expect("a copy");
    instance.send("HUP");
    instance.wait_for_log("TESSERA_TLS_KEY is not the key of TESSERA_TLS_CERTIFICATE").await;
    fs::remove_file(&certificate).expect("a file");
    instance.send("HUP");
    instance.wait_for_log("TESSERA_TLS_CERTIFICATE: ").await;
    ask(&second, &url).await.expect("what was in use is kept");
    assert_eq!(instance.log().matches("kept the TLS certificate that was in use").count(), 2);

    tokio::time::sleep(Duration::from_millis(300)).await;
    is_over.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for task in asking {
        answers.extend(task.await.expect("the answers"));
    }
    let failed: Vec<_> = answers.iter().filter(|answer| answer.is_err()).collect();
    assert!(answers.len() > 20 && failed.is_empty(), "{} of {}: {failed:?}", failed.len(), answers.len());
    assert_eq!(instance.stop(), Some(0));
}

#[tokio::test]
async fn every_ip_address_speaks_tls_alone_and_a_unix_socket_does_not() {
    let (instance, certificate, key) = start();
    let mut plain = TcpStream::connect(&instance.address).expect("a connection");
    plain.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is taken");
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));

    let files = [certificate, key].map(|path| path.to_str().expect("UTF-8").to_owned());
    let tls = [("TESSERA_TLS_CERTIFICATE", files[0].as_str()), ("TESSERA_TLS_KEY", files[1].as_str())];
    let health = ["healthcheck", "--listen", &instance.address];
    assert_eq!(run(Path::new("/"), &health, &tls).status, Some(0));
    assert_eq!(run(Path::new("/"), &health, &[]).status, Some(3), "it is asked without TLS");

    let mut other = Instance::prepare();
    let path = other.folder().join("tessera.sock");
    let listen = format!("127.0.0.1:0,unix:{}", path.display());
    other.start_with(&[tls[0], tls[1], ("TESSERA_LISTEN", &listen)]);
    let answer = super::listening::ask_socket(&path, "GET /livez HTTP/1.1").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    ask(&client(&["first"], true), &format!("https://{}/livez", other.address)).await.expect("an answer");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, key, other] = ["first.pem", "first.key", "second.key"].map(file);
    for (certificate, key, said) in [
        (first.as_str(), other.as_str(), "TESSERA_TLS_KEY is not the key of TESSERA_TLS_CERTIFICATE"),
        ("/nowhere", &key, "TESSERA_TLS_CERTIFICATE: /nowhere can't be read: No such file or directory"),
        (&key, &key, "can't be read: nothing of that is in it in the form PEM"),
        (&first, &first, "can't be read: nothing of that is in it in the form PEM"),
        (&first, "", "TESSERA_TLS_KEY must be set where TESSERA_TLS_CERTIFICATE is"),
        ("", &key, "TESSERA_TLS_CERTIFICATE must be set where TESSERA_TLS_KEY is"),
    ] {
        let variables = [("TESSERA_TLS_CERTIFICATE", certificate), ("TESSERA_TLS_KEY", key)];
        let output = run(folder.path(), &["serve"], &variables);
        assert_eq!((output.status, output.stderr.lines().count()), (Some(2), 1), "{output:?}");
        assert!(output.stderr.contains(said), "{said}: {output:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "something is left");
        let checked = run(folder.path(), &["check"], &variables);
        assert!(checked.status != Some(0), "{checked:?}");
        assert!((checked.stdout + &checked.stderr).contains(said), "{said}");
    }
    let variables = [("TESSERA_TLS_CERTIFICATE", first.as_str()), ("TESSERA_TLS_KEY", &key)];
    let checked = run(folder.path(), &["check"], &variables);
    assert!(checked.stdout.contains("ok     TLS: the certificate is valid until 2126-11-01"), "{checked:?}");
    assert!(checked.stdout.contains("https://127.0.0.1:0"), "the public URL is one with TLS: {checked:?}");
}
