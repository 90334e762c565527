//! Metrics for Prometheus, on a listener of their own: whoever may ask the server for pages need not learn how it
//! is. Nobody is asked who they are; the address is to be one that only the watcher reaches.

mod figures;
mod text;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::{
        Method,
        header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    },
    web::{self, Data},
};
use prometheus::TEXT_FORMAT;

use self::{
    figures::{Figures, Watch},
    text::Text,
};
use super::StartError;
use crate::{
    clock::{Timestamp, microseconds},
    db::Db,
    machine::{self, ProcessUse},
    web::state::State,
};

/// The one address.
const PATH: &str = "/metrics";
/// Connections that are served at one time. Watchers are few.
const MAX_CONNECTIONS: usize = 64;

/// Answers at `listener`, once it is polled.
pub(super) fn listen(listener: TcpListener, state: &State) -> Result<(Server, SocketAddr), StartError> {
    let bound = listener.local_addr().map_err(StartError::Server)?;
    let scraper = Data::new(Scraper { state: state.clone(), watch: Arc::default() });
    let app = move || App::new().app_data(scraper.clone()).default_service(web::to(answer));
    // On a thread of its own, so that a watcher gets an answer while all others are busy.
    let server = HttpServer::new(app).workers(1).max_connections(MAX_CONNECTIONS).disable_signals();
    let server = server.shutdown_timeout(1).listen(listener).map_err(StartError::Server)?;
    Ok((server.run(), bound))
}

/// What an answer is made of.
struct Scraper {
    state: State,
    watch: Arc<Watch>,
}

async fn answer(request: HttpRequest, scraper: Data<Scraper>) -> HttpResponse {
    let is_asked = matches!(*request.method(), Method::GET | Method::HEAD) && request.path() == PATH;
    let mut response = if !is_asked {
        HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("Not found\n")
    } else {
        match scraper.scrape().await {
            Ok(text) => HttpResponse::Ok().content_type(TEXT_FORMAT).body(text),
            Err(error) => {
                tracing::error!(%error, "the metrics can't be written");
                HttpResponse::InternalServerError().finish()
            }
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Scraper {
    async fn scrape(&self) -> Result<String, prometheus::Error> {
        let figures = self.watch.look(&self.state).await;
        // Where the system shows files, it is asked for some; where that takes long, everybody would wait.
        let process = tokio::task::spawn_blocking(machine::process).await.unwrap_or_default();
        let mut text = Text::default();
        requests(&mut text, &self.state);
        database(&mut text, &self.state.db, figures.as_ref());
        if let Some(figures) = &figures {
            backlogs(&mut text, figures);
        }
        process_use(&mut text, &self.state, &process);
        text.write()
    }
}

fn requests(text: &mut Text, state: &State) {
    let metrics = &state.metrics;
    text.gauge(
        "tessera_build_info",
        "The version that runs; always 1.",
        [(&[("version", env!("CARGO_PKG_VERSION"))][..], 1.0)],
    );
    text.counters(
        "tessera_verifications_total",
        "Keys that were verified, by endpoint and result.",
        metrics
            .verifications()
            .map(|(endpoint, result, count)| (vec![("endpoint", endpoint), ("result", result)], count)),
    );
    text.counters(
        "tessera_requests_total",
        "Requests by kind and class of the response's status.",
        metrics.requests().flat_map(|(kind, requests)| {
            requests.by_class().map(move |(class, count)| (vec![("kind", kind), ("status", class)], count))
        }),
    );
    text.histograms(
        "tessera_request_duration_seconds",
        "Time from the head of a request to its response, by kind.",
        metrics.requests().map(|(kind, requests)| (vec![("kind", kind)], requests.duration.observed())),
    );
    text.one(
        "tessera_keys_in_memory",
        "Keys that are verified from memory.",
        state.verifier.keys_in_memory() as f64,
    );
    text.one(
        "tessera_keys_in_memory_limit",
        "Keys that are kept in memory at most.",
        state.config.keys_in_memory as f64,
    );
    text.counters(
        "tessera_verification_lookups_total",
        "Times that verification asked the database, because something wasn't in memory.",
        [(vec![], state.db.verification_reads())],
    );
}

fn database(text: &mut Text, db: &Db, figures: Option<&Figures>) {
    let is_up = figures.is_some_and(|figures| !figures.has_trouble);
    text.one(
        "tessera_database_up",
        "Whether the database can be read and written.",
        f64::from(u8::from(is_up)),
    );
    text.histograms(
        "tessera_database_wait_seconds",
        "Time spent waiting for a connection to the database, by what it was for.",
        db.waits().map(|(line, waits)| (vec![("line", line)], waits.observed())),
    );
    text.histograms(
        "tessera_database_lock_wait_seconds",
        "Time that transactions which write spent waiting for the lock of the database.",
        [(vec![], db.lock_waits().observed())],
    );
    text.one("tessera_nodes", "Servers that use the database.", f64::from(db.nodes().get()));
    if let Some(lag) = db.log_lag() {
        text.one(
            "tessera_change_log_lag_seconds",
            "Time since this server last heard what the others changed.",
            lag.as_secs_f64(),
        );
    }
}

fn backlogs(text: &mut Text, figures: &Figures) {
    let age = |at: Option<Timestamp>| at.map_or(0.0, |at| (figures.now - at).as_seconds_f64().max(0.0));
    text.one("tessera_sessions", "Sessions of people who are logged in.", figures.sessions as f64);
    text.one("tessera_emails_waiting", "Emails that wait to be sent.", figures.emails.waiting as f64);
    text.one(
        "tessera_emails_oldest_age_seconds",
        "Time that the email has waited which has waited for the longest.",
        age(figures.emails.oldest),
    );
    text.one(
        "tessera_emails_failed",
        "Emails of the last 30 days that could not be sent.",
        figures.emails.failed as f64,
    );
    text.one(
        "tessera_webhook_deliveries_waiting",
        "Deliveries to active webhooks that wait to be sent.",
        figures.webhooks.waiting as f64,
    );
    text.one(
        "tessera_webhook_deliveries_oldest_age_seconds",
        "Time that the delivery has waited which has waited for the longest.",
        age(figures.webhooks.oldest),
    );
    text.one(
        "tessera_webhooks_failing",
        "Active webhooks whose last attempts failed.",
        figures.webhooks.failing as f64,
    );
    if let Some(sizes) = figures.files {
        let [database, log] = [("database", sizes.database), ("log", sizes.log)]
            .map(|(file, bytes)| ([("file", file)], bytes as f64));
        text.gauge(
            "tessera_database_file_bytes",
            "Size of the SQLite file and of its log.",
            [(&database.0[..], database.1), (&log.0[..], log.1)],
        );
    }
    if let Some(bytes) = figures.change_log_bytes {
        text.one(
            "tessera_change_log_bytes",
            "Size of the log by which servers hear of each other's changes.",
            bytes as f64,
        );
    }
    if let Some(made_at) = figures.last_backup {
        text.one(
            "tessera_last_backup_timestamp_seconds",
            "When the newest backup was made; 0 before the first.",
            made_at.map_or(0.0, |at| microseconds(at) as f64 / 1e6),
        );
    }
}

/// Under the names that Prometheus's own libraries give.
fn process_use(text: &mut Text, state: &State, process: &ProcessUse) {
    text.one(
        "process_start_time_seconds",
        "When the server started.",
        microseconds(state.started_at) as f64 / 1e6,
    );
    let mut if_told = |name, help, value: Option<f64>| {
        if let Some(value) = value {
            text.one(name, help, value);
        }
    };
    if_told(
        "process_resident_memory_bytes",
        "Memory that the process holds.",
        process.resident_bytes.map(|bytes| bytes as f64),
    );
    if_told("process_open_fds", "Open files and connections.", process.open_files.map(|files| files as f64));
    if_told(
        "process_max_fds",
        "Files and connections that may be open.",
        process.max_files.map(|files| files as f64),
    );
    if let Some(cpu) = process.cpu {
        text.seconds("process_cpu_seconds_total", "Time that processors worked for the process.", cpu);
    }
}
