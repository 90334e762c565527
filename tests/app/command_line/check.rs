//! `tessera check` and `tessera config`: what a start would meet, without one.

use std::{fs, net::TcpListener, path::Path};

use crate::{
    command_line::{
        database::execute,
        instance::{Instance, Output, run},
    },
    smtp::SmtpSink,
};

fn check(folder: &Path, variables: &[(&str, &str)]) -> Output {
    run(folder, &["check"], variables)
}

/// The line about `subject`, which is there once.
fn line<'a>(output: &'a Output, subject: &str) -> &'a str {
    let lines: Vec<&str> =
        output.stdout.lines().filter(|line| line.split_whitespace().nth(1) == Some(subject)).collect();
    assert_eq!(lines.len(), 1, "{subject}: {output:?}");
    lines[0]
}

#[test]
fn a_first_start_with_nothing_set_is_fine_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = check(folder.path(), &[]);
    assert_eq!(output.status, Some(0), "{output:?}");
    assert!(
        line(&output, "Database:").contains("ok") && output.stdout.contains("will be created"),
        "{output:?}"
    );
    assert!(line(&output, "Email:").contains("local mailbox"), "{output:?}");
    assert!(line(&output, "Disk:").contains("GiB"), "{output:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn beside_a_running_server_its_address_is_in_use_and_its_database_is_up_to_date() {
    let instance = Instance::start();
    let (database, url) = (instance.database(), instance.url());
    let variables = [
        ("TESSERA_DATABASE_URL", database.to_str().expect("UTF-8")),
        ("TESSERA_LISTEN", instance.address.as_str()),
        ("TESSERA_PUBLIC_URL", url.as_str()),
        ("TESSERA_METRICS_LISTEN", "127.0.0.1:0"),
    ];
    let output = check(instance.folder(), &variables);
    assert_eq!(output.status, Some(0), "{output:?}");
    assert!(line(&output, "Address:").contains("look") && output.stdout.contains("is in use"), "{output:?}");
    assert!(line(&output, "Metrics:").starts_with("ok"), "{output:?}");
    assert!(line(&output, "Database:").contains("has the schema of this version"), "{output:?}");
    assert!(output.stdout.contains(&format!("{url} answers")), "{output:?}");
    assert!(line(&output, "Clock:").starts_with("ok"), "{output:?}");
}

#[tokio::test]
async fn whatever_keeps_a_server_from_its_work_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.db");
    fs::write(&other, "this is no database, whatever its name says").expect("a file");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let smtp = format!("smtp://user:hunter2@{nobody}?tls=none");
    let output = check(
        folder.path(),
        &[
            ("TESSERA_DATABASE_URL", other.to_str().expect("UTF-8")),
            ("TESSERA_LISTEN", "192.0.2.1:8080"),
            ("TESSERA_SMTP_URL", &smtp),
            ("TESSERA_PUBLIC_URL", "https://tessera.invalid"),
        ],
    );
    assert_eq!(output.status, Some(1), "{output:?}");
    for subject in ["Address:", "Database:", "Email:"] {
        assert!(line(&output, subject).starts_with("wrong"), "{subject} {output:?}");
    }
    assert!(output.stdout.contains("wrong  Public URL: https://tessera.invalid"), "{output:?}");
    assert!(!output.stdout.contains("hunter2") && output.stderr.is_empty(), "{output:?}");
}

#[tokio::test]
async fn a_mail_server_is_tried_and_gets_no_email() {
    let sink = SmtpSink::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (path, url) = (folder.path().to_owned(), sink.url());
    let checking = tokio::task::spawn_blocking(move || check(&path, &[("TESSERA_SMTP_URL", &url)]));
    let output = checking.await.expect("the check");
    assert!(line(&output, "Email:").starts_with("ok"), "{output:?}");
    assert_eq!(sink.received().len(), 0);
}

#[test]
fn the_settings_are_printed_with_where_each_comes_from() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("tessera.toml"), "brand = 'Lumen Keys'\n").expect("a file");
    fs::write(folder.path().join("smtp"), "smtp://user:hunter2@mail.example.com\n").expect("a file");
    let variables =
        [("TESSERA_CONFIG", "tessera.toml"), ("TESSERA_SMTP_URL_FILE", "smtp"), ("TESSERA_LOG", "warn")];
    let output = run(folder.path(), &["config", "--max-keys", "5"], &variables);
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let row = |name: &str| {
        let row = output.stdout.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}"));
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (name, value, origin) in [
        ("TESSERA_BRAND", "Lumen Keys", "tessera.toml"),
        ("TESSERA_SMTP_URL", "<password>", "smtp"),
        ("TESSERA_LOG", "warn", "environment"),
        ("TESSERA_MAX_KEYS", "5", "flag"),
        ("TESSERA_DATABASE_URL", "tessera.db", "default"),
    ] {
        assert!(row(name).contains(value) && row(name).contains(origin), "{name}: {}", output.stdout);
    }
    assert!(!output.stdout.contains("hunter2"), "{}", output.stdout);
}

#[test]
fn a_rehearsed_migration_names_what_a_start_would_apply_and_changes_nothing() {
    let mut instance = Instance::start();
    assert_eq!(instance.stop(), Some(0));
    let newest = "(SELECT max(version) FROM __diesel_schema_migrations)";
    let folder = instance.folder().to_owned();
    fs::copy(instance.database(), folder.join("older.db")).expect("a copy");
    // The newest one comes again: what it would do is not the point here.
    execute(
        &folder.join("older.db"),
        &format!("DELETE FROM __diesel_schema_migrations WHERE version = {newest}"),
    );
    let before = fs::read(folder.join("older.db")).expect("the database");
    let migrate = |file: &str| run(&folder, &["migrate", "--dry-run"], &[("TESSERA_DATABASE_URL", file)]);
    let told = migrate("older.db");
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.stdout.starts_with("A start would apply to older.db:\n  2026"), "{told:?}");
    assert_eq!(told.stdout.lines().count(), 2, "{told:?}");
    assert_eq!(fs::read(folder.join("older.db")).expect("the database"), before);
    let told = migrate("tessera.db");
    assert_eq!(told.stdout, "tessera.db has the schema of this version.\n", "{told:?}");
    let told = migrate("missing.db");
    assert!(told.stdout.contains("is not there yet") && !folder.join("missing.db").exists(), "{told:?}");

    let made = run(&folder, &["migrate"], &[("TESSERA_DATABASE_URL", "new.db")]);
    assert_eq!((made.status, made.stdout.as_str()), (Some(0), "Created new.db.\n"), "{made:?}");
    let again = run(&folder, &["migrate"], &[("TESSERA_DATABASE_URL", "new.db")]);
    assert_eq!(again.stdout, "new.db has the schema of this version.\n", "{again:?}");
}
