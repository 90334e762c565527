//! The audit log as a file, streamed in parts so that its length does not matter.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentDisposition, DispositionParam, DispositionType},
    web::Bytes,
};
use futures_util::stream::{self, StreamExt};

use super::{details, display, error::AppError};
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
    content_type: "text/csv; charset=utf-8",
    name: "activity.csv",
    head: || {
        let columns = write(vec![COLUMNS.map(String::from)])?;
        Ok(Some([BYTE_ORDER_MARK.as_bytes(), &columns].concat().into()))
    },
    part: |entries| write(entries.into_iter().map(row).collect::<Result<_, _>>()?),
};

/// Without it Excel takes the file for one of its old character sets.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

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
    let mut first = Vec::from_iter((kind.head)()?);
    let mut rest = None;
    if let Some((part, progress)) =
        next_part(Progress { kind, db, prove_again, filter, after: None, is_done: false }).await
    {
        first.push(part?);
        rest = Some(progress);
    }
    let rest = stream::unfold(rest, |progress| async move {
        let (part, progress) = next_part(progress?).await?;
        Some((part, Some(progress)))
    });
    let parts = stream::iter(first.into_iter().map(Ok)).chain(rest);
    let file = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(kind.name.to_owned())],
    };
    Ok(HttpResponse::Ok()
        .content_type(kind.content_type)
        .insert_header(file)
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(parts)))
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

/// ASVS 1.2.10: a spreadsheet must not take a name for a formula. One that splits at semicolons or
/// tabs sees cells within ours, since it heeds quotation marks only where its own cells begin; some
/// take full-width signs for the plain ones.
fn without_formula(cell: String) -> String {
    let mut safe = String::with_capacity(cell.len() + 1);
    for piece in cell.split_inclusive([';', '\t', '\r', '\n', '|']) {
        let start = piece.trim_start_matches([' ', '\u{A0}', '"']);
        if start.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']) {
            safe.push('\'');
        }
        safe.push_str(piece);
    }
    safe
}

fn write(rows: Vec<[String; 12]>) -> Result<Bytes, AppError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(AppError::internal)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| AppError::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_formula() {
        for (cell, safe) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("x;=cmd|' /c calc'!A0;y", "x;'=cmd|' /c calc'!A0;y"),
            ("x;\"=1\"", "x;'\"=1\""),
            ("x; +1", "x;' +1"),
            ("＝1", "'＝1"),
            ("；＠1", "；＠1"),
            ("a;＠1", "a;'＠1"),
            ("a\t-1", "a\t'-1"),
            ("a\r\n@1", "a\r\n'@1"),
            ("\t=1", "'\t'=1"),
            ("\r1", "'\r1"),
            (" =1", "' =1"),
            ("a=1, -b", "a=1, -b"),
        ] {
            assert_eq!(without_formula(cell.into()), safe);
        }
        assert_eq!(without_formula("Billing worker".into()), "Billing worker");
    }

    #[test]
    fn commas_quotes_and_lines_stay_in_their_cell() {
        let mut cells = COLUMNS.map(String::from);
        cells[4] = "a, \"b\"\nc".into();
        assert!(
            String::from_utf8(write(vec![cells]).unwrap().to_vec()).unwrap().contains("\"a, \"\"b\"\"\nc\"")
        );
    }
}
