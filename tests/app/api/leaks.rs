//! `POST /api/v2/leaks`: reports of leaked keys, and what follows from them.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tessera::{
    config::KeyPrefix,
    domain::{
        access::Role,
        leaks, organizations,
        outbox::{LeakedKind, Measure, Message},
        secret::{Secret, SecretKind},
    },
    vocabulary::LeakPolicy,
};
use time::Duration;
use tokio::task::JoinSet;

use crate::support::{Client, Company, Response, TestApp};

const PATH: &str = "/api/v2/leaks";
const SECRET: &str = "7b0c5ef4b1d44d0d9f0a3e6f1c2d8a57";
const PLACE: &str = "https://code.example/lumen/app/blob/12ab/.env";

/// A server that takes reports by the shared secret.
pub(crate) async fn app() -> TestApp {
    TestApp::builder().flag("--leak-secret", SECRET).spawn().await
}

pub(crate) fn found(token: &str, url: &str) -> Value {
    json!({ "token": token, "type": "tessera_key", "url": url, "source": "content" })
}

/// Reports `matches` with the shared secret.
pub(crate) async fn report(client: &Client, matches: &[Value]) -> Response {
    let request = client.request("POST", PATH).without_site();
    let request = request.header("authorization", &format!("Bearer {SECRET}"));
    request.body("application/json", json!(matches).to_string()).send().await
}

/// Reports one secret; tells how it was judged.
async fn judge(app: &TestApp, token: &str, url: &str) -> String {
    let answer = report(&app.client(), &[found(token, url)]).await.must_be(200).json();
    answer[0]["label"].as_str().expect("a label").to_owned()
}

pub(crate) async fn choose(app: &TestApp, company: &Company, policy: LeakPolicy) {
    let (company, now) = (company.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(organizations::change_leak_policy(tx, &admin, policy, now)?)
    })
    .await;
}

async fn works(app: &TestApp, secret: &str) -> bool {
    let call = app.client().request("GET", "/auth").header("x-api-key", secret).send().await;
    assert!([204, 401].contains(&call.status), "{call:?}");
    call.status == 204
}

/// The mails about leaks, the oldest first: to whom, of what, what was done, and where it was found.
async fn told(app: &TestApp) -> Vec<(String, LeakedKind, Measure, String, usize)> {
    let mails = app.mails().await.into_iter().rev();
    mails
        .filter_map(|mail| match mail.message {
            Message::KeyLeaked { leaked, measure, url, more_places, .. } => {
                Some((mail.recipient, leaked, measure, url, more_places))
            }
            _ => None,
        })
        .collect()
}

/// The mails, once what was collected is told of.
async fn tell_collected(app: &TestApp) -> Vec<(String, LeakedKind, Measure, String, usize)> {
    let now = app.now();
    app.write(move |tx| {
        for secret in leaks::collected(tx.connection(), now)? {
            leaks::tell_of_collected(tx, &secret, now)?;
        }
        Ok(())
    })
    .await;
    told(app).await
}

/// The audit log of the organization since it was set up: actor, action and what a search finds.
async fn trail(app: &TestApp) -> Vec<String> {
    app.query(
        "SELECT actor_kind || ' ' || action || ' ' || coalesce(search_text, '') AS text FROM audit_events
         WHERE actor_kind = 'system' AND organization_id IS NOT NULL ORDER BY id",
    )
    .await
}

#[tokio::test]
async fn without_a_reporter_the_address_does_not_exist() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (at, nowhere) = (report(&client, &[]).await, client.post("/api/v2/nothing", &[]).await);
    assert_eq!((at.status, nowhere.status), (404, 404));
    let detail = |answer: &Response| answer.json()["detail"].clone();
    assert_eq!(detail(&at), detail(&nowhere));
}

#[tokio::test]
async fn only_a_reporter_is_heard() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let before = app.ledger().await;
    let client = app.client();
    let body = json!([found(&key, PLACE)]).to_string();
    let send = async |name: &str, value: &str| {
        let request = client.request("POST", PATH).without_site().header(name, value);
        request.body("application/json", body.clone()).send().await.must_be(401)
    };
    let missing = send("x-nothing", "").await;
    assert_eq!(missing.header("www-authenticate"), r#"Bearer realm="api""#);
    let longer = format!("Bearer {SECRET}0");
    let shorter = &format!("Bearer {SECRET}")[..38];
    for wrong in
        [longer.as_str(), shorter, &format!("Bearer {key}"), &format!("Basic {SECRET}"), "Bearer", SECRET]
    {
        let answer = send("authorization", wrong).await;
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="api", error="invalid_token""#);
    }
    // Without keys no signature counts.
    send("github-public-key-signature", "MEQ=").await;
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_a_reporter_is_not() {
    let app = app().await;
    let client = app.client();
    let guess = || client.request("POST", PATH).header("authorization", "Bearer wrong").send();
    let mut last = guess().await;
    for _ in 0..150 {
        last = guess().await;
    }
    assert!(!last.must_be(429).header("retry-after").is_empty());
    report(&client, &[]).await.must_be(200);
}

#[tokio::test]
async fn a_report_that_cannot_be_read_says_why() {
    let app = app().await;
    let client = app.client();
    let send = |content_type: &'static str, body: String| {
        let request = client.request("POST", PATH).header("authorization", &format!("Bearer {SECRET}"));
        request.body(content_type, body).send()
    };
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        send(content_type, "[]".into()).await.must_be(415);
    }
    for body in ["", "{}", "[1]", "[{}]", r#"[{"token": 1}]"#, "[", "[]]"] {
        let problem = send("application/json", body.into()).await.must_be(400).json();
        assert!(problem["detail"].as_str().expect("words").contains("“token”"), "{problem}");
    }
    send("application/json", json!(vec![found("x", ""); 1001]).to_string()).await.must_be(400);
    send("application/json", format!("[{}]", " ".repeat(1024 * 1024))).await.must_be(413);
    let most = send("application/json; charset=utf-8", json!(vec![found("x", ""); 1000]).to_string());
    assert_eq!(most.await.must_be(200).json().as_array().map(Vec::len), Some(1000));
}

/// The tables are gone, so that a look-up would fail.
#[tokio::test]
async fn junk_is_told_apart_without_the_database() {
    let app = app().await;
    app.execute("ALTER TABLE api_keys RENAME TO api_keys_gone").await;
    app.execute("ALTER TABLE master_tokens RENAME TO master_tokens_gone").await;
    let [key, token] = [SecretKind::ApiKey, SecretKind::MasterToken]
        .map(|kind| Secret::generate(KeyPrefix::default(), kind).expect("randomness").expose().to_owned());
    let junk = [
        String::new(),
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a".into(),
        format!("{key}0"),
        key.to_uppercase(),
        token.replacen("tess_m_", "tess_", 1),
    ];
    let matches: Vec<Value> = junk.iter().map(|token| found(token, PLACE)).collect();
    let answer = report(&app.client(), &matches).await.must_be(200).json();
    for (text, decision) in junk.iter().zip(answer.as_array().expect("decision")) {
        let expected = json!({ "token_raw": text, "token_type": "tessera_key", "label": "false_positive" });
        assert_eq!(*decision, expected);
    }
    for well_formed in [key, token] {
        report(&app.client(), &[found(&well_formed, PLACE)]).await.must_be(500);
    }
}

#[tokio::test]
async fn by_default_the_administrators_are_told_and_the_key_goes_on() {
    let app = app().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let unknown = Secret::generate_key(KeyPrefix::default(), None).expect("randomness").expose().to_owned();
    let answer = report(&app.client(), &[found(&unknown, PLACE), found(&secret, PLACE)]).await.must_be(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.json(),
        json!([
            { "token_raw": unknown, "token_type": "tessera_key", "label": "false_positive" },
            { "token_raw": secret, "token_type": "tessera_key", "label": "true_positive" },
        ]),
        "nothing is said of whose key it is"
    );
    let mut told = told(&app).await;
    told.sort_by_key(|mail| mail.0.clone());
    let mail =
        |to: &str| (format!("{to}@lumen.example"), LeakedKind::ApiKey, Measure::None, PLACE.to_owned(), 0);
    assert_eq!(told, [mail("dana.whitfield"), mail("ines.okafor")]);
    let words = format!("system api_key.leak_reported {} {PLACE} content", key.masked);
    assert_eq!(trail(&app).await, [words]);
    assert!(works(&app, &secret).await);
}

#[tokio::test]
async fn a_report_is_no_use_of_the_key() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, token) = app.master_token(&lumen, "Deployment").await;
    for secret in [&secret, &token] {
        assert_eq!(judge(&app, secret, PLACE).await, "true_positive");
    }
    app.state.usage.flush(&app.state.db).await.expect("a flush");
    let ledger = app.ledger().await;
    assert!(ledger["key_usage"].is_empty() && ledger["key_clients"].is_empty());
    for table in ["api_keys", "master_tokens"] {
        let used = format!("SELECT id AS text FROM {table} WHERE last_used_at IS NOT NULL");
        assert!(app.query(&used).await.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn where_it_was_chosen_a_leaked_key_stops_with_the_answer() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, other) = app.api_key(&lumen, "Invoices").await;
    assert!(works(&app, &secret).await, "it is in memory now");
    assert_eq!(judge(&app, &secret, PLACE).await, "true_positive");
    assert!(!works(&app, &secret).await);
    assert!(works(&app, &other).await);
    let [(_, kind, measure, ..)] = told(&app).await.try_into().expect("one mail");
    assert_eq!((kind, measure), (LeakedKind::ApiKey, Measure::Stopped));
    let trail = trail(&app).await;
    assert!(trail[0].starts_with("system api_key.leak_reported "), "{trail:?}");
    assert_eq!(trail[1..], [format!("system api_key.deactivated {}", key.masked)]);

    // A key that is off already is somebody's, too.
    assert_eq!(judge(&app, &secret, "https://code.example/elsewhere").await, "true_positive");
    assert_eq!(told(&app).await.len(), 1, "it waits to be told with what else is found");
    app.clock.advance(Duration::DAY);
    let collected = tell_collected(&app).await;
    assert_eq!(collected.len(), 2);
    assert_eq!(collected[1].2, Measure::StoppedBefore);
}

#[tokio::test]
async fn the_policy_of_one_organization_says_nothing_of_another() {
    let app = app().await;
    let lumen = app.lumen().await;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    choose(&app, &fern, LeakPolicy::Deactivate).await;
    let (_, here) = app.api_key(&lumen, "Billing worker").await;
    let (_, there) = app.api_key(&fern, "Billing worker").await;
    report(&app.client(), &[found(&here, PLACE), found(&there, PLACE)]).await.must_be(200);
    assert_eq!((works(&app, &here).await, works(&app, &there).await), (true, false));
    let mut told: Vec<(String, Measure)> =
        told(&app).await.into_iter().map(|mail| (mail.0, mail.2)).collect();
    told.sort_by_key(|mail| mail.0.clone());
    let expected = [("dana.whitfield", Measure::None), ("frida.fern", Measure::Stopped)];
    assert_eq!(told, expected.map(|(who, measure)| (format!("{who}@lumen.example"), measure)));
}

#[tokio::test]
async fn a_leaked_old_secret_ends_and_the_new_one_goes_on() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (key, old) = app.api_key(&lumen, "Billing worker").await;
    let new = rotate(&app, &lumen, &key.id, "7d").await;
    assert!(works(&app, &old).await && works(&app, &new).await);
    assert_eq!(judge(&app, &old, PLACE).await, "true_positive");
    assert_eq!((works(&app, &old).await, works(&app, &new).await), (false, true));
    let [(_, kind, measure, ..)] = told(&app).await.try_into().expect("one mail");
    assert_eq!((kind, measure), (LeakedKind::PreviousSecret, Measure::Stopped));
    assert_eq!(trail(&app).await[1], format!("system api_key.previous_secret_revoked {}", key.masked));
    // What has ended is nobody's any more.
    assert_eq!(judge(&app, &old, "https://code.example/elsewhere").await, "false_positive");
    let newest = rotate(&app, &lumen, &key.id, "1h").await;
    assert!(works(&app, &newest).await);
    app.clock.advance(Duration::hours(1));
    assert_eq!(judge(&app, &new, PLACE).await, "false_positive");
    assert_eq!(told(&app).await.len(), 1);
}

#[tokio::test]
async fn a_leaked_master_token_is_deactivated() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (token, secret) = app.master_token(&lumen, "Deployment").await;
    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/tokens/{}/activate", token.id)), &[]).await.must_be(303);
    let ask = || {
        let request = app.client().request("POST", "/api/v2/keys/verify");
        let request = request.header("authorization", &format!("Bearer {secret}"));
        request.body("application/json", r#"{"key": "x"}"#).send()
    };
    ask().await.must_be(200);
    assert_eq!(judge(&app, &secret, PLACE).await, "true_positive");
    ask().await.must_be(401);
    let [(_, kind, measure, ..)] = told(&app).await.try_into().expect("one mail");
    assert_eq!((kind, measure), (LeakedKind::MasterToken, Measure::Stopped));
    let trail = trail(&app).await;
    assert!(trail[0].starts_with("system master_token.leak_reported "), "{trail:?}");
    assert!(trail[1].starts_with(&format!("system master_token.deactivated {}", token.masked)), "{trail:?}");
}

#[tokio::test]
async fn a_paused_key_that_leaked_does_not_come_back() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let pause = lumen.url(&format!("api/keys/{}/pause", key.id));
    browser.post(&pause, &[("hours", "1")]).await.must_be(303);
    judge(&app, &secret, PLACE).await;
    assert_eq!(told(&app).await[0].2, Measure::Stopped);
    assert!(app.query("SELECT id AS text FROM api_keys WHERE paused_until IS NOT NULL").await.is_empty());
    assert!(!works(&app, &secret).await);
}

#[tokio::test]
async fn the_same_leak_is_told_once_and_a_decision_about_it_stands() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let mut reporters = JoinSet::new();
    for _ in 0..8 {
        let (client, secret) = (app.client(), secret.clone());
        reporters.spawn(async move { report(&client, &[found(&secret, PLACE)]).await.must_be(200) });
    }
    for answer in reporters.join_all().await {
        assert_eq!(answer.json()[0]["label"], "true_positive");
    }
    assert_eq!(told(&app).await.len(), 1);
    assert_eq!(trail(&app).await.len(), 2);

    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/keys/{}/activate", key.id)), &[]).await.must_be(303);
    assert_eq!(judge(&app, &secret, PLACE).await, "true_positive");
    assert!(works(&app, &secret).await, "whoever activated it knew of the report");
    assert_eq!(told(&app).await.len(), 1);

    let new = rotate(&app, &lumen, &key.id, "none").await;
    assert_eq!(judge(&app, &new, PLACE).await, "true_positive");
    assert!(!works(&app, &new).await, "another secret at the same place is another leak");
    assert_eq!(told(&app).await.len(), 2);
}

#[tokio::test]
async fn a_secret_in_several_places_makes_one_mail() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, other) = app.api_key(&lumen, "Invoices").await;
    let places = ["https://code.example/1", "https://code.example/2", "https://code.example/1", ""];
    let mut matches: Vec<Value> = places.iter().map(|place| found(&secret, place)).collect();
    matches.insert(1, found(&other, "https://code.example/1"));
    report(&app.client(), &matches).await.must_be(200);
    let mut more: Vec<usize> = told(&app).await.into_iter().map(|mail| mail.4).collect();
    more.sort_unstable();
    assert_eq!(more, [0, 2]);
    assert_eq!(trail(&app).await.len(), 4);
}

#[tokio::test]
async fn what_a_report_says_adds_no_line_and_no_length() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let url = format!("https://code.example/\r\n\u{1b}[31m{}", "x".repeat(3000));
    assert_eq!(judge(&app, &secret, &url).await, "true_positive");
    let trail = trail(&app).await;
    assert!(!trail[0].contains(char::is_control) && trail[0].len() < 700, "{trail:?}");
    assert_eq!(told(&app).await[0].3.len(), 500);
}

/// GitHub's protocol: ECDSA on P-256 with SHA-256 over the raw body.
struct GitHub {
    app: TestApp,
    pair: EcdsaKeyPair,
    _folder: TempDir,
}

impl GitHub {
    async fn new() -> Self {
        let (folder, pair) = (tempfile::tempdir().expect("a folder"), pair());
        let file = folder.path().join("keys.json");
        let keys = json!({ "public_keys": [
            { "key_identifier": "old1", "key": pem(&self::pair()), "is_current": false },
            { "key_identifier": "90a4", "key": pem(&pair), "is_current": true },
        ] });
        std::fs::write(&file, keys.to_string()).expect("a file");
        let app = TestApp::builder().flag("--leak-keys", file.to_str().expect("UTF-8")).spawn().await;
        Self { app, pair, _folder: folder }
    }

    fn sign(&self, body: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), body.as_bytes()).expect("a signature");
        BASE64.encode(signature)
    }

    async fn send(&self, identifier: &str, signature: &str, body: &str) -> Response {
        let request = self.app.client().request("POST", PATH).without_site();
        let request = request
            .header("Github-Public-Key-Identifier", identifier)
            .header("Github-Public-Key-Signature", signature);
        request.body("application/json", body.to_owned()).send().await
    }
}

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).expect("a key")
}

/// RFC 5480: what stands before the point of a P-256 key, and the point.
fn pem(pair: &EcdsaKeyPair) -> String {
    let header = BASE64.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").expect("base64");
    let der = [&header[..26], pair.public_key().as_ref()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
}

#[tokio::test]
async fn a_report_that_github_signed_is_taken() {
    let github = GitHub::new().await;
    let lumen = github.app.lumen().await;
    let (_, secret) = github.app.api_key(&lumen, "Billing worker").await;
    let body = json!([found(&secret, PLACE)]).to_string();
    let answer = github.send("90a4", &github.sign(&body), &body).await.must_be(200).json();
    assert_eq!(answer[0]["label"], "true_positive");
    assert_eq!(told(&github.app).await.len(), 1);
}

#[tokio::test]
async fn a_signature_counts_for_its_body_and_its_key_alone() {
    let github = GitHub::new().await;
    let lumen = github.app.lumen().await;
    let (_, secret) = github.app.api_key(&lumen, "Billing worker").await;
    let body = json!([found(&secret, PLACE)]).to_string();
    let signature = github.sign(&body);
    let before = github.app.ledger().await;
    let tampered = body.replace("/12ab/", "/12ac/");
    let foreign = pair().sign(&SystemRandom::new(), body.as_bytes()).expect("a signature");
    for (identifier, signature, body) in [
        ("90a4", signature.as_str(), tampered.as_str()),
        ("90a4", signature.as_str(), &format!("{body} ")),
        ("90a4", BASE64.encode(foreign).as_str(), &body),
        ("90a4", "", &body),
        ("90a4", "not base64!", &body),
        ("90a5", signature.as_str(), &body),
        ("old1", signature.as_str(), &body),
        ("", signature.as_str(), &body),
    ] {
        let answer = github.send(identifier, signature, body).await.must_be(401);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    report(&github.app.client(), &[found(&secret, PLACE)]).await.must_be(401);
    assert_eq!(github.app.ledger().await, before);
}

/// Rotates a key by its dialog; returns the new secret.
pub(crate) async fn rotate(app: &TestApp, company: &Company, key_id: &str, grace_period: &str) -> String {
    let browser = app.log_in_as(&company.owner).await;
    let url = company.url(&format!("api/keys/{key_id}/rotate"));
    let form = browser.get(&url).await.must_be(200).html().hidden("form_id");
    let fields = [("grace_period", grace_period), ("starts", "immediately"), ("form_id", form.as_str())];
    browser.post(&url, &fields).await.must_be(200).html().text("#secret")
}

#[tokio::test]
async fn three_hundred_places_make_one_mail_to_each_administrator_and_one_a_day_later() {
    let app = app().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    for number in 0..300 {
        assert_eq!(judge(&app, &secret, &format!("https://code.example/{number}")).await, "true_positive");
    }
    let first = told(&app).await;
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|mail| (mail.3.as_str(), mail.4) == ("https://code.example/0", 0)), "{first:?}");
    app.clock.advance(Duration::hours(23));
    assert_eq!(tell_collected(&app).await.len(), 2);
    app.clock.advance(Duration::HOUR);
    let all = tell_collected(&app).await;
    assert_eq!(all.len(), 4);
    assert!(
        all[2..].iter().all(|mail| (mail.3.as_str(), mail.4) == ("https://code.example/1", 298)),
        "{all:?}"
    );
    assert_eq!(tell_collected(&app).await.len(), 4);
    assert_eq!(trail(&app).await.len(), 300, "each place is in the audit log");
}

#[tokio::test]
async fn what_is_stopped_again_is_told_at_once_and_a_secret_that_is_gone_is_not() {
    let app = app().await;
    let lumen = app.lumen().await;
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    judge(&app, &secret, PLACE).await;
    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/keys/{}/activate", key.id)), &[]).await.must_be(303);
    judge(&app, &secret, "https://code.example/elsewhere").await;
    let mails = told(&app).await;
    assert_eq!((mails.len(), mails[1].2), (2, Measure::Stopped));
    judge(&app, &secret, "https://code.example/a-third").await;
    rotate(&app, &lumen, &key.id, "none").await;
    app.clock.advance(Duration::DAY);
    assert_eq!(tell_collected(&app).await.len(), 2, "the key has another secret");
    assert!(app.query("SELECT id AS text FROM leak_reports WHERE told_at IS NULL").await.is_empty());
}
