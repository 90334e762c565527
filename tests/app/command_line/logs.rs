//! The log as JSON, for whoever collects the lines of many servers.

use serde_json::Value;
use tessera::http_client;

use super::instance::{Instance, run};

fn lines_of(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

const JSON: (&str, &str) = ("TESSERA_LOG_FORMAT", "json");

#[tokio::test]
async fn each_line_is_an_object_and_has_the_request_id_of_the_response() {
    let mut instance = Instance::prepare();
    instance.start_with(&[JSON, ("TESSERA_BRAND", "Two “brands”")]);
    let http = http_client::builder().no_proxy().build().expect("a client");
    let id_of = |response: &reqwest::Response| {
        let id = response.headers().get("x-request-id").expect("an ID");
        id.to_str().expect("a text").to_owned()
    };
    let url = |path: &str| format!("{}{path}", instance.url());
    let page = id_of(&http.get(url("/i/hunter2?token=hunter3")).send().await.expect("a page"));
    let form = [("email", "dana@lumen.example"), ("password", "hunter4 hunter4 hunter4")];
    let log_in = http.post(url("/login")).form(&form).header("sec-fetch-site", "same-origin").send().await;
    let log_in = id_of(&log_in.expect("a response"));
    let machine = http.get(url("/auth")).header("x-api-key", "hunter5").send().await.expect("a response");
    let machine = id_of(&machine);
    assert_eq!(instance.stop(), Some(0));

    let log = instance.log();
    assert!(!log.contains("hunter"), "{log}");
    let lines = lines_of(&log);
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "no {field}: {line}");
        }
    }
    let answered = |id: &str| {
        let is_it = |line: &&Value| line["request"] == id && line["message"] == "answered";
        lines.iter().filter(is_it).collect::<Vec<_>>()
    };
    let [line] = answered(&page)[..] else { panic!("not one line for {page}: {log}") };
    assert_eq!((&line["method"], &line["route"]), (&"GET".into(), &"/i/{token}".into()), "{line}");
    assert_eq!((&line["status"], &line["client"]), (&404.into(), &"127.0.0.1".into()), "{line}");
    let failed =
        lines.iter().find(|line| line["message"] == "login failed").expect("the line of a failed login");
    let span = &failed["span"];
    assert_eq!(span["request"], log_in.as_str(), "what is logged meanwhile tells of which request it is");
    assert_eq!((&span["method"], &span["route"]), (&"POST".into(), &"/login".into()), "{failed}");
    assert!(!log.contains(&machine), "verifications leave no line at this level");
}

#[test]
fn why_a_server_does_not_start_is_an_object_too() {
    let mut instance = Instance::prepare();
    instance.start_with(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["serve", "--listen", &instance.address], &[JSON]);
    assert_eq!(output.status, Some(1));
    let last = lines_of(&output.stderr).pop().expect("a line");
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().expect("words").starts_with("cannot listen on "), "{last}");
}
