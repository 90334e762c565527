//! The connection below actix, for what actix-http leaves open.
//!
//! What cannot be read as a request never reaches the application: it is answered with a bare 400, 408
//! or 431, and there is no place where headers could be added. They are added to the bytes here
//! (ASVS 3.4.3: on every response).
//!
//! Requests that arrive together are all taken apart together, 128 KiB of them, though only one is
//! answered at a time: 7,000 of 18 bytes, of which each then holds 6 KiB. So no more than a few are
//! handed on before one is answered.

mod heads;

use std::{
    cell::Cell,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use actix_web::{dev::Extensions, http::header::HeaderMap};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{connections::Admission, stream::Stream};
use heads::Heads;

/// The end of a head, and between two lines of it.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// More than the longest bare answer, that of 431, has.
const MAX_BARE_LENGTH: usize = 200;
/// All that actix-http writes into an answer of its own.
const BARE_HEADERS: [&str; 3] = ["content-length", "connection", "date"];

/// Requests that are handed on before one is answered; as many as actix-http means to take.
const MAX_AHEAD: usize = 16;
/// After which time without an answer more are handed on: what looks like the head of a request may be
/// a part of one.
const PATIENCE: Duration = Duration::from_secs(1);

/// What tells the headers for one bare answer.
pub type Headers = Arc<dyn Fn() -> HeaderMap + Send + Sync>;

/// A connection whose bare answers get headers.
pub struct Wire {
    stream: Stream,
    /// What its requests are told, once.
    admission: Cell<Option<Admission>>,
    headers: Headers,
    /// What was taken and is not sent yet.
    pending: Vec<u8>,
    /// Finds the heads in what is read.
    heads: Heads,
    /// Heads that were handed on, without what was written since.
    ahead: usize,
    /// What was read and is one head too many.
    held_back: Vec<u8>,
    /// Who waits for what is held back, and for how long.
    waiting: Option<(Waker, Pin<Box<Sleep>>)>,
}

impl Wire {
    /// Wraps a connection that was accepted.
    pub fn new(stream: Stream, headers: Headers, admission: Admission) -> Self {
        Self {
            stream,
            admission: Cell::new(Some(admission)),
            headers,
            pending: Vec::new(),
            heads: Heads::default(),
            ahead: 0,
            held_back: Vec::new(),
            waiting: None,
        }
    }

    /// Tells what is known of the connection to its requests.
    pub fn tell(&self, data: &mut Extensions) {
        if let Some(admission) = self.admission.take() {
            admission.tell(data);
        }
    }

    /// Waits until another head may be handed on.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.ahead >= MAX_AHEAD {
            let (waker, patience) =
                self.waiting.get_or_insert_with(|| (context.waker().clone(), Box::pin(sleep(PATIENCE))));
            waker.clone_from(context.waker());
            ready!(patience.as_mut().poll(context));
            self.ahead = 0;
        }
        self.waiting = None;
        Poll::Ready(())
    }

    /// An answer, or a part of one, was written.
    fn note_written(&mut self) {
        self.ahead = self.ahead.saturating_sub(1);
        if let Some((reader, _)) = self.waiting.take() {
            reader.wake();
        }
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.pending))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buffer.filled().len();
        if self.held_back.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            ready!(self.poll_ahead(context));
            let length = self.held_back.len().min(buffer.remaining());
            buffer.put_slice(self.held_back.get(..length).unwrap_or_default());
            self.held_back.drain(..length);
        }
        let read = buffer.filled().get(start..).unwrap_or_default();
        let room = MAX_AHEAD - self.ahead.min(MAX_AHEAD);
        let (found, handed_on) = self.heads.find(read, room);
        self.ahead += found;
        if handed_on < read.len() {
            let rest = read.get(handed_on..).unwrap_or_default();
            self.held_back.splice(..0, rest.iter().copied());
            buffer.set_filled(start + handed_on);
            // Nothing at all would be taken for the end of the connection.
            if handed_on == 0 {
                ready!(self.poll_ahead(context));
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if !ends_with_bare_answer(bytes) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            if sent == bytes.len() {
                self.note_written();
            }
            return Poll::Ready(Ok(sent));
        }
        self.pending = with_headers(bytes, &(self.headers)());
        // What does not go out now is sent by the flush that follows.
        match self.poll_pending(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whether the last of what is written is an answer of actix-http's own: a failure without a body and
/// with none of the headers that the application adds to each.
fn ends_with_bare_answer(bytes: &[u8]) -> bool {
    let Some(head) = bytes.strip_suffix(END_OF_HEAD) else { return false };
    let tail = head.get(head.len().saturating_sub(MAX_BARE_LENGTH)..).unwrap_or_default();
    let start = tail.windows(7).rposition(|window| window == b"HTTP/1.");
    let head = start.and_then(|start| str::from_utf8(tail.get(start..)?).ok());
    head.is_some_and(is_bare)
}

fn is_bare(head: &str) -> bool {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut fields = lines.map(|line| line.split_once(": ").unwrap_or_default());
    status.starts_with(['4', '5'])
        && fields.all(|(name, value)| {
            let is_length = name.eq_ignore_ascii_case("content-length");
            BARE_HEADERS.iter().any(|bare| name.eq_ignore_ascii_case(bare)) && (!is_length || value == "0")
        })
}

fn with_headers(bytes: &[u8], headers: &HeaderMap) -> Vec<u8> {
    let head = bytes.strip_suffix(END_OF_HEAD).unwrap_or(bytes);
    let mut written = head.to_vec();
    for (name, value) in headers {
        written.extend_from_slice(b"\r\n");
        written.extend_from_slice(name.as_str().as_bytes());
        written.extend_from_slice(b": ");
        written.extend_from_slice(value.as_bytes());
    }
    written.extend_from_slice(END_OF_HEAD);
    written
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                        date: Thu, 26 Nov 2026 02:09:22 GMT\r\n\r\n";

    #[test]
    fn only_a_bare_failure_gets_headers() {
        assert!(ends_with_bare_answer(BARE.as_bytes()));
        let second = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\nok{BARE}");
        assert!(ends_with_bare_answer(second.as_bytes()), "behind another answer");
        for other in [
            BARE.replace("400 Bad Request", "200 OK"),
            BARE.replace("length: 0", "length: 4"),
            BARE.replace("connection: close", "x-request-id: req_1"),
            BARE.trim_end().to_owned(),
            format!("{BARE}more"),
            String::new(),
            "\r\n\r\n".to_owned(),
        ] {
            assert!(!ends_with_bare_answer(other.as_bytes()), "{other}");
        }
    }

    /// A connection over which requests came together, and its other end.
    async fn crowded(requests: &str) -> (Wire, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(requests.as_bytes()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (Wire::new(Stream::Tcp(stream), Arc::new(HeaderMap::new), Admission::default()), client)
    }

    async fn heads_read(wire: &mut Wire) -> usize {
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length) = tokio::time::timeout(PATIENCE / 4, wire.read(&mut buffer)).await {
            read.extend_from_slice(&buffer[..length.unwrap()]);
        }
        read.windows(8).filter(|bytes| bytes == b"HTTP/1.1").count()
    }

    #[tokio::test]
    async fn no_more_requests_are_handed_on_than_a_few_before_one_is_answered() {
        let (mut wire, _client) = crowded(&"GET / HTTP/1.1\r\n\r\n".repeat(400)).await;
        // The line of one more is there, but for its end.
        assert_eq!(heads_read(&mut wire).await, MAX_AHEAD + 1);
        for _ in 0..3 {
            wire.write_all(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").await.unwrap();
            assert_eq!(heads_read(&mut wire).await, 1);
        }
        // What only looks like a request is never answered, and goes on after a while.
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(heads_read(&mut wire).await, MAX_AHEAD);
    }

    #[test]
    fn headers_stand_before_the_end_of_the_head() {
        let mut headers = HeaderMap::new();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let written = String::from_utf8(with_headers(BARE.as_bytes(), &headers)).unwrap();
        assert_eq!(written, BARE.replace("GMT\r\n\r\n", "GMT\r\nx-content-type-options: nosniff\r\n\r\n"));
    }
}
