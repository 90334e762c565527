//! Backups that are made by themselves, into a folder of which the oldest go.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use time::{PrimitiveDateTime, format_description::StaticFormatDescription, macros::format_description};

use super::bucket::{Bucket, BucketError};
use crate::{
    clock::Timestamp,
    config::{BackupPlan, BucketUrl, DatabaseUrl},
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
    let (mut is_failing, mut copies) = (false, plan.bucket.as_ref().map(Copies::to));
    loop {
        let (database, now, due) = (state.config.database.clone(), state.clock.now(), plan.clone());
        let made = tokio::task::spawn_blocking(move || {
            machine::let_others_go_first();
            make_if_due(&database, &due, now)
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
        if let Some(copies) = &mut copies {
            copies.bring_up_to_date(plan).await;
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

/// What is in the bucket.
struct Copies<'a> {
    place: &'a BucketUrl,
    /// The newest backup that is known to be there.
    newest: Option<String>,
    is_failing: bool,
}

impl<'a> Copies<'a> {
    fn to(place: &'a BucketUrl) -> Self {
        Self { place, newest: None, is_failing: false }
    }

    /// Copies the newest backup, unless it is there already, and removes the oldest copies. Another backup that could
    /// not be copied when it was the newest is not copied later.
    async fn bring_up_to_date(&mut self, plan: &BackupPlan) {
        let copied = self.copy(plan).await;
        match copied {
            Ok(Some(name)) => {
                self.is_failing = false;
                tracing::info!(%name, bucket = %self.place, "copied a backup to the bucket");
            }
            Ok(None) => self.is_failing = false,
            Err(error) if self.is_failing => tracing::debug!(%error, "still no copy in the bucket"),
            Err(error) => {
                self.is_failing = true;
                tracing::error!(
                    %error,
                    bucket = %self.place,
                    "no backup was copied to the bucket; it is tried again every minute"
                );
            }
        }
    }

    async fn copy(&mut self, plan: &BackupPlan) -> Result<Option<String>, BucketError> {
        let folder = plan.folder.clone();
        let known =
            tokio::task::spawn_blocking(move || backups_in(&folder)).await.map_err(io::Error::from)??;
        let Some((_, file)) = known.last() else { return Ok(None) };
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if self.newest.as_ref() == Some(&name) {
            return Ok(None);
        }
        let bucket = Bucket::new(self.place)?;
        let mut copies = bucket.names().await?;
        // What else is there is somebody else's.
        copies.retain(|copy| made_at(copy).is_some());
        copies.sort();
        let is_new = !copies.contains(&name);
        if is_new {
            bucket.put(&name, file).await?;
            copies.push(name.clone());
        }
        let too_many = copies.len().saturating_sub(plan.keep);
        for old in copies.iter().filter(|copy| **copy != name).take(too_many) {
            bucket.remove(old).await?;
        }
        self.newest = Some(name.clone());
        Ok(is_new.then_some(name))
    }
}

/// When a backup of this name was made; `None` for the name of another file.
fn made_at(name: &str) -> Option<Timestamp> {
    PrimitiveDateTime::parse(name, NAME).ok()
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
        let made = entry.file_name().to_str().and_then(made_at);
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
        let plan = BackupPlan { folder: folder.path().to_owned(), every, keep: 2, bucket: None };
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
        let plan = BackupPlan {
            folder: folder.path().to_owned(),
            every: time::Duration::HOUR,
            keep: 1,
            bucket: None,
        };
        let error = make_if_due(&database, &plan, NOW).unwrap_err().to_string();
        assert!(error.contains("missing.db"), "{error}");
        assert_eq!(names(folder.path()), ["tessera-2026-01-01T000000Z.db"]);
        let nowhere = BackupPlan { folder: folder.path().join("nowhere"), ..plan };
        assert!(make_if_due(&database, &nowhere, NOW).unwrap_err().to_string().contains("nowhere"));
    }
}
