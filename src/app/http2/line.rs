//! A connection within this process, over which requests go to the service of HTTP/1.1 one after the other.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use h2::RecvStream;
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Bytes of an answer that are taken in before they are sent on; a head has to fit.
const MAX_BUFFER: usize = 32 * 1024;

/// The asking end of such a connection. It moves only while somebody waits for something of it, and ends when it is
/// dropped.
pub(super) struct Line {
    sender: SendRequest<Upload>,
    /// Nothing once it is over.
    connection: Option<Connection<TokioIo<NearEnd>, Upload>>,
}

impl Line {
    pub(super) async fn open(near: DuplexStream) -> hyper::Result<Self> {
        let opened = Builder::new().max_buf_size(MAX_BUFFER).handshake(TokioIo::new(NearEnd(near))).await;
        opened.map(|(sender, connection)| Self { sender, connection: Some(connection) })
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn ask(&mut self, request: Request<Upload>) -> hyper::Result<Response<Incoming>> {
        let mut answer = pin!(self.sender.send_request(request));
        poll_fn(|context| {
            poll_connection(&mut self.connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// The next part of the answer.
    pub(super) async fn next(&mut self, answer: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        poll_fn(|context| {
            poll_connection(&mut self.connection, context);
            Pin::new(&mut *answer).poll_frame(context)
        })
        .await
    }

    /// Whether it can take a request at once.
    pub(super) async fn is_free(&mut self) -> bool {
        poll_fn(|context| {
            poll_connection(&mut self.connection, context);
            Poll::Ready(self.connection.is_some() && self.sender.is_ready())
        })
        .await
    }
}

fn poll_connection(connection: &mut Option<Connection<TokioIo<NearEnd>, Upload>>, context: &mut Context<'_>) {
    // Whoever waits for something learns of an error by that.
    if connection.as_mut().is_some_and(|moving| Pin::new(moving).poll(context).is_ready()) {
        *connection = None;
    }
}

/// The body of a request. What comes after it (trailers) is let fall: nothing here asks for that.
pub(super) struct Upload {
    stream: RecvStream,
    length: Option<u64>,
}

impl Upload {
    /// `length` is what the head says of it; HTTP/2 lets no other length through.
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self { stream, length }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let read = ready!(self.stream.poll_data(context));
        Poll::Ready(read.map(|read| {
            let bytes = read?;
            // The client may send as much again.
            self.stream.flow_control().release_capacity(bytes.len())?;
            Ok(Frame::data(bytes))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// This end of the connection. The other one may answer before it has read all of a request, and close: what is
/// written then is let fall, and the answer can still be read.
struct NearEnd(DuplexStream);

impl AsyncRead for NearEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for NearEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.0).poll_write(context, bytes)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Poll::Ready(Ok(bytes.len())),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
