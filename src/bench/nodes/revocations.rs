//! How soon all nodes refuse a key that was revoked on one of them, while all of them are busy.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use super::{
    super::{
        BenchError,
        load::{self, Line, UNAVAILABLE},
        progress, request,
    },
    Node,
};
use crate::{config::NodesPlan, domain::bulk::ManagedOrganization};

/// How long a key is presented to all nodes before it is revoked.
const BEFORE: Duration = Duration::from_millis(20);
/// Nothing takes as long; a node that still accepts a key then has lost the log.
const PATIENCE: Duration = Duration::from_secs(30);
/// A pause before what could not be done in time is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// What `/auth` answers to a key that is accepted.
const ACCEPTED: u16 = 204;
/// And to one that is not.
const REFUSED: u16 = 401;

/// Revokes one key after the other, each on the next node, and prints how long that took and how long the others
/// accepted the key after the answer.
pub(super) fn measure(
    plan: &NodesPlan,
    nodes: &[Node],
    organization: &ManagedOrganization,
    requests: &Arc<Vec<Vec<u8>>>,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
    let connections = (plan.verification.connections / nodes.len()).max(1);
    let load = Load::start(&addresses, requests, connections);
    let measured = revoke_all(plan.revocations, &addresses, organization);
    let (load, unavailable) = load.stop()?;
    let (answers, others): (Vec<_>, Vec<_>) = measured?.into_iter().unzip();

    writeln!(
        out,
        "\n{} revocations, each on one of {} nodes, while all of them verify over {connections} connections each \
         ({load:.0} requests/s together)\n",
        plan.revocations,
        nodes.len()
    )?;
    writeln!(out, "{:<42} {:>10} {:>10} {:>10}", "", "p50", "p99", "max")?;
    print("answer of the node that is asked", answers, out)?;
    print("after it, until every other node refuses", others, out)?;
    if unavailable > 0 {
        writeln!(out, "{unavailable} verifications returned 503: the machine has more to do than it can")?;
    }
    Ok(())
}

fn print(name: &str, mut times: Vec<Duration>, out: &mut impl Write) -> io::Result<()> {
    times.sort_unstable();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| load::at(&times, share));
    writeln!(out, "{name:<42} {p50:>10.2?} {p99:>10.2?} {max:>10.2?}")
}

/// Of each revocation: how long it took, and how long after its answer all others refuse the key.
fn revoke_all(
    count: usize,
    nodes: &[SocketAddr],
    organization: &ManagedOrganization,
) -> Result<Vec<(Duration, Duration)>, BenchError> {
    let bar = progress("revoking keys", count);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        let mut measured = Vec::with_capacity(count);
        for (number, (id, secret)) in organization.keys.iter().take(count).enumerate() {
            let path = format!("/api/v2/organizations/{}/keys/{id}/deactivate", organization.id);
            let revocation = post(&path, organization.token.expose());
            let key = request(secret.expose());
            let revoked = revoke(nodes, number % nodes.len(), &revocation, &key);
            measured.push(timeout(PATIENCE, revoked).await.map_err(|_| "a node accepts a revoked key")??);
            bar.inc(1);
        }
        Ok(measured)
    });
    bar.finish_and_clear();
    measured
}

/// A request of the API with an empty body.
pub(super) fn post(path: &str, token: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

async fn revoke(
    nodes: &[SocketAddr],
    on: usize,
    revocation: &[u8],
    key: &[u8],
) -> io::Result<(Duration, Duration)> {
    let mut others = JoinSet::new();
    let mut asked = None;
    for (number, address) in nodes.iter().enumerate() {
        let mut line = Line::open(*address).await?;
        // From then on it is in the memory of this node.
        succeed(&mut line, key).await?;
        if number == on {
            asked = Some(line);
        } else {
            others.spawn(present_until_refused(line, key.to_owned()));
        }
    }
    let mut asked = asked.ok_or_else(|| io::Error::other("no node is asked"))?;
    tokio::time::sleep(BEFORE).await;
    let began = Instant::now();
    succeed(&mut asked, revocation).await?;
    let answered = Instant::now();
    let mut last = answered;
    while let Some(refused) = others.join_next().await {
        last = last.max(refused.map_err(io::Error::other)??);
    }
    Ok((answered - began, last - answered))
}

/// Goes on until the node finds the time.
async fn succeed(line: &mut Line, request: &[u8]) -> io::Result<()> {
    loop {
        match line.ask(request).await? {
            200..300 => return Ok(()),
            UNAVAILABLE => tokio::time::sleep(PAUSE).await,
            other => return Err(io::Error::other(format!("a node returned {other}"))),
        }
    }
}

/// When the first refusal has arrived. A node that says that it does not know is asked again.
async fn present_until_refused(mut line: Line, key: Vec<u8>) -> io::Result<Instant> {
    loop {
        match line.ask(&key).await? {
            ACCEPTED | UNAVAILABLE => {}
            REFUSED => return Ok(Instant::now()),
            other => return Err(io::Error::other(format!("a node returned {other} for a key"))),
        }
    }
}

/// Keeps all nodes busy with verifications, on a thread for each.
struct Load {
    began: Instant,
    counts: Arc<Counts>,
    threads: Vec<thread::JoinHandle<io::Result<()>>>,
}

/// Of all nodes together.
#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    answers: AtomicUsize,
    unavailable: AtomicUsize,
}

impl Load {
    fn start(nodes: &[SocketAddr], requests: &Arc<Vec<Vec<u8>>>, connections: usize) -> Self {
        let counts = Arc::<Counts>::default();
        let threads = nodes.iter().map(|address| {
            let (address, requests, counts) = (*address, requests.clone(), counts.clone());
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let mut tasks = JoinSet::new();
                    for number in 0..connections {
                        let first = number * requests.len() / connections;
                        tasks.spawn(keep_busy(address, requests.clone(), first, counts.clone()));
                    }
                    while let Some(ended) = tasks.join_next().await {
                        ended.map_err(io::Error::other)??;
                    }
                    Ok(())
                })
            })
        });
        Self { began: Instant::now(), threads: threads.collect(), counts }
    }

    /// What all nodes together answered in a second, and how often one could not.
    fn stop(self) -> Result<(f64, usize), BenchError> {
        let seconds = self.began.elapsed().as_secs_f64();
        let answers = self.counts.answers.load(Ordering::Relaxed);
        self.counts.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "the load ended early")??;
        }
        Ok((answers as f64 / seconds, self.counts.unavailable.load(Ordering::Relaxed)))
    }
}

async fn keep_busy(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let mut line = Line::open(address).await?;
    for request in requests.iter().cycle().skip(first) {
        if counts.is_over.load(Ordering::Relaxed) {
            break;
        }
        match line.ask(request).await? {
            ACCEPTED => counts.answers.fetch_add(1, Ordering::Relaxed),
            UNAVAILABLE => counts.unavailable.fetch_add(1, Ordering::Relaxed),
            other => return Err(io::Error::other(format!("a node returned {other} for an active key"))),
        };
    }
    Ok(())
}
