//! HTTP/2, taken apart at the door: each request of a connection becomes one of HTTP/1.1, on a connection within this
//! process to the service that answers everything else. So all that holds there (lengths, times, headers, who is
//! asked and who asks) holds here without being written twice.
//!
//! What HTTP/2 adds is bounded here, with the `h2` crate:
//!
//! | What a client may try | What ends it |
//! |---|---|
//! | many requests at once | [`MAX_REQUESTS`] of a connection, and a place among those of its origin for each |
//! | requests that it takes back at once (CVE-2023-44487) | [`MAX_RESET_UNSEEN`]; one whose answer is under way keeps its place until that is made |
//! | heads without an end, or of much out of little (CVE-2024-27316) | [`MAX_HEAD`]: more gets 431, much more or too many pieces end the connection |
//! | requests that break the rules | [`MAX_FAULTS`] |
//! | answers that it does not take, by a small window | nothing is handed on that has no window; [`UNREAD_TIMEOUT`], [`MAX_ANSWER`] |
//! | answers that it does not take, by not reading | [`MAX_SEND_BUFFER`]; then the time-out of the socket |
//! | bodies that nobody reads | [`REQUEST_WINDOW`], [`CONNECTION_WINDOW`]; the times of bodies as in HTTP/1.1 |
//! | bodies in very many pieces | `h2` ends the connection over a budget of small ones |
//! | pings and settings without an end | each is answered before the next is read, and they keep no connection open |
//! | nothing at all | [`Patience`] |
//!
//! [`MAX_ANSWER`]: exchange::MAX_ANSWER
//! [`UNREAD_TIMEOUT`]: exchange::UNREAD_TIMEOUT

mod exchange;
mod heads;
mod line;
mod patience;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use actix_http::error::DispatchError;
use actix_service::{Service as _, boxed::RcService};
use actix_web::rt;
use h2::{Ping, PingPong, Pong, Reason, server};
use hyper::body::Bytes;
use tokio::{
    io::duplex,
    net::TcpStream,
    task::JoinSet,
    time::{sleep_until, timeout},
};
use tokio_rustls::server::TlsStream;

use self::{
    line::Line,
    patience::{Patience, Step},
};
use super::listener::HEAD_TIMEOUT;
use crate::web::{
    connections::Admission,
    stream::Stream,
    wire::{Headers, Wire},
};

/// Requests of a connection at once; RFC 9113, 6.5.2, recommends no fewer.
const MAX_REQUESTS: u32 = 100;
/// Lines of a connection to the service: for its requests, and for some that it took back and that are being answered.
const MAX_LINES: usize = 128;
/// Lines that are kept for the requests to come.
const MAX_IDLE_LINES: usize = 4;
/// The fields of a head and 32 bytes for each (RFC 9113, 6.5.2). nginx takes as much, four times 8 KiB.
const MAX_HEAD: u32 = 32 * 1024;
/// Requests that are taken back before anybody looked at them.
const MAX_RESET_UNSEEN: usize = 20;
/// Requests that had to be reset because they break the rules.
const MAX_FAULTS: usize = 100;
/// Bytes of one body that may be under way before somebody reads them; RFC 9113, 6.9.2, begins with as many.
const REQUEST_WINDOW: u32 = 65_535;
/// Bytes of all bodies of a connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of one answer that wait for the socket.
const MAX_SEND_BUFFER: usize = 32 * 1024;
/// Bytes that are on their way within this process, each way.
const PIPE: usize = 16 * 1024;

/// The service that answers requests of HTTP/1.1.
pub(super) type Http1 = RcService<(Wire, Option<SocketAddr>), (), DispatchError>;

/// A connection whose client chose HTTP/2.
pub(super) struct Arrived {
    pub(super) stream: Box<TlsStream<TcpStream>>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) admission: Admission,
    pub(super) bare_headers: Headers,
}

/// What the requests of a connection share.
struct Session {
    service: Http1,
    peer: Option<SocketAddr>,
    admission: Admission,
    bare_headers: Headers,
    idle: RefCell<Vec<Line>>,
    lines: Rc<Cell<usize>>,
}

/// Answers the requests of a connection by `service`, until it ends. Once `stopped`, it takes no new ones.
pub(super) async fn serve(arrived: Arrived, service: Http1, stopped: impl Future<Output = ()>) {
    let Arrived { stream, peer, admission, bare_headers } = arrived;
    // An answer must not wait until the one before has arrived.
    let _ = stream.get_ref().0.set_nodelay(true);
    let handshake = bounds().handshake::<_, Bytes>(stream);
    let Ok(Ok(mut connection)) = timeout(HEAD_TIMEOUT, handshake).await else { return };
    let (idle, lines) = (RefCell::default(), Rc::default());
    let session = Rc::new(Session { service, peer, admission, bare_headers, idle, lines });

    let mut pings = connection.ping_pong();
    let mut patience = Patience::new(Instant::now());
    let mut look = pin!(sleep_until(patience.next_look().into()));
    let mut stopped = pin!(stopped);
    // With the connection, what it asked for ends as well.
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    patience.note_request(Instant::now());
                    requests.spawn_local(exchange::answer(session.clone(), request, respond));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a connection of HTTP/2 ended");
                    break;
                }
                None => break,
            },
            _ = requests.join_next(), if !requests.is_empty() => patience.note_request(Instant::now()),
            () = &mut stopped, if !patience.is_closing() => {
                patience.close(Instant::now());
                look.as_mut().reset(patience.next_look().into());
                connection.graceful_shutdown();
            }
            pong = poll_fn(|context| poll_pong(pings.as_mut(), context)), if patience.awaits_pong() => match pong {
                Ok(_) => patience.note_pong(),
                Err(_) => break,
            },
            () = &mut look => {
                let is_busy = connection.has_streams() || !requests.is_empty();
                match patience.look(Instant::now(), is_busy) {
                    Step::Wait => {}
                    Step::Ping => if let Some(pings) = &mut pings {
                        let _ = pings.send_ping(Ping::opaque());
                    },
                    Step::Close => connection.graceful_shutdown(),
                    Step::End => break,
                }
                look.as_mut().reset(patience.next_look().into());
            }
        }
    }
}

fn poll_pong(pings: Option<&mut PingPong>, context: &mut Context<'_>) -> Poll<Result<Pong, h2::Error>> {
    pings.map_or(Poll::Pending, |pings| pings.poll_pong(context))
}

fn bounds() -> server::Builder {
    let mut bounds = server::Builder::new();
    bounds
        .max_concurrent_streams(MAX_REQUESTS)
        .max_header_list_size(MAX_HEAD)
        .max_pending_accept_reset_streams(MAX_RESET_UNSEEN)
        .max_local_error_reset_streams(Some(MAX_FAULTS))
        .initial_window_size(REQUEST_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER);
    bounds
}

impl Session {
    /// A line for one request.
    ///
    /// # Errors
    /// The request is refused, and can be sent again: there is no place for it.
    async fn line(&self) -> Result<Line, Reason> {
        while let Some(mut line) = self.take_idle() {
            if line.is_free().await {
                return Ok(line);
            }
        }
        if self.lines.get() >= MAX_LINES {
            return Err(Reason::REFUSED_STREAM);
        }
        let admission = self.admission.admit_another().ok_or(Reason::REFUSED_STREAM)?;
        let (near, far) = duplex(PIPE);
        let wire = Wire::new(Stream::Within(far), self.bare_headers.clone(), admission);
        let (served, counted) = (self.service.call((wire, self.peer)), Counted::one_of(&self.lines));
        // It goes on where the client takes its request back, as in HTTP/1.1, and is counted until it is done.
        rt::spawn(async move {
            let _counted = counted;
            // What went wrong is told to the client, and only to it.
            let _ = served.await;
        });
        Line::open(near).await.map_err(|_| Reason::INTERNAL_ERROR)
    }

    fn take_idle(&self) -> Option<Line> {
        self.idle.borrow_mut().pop()
    }

    /// Keeps a line for another request, if it can take one.
    async fn keep(&self, mut line: Line) {
        if line.is_free().await {
            let mut idle = self.idle.borrow_mut();
            if idle.len() < MAX_IDLE_LINES {
                idle.push(line);
            }
        }
    }
}

/// One of a number of things that there are.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn one_of(number: &Rc<Cell<usize>>) -> Self {
        number.set(number.get() + 1);
        Self(number.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
