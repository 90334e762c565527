//! Backups that are made by themselves, into a folder of which the oldest go.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use time::{PrimitiveDateTime, format_description::StaticFormatDescription, macros::format_description};

use crate::{
    clock::Timestamp,
    config::{BackupPlan, DatabaseUrl},
    db::{self, Backup, DbError},
    machine,
    web::state::State,
};

/// How often it is looked whether a backup is due.
const LOOK: Duration = Duration::from_secs(60);

/// What a backup is called; by it they are found again, so that no other file is ever taken for one.
const NAME: StaticFormatDescription =
    format_description!("tessera-[year]-[month]-[day]T[hour][minute][second]Z.db");

/// Makes a backup whenever the newest in the folder is old enough, however often the server is started meanwhile.
pub(super) async fn make_regularly(state: &State) {
    let Some(plan) = &state.config.backups else { return };
    let mut is_failing = false;
    loop {
        let (database, now, plan) = (state.config.database.clone(), state.clock.now(), plan.clone());
        let made = tokio::task::spawn_blocking(move || {
            machine::let_others_go_first();
            make_if_due(&database, &plan, now)
        });
        match made.await.map_err(DbError::from).and_then(|made| made) {
            Ok(Some((file, Backup { bytes, .. }))) => {
                is_failing = false;
                tracing::info!(file = %file.display(), bytes, "made a backup");
            }
            Ok(None) => {}
            // Once is enough until one succeeds: it is tried again every minute.
            Err(error) if is_failing => tracing::debug!(%error, "still no backup"),
            Err(error) => {
                is_failing = true;
                tracing::error!(%error, "no backup was made; it is tried again every minute");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn make_if_due(
    database: &DatabaseUrl,
    plan: &BackupPlan,
    now: Timestamp,
) -> Result<Option<(PathBuf, Backup)>, DbError> {
    let failed = |error: io::Error| DbError::NotCopied(format!("{}: {error}", plan.folder.display()));
    let known = backups_in(&plan.folder).map_err(failed)?;
    // Any of them: after a clock was set back, those of before are of a time to come and say nothing.
    let is_fresh = |at: Timestamp| at <= now && now - at < plan.every;
    if known.iter().any(|(at, _)| is_fresh(*at)) {
        return Ok(None);
    }
    let name = now.format(NAME).map_err(|error| DbError::NotCopied(error.to_string()))?;
    let file = plan.folder.join(name);
    let backup = db::back_up(database, &file, &|_, _| ())?;
    // The new one is one of those that are kept.
    let too_many = (known.len() + 1).saturating_sub(plan.keep);
    for (_, old) in known.iter().take(too_many) {
        fs::remove_file(old).map_err(failed)?;
    }
    Ok(Some((file, backup)))
}

/// When the newest backup in the folder was made, if there is one.
pub(super) fn newest(plan: &BackupPlan, now: Timestamp) -> Option<Timestamp> {
    let known = backups_in(&plan.folder).unwrap_or_default();
    // Those of a time to come are of before a clock was set back.
    known.into_iter().map(|(at, _)| at).filter(|at| *at <= now).max()
}

/// The backups in the folder, the oldest first.
fn backups_in(folder: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut backups = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let made = entry.file_name().to_str().and_then(|name| PrimitiveDateTime::parse(name, NAME).ok());
        backups.extend(made.map(|at| (at, entry.path())));
    }
    backups.sort();
    Ok(backups)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::db::Db;

    const NOW: Timestamp = datetime!(2026-11-27 02:50:12);

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_is_made_when_it_is_due_and_the_oldest_go() {
        let (place, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = DatabaseUrl::from(place.path().join("tessera.db"));
        drop(Db::open(&database).unwrap());
        fs::write(folder.path().join("tessera-notes.db"), "mine").unwrap();
        let every = time::Duration::hours(24);
        let plan = BackupPlan { folder: folder.path().to_owned(), every, keep: 2 };
        let make = |now| make_if_due(&database, &plan, now).unwrap().is_some();
        assert!(make(NOW) && !make(NOW) && !make(NOW + every - time::Duration::SECOND));
        assert!(make(NOW + every) && make(NOW + 2 * every));
        assert_eq!(
            names(folder.path()),
            ["tessera-2026-11-28T025012Z.db", "tessera-2026-11-29T025012Z.db", "tessera-notes.db"]
        );
        // A clock that was set back.
        assert!(make(NOW) && !make(NOW + time::Duration::MINUTE));
    }

    #[test]
    fn a_backup_that_fails_takes_no_older_one_away() {
        let (place, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = DatabaseUrl::from(place.path().join("missing.db"));
        let old = folder.path().join("tessera-2026-01-01T000000Z.db");
        fs::write(&old, "an old one").unwrap();
        let plan = BackupPlan { folder: folder.path().to_owned(), every: time::Duration::HOUR, keep: 1 };
        let error = make_if_due(&database, &plan, NOW).unwrap_err().to_string();
        assert!(error.contains("missing.db"), "{error}");
        assert_eq!(names(folder.path()), ["tessera-2026-01-01T000000Z.db"]);
        let nowhere = BackupPlan { folder: folder.path().join("nowhere"), ..plan };
        assert!(make_if_due(&database, &nowhere, NOW).unwrap_err().to_string().contains("nowhere"));
    }
}
