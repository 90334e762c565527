//! `tessera backup` and `tessera restore`: a drill, and what is refused.

use std::{fs, os::unix::fs::PermissionsExt};

use sha2::{Digest, Sha256};

use super::{
    create_key,
    database::execute,
    instance::{Instance, run},
    log_in,
};
use crate::support::Client;

async fn auth(instance: &Instance, secret: &str) -> u16 {
    Client::new(&instance.url()).request("GET", "/auth").header("x-api-key", secret).send().await.status
}

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_is_there_after_a_loss_of_everything() {
    let mut instance = Instance::start();
    let lumen = instance.world().lumen().await;
    let dana = log_in(&instance, &lumen).await;
    let mut before = Vec::new();
    for number in 0..5 {
        before.push(create_key(&dana, &lumen, &format!("Before {number}")).await.expect("a key"));
    }
    // Others write all the time.
    let (browser, company) = (dana.clone(), lumen.clone());
    let writing = tokio::spawn(async move {
        for number in 0.. {
            if create_key(&browser, &company, &format!("Meanwhile {number}")).await.is_none() {
                return;
            }
        }
    });
    let made = instance.run(&["backup", "kept.db"]);
    assert_eq!((made.status, made.stderr.as_str()), (Some(0), ""), "{made:?}");
    let backup = instance.folder().join("kept.db");
    let bytes = fs::read(&backup).expect("the backup");
    let digest = tessera::hex::of(&Sha256::digest(&bytes));
    assert!(made.stdout.contains(&digest), "{made:?}");
    assert_eq!(fs::metadata(&backup).expect("the backup").permissions().mode() & 0o777, 0o600);
    let after = create_key(&dana, &lumen, "After").await.expect("a key");

    let refused = instance.run(&["restore", "kept.db"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.contains("another process of Tessera uses it"), "{refused:?}");
    assert_eq!(auth(&instance, &after).await, 204);

    instance.pull_the_plug();
    writing.await.expect("the writer ends");
    let restored = instance.run(&["restore", "kept.db"]);
    assert_eq!((restored.status, restored.stderr.as_str()), (Some(0), ""), "{restored:?}");
    let kept =
        restored.stdout.lines().find_map(|line| line.strip_prefix("The database that was there is kept as "));
    let kept = kept.expect("its name").trim_end_matches('.').to_owned();
    instance.start_again();
    for secret in &before {
        assert_eq!(auth(&instance, secret).await, 204);
    }
    assert_eq!(auth(&instance, &after).await, 401);
    assert_eq!(instance.stop(), Some(0));

    // What was there is whole, too: nothing is lost by a restore that was a mistake.
    let again = instance.run(&["restore", &kept]);
    assert_eq!(again.status, Some(0), "{again:?}");
    instance.start_again();
    assert_eq!(auth(&instance, &after).await, 204);
}

#[test]
fn a_backup_goes_over_no_file_and_is_of_a_database_that_is_there() {
    let mut instance = Instance::start();
    assert_eq!(instance.stop(), Some(0));
    fs::write(instance.folder().join("mine.txt"), "mine").expect("a file");
    for (arguments, told) in [
        (&["backup", "mine.txt"][..], "mine.txt: there is a file already"),
        (&["backup", "nowhere/kept.db"], "nowhere/kept.db: No such file or directory"),
        (&["backup", "kept.db", "--database-url", "missing.db"], "missing.db: there is no such file"),
        (&["backup", "kept.db", "--database-url", "postgres://me@db.example/x"], "use pg_dump"),
        (&["restore", "kept.db", "--database-url", "postgres://me@db.example/x"], "use pg_dump"),
    ] {
        let output = instance.run(arguments);
        assert_eq!((output.status, output.stdout.as_str()), (Some(1), ""), "{output:?}");
        assert!(output.stderr.contains(told) && output.stderr.lines().count() == 1, "{output:?}");
    }
    assert_eq!(fs::read_to_string(instance.folder().join("mine.txt")).expect("the file"), "mine");
    assert!(!instance.folder().join("kept.db").exists());
}

#[test]
fn what_is_no_sound_backup_of_ours_takes_the_place_of_nothing() {
    let mut instance = Instance::start();
    assert_eq!(instance.stop(), Some(0));
    let folder = instance.folder().to_owned();
    let before = fs::read(instance.database()).expect("the database");
    assert_eq!(instance.run(&["backup", "sound.db"]).status, Some(0));
    let sound = fs::read(folder.join("sound.db")).expect("the backup");
    let mut broken = sound.clone();
    // Not only an index, which is made anew.
    let (from, to) = (broken.len() / 4, broken.len() * 3 / 4);
    broken[from..to].fill(0xa5);
    fs::write(folder.join("broken.db"), broken).expect("a file");
    fs::write(folder.join("half.db"), &sound[..sound.len() / 2]).expect("a file");
    fs::write(folder.join("empty.db"), "").expect("a file");
    fs::write(folder.join("letter.txt"), "Dear Sir or Madam, ".repeat(1000)).expect("a file");
    execute(&folder.join("another.db"), "CREATE TABLE notes (text TEXT)");
    fs::write(folder.join("newer.db"), &sound).expect("a file");
    execute(
        &folder.join("newer.db"),
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')",
    );
    for file in ["broken.db", "half.db", "empty.db", "letter.txt", "another.db", "newer.db", "missing.db"] {
        let output = instance.run(&["restore", file]);
        assert_eq!((output.status, output.stdout.as_str()), (Some(1), ""), "{file}: {output:?}");
        assert!(output.stderr.contains(file) && output.stderr.lines().count() == 1, "{file}: {output:?}");
        assert_eq!(fs::read(instance.database()).expect("the database"), before, "{file}");
    }
    let left = fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("unfinished")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_first_database_comes_from_a_backup_too() {
    let mut instance = Instance::start();
    assert_eq!(instance.stop(), Some(0));
    assert_eq!(instance.run(&["backup", "kept.db"]).status, Some(0));
    let output = run(instance.folder(), &["restore", "kept.db"], &[("TESSERA_DATABASE_URL", "new.db")]);
    assert_eq!(output.status, Some(0), "{output:?}");
    assert!(!output.stdout.contains("is kept as"), "{output:?}");
    assert!(instance.folder().join("new.db").exists());
}
