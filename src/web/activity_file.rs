//! The audit log as a file, streamed in parts so that its length does not matter.

use std::sync::Arc;

use actix_web::{HttpResponse, web::Bytes};

use super::{
    csv_cells::{self, without_formula, write},
    details, display, download,
    error::AppError,
};
use crate::{
    db::{Connection, Db},
    domain::{
        access::{Grant, SeeActivity},
        audit::{self, Entry, Filter},
    },
};

/// Events read at once.
const EVENTS_IN_A_PART: i64 = 1000;

/// A kind of file, and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// Its media type.
    pub content_type: &'static str,
    /// The name that it is saved under.
    pub name: &'static str,
    /// What stands before the events, if anything does.
    pub head: fn() -> Result<Option<Bytes>, AppError>,
    /// Some events.
    pub part: fn(Vec<Entry>) -> Result<Bytes, AppError>,
}

/// For spreadsheets.
pub const CSV: FileKind = FileKind {
    content_type: csv_cells::CONTENT_TYPE,
    name: "activity.csv",
    head: || csv_cells::head(COLUMNS).map(Some),
    part: |entries| write(entries.into_iter().map(row).collect::<Result<Vec<_>, _>>()?),
};

const COLUMNS: [&str; 12] = [
    "time_utc",
    "actor_kind",
    "actor",
    "action",
    "subject",
    "details_text",
    "address",
    "event_id",
    "actor_id",
    "subject_id",
    "details",
    "receipts",
];

/// Proves the right to the file once more.
type Prove = dyn Fn(&mut Connection) -> Result<Grant<SeeActivity>, AppError> + Send + Sync;

/// Where the file stands.
struct Progress {
    kind: FileKind,
    db: Db,
    prove_again: Arc<Prove>,
    filter: Filter,
    after: Option<String>,
    is_done: bool,
}

/// Downloads what the filter selects, oldest first. The right is proven for each part: a download may
/// take longer than whoever began it is a member.
///
/// # Errors
/// When the first part cannot be read. A database that fails later, or a right that ends, breaks the
/// answer off.
pub async fn download(
    kind: FileKind,
    db: Db,
    prove_again: impl Fn(&mut Connection) -> Result<Grant<SeeActivity>, AppError> + Send + Sync + 'static,
    filter: Filter,
) -> Result<HttpResponse, AppError> {
    let prove_again = Arc::new(prove_again);
    let (head, name) = ((kind.head)()?, (kind.name, kind.content_type));
    let progress = Progress { kind, db, prove_again, filter, after: None, is_done: false };
    download::in_parts(name, head, progress, next_part).await
}

async fn next_part(mut progress: Progress) -> Option<(Result<Bytes, AppError>, Progress)> {
    if progress.is_done {
        return None;
    }
    let (prove_again, filter) = (progress.prove_again.clone(), progress.filter.clone());
    let after = progress.after.clone();
    let entries = progress
        .db
        .read(move |connection| {
            let proof = prove_again(connection)?;
            Ok::<_, AppError>(audit::export(connection, &proof, &filter, after.as_deref(), EVENTS_IN_A_PART)?)
        })
        .await;
    let part = match entries {
        Ok(entries) if entries.is_empty() => return None,
        Ok(entries) => {
            progress.after = entries.last().map(|entry| entry.id.clone());
            (progress.kind.part)(entries)
        }
        Err(error) => Err(error),
    };
    progress.is_done = part.is_err();
    Some((part, progress))
}

/// The details stand there twice: in words for people, and as the JSON of the API for programs, as which the receipts
/// stand there, too.
fn row(entry: Entry) -> Result<[String; 12], AppError> {
    let json = entry.detail.as_ref().map(serde_json::to_string).transpose().map_err(AppError::internal)?;
    let receipts = entry.stopped.map(|spread| serde_json::to_string(&spread.receipts));
    let receipts = receipts.transpose().map_err(AppError::internal)?;
    let row = [
        display::iso(&entry.created_at),
        entry.actor_kind,
        entry.actor_name,
        entry.action,
        entry.subject_name,
        entry.detail.as_ref().map(details::text).unwrap_or_default(),
        entry.ip.unwrap_or_default(),
        entry.id,
        entry.actor_id.unwrap_or_default(),
        entry.subject_id.unwrap_or_default(),
        json.unwrap_or_default(),
        receipts.unwrap_or_default(),
    ];
    Ok(row.map(without_formula))
}
