//! What arrives and is no request: actix answers it before the application hears of it.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::TestApp;

const SECURITY_HEADERS: [&str; 4] =
    ["content-security-policy", "x-content-type-options", "referrer-policy", "x-request-id"];

#[tokio::test]
async fn it_is_answered_with_the_headers_of_every_answer() {
    let app = TestApp::spawn().await;
    let page = app.client().get("/login").await.must_be(200);
    for (sent, status) in no_requests() {
        let answer = exchange(&app, &sent).await;
        let start: String = sent.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, "", "{start:?}");
        let value = |name: &str| {
            let mut values = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            (values.next().unwrap_or_default().to_owned(), values.next())
        };
        for name in SECURITY_HEADERS.into_iter().filter(|name| *name != "x-request-id") {
            assert_eq!(value(name), (page.header(name).to_owned(), None), "{name} of {start:?}: {answer}");
        }
        assert!(value("x-request-id").0.starts_with("req_"), "{start:?}: {answer}");
        assert_eq!(value("cache-control").0, "no-store", "{start:?}: {answer}");
    }
}

#[tokio::test]
async fn it_has_the_headers_behind_answers_to_requests_too() {
    let app = TestApp::spawn().await;
    let good = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answers = exchange(&app, &format!("{good}{good}nonsense\r\n\r\n")).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    let (_, last) = answers.split_once("HTTP/1.1 400 ").expect("the last answer");
    for name in SECURITY_HEADERS {
        assert_eq!(answers.matches(&format!("\r\n{name}: ")).count(), 3, "{name}: {answers}");
        assert!(last.contains(&format!("\r\n{name}: ")), "{name}: {last}");
    }
}

/// With the status that each gets. The last one never ends, and is answered when that took too long.
pub(crate) fn no_requests() -> Vec<(String, u16)> {
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200 * 1024));
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let of = |text: &str| text.to_owned();
    vec![
        (of("nonsense\r\n\r\n"), 400),
        (of("\0\x01\x02\r\n\r\n"), 400),
        (of("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"), 400),
        (of("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400),
        (of("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: two\r\n\r\n"), 400),
        (of("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400),
        (
            of(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            400,
        ),
        (of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400),
        (long, 431),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), 431),
        (of("GET / HTTP/1.1\r\nHost: local"), 408),
    ]
}

async fn exchange(app: &TestApp, sent: &str) -> String {
    let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
    // The server may have answered and closed before it was sent whole.
    let _ = stream.write_all(sent.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("UTF-8")
}
