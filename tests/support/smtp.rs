//! A mail server for tests: takes every mail, or refuses as it is told to.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where its mail is not as it should be")]

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

#[path = "received_mail.rs"]
mod received_mail;

pub(crate) use received_mail::ReceivedMail;

/// Listens on a port of its own until the test ends; clones see the same mails.
#[derive(Clone)]
pub(crate) struct SmtpSink {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    mails: Vec<ReceivedMail>,
    rejections: VecDeque<String>,
    down: bool,
    repeats_log_ins: bool,
    most_at_once: usize,
    awaited_at_once: usize,
    open_now: usize,
}

impl SmtpSink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let sink = Self { port, state: Arc::default() };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                tokio::spawn(async move { sink.serve(stream).await });
            }
        });
        sink
    }

    /// The value for `TESSERA_SMTP_URL`.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Answers the recipients of the next `mails` mails with `reply`, for example
    /// `451 4.2.0 try later` or `550 5.1.1 no such user`.
    pub(crate) fn refuse_next(&self, mails: usize, reply: &str) {
        self.state().rejections.extend(std::iter::repeat_n(reply.to_owned(), mails));
    }

    /// While down, hangs up on whoever calls.
    pub(crate) fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Asks for log-ins from now on, refuses them, and repeats what they were.
    pub(crate) fn repeat_log_ins(&self) {
        self.state().repeats_log_ins = true;
    }

    /// Takes none until so many are under way at the same time.
    pub(crate) fn wait_for_at_once(&self, mails: usize) {
        self.state().awaited_at_once = mails;
    }

    /// The most mails that were under way at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state().most_at_once
    }

    /// Every mail taken so far, oldest first.
    pub(crate) fn received(&self) -> Vec<ReceivedMail> {
        self.state().mails.clone()
    }

    /// Waits until `count` mails were taken.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<ReceivedMail> {
        for _ in 0..600 {
            let mails = self.received();
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} mails arrived within 30 seconds", self.received().len());
    }

    /// Waits for a mail to `address` and gives the newest one.
    pub(crate) async fn wait_for_mail_to(&self, address: &str) -> ReceivedMail {
        for _ in 0..600 {
            let newest = self.received().into_iter().rev().find(|mail| mail.is_to(address));
            if let Some(mail) = newest {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no mail to {address} arrived within 30 seconds");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client that hangs up in the middle is no concern of the test.
    async fn serve(&self, stream: TcpStream) {
        if !self.state().down {
            let _ = self.talk(BufReader::new(stream)).await;
        }
    }

    async fn talk(&self, mut stream: impl AsyncBufRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut recipients = Vec::new();
        reply(&mut stream, "220 sink ready").await?;
        while let Some(line) = read_line(&mut stream).await? {
            let line = String::from_utf8_lossy(&line).into_owned();
            if self.state().down {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if self.state().repeats_log_ins => "250-sink\r\n250 AUTH PLAIN".to_owned(),
                "AUTH" => format!("535 5.7.8 wrong: {}", line.trim_end()),
                "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
                "RCPT" => {
                    let rejection = self.state().rejections.pop_front();
                    if rejection.is_none() {
                        recipients.extend(between(&line, '<', '>'));
                    }
                    rejection.unwrap_or_else(|| "250 fine".to_owned())
                }
                "DATA" => {
                    reply(&mut stream, "354 go ahead").await?;
                    self.enter();
                    // Long enough for mails that are sent together to meet.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    while self.waits_for_more() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    let content = read_data(&mut stream).await?;
                    self.leave(ReceivedMail::parse(std::mem::take(&mut recipients), &content));
                    "250 taken".to_owned()
                }
                "RSET" | "MAIL" => {
                    recipients.clear();
                    "250 fine".to_owned()
                }
                "QUIT" => return reply(&mut stream, "221 bye").await,
                "NOOP" => "250 fine".to_owned(),
                _ => "502 unknown".to_owned(),
            };
            reply(&mut stream, &answer).await?;
        }
        Ok(())
    }

    fn enter(&self) {
        let mut state = self.state();
        state.open_now += 1;
        state.most_at_once = state.most_at_once.max(state.open_now);
    }

    fn waits_for_more(&self) -> bool {
        let state = self.state();
        state.most_at_once < state.awaited_at_once
    }

    fn leave(&self, mail: ReceivedMail) {
        let mut state = self.state();
        state.open_now -= 1;
        state.mails.push(mail);
    }
}

fn between(line: &str, open: char, close: char) -> Option<String> {
    let (_, rest) = line.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside.to_owned())
}

async fn reply(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}

/// One line with its end, or `None` once the client is gone.
async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let length = stream.read_until(b'\n', &mut line).await?;
    Ok((length > 0).then_some(line))
}

/// The mail up to the line with a single dot; other leading dots lose their double.
async fn read_data(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut content = Vec::new();
    while let Some(line) = read_line(stream).await? {
        if line == b".\r\n" {
            return Ok(String::from_utf8_lossy(&content).into_owned());
        }
        content.extend(line.strip_prefix(b".").unwrap_or(&line));
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
