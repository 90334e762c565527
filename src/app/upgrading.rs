//! What is answered while the database is opened, when that takes long: a new version may have a large one to
//! upgrade, once, for minutes.
//!
//! The address is taken before that, so that a wrong one is told at once and not after the upgrade. Whoever asks
//! meanwhile is told to come back: a gateway that waited for an answer would hold up its clients, and one that
//! could not connect would not know why.

use std::{future::Future, net, pin::pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

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

/// Waits for `work`. Once it has taken as long as `patience`, requests that arrive at `socket` get 503.
pub(super) async fn answer_meanwhile<T>(
    socket: &net::TcpListener,
    work: impl Future<Output = T>,
    patience: Duration,
) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(patience, &mut work).await {
        return done;
    }
    tracing::info!("preparing the database takes a while; requests get 503 until it is done");
    let listener = match socket.try_clone().and_then(TcpListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "requests wait until the database is ready");
            return work.await;
        }
    };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        tokio::select! {
            done = &mut work => return done,
            accepted = listener.accept() => match (accepted, room.clone().try_acquire_owned()) {
                (Ok((stream, _)), Ok(place)) => {
                    tokio::spawn(async move {
                        let _place = place;
                        // Whoever is gone or slow gets no answer.
                        let _ = timeout(LONGEST_EXCHANGE, turn_away(stream)).await;
                    });
                }
                (Ok(_), Err(_)) => {}
                // Such as too many open files.
                (Err(_), _) => sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

async fn turn_away(mut stream: TcpStream) -> std::io::Result<()> {
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
    use tokio::sync::oneshot;

    use super::*;
    use crate::app::listener;

    async fn ask(address: net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn requests_are_turned_away_until_the_work_is_done_and_wait_in_line_after_it() {
        let socket = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let (done, work) = oneshot::channel();
        let waiting = answer_meanwhile(&socket, work, Duration::ZERO);
        let asking = async {
            for _ in 0..3 {
                let response = ask(address).await;
                assert!(
                    response.starts_with("HTTP/1.1 503 ") && response.contains("Retry-After: "),
                    "{response}"
                );
                let (head, body) = response.split_once("\r\n\r\n").unwrap();
                assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{response}");
                assert_eq!(body, "Tessera is upgrading its database. Try again shortly.\n");
            }
            done.send("done").unwrap();
        };
        let (result, ()) = tokio::join!(waiting, asking);
        assert_eq!(result, Ok("done"));
        let late = TcpStream::connect(address).await.unwrap();
        let server = TcpListener::from_std(socket).unwrap();
        let (_, peer) = server.accept().await.unwrap();
        assert_eq!(peer, late.local_addr().unwrap(), "it is left to the server");
    }

    #[tokio::test]
    async fn what_is_done_soon_keeps_requests_waiting() {
        let socket = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let early = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        assert_eq!(answer_meanwhile(&socket, async { 7 }, PATIENCE).await, 7);
        let (_, peer) = TcpListener::from_std(socket).unwrap().accept().await.unwrap();
        assert_eq!(peer, early.local_addr().unwrap());
    }
}
