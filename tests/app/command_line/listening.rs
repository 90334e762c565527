//! Where the real binary listens: several addresses, and sockets in the file system.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use super::instance::{Instance, run};
use crate::support::Client;

/// What a request over a socket in the file system gets.
pub(super) fn ask_socket(path: &Path, head: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_answers_at_each_address_and_takes_its_socket_away_when_it_stops() {
    let mut instance = Instance::prepare();
    let path = instance.folder().join("tessera.sock");
    let shown = path.to_str().expect("UTF-8").to_owned();
    // As a server that was killed left it.
    drop(UnixListener::bind(&path).expect("a socket"));
    let listen = format!("127.0.0.1:0, unix:{shown},[::1]:0");
    instance.start_with(&[("TESSERA_LISTEN", listen.as_str())]);
    instance.wait_for_log("sign-up: ").await;
    let log = instance.log();
    let line = log.lines().find(|line| line.contains("listening on ")).expect("where it listens");
    assert!(line.contains(&format!(", unix:{shown}, [::1]:")), "{line}");
    assert!(log.contains("sign-up: invited (the default where others can reach the listener)"), "{log}");
    assert!(log.contains("emails cannot be sent"), "whoever reaches the proxy would see the mailbox: {log}");
    let (_, ipv6) = line.split_once(", [::1]:").expect("the last address");
    let port = ipv6.split(',').next().expect("its port");

    for url in [instance.url(), format!("http://[::1]:{port}")] {
        Client::new(&url).get("/healthz").await.must_be(200);
    }
    let answer = ask_socket(&path, "GET /healthz HTTP/1.1").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-security-policy: "), "{answer}");
    let bare = ask_socket(&path, "GET /\x01 HTTP/1.1").expect("an answer");
    assert!(bare.starts_with("HTTP/1.1 400 ") && bare.contains("content-security-policy: "), "{bare}");
    assert_eq!(fs::metadata(&path).expect("the socket").permissions().mode() & 0o777, 0o660);

    let listen = format!("{},unix:{shown}", instance.address);
    let health = || run(Path::new("/"), &["healthcheck", "--listen", &listen], &[]);
    assert_eq!(health().status, Some(0), "{:?}", health());
    let checked = run(instance.folder(), &["check"], &[("TESSERA_LISTEN", &format!("unix:{shown}")), PUBLIC]);
    let words = format!("unix:{shown} is in use, maybe by Tessera itself");
    assert!(checked.stdout.contains(&words), "{checked:?}");

    assert_eq!(instance.stop(), Some(0));
    assert!(!path.exists(), "the socket stays");
    let gone = health();
    assert_eq!(gone.status, Some(3), "{gone:?}");
}

const PUBLIC: (&str, &str) = ("TESSERA_PUBLIC_URL", "http://localhost:1");

#[test]
fn an_address_that_cannot_be_had_is_named_and_nothing_is_left() {
    let first = Instance::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (taken, file, free, nowhere) = (path("taken"), path("file"), path("free"), path("none/socket"));
    let _living = UnixListener::bind(&taken).expect("a socket");
    fs::write(&file, "mine").expect("a file");
    for (listen, said) in [
        (format!("unix:{free},{}", first.address), format!("cannot listen on {}: ", first.address)),
        (format!("unix:{taken}"), format!("cannot listen on unix:{taken}: another process listens there")),
        (format!("unix:{file}"), format!("cannot listen on unix:{file}: there is a file that is no socket")),
        (format!("unix:{nowhere}"), format!("cannot listen on unix:{nowhere}: No such file or directory")),
        (
            format!("unix:{free},unix:{free}"),
            format!("cannot listen on unix:{free}: another process listens"),
        ),
        (format!("unix:/{}", "x".repeat(200)), "cannot listen on unix:/xxx".to_owned()),
    ] {
        let output = run(folder.path(), &["serve"], &[("TESSERA_LISTEN", &listen), PUBLIC]);
        assert_eq!((output.status, output.stderr.lines().count()), (Some(1), 1), "{output:?}");
        assert!(output.stderr.contains(&said), "{said}: {output:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2, "{listen} left something");
    }
    assert_eq!(fs::read_to_string(&file).expect("the file"), "mine");
}
