//! Keeps a number of connections busy with one request and notes how long each answer took.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What one run measured.
pub struct Measured {
    /// Answers in one second.
    pub requests_per_second: f64,
    /// Half of the answers took no longer.
    pub p50: Duration,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
}

/// Sends `request` over `connections` connections for `duration`, each waiting for its answer.
pub fn run(address: SocketAddr, request: &str, connections: usize, duration: Duration) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut times = runtime.block_on(async {
        let until = Instant::now() + duration;
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            tasks.spawn(keep_busy(address, request.as_bytes().to_vec(), until));
        }
        tasks.join_all().await.concat()
    });
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Measured { requests_per_second: times.len() as f64 / duration.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

async fn keep_busy(address: SocketAddr, request: Vec<u8>, until: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut times = Vec::with_capacity(100_000);
    let mut buffer = vec![0; 256 * 1024];
    while Instant::now() < until {
        let started = Instant::now();
        stream.write_all(&request).await.expect("the request goes out");
        read_answer(&mut stream, &mut buffer).await;
        times.push(started.elapsed());
    }
    times
}

/// Reads one answer whole and insists that it is a 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = find(&buffer[..filled], b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).expect("headers");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse::<usize>().ok())
            .expect("a length");
        if filled >= head + 4 + length {
            return;
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
