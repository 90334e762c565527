//! Backups that the server makes by itself.

use std::path::PathBuf;

use clap::Args;
use time::Duration;

use super::{BucketUrl, DatabaseUrl, Exit, Sources, setting, values};

/// Where backups go, how often one is made, and how many are kept.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// The folder, which is there.
    pub folder: PathBuf,
    /// From one to the next.
    pub every: Duration,
    /// The newest, which are kept.
    pub keep: usize,
    /// Where a copy of each goes, too.
    pub bucket: Option<BucketUrl>,
}

#[derive(Args)]
pub(super) struct BackupFlags {
    /// Folder for backups of the SQLite database, which the server then makes by itself [env: TESSERA_BACKUP_FOLDER]
    /// [default: none, no backups]
    #[arg(long, value_name = "FOLDER")]
    backup_folder: Option<String>,
    /// Hours from one backup to the next [env: TESSERA_BACKUP_HOURS] [default: 24]
    #[arg(long, value_name = "NUMBER")]
    backup_hours: Option<String>,
    /// Backups to keep; older ones are deleted [env: TESSERA_BACKUP_KEEP] [default: 7]
    #[arg(long, value_name = "NUMBER")]
    backup_keep: Option<String>,
    /// Bucket of an S3 server that gets a copy of each of these backups, as
    /// https://ID:SECRET@HOST/BUCKET/PREFIX?region=REGION; better set in the environment, where other users can't
    /// read it [env: TESSERA_BACKUP_BUCKET] [default: none]
    #[arg(long, value_name = "URL")]
    backup_bucket: Option<String>,
}

impl BackupFlags {
    pub(super) fn read(
        self,
        database: &DatabaseUrl,
        sources: &Sources<'_>,
    ) -> Result<Option<BackupPlan>, Exit> {
        let folder = setting("TESSERA_BACKUP_FOLDER", self.backup_folder, sources, values::folder)?;
        let hours = setting("TESSERA_BACKUP_HOURS", self.backup_hours, sources, |text| {
            values::whole_number(text, 1, 24 * 365)
        })?;
        let keep = setting("TESSERA_BACKUP_KEEP", self.backup_keep, sources, |text| {
            values::whole_number(text, 1, 10_000)
        })?;
        let bucket = setting("TESSERA_BACKUP_BUCKET", self.backup_bucket, sources, BucketUrl::parse)?;
        let Some(folder) = folder else {
            return match bucket {
                Some(_) => Err(Exit::mistake("TESSERA_BACKUP_BUCKET needs TESSERA_BACKUP_FOLDER")),
                None => Ok(None),
            };
        };
        if matches!(database, DatabaseUrl::Postgres(_)) {
            return Err(Exit::mistake(
                "TESSERA_BACKUP_FOLDER is for a SQLite database; back up PostgreSQL with pg_dump",
            ));
        }
        let every = Duration::hours(hours.unwrap_or(24));
        Ok(Some(BackupPlan { folder, every, keep: keep.unwrap_or(7), bucket }))
    }
}
