//! The trail as a CSV file, streamed in parts so that its length does not matter.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentDisposition, DispositionParam, DispositionType},
    web::{Bytes, Query},
};
use futures_util::stream;

use super::Selection;
use crate::{
    domain::{
        access::Supervisor,
        audit::{self, Entry, Filter},
        organizations::Organization,
    },
    web::{display, error::AppError, extract::Visitor, state::State},
};

/// Events read at once.
const EVENTS_IN_A_PART: i64 = 1000;

const COLUMNS: [&str; 8] =
    ["time_utc", "actor_kind", "actor", "action", "subject", "detail", "address", "event_id"];

/// Where the export stands.
struct Progress {
    state: State,
    proof: Supervisor<Organization>,
    filter: Filter,
    after: Option<String>,
    is_done: bool,
}

/// Downloads what the filter of the page selects, oldest first.
///
/// # Errors
/// When the database fails before the first line.
pub async fn csv(
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    selection: Query<Selection>,
) -> Result<HttpResponse, AppError> {
    let header = write(std::iter::once(COLUMNS.map(String::from)))?;
    let start = Progress {
        state: visitor.state,
        proof: supervisor,
        filter: selection.filter(),
        after: None,
        is_done: false,
    };
    let parts = stream::unfold((start, Some(header)), |(progress, header)| async move {
        match header {
            Some(header) => Some((Ok(header), (progress, None))),
            None => next_part(progress).await.map(|(part, progress)| (part, (progress, None))),
        }
    });
    let file = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename("activity.csv".to_owned())],
    };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(file)
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(parts)))
}

async fn next_part(mut progress: Progress) -> Option<(Result<Bytes, AppError>, Progress)> {
    if progress.is_done {
        return None;
    }
    let (proof, filter, after) = (progress.proof.clone(), progress.filter.clone(), progress.after.clone());
    let entries = progress
        .state
        .db
        .read(move |connection| {
            audit::export(connection, &proof, &filter, after.as_deref(), EVENTS_IN_A_PART)
        })
        .await;
    let part = match entries {
        Ok(entries) if entries.is_empty() => return None,
        Ok(entries) => {
            progress.after = entries.last().map(|entry| entry.id.clone());
            write(entries.into_iter().map(row))
        }
        Err(error) => Err(error.into()),
    };
    progress.is_done = part.is_err();
    Some((part, progress))
}

fn row(entry: Entry) -> [String; 8] {
    [
        display::iso(&entry.created_at),
        entry.actor_kind,
        entry.actor_name,
        entry.action,
        entry.subject_name,
        entry.detail.unwrap_or_default(),
        entry.ip.unwrap_or_default(),
        entry.id,
    ]
    .map(without_formula)
}

/// ASVS 1.2.10: a spreadsheet must not take a name for a formula.
fn without_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn write(rows: impl Iterator<Item = [String; 8]>) -> Result<Bytes, AppError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
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
        assert_eq!(without_formula("=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(without_formula("Billing worker".into()), "Billing worker");
    }

    #[test]
    fn commas_quotes_and_lines_stay_in_their_cell() {
        let mut cells = COLUMNS.map(String::from);
        cells[4] = "a, \"b\"\nc".into();
        assert!(
            String::from_utf8(write(std::iter::once(cells)).unwrap().to_vec())
                .unwrap()
                .contains("\"a, \"\"b\"\"\nc\"")
        );
    }
}
