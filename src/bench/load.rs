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
    /// How often the server said that it cannot answer in time.
    pub unavailable: usize,
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
    match run_patiently(address, requests, connections, duration)? {
        Measured { unavailable: 1.., .. } => {
            Err(io::Error::other(format!("the server returned {UNAVAILABLE}")))
        }
        measured => Ok(measured),
    }
}

/// As [`run`], where a server may have more to do than it can: what it does not answer in time is counted.
///
/// # Errors
/// When a connection fails, or an answer is neither a success nor says that it can't be had in time.
pub(super) fn run_patiently(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    duration: Duration,
) -> io::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server_before = cpu::of_other_threads();
    let started = Instant::now();
    let (mut times, unavailable) = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let first = number * requests.len() / connections;
            tasks.spawn(keep_busy(address, requests.clone(), first, started + duration));
        }
        let (mut times, mut unavailable) = (Vec::new(), 0);
        while let Some(done) = tasks.join_next().await {
            let (of_one, unavailable_to_one) = done.map_err(io::Error::other)??;
            times.extend(of_one);
            unavailable += unavailable_to_one;
        }
        Ok::<_, io::Error>((times, unavailable))
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
        unavailable,
    })
}

/// What this share of the sorted times does not exceed.
pub(super) fn at(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len().saturating_sub(1) as f64 * share) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

async fn keep_busy(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    until: Instant,
) -> io::Result<(Vec<Duration>, usize)> {
    let mut line = Line::open(address).await?;
    let (mut times, mut unavailable) = (Vec::with_capacity(100_000), 0);
    for request in requests.iter().cycle().skip(first) {
        let started = Instant::now();
        if started >= until {
            break;
        }
        match line.ask(request).await? {
            200..300 => times.push(started.elapsed()),
            UNAVAILABLE => unavailable += 1,
            status => return Err(io::Error::other(format!("the server returned {status}"))),
        }
    }
    Ok((times, unavailable))
}

/// A connection that one request after the other goes over.
pub(super) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; MAX_ANSWER] })
    }

    /// Sends a request, waits for the whole answer, and gives its status.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            match self.stream.read(room).await? {
                0 => return Err(io::Error::other("the server closed the connection")),
                read => filled += read,
            }
            let answer = self.buffer.get(..filled).unwrap_or_default();
            if let Some(head) = Head::of(answer)
                && filled >= head.length
            {
                return Ok(head.status);
            }
        }
    }
}

/// What a server answers that cannot do it in time: the machine has more to do than it can.
pub(super) const UNAVAILABLE: u16 = 503;

/// What is read of an answer.
struct Head {
    status: u16,
    /// Of head and body together.
    length: usize,
}

impl Head {
    /// Once it is there.
    fn of(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(answer.get(..end)?);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let body = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = body.and_then(|length| length.parse::<usize>().ok()).unwrap_or_default();
        Some(Self { status, length: end + 4 + body })
    }
}
