//! `tessera bench attacks`: how long a verification takes while strangers do what they can.
//!
//! The strangers are in this process, too, and take their share of its processors; they go behind the
//! server, as those of a network would be on other machines.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::{BenchError, bring_into_memory, configuration_with, load, make_keys, request, start_with_state};
use crate::{db::Db, machine};

/// What an attack may do to the 99th percentile.
const MAX_RATIO: f64 = 10.0;
/// Below this nothing is wrong whatever the ratio: the machine of a test does other things, too. Before
/// there were limits, an attack of twelve sign-ups a second made it 2.7 seconds.
const NO_MATTER: Duration = Duration::from_millis(100);
/// Keys that are asked about.
const KEYS: usize = 100;

/// One kind of attack.
#[derive(Clone, Copy)]
struct Attack {
    name: &'static str,
    connections: usize,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    /// Sends the text and waits.
    Half(&'static str),
    /// Sends the text and then a byte now and then.
    Drip(&'static str),
    /// Connects and closes.
    Connect,
    /// Sends what `make` says for each number, and reads what comes.
    Ask(fn(u64) -> String),
}

const HALF_HEAD: &str = "POST /login HTTP/1.1\r\nHost: bench\r\nX-Slow: ";
const HALF_BODY: &str = "POST /login HTTP/1.1\r\nHost: bench\r\n\
     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nemail=a";

const ATTACKS: [Attack; 9] = [
    Attack { name: "half heads", connections: 1000, act: Act::Half(HALF_HEAD) },
    Attack { name: "half bodies", connections: 1000, act: Act::Half(HALF_BODY) },
    Attack { name: "slow bodies", connections: 200, act: Act::Drip(HALF_BODY) },
    Attack { name: "connections", connections: 16, act: Act::Connect },
    Attack { name: "log-ins, one origin", connections: 16, act: Act::Ask(log_in_from_one) },
    Attack { name: "log-ins, everywhere", connections: 16, act: Act::Ask(log_in_from_everywhere) },
    Attack { name: "sign-ups", connections: 16, act: Act::Ask(sign_up) },
    Attack { name: "large forms", connections: 16, act: Act::Ask(large_form) },
    Attack { name: "pages", connections: 32, act: Act::Ask(page) },
];

fn log_in_from_one(number: u64) -> String {
    form("/login", "198.51.100.1", &format!("email={number}%40flood.example&password=x"))
}

fn log_in_from_everywhere(number: u64) -> String {
    form("/login", &origin(number), &format!("email={number}%40flood.example&password=x"))
}

/// A password that is long to weigh: many ways to read it as words.
fn sign_up(number: u64) -> String {
    let password = "pa55w0rdqwertyletmein1".repeat(11);
    let fields = format!("name=Dana&email={number}%40flood.example&password={password}");
    form("/signup", &origin(number), &fields)
}

fn large_form(number: u64) -> String {
    form("/signup", &origin(number), &format!("name={}", "x".repeat(500 * 1024)))
}

fn page(_: u64) -> String {
    "GET /login HTTP/1.1\r\nHost: bench\r\n\r\n".to_owned()
}

fn origin(number: u64) -> String {
    let [.., a, b, c] = number.to_be_bytes();
    format!("100.{a}.{b}.{c}")
}

fn form(path: &str, origin: &str, fields: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {origin}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{fields}",
        fields.len()
    )
}

/// Measures verification alone and under each attack for `round`, and prints a table to `out`.
///
/// # Errors
/// When a server does not start or answer, or an attack holds verification up.
pub fn run(round: Duration, out: &mut impl Write) -> Result<(), BenchError> {
    machine::raise_limit_of_files();
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("bench.db");
    let secrets = make_keys(&Db::open(&database.clone().into())?, KEYS, false)?;
    let path = database.to_str().ok_or("the path of the database is not UTF-8")?;
    // The strangers come through a proxy, so that each can say where it comes from.
    let (address, state) = start_with_state(configuration_with(path, &["--trusted-proxies", "127.0.0.1"])?)?;
    bring_into_memory(&state, &secrets)?;
    let asked: Arc<Vec<Vec<u8>>> = Arc::new(secrets.iter().map(|secret| request(secret)).collect());

    load::run(address, &asked, 1, round)?; // the server does not start cold
    let idle = load::run(address, &asked, 1, round)?;
    writeln!(out, "/auth on one connection, {} s for each attack\n", round.as_secs())?;
    writeln!(
        out,
        "{:<22} {:>10} {:>10} {:>10} {:>8} {:>12}",
        "", "requests/s", "p50", "p99", "ratio", "attacks/s"
    )?;
    print(out, "nobody", &idle, 1.0, 0.0)?;
    let mut held_up = Vec::new();
    for attack in ATTACKS {
        let attackers = Attackers::start(address, attack);
        thread::sleep(round / 4);
        let before = attackers.done();
        let measured = load::run(address, &asked, 1, round);
        let done = attackers.done() - before;
        attackers.stop();
        let measured = measured?;
        let ratio = measured.p99.as_secs_f64() / idle.p99.as_secs_f64();
        print(out, attack.name, &measured, ratio, done as f64 / round.as_secs_f64())?;
        if ratio > MAX_RATIO && measured.p99 > NO_MATTER {
            held_up.push(attack.name);
        }
    }
    if held_up.is_empty() {
        Ok(())
    } else {
        Err(format!("verification is held up by: {}", held_up.join(", ")).into())
    }
}

fn print(
    out: &mut impl Write,
    name: &str,
    measured: &load::Measured,
    ratio: f64,
    attacks: f64,
) -> std::io::Result<()> {
    writeln!(
        out,
        "{name:<22} {:>10.0} {:>10.2?} {:>10.2?} {ratio:>8.1} {attacks:>12.0}",
        measured.requests_per_second, measured.p50, measured.p99
    )
}

/// Strangers at work on a thread of their own.
struct Attackers {
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Attackers {
    fn start(address: SocketAddr, attack: Attack) -> Self {
        let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (over, counter) = (is_over.clone(), done.clone());
        let thread = thread::spawn(move || {
            machine::let_others_go_first();
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async move {
                let mut strangers = JoinSet::new();
                for _ in 0..attack.connections {
                    strangers.spawn(go_on(address, attack.act, counter.clone()));
                }
                while !over.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        Self { is_over, done, thread }
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        // One that panicked is over as well.
        let _ = self.thread.join();
    }
}

/// One stranger after the other, each until the server has enough of it.
async fn go_on(address: SocketAddr, act: Act, done: Arc<AtomicU64>) {
    loop {
        if attack_once(address, act, &done).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn attack_once(address: SocketAddr, act: Act, done: &AtomicU64) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut buffer = [0; 16 * 1024];
    match act {
        Act::Connect => {
            done.fetch_add(1, Ordering::Relaxed);
        }
        Act::Half(text) => {
            stream.write_all(text.as_bytes()).await?;
            done.fetch_add(1, Ordering::Relaxed);
            while stream.read(&mut buffer).await? > 0 {}
        }
        Act::Drip(text) => {
            stream.write_all(text.as_bytes()).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                stream.write_all(b"x").await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
        Act::Ask(make) => loop {
            let number = done.fetch_add(1, Ordering::Relaxed);
            stream.write_all(make(number).as_bytes()).await?;
            if stream.read(&mut buffer).await? == 0 {
                return Ok(());
            }
        },
    }
    Ok(())
}
