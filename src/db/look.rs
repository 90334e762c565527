//! What there is under the name of a database, without changing it.

use diesel::prelude::*;

use super::{DbError, failed_at, file, migrate, opener};
use crate::{clock::Timestamp, config::DatabaseUrl};

/// A database as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseState {
    /// The names of the migrations that a start would apply; `None` where there is no file yet.
    pub pending_migrations: Option<Vec<String>>,
    /// Bytes that the disk of a file has left, where the system tells.
    pub bytes_left: Option<u64>,
    /// What time it is at a server.
    pub now: Option<Timestamp>,
}

/// Looks at a database that a server could be started with.
///
/// # Errors
/// [`DbError::Open`] when none could: the path is not one, the server does not answer, another version wrote it.
pub fn look_at(url: &DatabaseUrl) -> Result<DatabaseState, DbError> {
    let mut bytes_left = None;
    if let DatabaseUrl::Sqlite(path) = url {
        let path = file::resolve(path).map_err(failed_at(url))?;
        bytes_left = file::bytes_left_on_disk(&path);
        if !path.exists() {
            file::check_folder_of(&path).map_err(failed_at(url))?;
            return Ok(DatabaseState { pending_migrations: None, bytes_left, now: None });
        }
        file::check(&path).map_err(failed_at(url))?;
    }
    let mut connection = opener::establish(url).map_err(|error| failed_at(url)(error.to_string()))?;
    opener::check_server(&mut connection).map_err(failed_at(url))?;
    let pending = migrate::pending(&mut connection).map_err(failed_at(url))?;
    let now = match url {
        DatabaseUrl::Sqlite(_) => None,
        DatabaseUrl::Postgres(_) => {
            let now = diesel::dsl::sql::<diesel::sql_types::Timestamp>("timezone('UTC', clock_timestamp())");
            Some(diesel::select(now).get_result(&mut connection)?)
        }
    };
    Ok(DatabaseState { pending_migrations: Some(pending), bytes_left, now })
}
