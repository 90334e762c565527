//! What has to be read before it can be told. A watcher that asks often, or many of them, cost no more than one
//! that asks every few seconds, and a database that does not answer keeps nobody waiting for long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, time::timeout};

use crate::{
    app::backups,
    clock::Timestamp,
    config::Config,
    db::{Connection, Db, DbError, FileSizes, log_bytes},
    domain::{outbox, sessions, webhooks},
    web::state::State,
};

/// For how long what was read is told.
const FRESH: Duration = Duration::from_secs(5);
/// How long a watcher waits for it. Prometheus gives up after ten seconds (`scrape_timeout`), and then knows nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Up to how many of a kind are counted: enough to see that there are far too many.
const MAX_COUNTED: i64 = 100_000;

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// When.
    pub(super) now: Timestamp,
    /// Whether something keeps the database from being written.
    pub(super) has_trouble: bool,
    pub(super) sessions: i64,
    pub(super) emails: outbox::Backlog,
    pub(super) webhooks: webhooks::Backlog,
    /// Of a database that is a file.
    pub(super) files: Option<FileSizes>,
    /// Of one on a server.
    pub(super) change_log_bytes: Option<i64>,
    /// Where the server makes backups: when it made the newest, if it made one.
    pub(super) last_backup: Option<Option<Timestamp>>,
}

/// What was read last, and when that was.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Option<(Instant, Option<Figures>)>>);

impl Watch {
    /// What is known; `None` while the database does not answer.
    pub(super) async fn look(self: &Arc<Self>, state: &State) -> Option<Figures> {
        let (watch, state) = (self.clone(), state.clone());
        // Goes on by itself: the one reading that is under way is what the next watcher waits for.
        let looking = tokio::spawn(async move {
            let Ok(mut known) = timeout(PATIENCE, watch.0.lock()).await else { return None };
            if let Some((at, figures)) = &*known
                && at.elapsed() < FRESH
            {
                return figures.clone();
            }
            let figures = read(&state).await.inspect_err(|error| {
                tracing::debug!(%error, "the metrics lack what is in the database");
            });
            *known = Some((Instant::now(), figures.ok()));
            known.as_ref().and_then(|(_, figures)| figures.clone())
        });
        timeout(PATIENCE, looking).await.ok()?.ok().flatten()
    }
}

async fn read(state: &State) -> Result<Figures, DbError> {
    let (db, now) = (&state.db, state.clock.now());
    let has_trouble = db.trouble().await.is_some();
    let (sessions, emails, webhooks, change_log_bytes) =
        db.read(move |connection| in_database(connection, now)).await?;
    let (of_files, config) = (db.clone(), state.config.clone());
    let (files, last_backup) = tokio::task::spawn_blocking(move || in_files(&of_files, &config, now)).await?;
    Ok(Figures { now, has_trouble, sessions, emails, webhooks, files, change_log_bytes, last_backup })
}

type InDatabase = (i64, outbox::Backlog, webhooks::Backlog, Option<i64>);

fn in_database(connection: &mut Connection, now: Timestamp) -> Result<InDatabase, DbError> {
    Ok((
        sessions::count_live(connection, now, MAX_COUNTED)?,
        outbox::backlog(connection, MAX_COUNTED)?,
        webhooks::backlog(connection, MAX_COUNTED)?,
        log_bytes(connection)?,
    ))
}

fn in_files(db: &Db, config: &Config, now: Timestamp) -> (Option<FileSizes>, Option<Option<Timestamp>>) {
    (db.file_sizes(), config.backups.as_ref().map(|plan| backups::newest(plan, now)))
}
