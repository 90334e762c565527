//! `tessera keys`, `members`, `invitations` and `activity` against a server.

mod wire;

use std::{fs, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;
use tessera::domain::{access::Role, instance_access::InstanceAccess, token_access::TokenAccess};

use super::instance::{Output, run, run_with_input};
use crate::support::{Company, Machine, TestApp};

/// Calls the client with a token in the environment, in an empty folder.
struct Caller {
    url: String,
    token: String,
    folder: TempDir,
}

impl Caller {
    fn new(url: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { url: url.to_owned(), token: token.to_owned(), folder }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Whatever happens, the token is never printed.
    fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let variables = [("TESSERA_URL", self.url.as_str()), ("TESSERA_TOKEN", self.token.as_str())];
        let output = run_with_input(self.folder.path(), arguments, &variables, input);
        assert!(!output.stdout.contains(&self.token), "{output:?}");
        assert!(!output.stderr.contains(&self.token), "{output:?}");
        output
    }

    /// Runs the binary by a shell, which may close what it writes to.
    fn shell(&self, line: &str) -> Output {
        let output = Command::new("sh")
            .args(["-c", &format!("exec \"$0\" {line}"), env!("CARGO_BIN_EXE_tessera")])
            .env_clear()
            .envs([("TESSERA_URL", &self.url), ("TESSERA_TOKEN", &self.token)])
            .current_dir(self.folder.path())
            .output()
            .expect("the binary ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Output { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        let output = self.run(&arguments).must_end_with(0);
        assert_eq!(output.stderr, "", "{arguments:?}");
        serde_json::from_str(&output.stdout).expect("JSON")
    }
}

impl Output {
    fn must_end_with(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:?}");
        self
    }
}

async fn caller(app: &TestApp, company: &Company, access: TokenAccess) -> (Caller, Machine) {
    let machine = app.machine(company, access).await;
    (Caller::new(&format!("http://{}", app.address()), &machine.credential), machine)
}

#[tokio::test]
async fn a_key_lives_its_whole_life_by_the_command_line() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, machine) = caller(&app, &lumen, TokenAccess::Full).await;

    let settings = [
        "--expires-at",
        "2027-03-31T22:00:00Z",
        "--scope",
        "invoices:read",
        "--scope",
        "invoices:write",
        "--network",
        "10.0.0.0/8",
        "--rate",
        "100/minute",
        "--monthly-quota",
        "5000",
        "--description",
        "Nightly",
        "--metadata",
        "{\"team\":\"billing\"}",
    ];
    let created =
        caller.run(&[&["keys", "create", "Billing worker"][..], &settings].concat()).must_end_with(0);
    let secret = created.stdout.trim_end().to_owned();
    assert!(secret.starts_with("tess_") && !secret.contains(char::is_whitespace), "{created:?}");
    assert!(created.stderr.contains("Created the key “Billing worker”"), "{created:?}");
    assert!(!created.stderr.contains(&secret), "{created:?}");

    let key = caller.json(&["keys", "show", "Billing worker"]);
    assert_eq!(key["expires_at"], "2027-03-31T22:00:00Z");
    assert_eq!(key["scopes"], json!(["invoices:read", "invoices:write"]));
    assert_eq!(key["networks"], json!(["10.0.0.0/8"]));
    assert_eq!(key["rate_limit"], json!({ "requests": 100, "per": "minute" }));
    assert_eq!(key["monthly_quota"], 5000);
    assert_eq!(key["description"], "Nightly");
    assert_eq!(key["metadata"], json!({ "team": "billing" }));
    let id = key["id"].as_str().expect("an id");
    assert_eq!(key, machine.get(&format!("keys/{id}")).await.must_be(200).json());
    assert_eq!(caller.json(&["keys", "show", id]), key);

    let verify = ["keys", "verify", "--scope", "invoices:read", "--ip", "10.1.2.3", "--cost", "2"];
    let verified = caller.run_with_input(&verify, &format!("{secret}\n")).must_end_with(0);
    assert_eq!(verified.stdout, "valid\n");
    let elsewhere = caller.run_with_input(&["keys", "verify", "--ip", "192.0.2.1"], &secret).must_end_with(6);
    assert_eq!(elsewhere.stdout, "forbidden_ip\n");

    let rotated = caller
        .run(&["keys", "rotate", "Billing worker", "--grace-period", "none", "--starts", "immediately"])
        .must_end_with(0);
    let new_secret = rotated.stdout.trim_end();
    assert!(new_secret.starts_with("tess_") && new_secret != secret, "{rotated:?}");
    assert!(!rotated.stderr.contains(new_secret), "{rotated:?}");
    let old = caller.run_with_input(&["keys", "verify", "--ip", "10.1.2.3"], &secret).must_end_with(6);
    assert_eq!(old.stdout, "not_found\n");

    let verify = ["keys", "verify", "--ip", "10.1.2.3"];
    caller.run(&["keys", "deactivate", id]).must_end_with(0);
    assert_eq!(caller.run_with_input(&verify, new_secret).must_end_with(6).stdout, "deactivated\n");
    caller.run(&["keys", "activate", "Billing worker"]).must_end_with(0);
    assert_eq!(caller.run_with_input(&verify, new_secret).must_end_with(0).stdout, "valid\n");

    caller.run(&["keys", "remove", "Billing worker"]).must_end_with(2);
    caller.json(&["keys", "show", id]);
    let removed = caller.run(&["keys", "remove", "Billing worker", "--yes"]).must_end_with(0);
    assert_eq!(removed.stdout, "");
    caller.run(&["keys", "show", id]).must_end_with(5);
    assert_eq!(caller.json(&["keys", "list"]), json!([]));
}

#[tokio::test]
async fn a_secret_in_json_stands_there_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Keys).await;
    for arguments in
        [&["keys", "create", "Billing", "--expires-in", "90d"][..], &["keys", "rotate", "Billing"]]
    {
        let key = caller.json(arguments);
        let secret = key["secret"].as_str().expect("a secret");
        assert_eq!(key.to_string().matches(secret).count(), 1);
        assert!(key["expires_at"].is_string());
    }
}

#[tokio::test]
async fn lists_are_read_to_their_end_as_tables_and_as_json() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Read).await;
    for number in 0..103 {
        app.api_key(&lumen, &format!("Worker {number:03}")).await;
    }
    let keys = caller.json(&["keys", "list", "--sort", "name"]);
    let keys = keys.as_array().expect("one array");
    assert_eq!(keys.len(), 103);
    assert_eq!((&keys[0]["name"], &keys[102]["name"]), (&json!("Worker 000"), &json!("Worker 102")));

    let table = caller.run(&["keys", "list", "--sort", "name"]).must_end_with(0);
    assert_eq!(table.stderr, "");
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert_eq!(lines.len(), 104);
    assert!(lines[0].starts_with("NAME        KEY"), "{}", lines[0]);
    assert!(lines[1].starts_with("Worker 000  tess_"), "{}", lines[1]);
    assert!(!table.stdout.contains('\u{1b}'), "no colours in a pipe");

    assert_eq!(
        caller.json(&["keys", "--json", "list", "--search", "Worker 05"]).as_array().map(Vec::len),
        Some(10)
    );
    let none = caller.run(&["keys", "list", "--show", "deactivated"]).must_end_with(0);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "No matching keys.\n"));
}

#[tokio::test]
async fn members_are_listed_changed_and_removed() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let jonas = app.member(&lumen, Role::User, "Jonas Brandt").await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Full).await;
    let address = jonas.email.to_string();

    let table = caller.run(&["members", "list", "--search", "Jonas"]).must_end_with(0).stdout;
    assert!(
        table.contains("Jonas Brandt") && table.contains(&address) && table.contains(" user "),
        "{table}"
    );
    caller.run(&["members", "role", &address, "developer"]).must_end_with(0);
    assert_eq!(caller.json(&["members", "list", "--role", "developer"])[0]["email"], json!(address));
    let changed = caller.run(&["members", "role", &address, "supervisor"]).must_end_with(0);
    assert_eq!(changed.stderr, "“Jonas Brandt” is now supervisor.\n");
    assert_eq!(app.role_of(&lumen, &jonas).await, Some(Role::Supervisor));
    caller.run(&["members", "remove", &jonas.id]).must_end_with(2);
    caller.run(&["members", "remove", &jonas.id, "--yes"]).must_end_with(0);
    assert_eq!(app.role_of(&lumen, &jonas).await, None);
    caller.run(&["members", "role", &address, "user"]).must_end_with(5);
    caller.run(&["members", "role", "..", "user"]).must_end_with(5);
}

#[tokio::test]
async fn invitations_are_sent_listed_and_canceled() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Members).await;
    let send = ["invitations", "send", "mara@lumen.example", "ada@lumen.example", "--role", "supervisor"];
    let table = caller.run(&send).must_end_with(0).stdout;
    assert!(table.contains("mara@lumen.example  sent "), "{table}");
    let list = caller.json(&["invitations", "list", "--search", "mara"]);
    assert_eq!((&list[0]["email"], &list[0]["role"]), (&json!("mara@lumen.example"), &json!("supervisor")));

    let soon = caller.run(&["invitations", "resend", "mara@lumen.example"]).must_end_with(1);
    assert!(soon.stderr.starts_with("tessera: Conflict: "), "{soon:?}");
    app.clock.advance(time::Duration::minutes(2));
    caller.run(&["invitations", "resend", "mara@lumen.example"]).must_end_with(0);
    let beyond = ["invitations", "send", "dev@lumen.example", "--role", "developer"];
    caller.run(&beyond).must_end_with(4);
    caller.run(&["invitations", "cancel", list[0]["id"].as_str().expect("an id")]).must_end_with(0);
    caller.run(&["invitations", "cancel", "mara@lumen.example"]).must_end_with(5);
    assert_eq!(caller.json(&["invitations", "list"]).as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn activity_is_listed_and_exported() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, machine) = caller(&app, &lumen, TokenAccess::Full).await;
    for name in ["One", "Two", "Three"] {
        caller.run(&["keys", "create", name]).must_end_with(0);
    }
    let events = caller.json(&["activity", "list", "--limit", "2"]);
    let names: Vec<&Value> =
        events.as_array().expect("a list").iter().map(|event| &event["subject"]["name"]).collect();
    assert_eq!(names, ["Three", "Two"]);
    let table = caller.run(&["activity", "list", "--search", "Two"]).must_end_with(0).stdout;
    assert!(table.starts_with("TIME (UTC)") && table.contains("Two") && !table.contains("Three"), "{table}");
    for format in ["jsonl", "csv"] {
        let exported = caller.run(&["activity", "export", "--format", format]).must_end_with(0);
        let expected = machine.get(&format!("activity/export?format={format}")).await.must_be(200).text();
        assert!(expected.contains("Three"));
        assert_eq!(exported.stdout, expected);
    }
}

#[tokio::test]
async fn a_rejection_ends_with_1_and_tells_the_fields_and_the_request() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Keys).await;
    let refused = caller.run(&["keys", "create", "x", "--network", "nowhere"]).must_end_with(1);
    assert_eq!(refused.stdout, "");
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert!(lines[0].starts_with("tessera: "), "{refused:?}");
    assert!(lines[1].starts_with("  /networks"), "{refused:?}");
    assert!(lines[lines.len() - 1].starts_with("  Request ID: req_"), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_is_unknown_or_may_too_little_ends_with_4() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.api_key(&lumen, "Billing worker").await;
    let (reader, _) = caller(&app, &lumen, TokenAccess::Read).await;
    let refused = reader.run(&["keys", "create", "Another"]).must_end_with(4);
    assert!(refused.stdout.is_empty() && refused.stderr.starts_with("tessera: Forbidden: "), "{refused:?}");
    reader.run(&["keys", "deactivate", "Billing worker"]).must_end_with(4);
    let stranger = Caller::new(&reader.url, "tess_m_unknown");
    stranger.run(&["keys", "list"]).must_end_with(4);
}

#[tokio::test]
async fn another_organization_is_not_found() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let owner = app.user("Olga Petrov").await;
    let other = app.organization("Harbour", &owner).await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let (stranger, _) = caller(&app, &other, TokenAccess::Full).await;
    for named in [key.id.as_str(), "Billing worker"] {
        stranger.run(&["keys", "show", named]).must_end_with(5);
        stranger.run(&["keys", "remove", named, "--yes"]).must_end_with(5);
    }
    assert_eq!(stranger.json(&["keys", "list"]), json!([]));
}

#[test]
fn wrong_usage_is_one_line_and_status_2_before_anything_is_sent() {
    let caller = Caller::new("http://127.0.0.1:9", "tess_m_secret");
    for arguments in [
        &["keys", "create"][..],
        &["keys", "create", "x", "--expires-in", "90"],
        &["keys", "create", "x", "--expires-in", "90d", "--expires-at", "2027-03-31T22:00:00Z"],
        &["keys", "create", "x", "--expires-at", "tomorrow"],
        &["keys", "create", "x", "--rate", "100/day"],
        &["keys", "create", "x", "--monthly-quota", "0"],
        &["keys", "create", "x", "--metadata", "[]"],
        &["keys", "list", "--show", "some"],
        &["keys", "list", "--url", "keys.example.com"],
        &["keys", "list", "--token-file", "missing"],
        &["keys", "list", "--token", "tess_m_secret"],
        &["keys", "verify", "tess_m_secret"],
        &["keys", "verify", "--ip", "here"],
        &["keys", "verify"],
        &["keys", "remove", "x"],
        &["members", "role", "x", "owner"],
        &["invitations", "send", "--role", "user"],
        &["invitations", "send", "mara@lumen.example"],
        &["activity", "export", "--format", "pdf"],
        &["completions", "cmd"],
    ] {
        let output = caller.run(arguments).must_end_with(2);
        assert_eq!(output.stdout, "", "{arguments:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.starts_with("tessera: "), "{output:?}");
    }
}

#[test]
fn without_a_token_the_setting_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["keys", "list"], &[]).must_end_with(2);
    assert!(output.stderr.starts_with("tessera: TESSERA_TOKEN isn't set"), "{output:?}");
}

#[tokio::test]
async fn the_token_can_stand_in_a_file_and_the_server_in_a_flag() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Read).await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("token"), format!("{}\n", machine.credential)).expect("a file");
    let url = format!("http://{}/", app.address());
    let arguments = ["keys", "list", "--token-file", "token", "--url", &url, "--json"];
    let output = run(folder.path(), &arguments, &[("TESSERA_TOKEN", "tess_m_other")]).must_end_with(0);
    assert_eq!(output.stdout, "[]\n");
}

#[tokio::test]
async fn a_byte_order_mark_belongs_to_neither_token_nor_key() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, machine) = caller(&app, &lumen, TokenAccess::Full).await;
    let (_, secret) = app.api_key(&lumen, "Billing").await;
    fs::write(caller.folder.path().join("token"), format!("\u{feff}{}\r\n", machine.credential))
        .expect("a file");
    let verify = ["keys", "verify", "--token-file", "token"];
    let verified = caller.run_with_input(&verify, &format!("\u{feff}{secret}\r\n")).must_end_with(0);
    assert_eq!(verified.stdout, "valid\n");
}

#[tokio::test]
async fn what_is_told_once_is_not_told_to_nobody() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Full).await;
    app.api_key(&lumen, "Billing").await;
    let before = app.ledger().await;
    for line in ["keys create Nightly", "keys rotate Billing --grace-period 1h --starts immediately", "demo"]
    {
        for output in [">&-", ">/dev/null"] {
            let output = caller.shell(&format!("{line} {output}")).must_end_with(2);
            assert!(output.stderr.contains("standard output is closed"), "{line}: {output:?}");
        }
    }
    assert_eq!(app.ledger().await["api_keys"], before["api_keys"]);
    assert!(!caller.folder.path().join("tessera.db").exists(), "the example was made");
}

#[test]
fn each_shell_gets_its_completions() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(folder.path(), &["completions", shell], &[]).must_end_with(0);
        for word in ["keys", "rotate", "invitations", "token-file"] {
            assert!(output.stdout.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn help_documents_the_exit_status_and_the_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["keys", "members", "invitations", "activity"] {
        let output = run(folder.path(), &[command, "--help"], &[]).must_end_with(0);
        for words in
            ["Exit status:", "\n  0  Done", "\n  6  ", "TESSERA_URL", "TESSERA_TOKEN", "--token-file"]
        {
            assert!(output.stdout.contains(words), "{command}: {words}");
        }
    }
}

#[tokio::test]
async fn whoever_operates_the_instance_manages_organizations() {
    let app = TestApp::spawn().await;
    let plan = app.plan("Starter").await;
    let token = app.instance_machine(InstanceAccess::Operate).await.credential;
    let caller = Caller::new(&format!("http://{}", app.address()), &token);
    let run = |arguments: &[&str]| caller.run(&[&["organizations"], arguments].concat());
    let created = run(&["create", "Lumen Logistics", "--administrator", "dana@lumen.example"]);
    assert!(created.must_end_with(0).stderr.contains("Created the organization “Lumen Logistics”"));
    let shown = caller.json(&["organizations", "show", "lumen logistics"]);
    assert_eq!((&shown["name"], &shown["plan_id"]), (&json!("Lumen Logistics"), &Value::Null));
    let id = shown["id"].as_str().expect("an id");
    run(&["plan", id, "Starter"]).must_end_with(0);
    assert_eq!(caller.json(&["organizations", "show", id])["plan_id"], json!(plan));
    let shown = run(&["show", id]).must_end_with(0).stdout;
    assert!(shown.lines().any(|line| line.starts_with("Plan") && line.ends_with("Starter")), "{shown}");
    for (plan, found) in [("starter", 1), ("none", 0)] {
        let list = caller.json(&["organizations", "list", "--plan", plan]);
        assert_eq!(list.as_array().map(Vec::len), Some(found), "{plan}: {list}");
    }
    assert!(run(&["list", "--plan", "Gold"]).must_end_with(5).stderr.contains("Gold"));
    run(&["notes", id, "Renews in May."]).must_end_with(0);
    assert_eq!(caller.json(&["organizations", "show", id])["notes"], "Renews in May.");
    run(&["notes", id]).must_end_with(2);
    run(&["notes", id, "--clear"]).must_end_with(0);
    assert_eq!(caller.json(&["organizations", "show", id])["notes"], Value::Null);
    run(&["plan", id]).must_end_with(2);
    run(&["plan", id, "--none"]).must_end_with(0);
    run(&["plan", id, "Gold"]).must_end_with(5);
    run(&["rename", "Lumen Logistics", "Lumen"]).must_end_with(0);
    run(&["suspend", "Lumen", "--reason", "Payment is overdue."]).must_end_with(0);
    let list = run(&["list", "--state", "suspended"]).must_end_with(0).stdout;
    assert!(list.contains("Lumen") && list.contains("suspended"), "{list}");
    let details = run(&["show", "Lumen"]).must_end_with(0).stdout;
    assert!(details.contains("Payment is overdue."), "{details}");
    run(&["resume", "Lumen"]).must_end_with(0);
    let invited = run(&["invite", "Lumen", "ravi@lumen.example"]).must_end_with(0);
    assert!(invited.stderr.contains("ravi@lumen.example: sent."), "{invited:?}");
    run(&["remove", "Lumen"]).must_end_with(2);
    run(&["remove", "Lumen", "--yes"]).must_end_with(0);
    assert!(run(&["list"]).must_end_with(0).stderr.contains("No matching organizations."));
    assert_eq!(caller.json(&["organizations", "list", "--state", "removed"])[0]["id"], json!(id));
    // Another one of the same name does not stand in the way.
    let other = run(&["create", "Lumen"]).must_end_with(0);
    assert!(other.stderr.contains("Created"));
    run(&["restore", "Lumen"]).must_end_with(0);
    assert_eq!(caller.json(&["organizations", "show", id])["removed_at"], Value::Null);
    run(&["show", "Fern"]).must_end_with(5);
    let usage = caller.json(&["organizations", "usage"]);
    assert_eq!((&usage[0]["organization"]["name"], &usage[0]["units"]), (&json!("Lumen"), &json!(0)));
    run(&["usage", "--month", "November"]).must_end_with(1);
    assert_eq!(caller.json(&["organizations", "plans"])[0]["name"], "Starter");
    let plans = run(&["plans"]).must_end_with(0).stdout;
    for heading in ["RATE LIMIT", "LONGEST KEY (DAYS)", "SCOPES"] {
        assert!(plans.contains(heading), "{plans}");
    }
    run(&["create", "Lumen"]).must_end_with(0);
    let refused = run(&["suspend", "Lumen", "--reason", "Late"]).must_end_with(1);
    assert!(refused.stderr.contains("Several organizations"), "{refused:?}");

    let reader = app.instance_machine(InstanceAccess::Read).await.credential;
    let reader = Caller::new(&caller.url, &reader);
    reader.run(&["organizations", "list"]).must_end_with(0);
    reader.run(&["organizations", "suspend", id, "--reason", "Late"]).must_end_with(4);
}

#[tokio::test]
async fn a_removed_key_is_listed_and_restored() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (caller, _) = caller(&app, &lumen, TokenAccess::Keys).await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    caller.run(&["keys", "remove", "Billing worker", "--yes"]).must_end_with(0);
    let removed = caller.json(&["keys", "removed"]);
    assert_eq!((&removed[0]["id"], &removed[0]["name"]), (&json!(key.id), &json!("Billing worker")));
    let restored = caller.run(&["keys", "restore", "billing worker"]).must_end_with(0);
    assert!(restored.stderr.contains("It's deactivated."), "{restored:?}");
    assert_eq!(caller.json(&["keys", "show", &key.id])["status"], "deactivated");
    caller.run(&["keys", "restore", "Billing worker"]).must_end_with(5);
}
