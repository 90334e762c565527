//! What a server tells its watchers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tessera::{
    db::DbError,
    domain::{
        access::Role,
        api_keys,
        id::new_id,
        key_settings::{KeySettings, MonthlyQuota},
        token_access::TokenAccess,
    },
    web::state::State,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{
    list_order::plan as plan_of,
    plans::{operator, plan, put_on},
    support::{Company, Scrape, TestApp, mistyped},
    verification::{Ground, auth},
};

/// The verifications at an endpoint, by their result.
fn results(scrape: &Scrape, endpoint: &str) -> BTreeMap<String, f64> {
    let start = format!("tessera_verifications_total{{endpoint=\"{endpoint}\",result=\"");
    let counted = scrape.counted("tessera_verifications_total").into_iter();
    counted
        .filter_map(|(series, count)| {
            let result = series.strip_prefix(&start)?.strip_suffix("\"}")?;
            Some((result.to_owned(), count))
        })
        .collect()
}

fn expected<const N: usize>(results: [(&str, f64); N]) -> BTreeMap<String, f64> {
    results.into_iter().map(|(result, count)| (result.to_owned(), count)).collect()
}

/// Holds every reader of one kind for so long.
async fn hold(state: &State, readers: usize, seconds: u64, is_verification: bool) {
    for _ in 0..readers {
        let db = state.db.clone();
        tokio::spawn(async move {
            let work = move |_: &mut tessera::db::Connection| {
                std::thread::sleep(Duration::from_secs(seconds));
                Ok::<_, DbError>(())
            };
            if is_verification { db.read_for_verification(work).await } else { db.read(work).await }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn each_result_of_a_verification_is_counted_where_it_was_asked_for() {
    let ground = Ground::on(
        TestApp::builder().with_metrics().without_housekeeping().spawn().await,
        KeySettings::default(),
    )
    .await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let ask = async |path: &str, secret: &str| auth(&ground.client, path, secret).await.status;

    assert_eq!(ask("/auth", &ground.secret).await, 204);
    ground.client.get("/auth").await.must_be(401);
    assert_eq!(ask("/auth", &mistyped(&ground.secret)).await, 401);
    assert_eq!(ask(&format!("/auth?organization={}", new_id(app.now())), &ground.secret).await, 403);
    assert_eq!(ask("/auth?environment=test", &ground.secret).await, 403);
    assert_eq!(ask("/auth?scope=write", &ground.secret).await, 403);
    ground
        .change(KeySettings { networks: "10.0.0.0/8".parse().expect("a network"), ..KeySettings::default() })
        .await;
    assert_eq!(ask("/auth", &ground.secret).await, 403);
    let rate_limit = Some("1/hour".parse().expect("a limit"));
    ground.change(KeySettings { rate_limit, ..KeySettings::default() }).await;
    assert_eq!([ask("/auth", &ground.secret).await, ask("/auth", &ground.secret).await], [204, 429]);

    let (gone, secret_of_gone) = app.api_key(lumen, "Gone").await;
    let (off, secret_of_off) = app.api_key(lumen, "Off").await;
    let (company, now) = (lumen.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        api_keys::remove(tx, &admin, &gone.id, now)?;
        Ok(api_keys::switch(tx, &admin, &off.id, false, now)?)
    })
    .await;
    assert_eq!([ask("/auth", &secret_of_gone).await, ask("/auth", &secret_of_off).await], [401, 401]);
    let until = Some(app.now() + time::Duration::HOUR);
    let (_, of_expired) = app.api_key_until(lumen, "Expired", until).await;
    app.clock.advance(time::Duration::HOUR * 2);
    assert_eq!(ask("/auth", &of_expired).await, 401);
    let quota = KeySettings { monthly_quota: MonthlyQuota::new(1).ok(), ..KeySettings::default() };
    ground.change(quota).await;
    assert_eq!([ask("/auth", &ground.secret).await, ask("/auth", &ground.secret).await], [204, 429]);

    let browser = operator(app).await;
    let of_company = async |name: &str, ceilings: &[(&str, &str)]| {
        let company: Company = app.organization(name, &app.user(&format!("{name} Owner")).await).await;
        if !ceilings.is_empty() {
            let plan = plan(app, &browser, name, ceilings).await;
            put_on(&browser, &company, &plan, &[]).await;
        }
        let (_, secret) = app.api_key(&company, "Key").await;
        (company, secret)
    };
    let (suspended, secret) = of_company("Alder", &[]).await;
    app.suspend(&suspended, "Unpaid").await;
    assert_eq!(ask("/auth", &secret).await, 403);
    let (_, secret) = of_company("Birch", &[("rate_count", "1")]).await;
    assert_eq!([ask("/auth", &secret).await, ask("/auth", &secret).await], [204, 429]);
    let (_, secret) = of_company("Cedar", &[("monthly_quota", "1")]).await;
    assert_eq!([ask("/auth", &secret).await, ask("/auth", &secret).await], [204, 429]);

    assert_eq!(ground.verify(json!({ "scopes": ["write"] })).await["code"], "insufficient_scope");
    let nobody = ground.client.request("POST", "/api/v2/keys/verify");
    nobody
        .header("authorization", "Bearer tess_m_nobody")
        .body("application/json", "{}")
        .send()
        .await
        .must_be(401);
    auth(&ground.client, "/api/v2/organization", &ground.secret).await.must_be(429);

    let scrape = app.scrape().await;
    assert_eq!(
        results(&scrape, "auth"),
        expected([
            ("valid", 5.0),
            ("no_key", 1.0),
            ("malformed", 1.0),
            ("not_found", 1.0),
            ("wrong_organization", 1.0),
            ("wrong_environment", 1.0),
            ("insufficient_scope", 1.0),
            ("forbidden_ip", 1.0),
            ("rate_limited", 1.0),
            ("quota_exceeded", 1.0),
            ("expired", 1.0),
            ("deactivated", 1.0),
            ("organization_suspended", 1.0),
            ("plan_rate_limited", 1.0),
            ("plan_quota_exceeded", 1.0),
        ])
    );
    assert_eq!(results(&scrape, "verify"), expected([("insufficient_scope", 1.0), ("token_rejected", 1.0)]));
    assert_eq!(results(&scrape, "organization"), expected([("quota_exceeded", 1.0)]));

    let requests =
        |kind, class| scrape.value(&format!("tessera_requests_total{{kind=\"{kind}\",status=\"{class}\"}}"));
    assert_eq!([requests("auth", "2xx"), requests("auth", "4xx"), requests("auth", "5xx")], [5.0, 14.0, 0.0]);
    assert_eq!(scrape.value(r#"tessera_request_duration_seconds_count{kind="auth"}"#), 19.0);
    assert_eq!(scrape.value(r#"tessera_request_duration_seconds_bucket{kind="auth",le="+Inf"}"#), 19.0);
    assert!(scrape.value(r#"tessera_request_duration_seconds_sum{kind="auth"}"#) > 0.0);
    assert_eq!([requests("verify", "2xx"), requests("verify", "4xx")], [1.0, 1.0]);
    assert_eq!(scrape.value("tessera_keys_in_memory"), app.state.verifier.keys_in_memory() as f64);
    assert!(scrape.value("tessera_verification_lookups_total") >= 8.0, "each key was looked up");
}

#[tokio::test]
async fn a_verification_that_fails_is_counted_as_an_error() {
    let app = TestApp::builder().with_metrics().spawn().await;
    let (_, secret) = app.api_key(&app.lumen().await, "Billing").await;
    hold(&app.state, 2, 8, true).await;
    auth(&app.client(), "/auth", &secret).await.must_be(503);
    let scrape = app.scrape().await;
    assert_eq!(results(&scrape, "auth"), expected([("error", 1.0)]));
    assert_eq!(scrape.value(r#"tessera_requests_total{kind="auth",status="5xx"}"#), 1.0);
}

#[tokio::test]
async fn requests_are_counted_by_kind_and_status() {
    let app = TestApp::builder().with_metrics().spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Read).await;
    let client = app.client();
    client.get("/login").await.must_be(200);
    client.get("/orgs").await.must_be(303);
    client.get("/nowhere").await.must_be(404);
    client.get("/static/none").await.must_be(404);
    client.get("/livez").await.must_be(200);
    machine.get("keys").await.must_be(200);
    machine.send("POST", "keys", json!({ "name": "x" })).await.must_be(403);
    let scrape = app.scrape().await;
    let counted: Vec<(&str, f64)> = scrape.counted("tessera_requests_total").into_iter().collect();
    assert_eq!(
        counted,
        [
            (r#"tessera_requests_total{kind="api",status="2xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="api",status="4xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="health",status="2xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="page",status="2xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="page",status="3xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="page",status="4xx"}"#, 1.0),
            (r#"tessera_requests_total{kind="static",status="4xx"}"#, 1.0),
        ]
    );
}

#[tokio::test]
async fn what_waits_and_what_there_is_is_told() {
    let app = TestApp::builder()
        .with_metrics()
        .without_housekeeping()
        .flag("--keys-in-memory", "500")
        .spawn()
        .await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    app.webhook(&lumen, "https://receiver.invalid/hook").await;
    app.log_in_as(&lumen.owner).await.get("/orgs").await.must_be(200);
    app.execute("UPDATE webhook_deliveries SET state = 'pending', finished_at = NULL").await;
    app.execute(
        "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL, failing_since = created_at",
    )
    .await;
    app.clock.advance(time::Duration::seconds(90));
    let scrape = app.scrape().await;
    for (name, value) in [
        ("tessera_database_up", 1.0),
        ("tessera_emails_waiting", 1.0),
        ("tessera_emails_oldest_age_seconds", 90.0),
        ("tessera_emails_failed", 0.0),
        ("tessera_webhook_deliveries_waiting", 1.0),
        ("tessera_webhook_deliveries_oldest_age_seconds", 90.0),
        ("tessera_webhooks_failing", 1.0),
        ("tessera_sessions", 1.0),
        ("tessera_nodes", 1.0),
        ("tessera_keys_in_memory_limit", 500.0),
    ] {
        assert_eq!(scrape.value(name), value, "{name}");
    }
    assert!(scrape.value(r#"tessera_database_wait_seconds_count{line="write"}"#) > 0.0);
    assert!(scrape.value("tessera_database_lock_wait_seconds_count") > 0.0);
    let build = format!("tessera_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(scrape.value(&build), 1.0);
    let start = scrape.value("process_start_time_seconds");
    assert_eq!(start, 1_795_428_000.0, "the clock of the test");
    if cfg!(target_os = "linux") {
        assert!(scrape.value("process_resident_memory_bytes") > 1e6);
        assert!(scrape.value("process_open_fds") > 3.0);
        assert!(scrape.value("process_max_fds") >= scrape.value("process_open_fds"));
        assert!(scrape.value("process_cpu_seconds_total") > 0.0);
    }
    let log = r#"tessera_database_file_bytes{file="database"}"#;
    if app.state.db.is_shared() {
        assert!(scrape.value("tessera_change_log_lag_seconds") < 60.0);
        assert!(scrape.value("tessera_change_log_bytes") > 0.0 && scrape.find(log).is_none());
    } else {
        assert!(scrape.value(log) > 0.0 && scrape.find("tessera_change_log_lag_seconds").is_none());
    }
    assert!(scrape.find("tessera_last_backup_timestamp_seconds").is_none(), "none are made");
}

#[tokio::test]
async fn the_newest_backup_is_told_where_backups_are_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::builder().with_metrics().on_file().without_housekeeping();
    let app = app.flag("--backup-folder", folder.path().to_str().expect("UTF-8")).spawn().await;
    let name = "tessera_last_backup_timestamp_seconds";
    assert_eq!(app.scrape().await.value(name), 0.0);
    std::fs::write(folder.path().join("tessera-2026-11-22T100000Z.db"), "").expect("a file");
    std::fs::write(folder.path().join("tessera-2026-11-21T100000Z.db"), "").expect("a file");
    tokio::time::sleep(Duration::from_millis(5100)).await;
    assert_eq!(app.scrape().await.value(name), 1_795_341_600.0);
}

#[tokio::test]
async fn a_database_that_does_not_answer_keeps_no_watcher_waiting() {
    let app = TestApp::builder().with_metrics().without_housekeeping().spawn().await;
    assert_eq!(app.scrape().await.value("tessera_database_up"), 1.0);
    hold(&app.state, 4, 12, false).await;
    tokio::time::sleep(Duration::from_millis(5100)).await;
    let began = Instant::now();
    let (one, other) = tokio::join!(app.scrape(), app.scrape());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    for scrape in [one, other] {
        assert_eq!(scrape.value("tessera_database_up"), 0.0);
        assert!(scrape.find("tessera_emails_waiting").is_none(), "what is not known is not told");
        assert!(scrape.find("tessera_keys_in_memory").is_some());
    }
}

#[tokio::test]
async fn what_is_read_for_a_watcher_is_found_by_an_index() {
    let app = TestApp::builder().with_metrics().on_file().without_housekeeping().spawn().await;
    let statements = app.statements(app.scrape()).await;
    for table in ["outbox", "webhook_deliveries", "sessions"] {
        let asked: Vec<&String> =
            statements.iter().filter(|sql| sql.contains(&format!("`{table}`"))).collect();
        assert!(!asked.is_empty(), "{table}: {statements:#?}");
        for statement in asked {
            let plan = plan_of(&app, statement).await;
            let is_slow = |step: &String| {
                step.starts_with(&format!("SCAN {table}")) || step.starts_with("USE TEMP B-TREE")
            };
            assert!(!plan.iter().any(is_slow), "{statement}\n  {}", plan.join("\n  "));
        }
    }
}

#[tokio::test]
async fn a_database_that_takes_nothing_is_told() {
    let app = TestApp::builder().with_metrics().on_file().without_housekeeping().spawn().await;
    assert_eq!(app.scrape().await.value("tessera_database_up"), 1.0);
    for file in app.database_files() {
        std::fs::remove_file(file).expect("the file goes");
    }
    tokio::time::sleep(Duration::from_millis(5100)).await;
    assert_eq!(app.scrape().await.value("tessera_database_up"), 0.0);
}

#[tokio::test]
async fn each_listener_serves_its_own_and_nothing_else() {
    let app = TestApp::builder().with_metrics().spawn().await;
    let pages = app.client().get("/metrics").await.must_be(404);
    assert!(!pages.text().contains("tessera_"), "{pages:?}");
    let watcher = app.watcher();
    for path in
        ["/", "/login", "/auth", "/healthz", "/readyz", "/api/v2/openapi.json", "/metrics/", "//metrics"]
    {
        let answer = watcher.get(path).await.must_be(404);
        assert_eq!(
            (answer.text().as_str(), answer.header("content-type")),
            ("Not found\n", "text/plain; charset=utf-8")
        );
    }
    watcher.post("/metrics", &[]).await.must_be(404);
    let answer = watcher.get("/metrics?x=y").await.must_be(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    assert_eq!((answer.header("cache-control"), answer.header("set-cookie")), ("no-store", ""));
    let head = watcher.request("HEAD", "/metrics").send().await.must_be(200);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn servers_of_one_process_count_apart() {
    let (one, other) = (TestApp::builder().with_metrics(), TestApp::builder().with_metrics());
    let (one, other) = (one.spawn().await, other.spawn().await);
    for _ in 0..3 {
        one.client().get("/auth").await.must_be(401);
    }
    let count = |scrape: &Scrape| scrape.value(r#"tessera_requests_total{kind="auth",status="4xx"}"#);
    assert_eq!((count(&one.scrape().await), count(&other.scrape().await)), (3.0, 0.0));
}

#[tokio::test]
async fn without_the_setting_there_is_no_second_listener() {
    let app = TestApp::spawn().await;
    assert!(app.state.config.metrics_listen.is_none());
    app.client().get("/metrics").await.must_be(404);
}

/// A watcher keeps its connection; the server does not wait for it.
#[tokio::test]
async fn a_watcher_that_stays_does_not_keep_the_server_from_stopping() {
    let app = TestApp::builder().with_metrics().spawn().await;
    let mut stream = TcpStream::connect(app.metrics_address()).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a request");
    let mut part = [0; 16];
    stream.read_exact(&mut part).await.expect("the start of a response");
    drop(app);
    let closed = async { while stream.read(&mut part).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_secs(20), closed).await.expect("the server closes the connection");
}

/// Every text under the name `expr`.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

/// The names of our metrics in a text.
fn names_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    words.filter(|word| word.starts_with("tessera_") || word.starts_with("process_")).collect()
}

/// What an expression asks of labels: their names, each with one of the values that it takes.
fn labels_in(expression: &str) -> Vec<(&str, &str)> {
    let mut parts: Vec<&str> = expression.split('"').collect();
    parts.pop();
    let pairs = parts.chunks_exact(2).flat_map(|pair| {
        let name = pair[0].trim_end_matches(['=', '~', '!']);
        let name = name.rsplit(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').next();
        pair[1].split('|').map(move |value| (name.unwrap_or_default(), value))
    });
    // Which server it is, Prometheus adds.
    pairs.filter(|(name, _)| !["job", "instance"].contains(name)).collect()
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a server shows on the engine that is tried. What only the other one has is added, and tried with that.
async fn everything_that_is_shown() -> (TestApp, Scrape, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = TestApp::builder().with_metrics();
    if std::env::var_os("TESSERA_TEST_DATABASE_URL").is_none() {
        app = app.flag("--backup-folder", folder.path().to_str().expect("UTF-8"));
    }
    let app = app.spawn().await;
    let scrape = app.scrape().await;
    (app, scrape, folder)
}

/// What a server shows on PostgreSQL, and on a file.
const ON_A_SERVER: [&str; 2] = ["tessera_change_log_bytes", "tessera_change_log_lag_seconds"];
const ON_A_FILE: [&str; 2] = ["tessera_database_file_bytes", "tessera_last_backup_timestamp_seconds"];

#[tokio::test]
async fn the_dashboard_and_the_alert_rules_ask_for_what_there_is() {
    let (app, scrape, _folder) = everything_that_is_shown().await;
    let elsewhere = if app.state.db.is_shared() { ON_A_FILE } else { ON_A_SERVER };
    let (mut shown, series) = (scrape.names(), scrape.series());
    assert!(elsewhere.iter().all(|name| shown.insert(name)), "{elsewhere:?} is shown");
    let dashboard = serde_json::from_str(&file("packaging/grafana/tessera.json")).expect("JSON");
    let rules = serde_saphyr::from_str(&file("packaging/prometheus/alerts.yml")).expect("YAML");
    for (what, least) in [(&dashboard, 25), (&rules, 12)] {
        let mut found = Vec::new();
        expressions(what, &mut found);
        assert!(found.len() >= least, "only {} expressions", found.len());
        for expression in found {
            let unknown: Vec<&str> =
                names_in(&expression).into_iter().filter(|name| !shown.contains(name)).collect();
            assert!(unknown.is_empty(), "{unknown:?} in {expression}");
            for (name, value) in labels_in(&expression) {
                let label = format!("{name}=\"{value}\"");
                assert!(series.iter().any(|series| series.contains(&label)), "{label} in {expression}");
            }
        }
    }
    let rules = rules["groups"][0]["rules"].as_array().expect("rules").clone();
    for rule in rules {
        let text = rule["annotations"]["summary"].as_str().expect("a summary");
        assert!(!text.is_empty() && rule["labels"]["severity"].is_string(), "{rule}");
    }
}

#[tokio::test]
async fn the_document_lists_what_there_is() {
    let (app, scrape, _folder) = everything_that_is_shown().await;
    let text = file("docs/OPERATIONS.md");
    let rows: String = text.lines().filter(|line| line.starts_with("| `tessera_")).collect();
    let said = names_in(&rows);
    let mut shown: BTreeSet<&str> = scrape
        .names()
        .into_iter()
        .filter(|name| name.starts_with("tessera_"))
        .map(|name| {
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
        })
        .collect();
    shown.extend(if app.state.db.is_shared() { ON_A_FILE } else { ON_A_SERVER });
    assert_eq!(said, shown);
}

#[test]
fn an_expression_is_read_as_prometheus_does() {
    let expression =
        r#"sum by (le) (rate(tessera_a_bucket{kind=~"auth|verify",job="x",status!="5xx"}[5m])) > process_b"#;
    assert_eq!(names_in(expression), BTreeSet::from(["tessera_a_bucket", "process_b"]));
    assert_eq!(labels_in(expression), [("kind", "auth"), ("kind", "verify"), ("status", "5xx")]);
}
