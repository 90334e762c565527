//! The real binary: its settings, two of it side by side, and what a power cut leaves.

mod backup;
mod check;
mod client;
mod crash_loop;
mod database;
mod email;
mod import;
pub(crate) mod instance;
mod listening;
mod logs;
mod maintenance;
mod scarce;
mod scripted;
pub(crate) mod service;
mod sign_up;
mod sudden_ends;
pub(crate) mod tls;
mod users;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tessera::{clock::Clock, db::Db, web::form_id::FormId};

use crate::{
    no_requests::no_requests,
    support::{Client, Company, SESSION_COOKIE, World},
};
use instance::{Instance, run};

#[test]
fn a_wrong_setting_is_one_line_and_status_2_before_anything_starts() {
    for (name, value) in [
        ("TESSERA_LISTEN", "localhost"),
        ("TESSERA_PUBLIC_URL", "tessera.example.com"),
        ("TESSERA_DATABASE_URL", "postgres://tessera:s3cret@db/tessera?sslmode=require"),
        ("TESSERA_SMTP_URL", "http://user:s3cret@mail.example.com"),
        ("TESSERA_MAIL_FROM", "nobody"),
        ("TESSERA_BRAND", "two\nlines"),
        ("TESSERA_TRUSTED_PROXIES", "10.0.0.0/64"),
        ("TESSERA_LOG", "info,,=="),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = run(folder.path(), &["serve"], &[(name, value)]);
        assert_eq!(output.status, Some(2), "{name}: {output:?}");
        assert_eq!(output.stdout, "", "{name}");
        assert_eq!(output.stderr.lines().count(), 1, "{name}: {}", output.stderr);
        assert!(output.stderr.starts_with(&format!("tessera: {name} ")), "{}", output.stderr);
        assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "{name} left a file");
    }
}

#[test]
fn what_is_no_request_leaves_no_error_in_the_log() {
    let mut instance = Instance::start();
    for (sent, _) in no_requests() {
        let mut stream = TcpStream::connect(&instance.address).expect("a connection");
        let _ = stream.write_all(sent.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(instance.stop(), Some(0));
    let log = instance.log();
    assert!(log.contains("listening on") && !log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[test]
fn an_unknown_flag_or_command_is_one_line_and_status_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in
        [&["serve", "--colour", "red"][..], &["server"], &["serve", "--listen"], &["demo", "--brand", "x"]]
    {
        let output = run(folder.path(), arguments, &[]);
        assert_eq!((output.status, output.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    }
}

#[test]
fn help_lists_every_setting_with_its_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["serve", "--help"][..], &["--help"]] {
        let output = run(folder.path(), arguments, &[]);
        assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""));
        for setting in [
            "listen",
            "public-url",
            "database-url",
            "smtp-url",
            "mail-from",
            "brand",
            "trusted-proxies",
            "sign-up",
            "create-organizations",
            "keys-in-memory",
            "requests-per-minute",
            "max-keys",
            "max-invitations-per-day",
            "webhook-networks",
            "log",
        ] {
            let variable = format!("[env: TESSERA_{}]", setting.to_uppercase().replace('-', "_"));
            let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(&format!("--{setting} ")), "{setting}: {words}");
            assert!(words.contains(&variable), "{variable}: {words}");
        }
    }
}

#[test]
fn what_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("letter.txt");
    let letter = "Dear Sir or Madam, ".repeat(1000);
    fs::write(&file, &letter).expect("a letter");
    let flags = ["serve", "--database-url", file.to_str().expect("UTF-8")];
    let output = run(folder.path(), &flags, &[]);
    assert_eq!(output.status, Some(2), "{output:?}");
    let line =
        format!("tessera: the database could not be opened: {}: file is not a database", file.display());
    assert_eq!(output.stderr.trim_end(), line);
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert_eq!(fs::read_to_string(&file).expect("the letter"), letter);
}

#[tokio::test]
async fn two_instances_run_side_by_side_and_know_nothing_of_each_other() {
    let (one, two) = (Instance::start(), Instance::start());
    assert_ne!(one.address, two.address);
    let lumen = one.world().lumen().await;
    let dana = log_in(&one, &lumen).await;
    dana.get(&lumen.url("api")).await.must_be(200);

    let elsewhere = Client::new(&two.url());
    elsewhere.set_cookie(SESSION_COOKIE, &dana.cookie(SESSION_COOKIE).expect("the session"));
    let answer = elsewhere.get(&lumen.url("api")).await.must_be(303);
    assert!(answer.location().starts_with("/login"));
    let landing = elsewhere.get("/").await.must_be(200).html();
    assert!(
        landing.main_text().contains("Get your first API key in three steps:"),
        "{}",
        landing.main_text()
    );
}

#[test]
fn the_health_of_a_server_is_the_status_of_a_command() {
    let mut instance = Instance::start();
    let folder = instance.folder().to_owned();
    let address = instance.address.clone();
    let health = || run(&folder, &["healthcheck"], &[("TESSERA_LISTEN", &address)]);
    let well = health();
    assert_eq!((well.status, well.stdout.as_str(), well.stderr.as_str()), (Some(0), "", ""));
    // As in a container, where it listens on all addresses.
    let port = address.rsplit(':').next().expect("a port");
    let everywhere = run(&folder, &["healthcheck", "--listen", &format!("0.0.0.0:{port}")], &[]);
    assert_eq!(everywhere.status, Some(0), "{everywhere:?}");
    fs::remove_file(instance.database()).expect("a file");
    let ill = health();
    assert_eq!((ill.status, ill.stdout.as_str()), (Some(1), ""), "{ill:?}");
    assert!(ill.stderr.contains("returned 503") && ill.stderr.contains("removed"), "{ill:?}");
    assert_eq!(ill.stderr.lines().count(), 1, "{ill:?}");
    instance.stop();
    let gone = health();
    assert_eq!(gone.status, Some(3), "{gone:?}");
    assert_eq!(gone.stderr.lines().count(), 1, "{gone:?}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let first = Instance::start();
    let folder = tempfile::tempdir().expect("a folder");
    for flag in ["--listen", "--metrics-listen"] {
        let output = run(folder.path(), &["serve", flag, &first.address], &[]);
        assert_eq!(output.status, Some(1), "{output:?}");
        assert!(output.stderr.contains(&format!("cannot listen on {}", first.address)), "{output:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "{flag} left a file");
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_noted() {
    let mut instance = Instance::start();
    let world = instance.world();
    let lumen = world.lumen().await;
    let dana = log_in(&instance, &lumen).await;
    let secret = create_key(&dana, &lumen, "Billing worker").await.expect("a key");
    let machine = Client::new(&instance.url());
    machine.request("GET", "/api/v2/organization").header("x-api-key", &secret).send().await.must_be(200);
    assert_eq!(instance.stop(), Some(0), "{}", instance.log());
    let used = world.query("SELECT last_used_at AS text FROM api_keys WHERE last_used_at IS NOT NULL").await;
    assert_eq!(used.len(), 1);
}

#[tokio::test]
async fn the_example_is_alive_and_made_once() {
    let mut instance = Instance::prepare();
    let demo = instance.run(&["demo"]);
    assert_eq!((demo.status, demo.stderr.as_str()), (Some(0), ""), "{demo:?}");
    let value = |label: &str| {
        let line = demo.stdout.lines().find_map(|line| line.trim().strip_prefix(label));
        line.expect("a line with it").trim().to_owned()
    };
    let again = instance.run(&["demo"]);
    assert_eq!((again.status, again.stdout.as_str()), (Some(1), ""), "{again:?}");
    assert_eq!(again.stderr.lines().count(), 1, "{again:?}");

    instance.start_again();
    let browser = Client::new(&instance.url());
    let (email, password) = (value("Email"), value("Password"));
    let answer = browser.post("/login", &[("email", &email), ("password", &password)]).await.must_be(303);
    let page = browser.follow(&answer).await.must_be(200).html();
    assert!(page.main_text().contains("Lumen Logistics"), "{}", page.main_text());
}

#[tokio::test]
async fn an_example_instance_has_forty_organizations_and_somebody_who_operates_them() {
    let mut instance = Instance::prepare();
    let demo = instance.run(&["demo", "--operator"]);
    assert_eq!((demo.status, demo.stderr.as_str()), (Some(0), ""), "{demo:?}");
    let password = demo.stdout.lines().find_map(|line| line.trim().strip_prefix("Password")).expect("it");
    assert!(demo.stdout.contains("olga@operator.example"), "{demo:?}");
    instance.start_again();
    let browser = Client::new(&instance.url());
    let fields = [("email", "olga@operator.example"), ("password", password.trim())];
    browser.post("/login", &fields).await.must_be(303);
    let list = async |state: &str| {
        let page = browser.get(&format!("/instance/organizations?state={state}")).await.must_be(200).html();
        (page.text("#orgs-h .count"), page.texts("#organizations tbody th"))
    };
    let (all, rows) = list("all").await;
    assert_eq!((all.as_str(), rows.len()), ("39", 25), "a page of all but the one that is removed");
    assert_eq!(list("suspended").await.1.len(), 1);
    assert_eq!(list("removed").await.1.len(), 1);
    let plans = browser.get("/instance/plans").await.must_be(200).html();
    assert!(plans.main_text().contains("Business"), "{}", plans.main_text());
}

async fn log_in(instance: &Instance, company: &Company) -> Client {
    let client = Client::new(&instance.url());
    let cookie = instance.world().session_cookie(SESSION_COOKIE, &company.owner).await;
    client.set_cookie(SESSION_COOKIE, &cookie);
    client
}

/// The secret of a new key, once the server has shown it; `None` when the server is gone.
async fn create_key(browser: &Client, company: &Company, name: &str) -> Option<String> {
    let form_id = FormId::new(Clock::System.now()).as_str().to_owned();
    let fields = [("name", name), ("duration", "none"), ("form_id", &form_id)];
    let answer = browser.request("POST", &company.url("api/keys")).form(&fields).try_send().await?;
    Some(answer.must_be(200).html().text("dialog code#secret"))
}

impl Instance {
    /// The instance's database, opened beside it.
    fn world(&self) -> World {
        World { db: Db::open(&self.database().into()).expect("the database"), clock: Clock::System }
    }
}
