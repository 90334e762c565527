//! `tessera bench`: how fast verification is on this machine, beside a bare actix answer.
//!
//! Both servers run in this process with the same number of workers, and are asked in turn, so
//! that a slow moment of the machine strikes both.

pub mod attacks;
pub mod load;
pub mod nodes;

mod cpu;
mod memory;

use std::{
    future::ready,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use indicatif::{ProgressBar, ProgressStyle};

use self::load::Measured;
use crate::{
    app::Application,
    clock::Clock,
    config::{self, BenchPlan, Command, Config},
    db::Db,
    domain::{access::Operator, bulk, verification::KeyRequest},
    web::state::State,
};

/// Failures of a measurement are of many kinds and only printed.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;

/// Makes the keys, measures, and prints a table to `out`.
///
/// # Errors
/// When the keys cannot be made or a server does not answer.
pub fn run(plan: &BenchPlan, out: &mut impl Write) -> Result<(), BenchError> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("bench.db");
    let secrets = make_keys(&Db::open(&database.clone().into())?, plan.keys, plan.on_plan)?;
    let config = configuration(database.to_str().ok_or("the path of the database is not UTF-8")?)?;

    let (tessera, state) = start_with_state(config)?;
    let memory = bring_into_memory(&state, &secrets)?;
    let step = (secrets.len() / plan.in_rotation.max(1)).max(1);
    let asked = secrets.iter().step_by(step).take(plan.in_rotation).map(|secret| request(secret)).collect();
    let asked: Arc<Vec<Vec<u8>>> = Arc::new(asked);
    let sample = asked.first().ok_or("no key is asked about")?;
    let bare = start_bare(headers_of_answer(tessera, sample)?)?;

    let bar = progress("measuring", plan.rounds * 2);
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    load::run(tessera, &asked, plan.connections, plan.round)?; // neither server starts cold
    load::run(bare, &asked, plan.connections, plan.round)?;
    for _ in 0..plan.rounds {
        ours.push(load::run(tessera, &asked, plan.connections, plan.round)?);
        bar.inc(1);
        reference.push(load::run(bare, &asked, plan.connections, plan.round)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    print(plan, &median(ours), &median(reference), out)?;
    memory.print(secrets.len(), out)?;
    Ok(())
}

fn make_keys(db: &Db, keys: usize, on_plan: bool) -> Result<Vec<String>, BenchError> {
    if on_plan {
        db.write_blocking(|tx| bulk::plan_for_all(tx, &Operator::at_the_machine(), Clock::System.now()))?;
    }
    let bar = progress("making keys", keys);
    let mut secrets = Vec::with_capacity(keys);
    while secrets.len() < keys {
        let wanted = (keys - secrets.len()).min(bulk::KEYS_AT_ONCE);
        let made = db.write_blocking(|tx| bulk::organization_with_keys(tx, wanted, Clock::System.now()))?;
        bar.inc(u64::try_from(made.len())?);
        secrets.extend(made.iter().map(|secret| secret.expose().to_owned()));
    }
    bar.finish_and_clear();
    Ok(secrets)
}

/// Anonymous memory before and after every key was brought into it, where the system tells it.
struct Memory {
    before: Option<u64>,
    after: Option<u64>,
}

impl Memory {
    fn print(&self, keys: usize, out: &mut impl Write) -> io::Result<()> {
        let in_mebibytes = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.1} MiB", bytes as f64 / MEBIBYTE),
            None => "-".to_owned(),
        };
        let grown = self.after.zip(self.before).map(|(after, before)| after.saturating_sub(before));
        let each = grown.map_or_else(|| "-".to_owned(), |bytes| (bytes / keys.max(1) as u64).to_string());
        writeln!(
            out,
            "memory {} before {keys} keys were in it and {} after: {} for them, {each} bytes each",
            in_mebibytes(self.before),
            in_mebibytes(self.after),
            in_mebibytes(grown),
        )
    }
}

const MEBIBYTE: f64 = 1_048_576.0;

/// Verifies every key once, so that all of them that may be are in memory, and tells what they took.
fn bring_into_memory(state: &State, secrets: &[String]) -> Result<Memory, BenchError> {
    let bar = progress("bringing keys into memory", secrets.len());
    let before = memory::anonymous();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for secret in secrets {
            state.verifier.verify(secret, &KeyRequest::default(), state.clock.now()).await?;
            bar.inc(1);
        }
        Ok::<_, BenchError>(())
    })?;
    drop(runtime);
    bar.finish_and_clear();
    Ok(Memory { before, after: memory::anonymous() })
}

/// A bar on standard error, where that is a terminal.
pub fn progress(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent} %");
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or_default()).with_message(what);
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("#- "));
    }
    bar
}

fn request(secret: &str) -> Vec<u8> {
    format!("GET /auth HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {secret}\r\n\r\n").into_bytes()
}

/// A configuration for a server that only this process uses.
///
/// # Errors
/// When the path makes no database.
pub fn configuration(database: &str) -> Result<Config, BenchError> {
    configuration_with(database, &[])
}

fn configuration_with(database: &str, flags: &[&str]) -> Result<Config, BenchError> {
    let arguments = ["tessera", "serve", "--listen", "127.0.0.1:0", "--database-url", database];
    let arguments = arguments.iter().chain(flags).map(Into::into);
    match config::parse_with(arguments, |_| None) {
        Ok(Command::Serve(config)) => Ok(*config),
        Ok(_) => Err("not a server's configuration".into()),
        Err(exit) => Err(exit.message.into()),
    }
}

/// Runs a server on threads of its own and gives its address.
///
/// # Errors
/// When it does not start.
pub fn start(config: Config) -> Result<SocketAddr, BenchError> {
    start_with_state(config).map(|(address, _)| address)
}

fn start_with_state(config: Config) -> Result<(SocketAddr, State), BenchError> {
    start_on_a_thread(async move |started| {
        let application = Application::build(config, Clock::System).await?;
        let address = application.addresses().first_tcp().ok_or("no address")?;
        started.send((address, application.state().clone()))?;
        Ok(application.run().await?)
    })
}

/// A server that gives every request the same answer, without asking anything.
fn start_bare(headers: Vec<(String, String)>) -> Result<SocketAddr, BenchError> {
    start_on_a_thread(async move |started| {
        let server = HttpServer::new(move || {
            let headers = headers.clone();
            let answer = move || {
                let mut response = HttpResponse::NoContent();
                for header in &headers {
                    response.insert_header((header.0.as_str(), header.1.as_str()));
                }
                ready(response.finish())
            };
            App::new().default_service(web::to(answer))
        })
        .bind("127.0.0.1:0")?;
        started.send(*server.addrs().first().ok_or("no address")?)?;
        Ok(server.run().await?)
    })
}

/// The headers of one answer, so that the bare server's are as many and as long. What the server
/// adds by itself is left out.
fn headers_of_answer(address: SocketAddr, request: &[u8]) -> Result<Vec<(String, String)>, BenchError> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let mut head = Vec::new();
    for line in BufReader::new(stream).lines().skip(1) {
        match line?.split_once(": ") {
            Some(("date" | "content-length", _)) => {}
            Some((name, value)) => head.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    Ok(head)
}

/// Runs a server on threads of its own and gives what it tells once it is ready.
fn start_on_a_thread<T, F>(serve: F) -> Result<T, BenchError>
where
    T: Send + 'static,
    F: AsyncFnOnce(mpsc::Sender<T>) -> Result<(), BenchError> + Send + 'static,
{
    let (started, ready) = mpsc::channel();
    let (failed, failure) = mpsc::channel();
    thread::spawn(move || {
        if let Err(error) = actix_web::rt::System::new().block_on(serve(started)) {
            // Nobody waits any more when the measurement is over.
            let _ = failed.send(error);
        }
    });
    ready.recv().map_err(|_| failure.recv().unwrap_or_else(|_| "the server did not start".into()))
}

/// The round of median throughput.
fn median(mut rounds: Vec<Measured>) -> Option<Measured> {
    rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    rounds.get(rounds.len() / 2).cloned()
}

fn print(
    plan: &BenchPlan,
    ours: &Option<Measured>,
    reference: &Option<Measured>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (Some(ours), Some(reference)) = (ours, reference) else { return Ok(()) };
    writeln!(
        out,
        "/auth, {} of {} keys in rotation{}, {} connections, median of {} rounds\n",
        plan.in_rotation,
        plan.keys,
        on_plan(plan),
        plan.connections,
        plan.rounds
    )?;
    print_table(&[("tessera", ours), ("bare actix", reference)], out)?;
    let ratio = ours.requests_per_second / reference.requests_per_second;
    writeln!(
        out,
        "\nthroughput {ratio:.2} of bare actix, p99 {:.2} times its p99",
        seconds_ratio(ours, reference)
    )
}

/// What is said of the organizations.
fn on_plan(plan: &BenchPlan) -> &'static str {
    if plan.on_plan { " on plans" } else { "" }
}

/// A line for each server.
fn print_table(rows: &[(&str, &Measured)], out: &mut impl Write) -> io::Result<()> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default().max(12);
    writeln!(out, "{:<width$} {:>12} {:>10} {:>10} {:>14}", "", "requests/s", "p50", "p99", "CPU/request")?;
    for (name, measured) in rows {
        writeln!(
            out,
            "{name:<width$} {:>12.0} {:>10.2?} {:>10.2?} {:>14}",
            measured.requests_per_second,
            measured.p50,
            measured.p99,
            measured.cpu_per_request.map_or_else(|| "-".to_owned(), |spent| format!("{spent:.2?}"))
        )?;
    }
    Ok(())
}

fn seconds_ratio(ours: &Measured, reference: &Measured) -> f64 {
    ours.p99.as_secs_f64() / reference.p99.as_secs_f64()
}
