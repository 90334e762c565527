//! How soon all nodes refuse a key that was revoked on one of them, while all of them verify others.
//!
//! The load is paced, well below what the machine can do: with all cores taken, it would be measured how soon the
//! system lets a thread go on, and not how soon a node hears of a change.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    super::{
        BenchError,
        load::{self, Line, UNAVAILABLE},
        progress, request,
    },
    Node, PATIENCE, PAUSE, print_unavailable,
};
use crate::{config::NodesPlan, domain::bulk::ManagedOrganization};

/// How long a key is presented to all nodes before it is revoked.
const BEFORE: Duration = Duration::from_millis(20);
/// A pause between two times that a key is presented: so exact is what is measured.
const PACE: Duration = Duration::from_millis(1);

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
    let load = Load::start(&addresses, requests, plan);
    let measured = revoke_all(plan.revocations, &addresses, organization);
    let (load, unavailable) = load.stop()?;
    let measured = measured?;
    let busy = plan.revocations - measured.len();
    let (answers, others): (Vec<_>, Vec<_>) = measured.into_iter().unzip();

    writeln!(
        out,
        "\n{} revocations, each on one of {} nodes, while all of them verify {load:.0} of {} requests/s that are \
         asked for\n",
        plan.revocations,
        nodes.len(),
        plan.load
    )?;
    writeln!(out, "{:<42} {:>10} {:>10} {:>10}", "", "p50", "p99", "max")?;
    print("answer of the node that is asked", answers, out)?;
    print("after it, until every other node refuses", others, out)?;
    if busy > 0 {
        writeln!(
            out,
            "{busy} revocations took too long to be measured: the machine has more to do than it can"
        )?;
    }
    print_unavailable(unavailable, out)
}

fn print(name: &str, mut times: Vec<Duration>, out: &mut impl Write) -> io::Result<()> {
    times.sort_unstable();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| load::at(&times, share));
    writeln!(out, "{name:<42} {p50:>10.2?} {p99:>10.2?} {max:>10.2?}")
}

/// Of each revocation: how long it took, and how long after its answer all others refuse the key. Those that a node
/// could not do in time are left out.
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
            // Each of its steps is bounded by itself; an answer that never comes is not.
            if let Ok(revoked) = timeout(4 * PATIENCE, revoked).await {
                measured.extend(revoked?);
            }
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

/// `None` where a node could not do its part in time.
async fn revoke(
    nodes: &[SocketAddr],
    on: usize,
    revocation: &[u8],
    key: &[u8],
) -> io::Result<Option<(Duration, Duration)>> {
    let (mut others, over) = (JoinSet::new(), Arc::<OnceLock<Instant>>::default());
    let mut asked = None;
    for (number, address) in nodes.iter().enumerate() {
        let mut line = Line::open(*address).await?;
        // From then on it is in the memory of this node.
        if !succeed(&mut line, key).await? {
            return Ok(None);
        }
        if number == on {
            asked = Some(line);
        } else {
            others.spawn(present_until_refused(line, key.to_owned(), over.clone()));
        }
    }
    let mut asked = asked.ok_or_else(|| io::Error::other("no node is asked"))?;
    sleep(BEFORE).await;
    let began = Instant::now();
    if !succeed(&mut asked, revocation).await? {
        return Ok(None);
    }
    let answered = *over.get_or_init(Instant::now);
    let mut last = answered;
    while let Some(refused) = others.join_next().await {
        let Some(refused) = refused.map_err(io::Error::other)?? else { return Ok(None) };
        last = last.max(refused);
    }
    Ok(Some((answered - began, last - answered)))
}

/// Goes on until the node finds the time; `false` where it does not.
async fn succeed(line: &mut Line, request: &[u8]) -> io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match line.ask(request).await? {
            200..300 => return Ok(true),
            UNAVAILABLE => sleep(PAUSE).await,
            other => return Err(io::Error::other(format!("a node returned {other}"))),
        }
    }
    Ok(false)
}

/// When the first refusal has arrived. A node that says that it does not know is asked again, and given up long after
/// the key was `over`; one that accepts the key then has lost the log.
async fn present_until_refused(
    mut line: Line,
    key: Vec<u8>,
    over: Arc<OnceLock<Instant>>,
) -> io::Result<Option<Instant>> {
    loop {
        let status = line.ask(&key).await?;
        let is_late = over.get().is_some_and(|over| over.elapsed() > PATIENCE);
        match status {
            REFUSED => return Ok(Some(Instant::now())),
            ACCEPTED if is_late => return Err(io::Error::other("a node accepts a revoked key")),
            UNAVAILABLE if is_late => return Ok(None),
            ACCEPTED | UNAVAILABLE => sleep(PACE).await,
            other => return Err(io::Error::other(format!("a node returned {other} for a key"))),
        }
    }
}

/// Has all nodes verify keys at a steady pace, on a thread for each.
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
    fn start(nodes: &[SocketAddr], requests: &Arc<Vec<Vec<u8>>>, plan: &NodesPlan) -> Self {
        let counts = Arc::<Counts>::default();
        // Each asks once a second at least, and so hears soon that it is over.
        let connections = (plan.verification.connections / nodes.len()).min(plan.load / nodes.len()).max(1);
        let period = Duration::from_secs_f64((connections * nodes.len()) as f64 / plan.load as f64);
        let threads = nodes.iter().map(|address| {
            let (address, requests, counts) = (*address, requests.clone(), counts.clone());
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let mut tasks = JoinSet::new();
                    for number in 0..connections {
                        let share = number as f64 / connections as f64;
                        let first = (requests.len() as f64 * share) as usize;
                        let pace = Pace { wait: period.mul_f64(share), period };
                        tasks.spawn(verify(address, requests.clone(), first, pace, counts.clone()));
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

/// When a connection asks: first after a while, so that not all ask together, and then again and again.
#[derive(Clone, Copy)]
struct Pace {
    wait: Duration,
    period: Duration,
}

async fn verify(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    pace: Pace,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let mut line = Line::open(address).await?;
    let mut ticks = interval_at(tokio::time::Instant::now() + pace.wait, pace.period);
    // A node that was slow is not asked faster for that.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for request in requests.iter().cycle().skip(first) {
        ticks.tick().await;
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
