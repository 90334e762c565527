//! Whom the server believes at a socket in the file system.

use std::path::Path;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    support::TestApp,
    verification::{Ground, settings},
};

/// The status that a request over a socket gets, with these lines of its head.
async fn status(path: &Path, head: &str) -> u16 {
    let mut stream = UnixStream::connect(path).await.expect("a connection");
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[tokio::test]
async fn a_proxy_at_a_socket_is_believed_only_if_the_operator_says_so() {
    // By name: a setting for proxies elsewhere says nothing of a socket.
    for (proxies, is_believed) in [("unix", true), ("127.0.0.1,unix", true), ("0.0.0.0/0,::/0", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tessera.sock");
        let listen = format!("127.0.0.1:0,unix:{}", path.display());
        let app = TestApp::builder().flag("--listen", &listen).flag("--trusted-proxies", proxies);
        let ground = Ground::on(app.spawn().await, settings("", "10.0.0.0/8", None, None)).await;
        let ask = async |forwarded: &str| {
            let key = format!("Authorization: Bearer {}", ground.secret);
            status(&path, &format!("GET /auth HTTP/1.1\r\n{key}{forwarded}")).await
        };
        let inside = if is_believed { 204 } else { 403 };
        assert_eq!(ask("\r\nX-Forwarded-For: 10.9.9.9").await, inside, "{proxies}");
        assert_eq!(ask("\r\nX-Forwarded-For: 10.9.9.9, 192.0.2.1").await, 403, "{proxies}");
        assert_eq!(ask("").await, 403, "a client that nobody tells of is nowhere: {proxies}");
    }
}

#[tokio::test]
async fn whoever_comes_by_a_socket_does_not_sit_at_the_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tessera.sock");
    let listen = format!("127.0.0.1:0,unix:{}", path.display());
    let app = TestApp::builder().flag("--listen", &listen).spawn().await;
    assert!(!app.state.has_mailbox() && !app.state.is_on_loopback());
    for mailbox in ["/mailbox", "/mailbox/1"] {
        assert_eq!(status(&path, &format!("GET {mailbox} HTTP/1.1")).await, 404, "{mailbox}");
        app.client().get(mailbox).await.must_be(404);
    }
}
