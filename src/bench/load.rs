//! Keeps a number of connections busy and notes how long each answer took.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::cpu;

/// What one run measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Answers in one second.
    pub requests_per_second: f64,
    /// Half of the answers took no longer.
    pub p50: Duration,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
    /// Processor time of the server for one answer, where the system tells it.
    pub cpu_per_request: Option<Duration>,
}

/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Sends `requests` in turn over `connections` connections for `duration`; each connection waits
/// for its answer. The server is expected in this process, on other threads.
///
/// # Errors
/// When a connection fails or an answer is no success.
pub fn run(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    duration: Duration,
) -> io::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server_before = cpu::of_other_threads();
    let started = Instant::now();
    let mut times = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let first = number * requests.len() / connections;
            tasks.spawn(keep_busy(address, requests.clone(), first, started + duration));
        }
        let mut times = Vec::new();
        while let Some(done) = tasks.join_next().await {
            times.extend(done.map_err(io::Error::other)??);
        }
        Ok::<_, io::Error>(times)
    })?;
    let elapsed = started.elapsed();
    let spent =
        cpu::of_other_threads().zip(server_before).map(|(after, before)| after.saturating_sub(before));
    times.sort_unstable();
    Ok(Measured {
        requests_per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50: at(&times, 0.5),
        p99: at(&times, 0.99),
        cpu_per_request: spent.map(|spent| spent.div_f64(times.len().max(1) as f64)),
    })
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len().saturating_sub(1) as f64 * share) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

async fn keep_busy(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    until: Instant,
) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(100_000);
    let mut buffer = vec![0; MAX_ANSWER];
    for request in requests.iter().cycle().skip(first) {
        let started = Instant::now();
        if started >= until {
            break;
        }
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut buffer).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}

/// Reads one answer whole and insists that it is a success.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        match stream.read(room).await? {
            0 => return Err(io::Error::other("the server closed the connection")),
            read => filled += read,
        }
        let answer = buffer.get(..filled).unwrap_or_default();
        if length(answer)?.is_some_and(|length| filled >= length) {
            return Ok(());
        }
    }
}

/// The length of head and body together, once the head is there.
fn length(answer: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    if !head.starts_with("HTTP/1.1 20") {
        return Err(io::Error::other(format!("not a success: {head}")));
    }
    let body = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Ok(Some(end + 4 + body.and_then(|length| length.parse::<usize>().ok()).unwrap_or_default()))
}
