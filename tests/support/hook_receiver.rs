//! A receiver of webhooks for tests: takes every message, or answers as it is told to.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where its message is not as it should be"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Listens on a port of its own until the test ends; clones see the same messages.
#[derive(Clone)]
pub(crate) struct HookReceiver {
    port: u16,
    state: Arc<Mutex<State>>,
    held: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    received: Vec<ReceivedHook>,
    answers: VecDeque<String>,
    usual: Option<String>,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedHook {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl ReceivedHook {
    /// The value of a header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

impl HookReceiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let receiver = Self { port, state: Arc::default(), held: Arc::new(watch::Sender::new(false)) };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move { receiver.talk(stream).await });
            }
        });
        receiver
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where to send messages to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Answers the next message with `status` and, after it, `rest`: headers, an empty line, a body.
    pub(crate) fn answer_next(&self, status: u16, rest: &str) {
        self.state().answers.push_back(format!("HTTP/1.1 {status} -\r\nconnection: close\r\n{rest}"));
    }

    /// From now on answers every message with `status`.
    pub(crate) fn answer_all(&self, status: u16) {
        self.state().usual = Some(format!("HTTP/1.1 {status} -\r\nconnection: close\r\n\r\n"));
    }

    /// From now on takes messages and does not answer them, until [`HookReceiver::release`].
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    /// Every message taken so far, oldest first.
    pub(crate) fn received(&self) -> Vec<ReceivedHook> {
        self.state().received.clone()
    }

    /// Waits until `count` messages were taken.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<ReceivedHook> {
        for _ in 0..600 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} messages arrived within 30 seconds", self.received().len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sender that hangs up in the middle is no concern of the test.
    async fn talk(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let answer = {
            let mut state = self.state();
            state.received.push(ReceivedHook {
                path,
                headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            });
            state.answers.pop_front().or_else(|| state.usual.clone())
        };
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
        let answer =
            answer.unwrap_or_else(|| "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned());
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}
