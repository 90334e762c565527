//! A database for a test: a file of its own, or a database of its own on a server.

use std::{
    env,
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    pg::PgConnection,
};
use tempfile::TempDir;
use tessera::{config::DatabaseUrl, db::Db};

/// The server that makes databases for tests: `tests/run` starts one and runs the tests with it, too. Without
/// it they are files.
static SERVER: LazyLock<Option<String>> = LazyLock::new(|| env::var("TESSERA_TEST_DATABASE_URL").ok());

/// The database that those of tests are copies of.
static TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let name = format!("tessera_template_{}", std::process::id());
    on_server(&format!("CREATE DATABASE {name}"));
    drop(Db::open(&url_of(&name)).expect("the template is migrated"));
    let mut connection = PgConnection::establish(argument(&url_of(&name))).expect("the template");
    connection.batch_execute(WORDS_OF_SQLITE).expect("the words are known");
    name
});

/// Words of SQLite that tests use where they look into tables or fill them.
const WORDS_OF_SQLITE: &str = "
    CREATE DOMAIN blob AS bytea;
    CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql AS $$ SELECT upper(encode($1, 'hex')) $$;
    CREATE FUNCTION quote(text) RETURNS text LANGUAGE sql AS $$ SELECT quote_nullable($1) $$;
    CREATE FUNCTION instr(text, text) RETURNS int LANGUAGE sql AS $$ SELECT strpos($1, $2) $$;
    CREATE FUNCTION datetime(text, text) RETURNS timestamp LANGUAGE sql
        AS $$ SELECT CAST($1 AS timestamp) + CAST($2 AS interval) $$;
    CREATE FUNCTION json_array(VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT CAST(to_json($1) AS text) $$;
    CREATE FUNCTION randomblob(int) RETURNS bytea LANGUAGE sql
        AS $$ SELECT CAST(substr(repeat(CAST(gen_random_uuid() AS text), 1 + $1 / 36), 1, $1) AS bytea) $$;
";

/// Gone when it is dropped.
pub(crate) struct TestDatabase {
    url: DatabaseUrl,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Server(String),
}

impl TestDatabase {
    /// On the engine that is tried.
    pub(crate) fn new() -> Self {
        if SERVER.is_none() {
            return Self::file();
        }
        Self::copy_of(&TEMPLATE)
    }

    /// On the server, without a table.
    pub(crate) fn empty() -> Self {
        Self::copy_of("template0")
    }

    fn copy_of(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tessera_test_{}_{number}", std::process::id());
        on_server(&format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"));
        Self { url: url_of(&name), place: Place::Server(name) }
    }

    /// A file, for tests that are about files.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        Self { url: folder.path().join("tessera.db").into(), place: Place::Folder(folder) }
    }

    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// As it is given to `--database-url`.
    pub(crate) fn argument(&self) -> &str {
        argument(&self.url)
    }

    /// Where the file is, and what SQLite keeps beside it.
    pub(crate) fn folder(&self) -> &Path {
        match &self.place {
            Place::Folder(folder) => folder.path(),
            Place::Server(name) => panic!("{name} is no file; this test asks for one"),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Place::Server(name) = &self.place {
            on_server(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// As it is given to `--database-url`, and as connections are opened with it.
pub(crate) fn argument(url: &DatabaseUrl) -> &str {
    match url {
        DatabaseUrl::Sqlite(path) => path.to_str().expect("a path in UTF-8"),
        DatabaseUrl::Postgres(url) => url.expose(),
    }
}

fn url_of(database: &str) -> DatabaseUrl {
    let server = SERVER.as_deref().expect("a server");
    let mut url: url::Url = server.parse().expect("the URL of a server");
    url.set_path(database);
    DatabaseUrl::parse(url.as_str()).expect("the URL of a database")
}

/// Does what changes the databases of the server. A template that was just let go of may still be closing on
/// another thread.
fn on_server(sql: &str) {
    let server = SERVER.as_deref().expect("TESSERA_TEST_DATABASE_URL; tests/run sets it");
    let mut connection = PgConnection::establish(server).expect("the server for tests");
    for attempt in 0.. {
        match connection.batch_execute(sql) {
            Ok(()) => return,
            Err(error) if attempt < 100 && error.to_string().contains("being accessed by other users") => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => panic!("{error}: {sql}"),
        }
    }
}
