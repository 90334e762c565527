//! The file of the database: whose it is, what can be wrong with it, and what becomes of it while the
//! server runs.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
};

use diesel::connection::{Connection as _, SimpleConnection};
use tessera::{clock::Clock, db::Connection, web::form_id::FormId};

use super::{
    create_key,
    instance::{Instance, LISTEN, command, run},
    log_in,
};
use crate::support::{Client, Response};

/// What Tessera says of a database that another process has.
const IN_USE: &str = "another process of Tessera uses it; stop that one first";
/// Whoever has no rights of their own.
const NOBODY: u32 = 65534;

#[test]
fn a_second_process_on_the_same_database_is_refused_however_its_path_is_spelled() {
    let mut first = Instance::start();
    let folder = first.folder().to_owned();
    fs::create_dir(folder.join("elsewhere")).expect("a folder");
    symlink(first.database(), folder.join("elsewhere/link.db")).expect("a link");
    symlink("link.db", folder.join("elsewhere/link to the link.db")).expect("a link");
    symlink(&folder, folder.join("elsewhere/around")).expect("a link");
    let absolute = first.database();
    let absolute = absolute.to_str().expect("UTF-8");
    let spellings = [
        absolute,
        "tessera.db",
        "./tessera.db",
        "elsewhere/../tessera.db",
        "elsewhere/link.db",
        "elsewhere/link to the link.db",
        "elsewhere/around/tessera.db",
        "sqlite:tessera.db",
    ];
    for spelling in spellings {
        for verb in [&["serve"][..], &["demo"], &[]] {
            let output = run(&folder, verb, &[("TESSERA_DATABASE_URL", spelling)]);
            assert_eq!(output.status, Some(2), "{verb:?} {spelling}: {output:?}");
            assert_eq!(output.stderr.lines().count(), 1, "{verb:?} {spelling}: {output:?}");
            assert!(output.stderr.trim_end().ends_with(IN_USE), "{verb:?} {spelling}: {output:?}");
        }
    }
    // However the first one ends, its place is free.
    first.pull_the_plug();
    first.start_again();
    assert_eq!(first.stop(), Some(0));
    first.start_again();
}

#[test]
fn the_files_of_the_database_are_their_owners_alone() {
    let mut instance = Instance::start();
    assert_eq!(modes(instance.folder()), ["-lock 600", "-shm 600", "-wal 600", " 600"].map(String::from));
    instance.pull_the_plug();
    for file in fs::read_dir(instance.folder()).expect("the folder") {
        let permissions = fs::Permissions::from_mode(0o644);
        fs::set_permissions(file.expect("a file").path(), permissions).expect("a mode");
    }
    instance.start_again();
    assert_eq!(modes(instance.folder()), ["-lock 600", "-shm 600", "-wal 600", " 600"].map(String::from));
    let log = instance.log();
    assert!(log.contains("other users could open") && log.contains("(mode 644)"), "{log}");
}

/// What stands behind the name of each file, and its mode.
fn modes(folder: &Path) -> Vec<String> {
    let mut modes: Vec<String> = fs::read_dir(folder)
        .expect("the folder")
        .map(|file| file.expect("a file"))
        .map(|file| {
            let name = file.file_name().into_string().expect("UTF-8");
            let mode = file.metadata().expect("a file").permissions().mode() & 0o777;
            format!("{} {mode:o}", name.trim_start_matches("tessera.db"))
        })
        .collect();
    modes.sort();
    modes.rotate_left(1);
    modes
}

#[test]
fn a_database_that_cannot_be_used_is_one_line_with_its_path_and_the_reason() {
    let ground = tempfile::tempdir().expect("a folder");
    let folder = ground.path();
    let open_to_all = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    open_to_all(folder, 0o755);
    // A binary that anybody may run.
    let binary = folder.join("tessera");
    fs::copy(env!("CARGO_BIN_EXE_tessera"), &binary).expect("a copy");
    fs::create_dir(folder.join("a folder")).expect("a folder");
    fs::write(folder.join("letter.txt"), "Dear Sir or Madam").expect("a letter");
    symlink("a circle.db", folder.join("a circle.db")).expect("a link");
    fs::write(folder.join("two names.db"), "").expect("a file");
    fs::hard_link(folder.join("two names.db"), folder.join("the other name.db")).expect("a second name");
    for (name, file, mode) in
        [("locked", "", 0o555), ("open", "read-only.db", 0o777), ("open", "secret.db", 0o777)]
    {
        let place = folder.join(name);
        fs::create_dir_all(&place).expect("a folder");
        if !file.is_empty() {
            fs::write(place.join(file), "").expect("a file");
            open_to_all(&place.join(file), if file == "secret.db" { 0o000 } else { 0o444 });
        }
        open_to_all(&place, mode);
    }
    let mut newer = Instance::prepare();
    newer.start_again();
    newer.pull_the_plug();
    execute(&newer.database(), "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    let newer_path = newer.database();

    let cases: [(&str, &str); 11] = [
        ("none/tessera.db", "none does not exist"),
        ("a folder", "this is a folder, not a file"),
        ("a folder/", "this is a folder, not a file"),
        ("letter.txt/tessera.db", "Not a directory"),
        ("a circle.db", "symbolic links"),
        ("two names.db", "the file has a second name (a hard link); remove one of them"),
        ("/dev/null", "this isn't a regular file"),
        ("locked/tessera.db", "Permission denied"),
        ("open/read-only.db", "it can't be written: Permission denied"),
        ("open/secret.db", "it can't be read: Permission denied"),
        (newer_path.to_str().expect("UTF-8"), "was written by a newer version of Tessera"),
    ];
    for (path, reason) in cases {
        for verb in ["serve", "demo"] {
            let mut process = command(folder);
            if !path.starts_with('/') {
                // Nobody but the administrator may do everything everywhere.
                process = std::process::Command::new(&binary);
                process.env_clear().env(LISTEN.0, LISTEN.1).current_dir(folder);
                if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
                    process.uid(NOBODY);
                }
            }
            let output = process.args([verb, "--database-url", path]).output().expect("the binary ends");
            let told = String::from_utf8(output.stderr).expect("UTF-8");
            assert_eq!(output.status.code(), Some(2), "{verb} {path}: {told}");
            assert_eq!(told.lines().count(), 1, "{verb} {path}: {told}");
            let begin = format!("tessera: the database could not be opened: {path}: ");
            assert!(told.starts_with(&begin) && told.contains(reason), "{verb} {path}: {told}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_taken_away_under_the_server_is_noticed_and_nothing_is_lost() {
    for (file, is_replaced) in [("", false), ("", true), ("-wal", false), ("-shm", true), ("-lock", false)] {
        let instance = Instance::start();
        let lumen = instance.world().lumen().await;
        let dana = log_in(&instance, &lumen).await;
        let secret = create_key(&dana, &lumen, "Before").await.expect("a key");
        let anybody = Client::new(&instance.url());
        anybody.get("/healthz").await.must_be(200);

        let path = PathBuf::from(format!("{}{file}", instance.database().display()));
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).expect("the file is moved");
        if is_replaced {
            fs::write(&path, "").expect("another file");
        }
        let answer = create_key_form(&dana, &lumen.url("api/keys"), "Meanwhile").await.must_be(503);
        assert!(!answer.header("retry-after").is_empty(), "{file}");
        assert!(answer.text().contains("Try again in a moment"), "{}", answer.text());
        let health = anybody.get("/healthz").await.must_be(503).json();
        assert!(health["reason"].as_str().expect("a reason").contains("removed or replaced"), "{health}");
        instance.wait_for_log("changes can't be saved").await;
        // What can be answered is.
        dana.get(&lumen.url("api")).await.must_be(200);
        let known = anybody.request("GET", "/auth").header("x-api-key", &secret).send().await;
        known.must_be(204);

        fs::rename(&aside, &path).expect("the file is put back");
        instance.wait_for_log("changes can be saved again").await;
        anybody.get("/healthz").await.must_be(200);
        create_key(&dana, &lumen, "Afterwards").await.expect("a key");
        let errors = instance.log().lines().filter(|line| line.contains("changes can't be saved")).count();
        assert_eq!(errors, 1, "{}", instance.log());
        let names = instance.world().query("SELECT name AS text FROM api_keys ORDER BY 1").await;
        assert_eq!(names, ["Afterwards", "Before"]);
    }
}

async fn create_key_form(browser: &Client, url: &str, name: &str) -> Response {
    let form_id = FormId::new(Clock::System.now());
    let fields = [("name", name), ("duration", "none"), ("form_id", form_id.as_str())];
    browser.post(url, &fields).await
}

/// Runs a statement at a database that nobody serves.
pub(super) fn execute(database: &Path, sql: &str) {
    let mut connection =
        Connection::establish(database.to_str().expect("UTF-8")).expect("the database opens");
    connection.batch_execute(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
}
