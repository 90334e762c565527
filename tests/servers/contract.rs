//! The API held against its own description by a stranger: schemathesis makes up requests that fit
//! the schema, and others that do not. `tests/run` installs it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use tessera::domain::{instance_access::InstanceAccess, token_access::TokenAccess};

use crate::support::{Company, TestApp};

/// Requests that are made up for each operation.
const EXAMPLES: &str = "15";

#[tokio::test]
async fn every_answer_is_one_that_the_description_tells() {
    let app = TestApp::builder().flag("--requests-per-minute", "1000000").spawn().await;
    let lumen = app.lumen().await;
    app.api_key(&lumen, "Billing worker").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    // These take an API key, a reporter's credential or an instance token, which this master token is not.
    let others = ["/auth", "/api/v2/organization", "/api/v2/leaks"];
    let others = others.into_iter().flat_map(|path| ["--exclude-path", path]);
    let filters: Vec<&str> = others.chain(["--exclude-path-regex", "^/api/v2/instance/"]).collect();
    hold(&app, &lumen, &machine.credential, &filters);
}

#[tokio::test]
async fn every_answer_about_the_instance_is_one_that_the_description_tells() {
    let app = TestApp::builder().flag("--requests-per-minute", "1000000").spawn().await;
    let lumen = app.lumen().await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    hold(&app, &lumen, &machine.credential, &["--include-path-regex", "^/api/v2/instance/"]);
}

/// Sends made-up requests with a token, to those operations that the filters leave.
fn hold(app: &TestApp, company: &Company, credential: &str, filters: &[&str]) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/schemathesis.toml");
    let own = format!("[parameters]\n\"path.organization\" = \"{}\"\n", company.id);
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("schemathesis.toml");
    let text = std::fs::read_to_string(config).expect("the configuration");
    std::fs::write(&told, format!("{own}{text}")).expect("the configuration is written");
    let output = Command::new("schemathesis")
        .arg("--config-file")
        .arg(&told)
        .arg("run")
        .arg(format!("http://{}/api/v2/openapi.json", app.address()))
        .args(["--header", &format!("Authorization: Bearer {credential}")])
        .args([
            "--checks",
            "all",
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            EXAMPLES,
        ])
        .args(["--continue-on-failure", "--generation-deterministic", "--no-color"])
        .args(filters)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("schemathesis is in the path, see tests/run");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Test cases:"), "{told}");
}
