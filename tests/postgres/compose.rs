//! What `compose.yaml` and `packaging/Caddyfile` say, started without containers: both nodes with the environment that
//! stands there, and Caddy in front of them. Names of hosts become ports of this machine, and nothing else is changed.

mod file;
mod stack;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;

use file::{Compose, Variables, dockerfile, repository};
use stack::Stack;

use crate::support::{Client, until};

#[test]
fn the_parts_of_the_file_agree_with_each_other() {
    let compose = Compose::read(&Variables::default());
    let database = compose.service("database");
    let version = database.image.strip_prefix("postgres:").and_then(|tag| tag.split('-').next());
    assert!(version.and_then(|version| version.parse::<u32>().ok()).expect("a version") >= 15);
    let url = format!(
        "postgres://{}:{}@database:5432/{}",
        database.environment["POSTGRES_USER"],
        database.environment["POSTGRES_PASSWORD"],
        database.environment["POSTGRES_DB"]
    );
    let caddy = compose.service("caddy");
    let address = caddy.address();
    for (_, node) in compose.nodes() {
        assert_eq!(node.environment["TESSERA_DATABASE_URL"], url);
        assert_eq!(node.environment["TESSERA_TRUSTED_PROXIES"], address.to_string());
        assert_eq!(node.environment["TESSERA_PUBLIC_URL"], caddy.environment["TESSERA_PUBLIC_URL"]);
        assert!(node.depends_on.contains_key("database") && node.ports.is_empty());
    }
    // Nobody else gets the address that is believed.
    let [network] = compose.networks["default"].ipam.config.as_slice() else { panic!("one network") };
    assert!(network.subnet.contains(&address) && !network.ip_range.contains(&address));
    assert!(network.subnet.contains(&network.ip_range));
    for (name, service) in &compose.services {
        assert_eq!(service.restart, "unless-stopped", "{name}");
        let waits = service.depends_on.values().all(|of| of.condition == "service_healthy");
        assert!(waits && (service.healthcheck.is_some() || name == "caddy"), "{name}");
    }
    // Only for this machine, as long as the passwords are those of a trial.
    let ports = [
        "127.0.0.1:8080:8080".to_owned(),
        format!("127.0.0.1:{0}:{0}", caddy.environment["TESSERA_INTERNAL_PORT"]),
    ];
    assert_eq!(caddy.ports, ports);
    assert!(compose.services.iter().all(|(name, service)| name == "caddy" || service.ports.is_empty()));
}

#[test]
fn what_an_operator_sets_arrives_where_it_is_needed() {
    let variables = Variables::from([
        ("TESSERA_DATABASE_PASSWORD", "correct-horse"),
        ("TESSERA_PUBLIC_URL", "https://keys.example.com"),
        ("TESSERA_SMTP_URL", "smtp://mail.example.com"),
        ("TESSERA_SIGN_UP", "fern.example"),
    ]);
    let compose = Compose::read(&variables);
    assert_eq!(compose.service("database").environment["POSTGRES_PASSWORD"], "correct-horse");
    assert_eq!(compose.service("caddy").environment["TESSERA_PUBLIC_URL"], "https://keys.example.com");
    for (_, node) in compose.nodes() {
        assert!(node.environment["TESSERA_DATABASE_URL"].contains(":correct-horse@"));
        assert_eq!(node.environment["TESSERA_PUBLIC_URL"], "https://keys.example.com");
        assert_eq!(node.environment["TESSERA_SMTP_URL"], "smtp://mail.example.com");
        assert_eq!(node.environment["TESSERA_SIGN_UP"], "fern.example");
    }
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_repository_and_runs_as_nobody() {
    let toolchain = std::fs::read_to_string(repository("rust-toolchain.toml")).expect("the toolchain");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).expect("a version");
    let build = dockerfile("FROM rust:").remove(0);
    assert!(build.starts_with(&format!("{}-", version.trim_matches('"'))), "{build} is not {version}");
    assert_eq!(dockerfile("USER "), ["65532:65532"]);
    assert_eq!(dockerfile("EXPOSE "), ["8080"]);
    assert_eq!(dockerfile("VOLUME "), ["/data"]);
    assert_eq!(dockerfile("CMD "), [r#"["serve"]"#]);
    assert_eq!(dockerfile("ENTRYPOINT "), [r#"["/usr/local/bin/tessera"]"#]);
}

#[tokio::test]
async fn people_and_programs_reach_both_nodes_through_caddy() {
    let stack = Stack::start().await;
    let dana = stack.administrator().await;
    let (_, secret) = dana.key("Billing worker").await;
    // Caddy asks one node after the other.
    for _ in 0..4 {
        let page = dana.browser.get(&dana.url("api")).await.must_be(200).html();
        assert!(page.main_text().contains("Billing worker"), "{}", page.main_text());
    }
    for (base, path, expected) in [
        (&stack.public_url, "/api/v2/organization", StatusCode::OK),
        (&stack.internal_url, "/auth", StatusCode::NO_CONTENT),
    ] {
        for _ in 0..4 {
            assert_eq!(stack.ask_at(base, path, &secret).await, expected, "{base}{path}");
        }
    }
    // The account that the operator made needs no sign-up, which strangers find to need an invitation.
    let page = Client::new(&stack.public_url).get("/signup").await.must_be(200).html();
    assert_eq!(page.heading(), "You need an invitation");
    for node in &stack.nodes {
        for route in ["/orgs/{organization}/api", "/api/v2/organization"] {
            let is_answered = |line: &str| line.contains(&format!(r#"route="{route}" status=200"#));
            assert!(
                node.log().lines().any(is_answered),
                "{} was not asked {route}: {}",
                node.url,
                node.log()
            );
        }
    }
    let listed = stack.tessera(&["nodes"]);
    for node in &stack.nodes {
        let line = listed.lines().find(|line| line.contains(&format!(":{} ", node.port())));
        assert!(line.is_some_and(|line| line.contains(" live ")), "{listed}");
    }
}

#[tokio::test]
async fn a_key_that_is_deactivated_through_caddy_is_refused_by_both_nodes() {
    let stack = Stack::start().await;
    let dana = stack.administrator().await;
    let (id, secret) = dana.key("Billing worker").await;
    for node in &stack.nodes {
        assert_eq!(stack.ask_at(&node.url, "/auth", &secret).await, StatusCode::NO_CONTENT);
    }
    dana.browser.post(&dana.url(&format!("api/keys/{id}/deactivate")), &[]).await.must_be(303);
    for node in &stack.nodes {
        let url = &node.url;
        until(async || stack.ask_at(url, "/auth", &secret).await == StatusCode::UNAUTHORIZED).await;
    }
    for _ in 0..4 {
        assert_eq!(stack.ask_at(&stack.internal_url, "/auth", &secret).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn nodes_are_restarted_one_after_the_other_without_an_error_for_those_who_go_on_asking() {
    let mut stack = Stack::start().await;
    let dana = stack.administrator().await;
    let (_, secret) = dana.key("Billing worker").await;
    let (is_over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = [
        (format!("{}/auth", stack.internal_url), StatusCode::NO_CONTENT),
        (format!("{}/login", stack.public_url), StatusCode::OK),
    ]
    .into_iter()
    .cycle()
    .take(6)
    .map(|(url, expected)| {
        let (http, secret) = (stack.http.clone(), secret.clone());
        let (is_over, answers) = (is_over.clone(), answers.clone());
        tokio::spawn(async move {
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::Acquire) {
                match http.get(&url).bearer_auth(&secret).send().await.map(|answer| answer.status()) {
                    Ok(status) if status == expected => {}
                    other => wrong.push(format!("{url}: {other:?}")),
                }
                answers.fetch_add(1, Ordering::AcqRel);
            }
            wrong
        })
    })
    .collect();
    let go_on = async || {
        let wanted = answers.load(Ordering::Acquire) + 200;
        until(async || answers.load(Ordering::Acquire) >= wanted).await;
    };
    go_on().await;
    for number in 0..stack.nodes.len() {
        stack.nodes[number].stop().await;
        go_on().await;
        stack.start_again(number).await;
        // Caddy looks at a node that was away this often.
        tokio::time::sleep(Duration::from_secs(5)).await;
        go_on().await;
    }
    is_over.store(true, Ordering::Release);
    for client in clients {
        assert_eq!(client.await.expect("it ends"), Vec::<String>::new(), "{}", stack.caddy.log());
    }
}
