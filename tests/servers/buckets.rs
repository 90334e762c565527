//! Copies of backups in a bucket, at rclone, which speaks S3 and looks at each signature.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    gateways::ground::free_address,
    operations::{Running, tessera},
};

/// With signs that an address has to spell otherwise.
const SECRET: &str = "s/cret+of the bucket";
const SPELT: &str = "s%2Fcret%2Bof%20the%20bucket";

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "still not: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The names in a folder, in their order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn backups_are_copied_to_a_bucket_where_the_newest_stay_and_a_copy_is_restored() {
    let (folder, bucket) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (folder, copies) = (folder.path(), bucket.path().join("copies/tessera"));
    fs::create_dir_all(&copies).expect("the bucket");
    let old = ["tessera-2026-01-01T000000Z.db", "tessera-2026-01-02T000000Z.db"];
    for name in old.iter().chain(&["notes.txt"]) {
        fs::write(copies.join(name), "from before").expect("an object");
    }
    let address = free_address();
    let _rclone = Running::start(
        Command::new("rclone")
            .args(["serve", "s3", "--addr", &address.to_string(), "--auth-key", &format!("tessera,{SECRET}")])
            .args(["--config", "/dev/null"])
            .arg(bucket.path()),
    );
    until("rclone listens", || TcpStream::connect(address).is_ok());

    let backups = folder.join("backups");
    fs::create_dir(&backups).expect("a folder");
    let log = folder.join("log");
    let url = |secret: &str| format!("http://tessera:{secret}@{address}/copies/tessera?region=eu-central-1");
    let (right, wrong) = (url(SPELT), url("another"));
    let settings = |bucket: &str| {
        [
            ("TESSERA_LISTEN".to_owned(), free_address().to_string()),
            ("TESSERA_BACKUP_FOLDER".to_owned(), backups.to_str().expect("UTF-8").to_owned()),
            ("TESSERA_BACKUP_KEEP".to_owned(), "2".to_owned()),
            ("TESSERA_BACKUP_BUCKET".to_owned(), bucket.to_owned()),
        ]
    };
    let start = |bucket: &str| {
        let mut server = tessera(folder);
        let log = fs::OpenOptions::new().create(true).append(true).open(&log).expect("a file");
        server.arg("serve").envs(settings(bucket)).stdout(Stdio::null()).stderr(log);
        Running(server.spawn().expect("the server"))
    };
    let said = |words: &str| fs::read_to_string(&log).expect("the log").contains(words);

    // Refused for its signature: the backup is made, and the copy waits.
    let refused = start(&wrong);
    until("the refusal is told", || said("the bucket answered 403"));
    let made = names(&backups);
    assert_eq!(made.len(), 1, "{made:?}");
    drop(refused);
    let server = start(&right);
    until("the copy is told", || said("copied a backup to the bucket"));
    assert_eq!(names(&copies), ["notes.txt", old[1], &made[0]], "the oldest copy went, and nothing else");
    let copy = copies.join(&made[0]);
    assert!(fs::read(&copy).expect("the copy") == fs::read(backups.join(&made[0])).expect("the backup"));
    assert!(!said("another") && !said("cret"), "{}", fs::read_to_string(&log).expect("the log"));

    for (bucket, words) in [(&right, "lets itself be read"), (&wrong, "the bucket answered 403")] {
        let checked = tessera(folder).arg("check").envs(settings(bucket)).output().expect("tessera");
        let told = String::from_utf8(checked.stdout).expect("UTF-8");
        let line = told.lines().find(|line| line.contains("Backup bucket")).expect("a line").to_owned();
        assert!(line.contains(words) && !told.contains("cret"), "{told}");
    }

    drop(server);
    let restored =
        tessera(folder).args(["restore", copy.to_str().expect("UTF-8")]).output().expect("tessera");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let listed = tessera(folder).args(["users", "list"]).output().expect("tessera");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
}
