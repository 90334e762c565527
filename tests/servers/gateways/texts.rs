//! Texts that no test runs, since Debian has no package of the program: they are read as what they are.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;
use tessera::{
    config::ServerUrl,
    web::pages::gateway_setup::{Program, Recipe},
};

#[test]
fn what_traefik_reads_is_yaml_that_says_what_is_meant() {
    let url = ServerUrl::parse("https://keys.example.com").expect("an address");
    let recipe = Recipe::new(Program::Traefik, &url, "019a8f3e").expect("the recipe");
    let [dynamic, fixed] = &recipe.texts[..] else { panic!("{} texts", recipe.texts.len()) };

    let dynamic = from_yaml(&dynamic.text);
    let asks = &dynamic["http"]["middlewares"]["tessera"]["forwardAuth"];
    assert_eq!(asks["address"], "https://keys.example.com/auth?organization=019a8f3e");
    assert_eq!(asks["authResponseHeaders"].as_array().map(Vec::len), Some(4));
    let router = &dynamic["http"]["routers"]["api"];
    assert_eq!(router["middlewares"][0], "tessera");
    let service = router["service"].as_str().expect("a service");
    let servers = &dynamic["http"]["services"][service]["loadBalancer"]["servers"];
    assert_eq!(servers[0]["url"], "http://127.0.0.1:3000");

    let fixed = from_yaml(&fixed.text);
    assert_eq!(fixed["entryPoints"]["web"]["http"]["aliasHeadersStrategy"], "delete");
    assert_eq!(fixed["providers"]["file"]["filename"], recipe.texts[0].file);
}

/// As PyYAML reads it, which schemathesis brings along.
fn from_yaml(text: &str) -> Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/run installs Python");
    python.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the text goes in");
    let read = python.wait_with_output().expect("an end");
    serde_json::from_slice(&read.stdout).expect("YAML")
}
