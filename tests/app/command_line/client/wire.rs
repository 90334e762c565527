//! What the client sends, and what it makes of answers that no real server gives on demand.

use serde_json::{Value, json};

use super::{
    super::scripted::{self, ScriptedServer},
    Caller,
};

#[test]
fn a_server_that_is_not_there_or_another_one_ends_with_3() {
    let nobody = Caller::new("http://127.0.0.1:9", "tess_m_secret");
    let output = nobody.run(&["keys", "list"]).must_end_with(3);
    assert!(output.stderr.contains("http://127.0.0.1:9 doesn't respond: "), "{output:?}");

    let html = || (404, "content-type: text/html\r\n", "<h1>Not here</h1>".to_owned());
    for answer in
        [html(), (200, "", "<h1>Hello</h1>".to_owned()), scripted::json(200, &json!({ "ok": true }))]
    {
        let server = ScriptedServer::start(vec![Some(answer)]);
        let output = Caller::new(&server.url(), "tess_m_secret").run(&["keys", "list"]).must_end_with(3);
        assert!(output.stderr.contains(" isn't a Tessera server: "), "{output:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_creation_is_repeated_with_the_same_idempotency_key() {
    let busy = || Some((503, "", String::new()));
    let server = ScriptedServer::start(vec![
        token_answer(),
        busy(),
        None,
        Some((429, "retry-after: 0\r\n", String::new())),
        Some(scripted::json(201, &key("x"))),
    ]);
    let output = Caller::new(&server.url(), "tess_m_secret").run(&["keys", "create", "x"]).must_end_with(0);
    assert_eq!(output.stdout, "tess_once\n");
    assert!(!output.stderr.contains("tess_once"), "{output:?}");
    let requests = server.requests();
    let keys: Vec<&str> = requests[1..].iter().map(|request| header(request, "idempotency-key")).collect();
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| key.len() == 36 && *key == keys[0]), "{keys:?}");
    assert!(requests[1].ends_with("{\"name\":\"x\"}"), "{}", requests[1]);
}

#[test]
fn repetition_ends_and_a_long_wait_is_not_kept() {
    let busy = || Some((503, "", String::new()));
    let server = ScriptedServer::start(vec![token_answer(), busy(), busy(), busy(), busy()]);
    Caller::new(&server.url(), "tess_m_secret").run(&["keys", "create", "x"]).must_end_with(3);
    assert_eq!(server.requests().len(), 5);

    let problem = json!({
        "type": "/problems/too-many-requests", "title": "Too Many Requests", "status": 429, "detail": "Wait.",
        "request_id": "req_7",
    });
    let headers = "retry-after: 31\r\ncontent-type: application/problem+json\r\n";
    let server = ScriptedServer::start(vec![Some((429, headers, problem.to_string()))]);
    let output = Caller::new(&server.url(), "tess_m_secret").run(&["keys", "list"]).must_end_with(1);
    assert_eq!(output.stderr, "tessera: Too Many Requests: Wait.\n  Request ID: req_7\n");
}

#[test]
fn a_change_that_could_happen_twice_is_not_repeated() {
    let id = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f";
    let member = json!({
        "id": id, "name": "Jonas", "email": "jonas@lumen.example", "role": "user",
        "joined_at": "2026-11-23T10:00:00Z",
    });
    let server = ScriptedServer::start(vec![token_answer(), Some(scripted::json(200, &member)), None]);
    Caller::new(&server.url(), "tess_m_secret").run(&["members", "remove", id, "--yes"]).must_end_with(3);
    assert!(server.requests()[2].starts_with(&format!("DELETE /api/v2/organizations/o-1/members/{id} ")));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let name = "Evil\u{1b}]0;owned\u{7}\u{9b}31m\nworker";
    let list = || scripted::json(200, &json!({ "data": [key(name)], "next_cursor": null }));
    let steers = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');

    let server = ScriptedServer::start(vec![token_answer(), Some(list())]);
    let output = Caller::new(&server.url(), "tess_m_secret").run(&["keys", "list"]).must_end_with(0);
    assert!(!steers(&output.stdout) && output.stdout.lines().count() == 2, "{output:?}");
    assert!(output.stdout.contains("Evil\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{a}worker"), "{output:?}");

    let server = ScriptedServer::start(vec![token_answer(), Some(list())]);
    let output =
        Caller::new(&server.url(), "tess_m_secret").run(&["keys", "list", "--json"]).must_end_with(0);
    assert!(!steers(&output.stdout), "{output:?}");
    let keys: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(keys[0]["name"], name);
}

fn token_answer() -> Option<scripted::Answer> {
    let organization = json!({ "id": "o-1", "name": "Lumen" });
    let token = json!({ "id": "t-1", "name": "Deploy", "access": "full", "organization": organization });
    Some(scripted::json(200, &token))
}

fn key(name: &str) -> Value {
    json!({
        "id": "1", "name": name, "masked": "tess_…", "status": "active", "created_by": "Dana",
        "created_at": "2026-11-23T10:00:00Z", "scopes": [], "networks": [], "secret": "tess_once",
    })
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name));
    line.map(|(_, value)| value.trim()).expect("the header")
}
