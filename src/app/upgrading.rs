//! What is answered while the database is opened, when that takes long: a new version may have a large one to
//! upgrade, once, for minutes.
//!
//! The address is taken before that, so that a wrong one is told at once and not after the upgrade. Whoever asks
//! meanwhile is told to come back: a gateway that waited for an answer would hold up its clients, and one that
//! could not connect would not know why.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{sockets::Socket, tls::Tls};
use crate::web::stream::Stream;

/// How long requests just wait: nearly always the database is open by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long one connection is looked after.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(2);
/// Connections that are looked after at one time; more are closed without a word.
const MAX_CONNECTIONS: usize = 256;
/// More than the head of a request has.
const MAX_HEAD: usize = 16 * 1024;

const RESPONSE: &str = "HTTP/1.1 503 Service Unavailable\r\n\
     Content-Type: text/plain; charset=utf-8\r\n\
     Content-Length: 54\r\n\
     Retry-After: 10\r\n\
     Cache-Control: no-store\r\n\
     Content-Security-Policy: default-src 'none'; base-uri 'none'; frame-ancestors 'none'\r\n\
     X-Content-Type-Options: nosniff\r\n\
     Connection: close\r\n\
     \r\n\
     Tessera is upgrading its database. Try again shortly.\n";

/// Waits for `work`. Once it has taken as long as `patience`, requests that arrive at `sockets` get 503.
pub(super) async fn answer_meanwhile<T>(
    sockets: &[Socket],
    tls: Option<&Arc<Tls>>,
    work: impl Future<Output = T>,
    patience: Duration,
) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(patience, &mut work).await {
        return done;
    }
    tracing::info!("preparing the database takes a while; requests get 503 until it is done");
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut answering = JoinSet::new();
    for socket in sockets {
        match Listener::beside(socket) {
            Ok(listener) => drop(answering.spawn(turn_all_away(listener, tls.cloned(), room.clone()))),
            Err(error) => tracing::warn!(%error, "requests wait until the database is ready"),
        }
    }
    let done = work.await;
    // Not only asked to end: what they would still accept is the server's.
    answering.shutdown().await;
    done
}

/// A listener of this runtime, beside the one that the server gets.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn beside(socket: &Socket) -> io::Result<Self> {
        Ok(match socket {
            Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket.try_clone()?)?),
            Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket.try_clone()?)?),
        })
    }

    async fn accept(&self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept().await?.0),
            Self::Unix(listener) => Stream::Unix(listener.accept().await?.0),
        })
    }
}

async fn turn_all_away(listener: Listener, tls: Option<Arc<Tls>>, room: Arc<Semaphore>) {
    loop {
        match (listener.accept().await, room.clone().try_acquire_owned()) {
            (Ok(stream), Ok(place)) => {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let _place = place;
                    // Whoever is gone or slow gets no answer.
                    let _ = timeout(LONGEST_EXCHANGE, turn_away(stream, tls)).await;
                });
            }
            (Ok(_), Err(_)) => {}
            // Such as too many open files.
            (Err(_), _) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn turn_away(stream: Stream, tls: Option<Arc<Tls>>) -> io::Result<()> {
    let mut stream = match (stream, tls) {
        (Stream::Tcp(stream), Some(tls)) => Stream::Tls(tls.accept_http_1(stream).await?),
        (stream, _) => stream,
    };
    let (mut head, mut part) = (Vec::<u8>::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD {
        match stream.read(&mut part).await? {
            0 => return Ok(()),
            read => head.extend(part.iter().take(read)),
        }
    }
    stream.write_all(RESPONSE.as_bytes()).await?;
    stream.shutdown().await?;
    // What is closed with something unread is cut off, and the response may be lost.
    while stream.read(&mut part).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, os::unix::net, path::Path};

    use tokio::{
        net::{TcpStream, UnixStream},
        sync::oneshot,
    };

    use super::*;
    use crate::app::sockets;

    async fn ask(mut stream: Stream) -> String {
        stream.write_all(b"POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    fn tcp() -> (Socket, SocketAddr) {
        let socket = sockets::bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (Socket::Tcp(socket), address)
    }

    fn unix(path: &Path) -> Socket {
        let socket = net::UnixListener::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Socket::Unix(socket)
    }

    async fn peer_of_next(socket: &Socket) -> Option<SocketAddr> {
        Listener::beside(socket).unwrap().accept().await.unwrap().peer()
    }

    #[tokio::test]
    async fn requests_are_turned_away_until_the_work_is_done_and_wait_in_line_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tessera.sock");
        let (socket, address) = tcp();
        let sockets = [socket, unix(&path)];
        let (done, work) = oneshot::channel();
        let waiting = answer_meanwhile(&sockets, None, work, Duration::ZERO);
        let asking = async {
            for _ in 0..3 {
                let over_network = ask(Stream::Tcp(TcpStream::connect(address).await.unwrap())).await;
                let over_file = ask(Stream::Unix(UnixStream::connect(&path).await.unwrap())).await;
                for response in [over_network, over_file] {
                    assert!(
                        response.starts_with("HTTP/1.1 503 ") && response.contains("Retry-After: "),
                        "{response}"
                    );
                    let (head, body) = response.split_once("\r\n\r\n").unwrap();
                    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{response}");
                    assert_eq!(body, "Tessera is upgrading its database. Try again shortly.\n");
                }
            }
            done.send("done").unwrap();
        };
        let (result, ()) = tokio::join!(waiting, asking);
        assert_eq!(result, Ok("done"));
        let late = TcpStream::connect(address).await.unwrap();
        let peer = peer_of_next(&sockets[0]).await;
        assert_eq!(peer, Some(late.local_addr().unwrap()), "it is left to the server");
    }

    #[tokio::test]
    async fn what_is_done_soon_keeps_requests_waiting() {
        let (socket, address) = tcp();
        let sockets = [socket];
        let early = TcpStream::connect(address).await.unwrap();
        assert_eq!(answer_meanwhile(&sockets, None, async { 7 }, PATIENCE).await, 7);
        assert_eq!(peer_of_next(&sockets[0]).await, Some(early.local_addr().unwrap()));
    }
}
