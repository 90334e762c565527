//! What watches a server from outside: load balancers and systemd.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::AsFd,
        unix::net::{UnixDatagram, UnixListener},
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    command_line::{
        instance::{Instance, command},
        listening::ask_socket,
    },
    support::Client,
};

#[tokio::test]
async fn a_server_that_is_to_stop_says_so_before_it_does_and_serves_on_meanwhile() {
    let mut instance = Instance::prepare();
    instance.start_with(&[("TESSERA_DRAIN_SECONDS", "3")]);
    let client = Client::new(&instance.url());
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(client.get(path).await.must_be(200).json()["status"], "ok", "{path}");
    }
    instance.send("TERM");
    let told = Instant::now();
    let refusal = loop {
        let answer = client.get("/readyz").await;
        if answer.status == 503 {
            break answer;
        }
        assert!(told.elapsed() < Duration::from_secs(3), "it is not told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refusal.json()["reason"], "the server is stopping");
    client.get("/livez").await.must_be(200);
    client.get("/login").await.must_be(200);
    assert_eq!(instance.wait(), Some(0));
    assert!(told.elapsed() >= Duration::from_secs(3), "it waited for {:?}", told.elapsed());
}

#[tokio::test]
async fn systemd_is_told_when_the_server_runs_that_it_lives_and_that_it_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut instance = Instance::prepare();
    let address = path.to_str().expect("UTF-8");
    instance.start_with(&[("NOTIFY_SOCKET", address), ("WATCHDOG_USEC", "400000")]);
    let heard = || {
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!([heard(), heard(), heard()], ["WATCHDOG=1"; 3]);
    assert_eq!(instance.stop(), Some(0));
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let mut last = heard();
    while last == "WATCHDOG=1" {
        last = heard();
    }
    assert_eq!(last, "STOPPING=1");
}

/// A server on one or two sockets that somebody else keeps, as systemd does.
pub(crate) fn start_on(sockets: &[&dyn AsFd], folder: &Path, variables: &[(&str, &str)]) -> Child {
    let program = "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ LISTEN_FDS=$1 exec \"$0\" serve";
    let mut server = command(folder);
    server.envs(variables.iter().copied());
    let binary = server.get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.arg("-c").arg(program).arg(binary).arg(sockets.len().to_string());
    let mut copies =
        sockets.iter().map(|socket| Stdio::from(socket.as_fd().try_clone_to_owned().expect("the socket")));
    shell.stdin(copies.next().expect("a socket")).stdout(copies.next().unwrap_or_else(Stdio::null));
    shell.current_dir(folder).stderr(Stdio::null()).spawn().expect("a shell")
}

#[tokio::test]
async fn no_connection_is_refused_while_one_server_follows_another_on_inherited_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address");
    let path = folder.path().join("tessera.sock");
    let file = UnixListener::bind(&path).expect("a socket");
    let start = || start_on(&[&socket, &file], folder.path(), &[]);
    let mut server = start();
    Client::new(&format!("http://{address}")).get("/readyz").await.must_be(200);

    let is_over = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..4)
        .map(|number| {
            let (is_over, path) = (is_over.clone(), path.clone());
            thread::spawn(move || {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    answers.push(if number % 2 == 0 { ask(address) } else { ask_at(&path) });
                }
                answers
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let stopped = Command::new("kill").arg(server.id().to_string()).status().expect("kill");
        assert!(stopped.success() && server.wait().expect("an end").success());
        server = start();
    }
    Client::new(&format!("http://{address}")).get("/readyz").await.must_be(200);
    is_over.store(true, Ordering::Relaxed);
    let answers: Vec<_> = asking.into_iter().flat_map(|thread| thread.join().expect("the answers")).collect();
    server.kill().expect("an end");
    server.wait().expect("an end");
    assert!(path.exists(), "it is not the server's to remove");
    let failed: Vec<_> = answers.iter().filter(|answer| !answer.starts_with("HTTP/1.1 200 ")).collect();
    assert!(answers.len() > 100 && failed.is_empty(), "{} of {}: {failed:?}", failed.len(), answers.len());
}

/// What a new connection gets.
fn ask(address: SocketAddr) -> String {
    let asked = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().unwrap_or("nothing").to_owned())
    };
    asked().unwrap_or_else(|error| error.to_string())
}

/// The same at a socket in the file system.
fn ask_at(path: &Path) -> String {
    match ask_socket(path, "GET /livez HTTP/1.1") {
        Ok(answer) => answer.lines().next().unwrap_or("nothing").to_owned(),
        Err(error) => error.to_string(),
    }
}
