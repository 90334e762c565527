//! Connections on which strangers send half of something, or too slowly, or too many at once.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{SESSION_COOKIE, TestApp};

const HALF_HEAD: &str = "POST /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const HALF_BODY: &str = "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nemail=a";
/// Longer than any time-out that is to be seen here.
const PATIENCE: Duration = Duration::from_secs(120);

async fn open(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("it is taken");
    stream
}

/// What comes until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    // A reset is an end, too.
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn what_never_becomes_whole_is_given_up() {
    let app = TestApp::spawn().await;
    let address = app.address();
    let heads = async { rest(open(address, HALF_HEAD).await).await };
    let bodies = async { rest(open(address, HALF_BODY).await).await };
    let drops = async {
        let (mut reading, mut writing) = open(address, HALF_BODY).await.into_split();
        let dripping = tokio::spawn(async move {
            while writing.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut text = Vec::new();
        let read = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut text)).await;
        let _ = read.expect("the connection is closed");
        dripping.abort();
        String::from_utf8_lossy(&text).into_owned()
    };
    let (heads, bodies, drops) = tokio::join!(heads, bodies, drops);
    assert!(heads.is_empty() || heads.starts_with("HTTP/1.1 408"), "{heads}");
    assert!(bodies.starts_with("HTTP/1.1 408"), "{bodies}");
    assert!(drops.starts_with("HTTP/1.1 408"), "{drops}");
    assert!(bodies.contains("content-security-policy"), "{bodies}");
}

#[tokio::test]
async fn a_crowd_of_connections_from_one_address_keeps_nobody_out() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing").await;
    let mut crowd = Vec::new();
    for number in 0..900 {
        let text = if number % 2 == 0 { HALF_HEAD } else { HALF_BODY };
        crowd.push(open(app.address(), text).await);
    }
    let client = app.client();
    client.get("/login").await.must_be(200);
    let bearer = format!("Bearer {secret}");
    for _ in 0..10 {
        client.request("GET", "/auth").header("authorization", &bearer).send().await.must_be(204);
    }
    let number = app.state.connections.number();
    assert!(number <= 512, "{number}");
    drop(crowd);
}

#[tokio::test]
async fn few_large_bodies_arrive_at_once_and_small_ones_beside_them() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (path, cookie) = (lumen.url("users/invite"), browser.cookie(SESSION_COOKIE).expect("a session"));
    let half = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nCookie: {SESSION_COOKIE}={cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\nemails={}",
        "x".repeat(70_000)
    );
    let mut crowd = Vec::new();
    for _ in 0..32 {
        crowd.push(open(app.address(), &half).await);
    }
    let large = "x".repeat(70_000);
    // The last of the crowd may still be on its way.
    let mut refused = browser.post(&path, &[("emails", &large)]).await;
    for _ in 0..50 {
        if refused.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        refused = browser.post(&path, &[("emails", &large)]).await;
    }
    assert!(!refused.must_be(503).header("retry-after").is_empty());
    browser.post("/account/name", &[("name", " ")]).await.must_be(422);
    drop(crowd);
}

#[tokio::test]
async fn a_connection_that_is_closed_is_forgotten() {
    let app = TestApp::spawn().await;
    app.client().get("/login").await.must_be(200);
    let streams = [open(app.address(), HALF_HEAD).await, open(app.address(), HALF_BODY).await];
    let until = async |few: bool| {
        for _ in 0..600 {
            let number = app.state.connections.number();
            if (number <= 1) == few {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} connections", app.state.connections.number());
    };
    until(false).await;
    drop(streams);
    until(true).await;
}

/// They are handed on a few at a time, and each is answered, in order, the last one with a body that looks
/// like requests.
#[tokio::test]
async fn requests_that_arrive_together_are_all_answered() {
    let app = TestApp::spawn().await;
    let lookalike = "x HTTP/1.1\r\n".repeat(40);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nVia: HTTP/1.1\r\n\r\n");
    let post = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\
         Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{lookalike}",
        lookalike.len()
    );
    let requests = [get("/healthz").repeat(100), get("/auth").repeat(100), get("/docs").repeat(3), post];
    let answers = rest(open(app.address(), &requests.concat()).await).await;
    let statuses: Vec<&str> = answers
        .split("\r\n")
        .filter(|line| {
            line.starts_with("HTTP/1.1 ") || line.contains("}HTTP/1.1 ") || line.contains(">HTTP/1.1 ")
        })
        .filter_map(|line| line.rsplit_once("HTTP/1.1 ").map(|(_, status)| &status[..3]))
        .collect();
    let expected = [vec!["200"; 100], vec!["401"; 100], vec!["200"; 3], vec!["400"]].concat();
    assert_eq!(statuses, expected);
}
