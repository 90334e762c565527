//! What strangers try too often, what it costs them, and what it costs nobody else.

use tessera::{
    domain::{
        access::Role,
        accounts,
        email::EmailAddress,
        instance_secrets,
        throttles::{self, Kind, ThrottleError, ThrottleKey},
    },
    web::{
        access::{Access, MAX_BODY_OF_STRANGERS},
        routes::ROUTES,
    },
};
use time::Duration;
use tokio::task::JoinSet;

use crate::support::{Client, PASSWORD, Response, TestApp, address_of};

const NEW_PASSWORD: &str = "ninety blue herons over the pier";
const DANA: &str = "Dana Whitfield";

/// Behind a proxy, so that each request can come from where it likes.
async fn behind_proxy() -> TestApp {
    TestApp::builder().flag("--trusted-proxies", "127.0.0.1").spawn().await
}

async fn log_in_from(browser: &Client, origin: &str, email: &str, password: &str) -> Response {
    let form = browser.request("POST", "/login").form(&[("email", email), ("password", password)]);
    form.header("x-forwarded-for", origin).send().await
}

async fn log_in(browser: &Client, email: &str, password: &str) -> Response {
    browser.post("/login", &[("email", email), ("password", password)]).await
}

async fn rows(app: &TestApp) -> i64 {
    app.read(|connection| Ok(throttles::number_kept(connection)?)).await
}

/// Sign-ups of strangers are counted by origin, 20 an hour; a mailed link is a count of its own.
#[tokio::test]
async fn an_office_whose_people_are_invited_is_let_in() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for number in 0..22 {
        let (_, token) = app.invitation(&lumen, Role::User, &format!("person{number}@lumen.example")).await;
        let form = [("name", "Somebody New"), ("password", PASSWORD)];
        app.client().post(&format!("/i/{token}/signup"), &form).await.must_be(303);
    }
}

/// All of them count as failures until they turn out right.
#[tokio::test]
async fn an_office_whose_people_log_in_at_the_same_moment_is_let_in() {
    let app = TestApp::spawn().await;
    let mut log_ins = JoinSet::new();
    for number in 0..16 {
        let user = app.user(&format!("Person {number:02}")).await;
        let browser = app.client();
        log_ins.spawn(async move {
            browser.post("/login", &[("email", &user.email), ("password", PASSWORD)]).await.status
        });
    }
    assert_eq!(log_ins.join_all().await, [303; 16]);
}

#[tokio::test]
async fn a_hundred_failures_of_strangers_lock_neither_a_known_browser_nor_an_open_session() {
    let app = behind_proxy().await;
    let dana = app.user(DANA).await;
    let (known, open) = (app.client(), app.log_in_as(&dana).await);
    log_in(&known, &dana.email, PASSWORD).await.must_be(303);
    known.post("/logout", &[]).await.must_be(303);
    for number in 0..100 {
        let origin = format!("198.51.100.{number}");
        log_in_from(&app.client(), &origin, &dana.email, "x").await.must_be(422);
        app.clock.advance(Duration::seconds(30));
    }
    app.clock.advance(Duration::HOUR);
    let unknown = log_in_from(&app.client(), "203.0.113.7", &dana.email, PASSWORD).await.must_be(422);
    assert!(unknown.html().main_text().contains("Incorrect email or password."), "NIST 3.2.2");

    let change = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
    open.post("/account/password", &change).await.must_be(303);
    log_in(&known, &dana.email, NEW_PASSWORD).await.must_be(303);
    log_in_from(&app.client(), "203.0.113.7", &dana.email, NEW_PASSWORD).await.must_be(303);
}

#[tokio::test]
async fn strangers_at_the_same_origin_take_nothing_from_a_known_browser_or_a_session() {
    let app = TestApp::spawn().await;
    let dana = app.user(DANA).await;
    let (known, open) = (app.client(), app.log_in_as(&dana).await);
    log_in(&known, &dana.email, PASSWORD).await.must_be(303);
    known.post("/logout", &[]).await.must_be(303);
    let trick = format!("{} known", dana.email);
    for number in 0..12 {
        let answer = log_in(&app.client(), &trick, "x").await;
        assert_eq!(answer.status, if number < 10 { 422 } else { 429 });
    }
    for _ in 0..9 {
        log_in(&known, &dana.email, "x").await.must_be(422);
    }
    let wrong = [("current_password", "another one"), ("new_password", NEW_PASSWORD)];
    for _ in 0..9 {
        open.post("/account/password", &wrong).await.must_be(422);
    }
    log_in(&known, &dana.email, PASSWORD).await.must_be(303);
    let right = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
    open.post("/account/password", &right).await.must_be(303);
}

#[tokio::test]
async fn a_known_browser_and_a_session_have_ten_tries_too() {
    let app = TestApp::spawn().await;
    let dana = app.user(DANA).await;
    let known = app.client();
    log_in(&known, &dana.email, PASSWORD).await.must_be(303);
    known.post("/logout", &[]).await.must_be(303);
    for _ in 0..10 {
        log_in(&known, &dana.email, "x").await.must_be(422);
    }
    let refused = log_in(&known, &dana.email, PASSWORD).await.must_be(429);
    assert_eq!(refused.header("retry-after"), "30");
    app.clock.advance(Duration::seconds(30));
    log_in(&known, &dana.email, PASSWORD).await.must_be(303);
}

#[tokio::test]
async fn an_office_whose_people_mistype_and_then_succeed_is_not_held_up() {
    let app = TestApp::spawn().await;
    for number in 0..12 {
        let person = app.user(&format!("Person {number}")).await;
        log_in(&app.client(), &person.email, "x").await.must_be(422);
        log_in(&app.client(), &person.email, PASSWORD).await.must_be(303);
    }
    assert_eq!(rows(&app).await, 0, "nothing is left of it");
}

#[tokio::test]
async fn a_success_takes_back_no_failures_at_other_addresses() {
    let app = TestApp::spawn().await;
    let eve = app.user("Eve Stranger").await;
    for number in 0..9 {
        log_in(&app.client(), &format!("victim{number}@lumen.example"), "x").await.must_be(422);
    }
    log_in(&app.client(), &eve.email, PASSWORD).await.must_be(303);
    log_in(&app.client(), "victim10@lumen.example", "x").await.must_be(422);
    log_in(&app.client(), "victim11@lumen.example", "x").await.must_be(429);
}

#[tokio::test]
async fn counts_stand_in_the_database_where_a_second_node_sees_them() {
    let app = TestApp::spawn().await;
    for _ in 0..10 {
        log_in(&app.client(), "Nobody@Lumen.Example", "x").await.must_be(422);
    }
    let now = app.now();
    let is_full = app
        .write(move |tx| {
            let key = ThrottleKey::new(&instance_secrets::secret(tx, "throttle key")?);
            let count = key.counter(Kind::Address, &["nobody@lumen.example"]);
            let checked = throttles::check(tx.connection(), &[count], now);
            Ok(matches!(checked, Err(ThrottleError::TooOften(_))))
        })
        .await;
    assert!(is_full);
}

#[tokio::test]
async fn many_tries_at_once_are_no_more_than_one_after_the_other() {
    let app = behind_proxy().await;
    let dana = app.user(DANA).await;
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (browser, email) = (app.client(), dana.email.clone());
        let origin = format!("198.51.100.{number}");
        tries.spawn(async move { log_in_from(&browser, &origin, &email, "x").await.status });
    }
    let statuses = tries.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 6, "{statuses:?}");
}

#[tokio::test]
async fn a_flood_of_typed_addresses_writes_few_rows_and_none_when_it_is_refused() {
    let app = behind_proxy().await;
    let form = [("email", "a@b.example"), ("password", "x")];
    let foreign = app.client().request("POST", "/login").form(&form).site("cross-site").send().await;
    foreign.must_be(403);
    assert_eq!(rows(&app).await, 0, "where it comes from is asked first");
    for number in 0..30 {
        let email = format!("{}{number}@flood.example", "x".repeat(200));
        log_in_from(&app.client(), "198.51.100.1", &email, "x").await;
    }
    let of_one_origin = rows(&app).await;
    assert!(of_one_origin <= 21, "one origin, ten addresses, and both together, not {of_one_origin}");
    let long = "y".repeat(14_000);
    log_in_from(&app.client(), "198.51.100.2", &long, "x").await.must_be(422);
    app.clock.advance(Duration::minutes(10));
    let now = app.now();
    app.write(move |tx| Ok(throttles::purge_expired(tx, now)?)).await;
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test]
async fn an_unknown_address_is_written_for_like_a_known_one() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let dana = app.user(DANA).await;
    let now = app.now();
    let mut failures = Vec::new();
    let mut resets = Vec::new();
    for (user, email) in [(Some(dana.clone()), dana.email.clone()), (None, address_of("Nobody Here"))] {
        let work = app.write(move |tx| {
            accounts::count_failure(tx, user.as_ref())?;
            Ok(accounts::record_failed_log_in(tx, user.as_ref(), None, now)?)
        });
        failures.push(writes(app.statements(work).await));
        let email = EmailAddress::parse(&email).expect("an address");
        let work = app.write(move |tx| Ok(accounts::ask_for_reset(tx, &email, None, now)?));
        resets.push(writes(app.statements(work).await));
    }
    assert!(failures[0].len() >= 2 && resets[0].len() >= 3, "{failures:#?} {resets:#?}");
    assert_eq!(failures[0], failures[1]);
    assert_eq!(resets[0], resets[1]);
    let mails = app.mails().await;
    assert!(!mails.iter().any(|mail| mail.recipient == address_of("Nobody Here")));
    let noted =
        app.query("SELECT subject_name AS text FROM audit_events WHERE action = 'account.log_in_failed'");
    assert!(noted.await.len() <= 1, "what was done for nobody is undone");
}

/// The statements that write something, without their values.
fn writes(statements: Vec<String>) -> Vec<String> {
    let of = |statement: &String| statement.split(" -- ").next().unwrap_or_default().to_owned();
    let is_write = |text: &String| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.starts_with(word));
    statements.iter().map(of).filter(is_write).collect()
}

#[tokio::test]
async fn both_kinds_of_addresses_grow_the_log_of_the_database() {
    let app = TestApp::builder().on_file().spawn().await;
    let dana = app.user(DANA).await;
    let log = app.database_files().into_iter().find(|file| file.to_string_lossy().ends_with("-wal"));
    let log = log.expect("the log");
    let mut grown = Vec::new();
    for email in [dana.email.clone(), address_of("Nobody Here")] {
        let before = log.metadata().expect("its size").len();
        let (email, now) = (EmailAddress::parse(&email).expect("an address"), app.now());
        app.write(move |tx| Ok(accounts::ask_for_reset(tx, &email, None, now)?)).await;
        grown.push(log.metadata().expect("its size").len() - before);
    }
    assert!(grown[1] > 0 && grown[1] * 2 >= grown[0], "{grown:?}");
}

#[tokio::test]
async fn asking_once_more_makes_the_link_in_the_last_mail_work_again() {
    let app = TestApp::spawn().await;
    let dana = app.user(DANA).await;
    let ask = async |app: &TestApp| {
        let (email, now) = (EmailAddress::parse(&dana.email).expect("an address"), app.now());
        app.write(move |tx| Ok(accounts::ask_for_reset(tx, &email, None, now)?)).await;
    };
    for _ in 0..5 {
        ask(&app).await;
        app.clock.advance(Duration::minutes(30));
    }
    let link = format!("/reset-password/{}", app.mailed_token(&dana.email).await);
    app.clock.advance(Duration::hours(3));
    app.client().get(&link).await.must_be(404);
    let mails = app.mails().await.len();
    ask(&app).await;
    assert_eq!(app.mails().await.len(), mails);
    app.clock.advance(Duration::minutes(59));
    app.client().post(&link, &[("password", NEW_PASSWORD)]).await.must_be(303);
    ask(&app).await;
    app.client().get(&link).await.must_be(404);
}

#[tokio::test]
async fn a_new_password_is_counted_wherever_one_is_set() {
    let app = TestApp::spawn().await;
    let dana = app.user(DANA).await;
    let open = app.log_in_as(&dana).await;
    let change = [("current_password", PASSWORD), ("new_password", "passwordpassword")];
    let refused = async |answer: Response, number: usize| {
        if number < 20 {
            let page = answer.must_be(422).html();
            assert!(page.field_error("New password").contains("common"));
        } else {
            assert!(!answer.must_be(429).header("retry-after").is_empty());
        }
    };
    for number in 0..21 {
        refused(open.post("/account/password", &change).await, number).await;
    }
    let (email, now) = (EmailAddress::parse(&dana.email).expect("an address"), app.now());
    app.write(move |tx| Ok(accounts::ask_for_reset(tx, &email, None, now)?)).await;
    let link = format!("/reset-password/{}", app.mailed_token(&dana.email).await);
    for number in 0..21 {
        refused(app.client().post(&link, &[("password", "passwordpassword")]).await, number).await;
    }
    let form = [("name", "Eve"), ("email", "eve@lumen.example"), ("password", "passwordpassword")];
    for number in 0..21 {
        let answer = app.client().post("/signup", &form).await;
        assert_eq!(answer.status, if number < 20 { 422 } else { 429 });
    }
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_counted() {
    let app = TestApp::spawn().await;
    let huge = "x".repeat(500 * 1024);
    let medium = "Dana ".repeat(1000);
    let long_password = "long ".repeat(60);
    for (form, status) in [
        ([("name", huge.as_str()), ("email", "a@b.example"), ("password", PASSWORD)], 413),
        ([("name", medium.as_str()), ("email", "a@b.example"), ("password", PASSWORD)], 422),
        ([("name", "Dana"), ("email", medium.as_str()), ("password", PASSWORD)], 422),
        ([("name", "Dana"), ("email", "a@b.example"), ("password", long_password.as_str())], 422),
        ([("name", "Dana"), ("email", "a@b.example"), ("password", "short")], 422),
    ] {
        app.client().post("/signup", &form).await.must_be(status);
    }
    assert_eq!(rows(&app).await, 0);
}

#[test]
fn strangers_can_send_little_and_others_what_a_form_needs() {
    for route in ROUTES {
        let most = match route.pattern {
            "/api/v2/leaks" => 1024 * 1024,
            "/instance/import" if route.method == "POST" => 3 * 1024 * 1024,
            "/orgs/{organization}/users/invite" if route.method == "POST" => 512 * 1024,
            "/api/v2/keys/verify/batch" => 256 * 1024,
            "/api/v2/organizations/{organization}/invitations" if route.method == "POST" => 256 * 1024,
            _ if route.access == Access::Public => MAX_BODY_OF_STRANGERS,
            _ => 64 * 1024,
        };
        assert_eq!(route.max_body, most, "{} {}", route.method, route.pattern);
    }
}

#[tokio::test]
async fn a_proxy_that_nobody_configured_is_noticed() {
    for (trusted, is_noticed) in [("10.0.0.0/8", true), ("127.0.0.1", false)] {
        let app = TestApp::builder().flag("--trusted-proxies", trusted).spawn().await;
        app.client().get("/login").await.must_be(200);
        assert!(!app.state.limits.has_met_unknown_proxy(), "nothing was forwarded");
        app.client()
            .request("GET", "/login")
            .header("x-forwarded-for", "192.0.2.1")
            .send()
            .await
            .must_be(200);
        assert_eq!(app.state.limits.has_met_unknown_proxy(), is_noticed, "{trusted}");
    }
}

#[tokio::test]
async fn a_session_that_opens_no_page_keeps_a_handful_of_toasts() {
    let app = TestApp::spawn().await;
    let dana = app.user(DANA).await;
    let browser = app.log_in_as(&dana).await;
    for number in 0..20 {
        let name = format!("Dana {number}");
        browser.post("/account/name", &[("name", &name)]).await.must_be(303);
    }
    let toasts = browser.get("/account").await.must_be(200).html().toasts();
    assert_eq!(toasts.len(), 5, "{toasts:?}");
}

#[tokio::test]
async fn one_person_writes_no_more_than_hands_can() {
    let app = TestApp::spawn().await;
    let (dana, ines) = (app.user(DANA).await, app.user("Ines Duarte").await);
    let (browser, tab) = (app.log_in_as(&dana).await, app.log_in_as(&dana).await);
    let mut refused = None;
    for number in 0..1000 {
        // What is refused for its content is counted, too.
        let browser = if number % 2 == 0 { &browser } else { &tab };
        let answer = browser.post("/account/name", &[("name", " ")]).await;
        if answer.status == 429 {
            assert!(number >= 100, "{number} are few");
            refused = Some(answer);
            break;
        }
        answer.must_be(422);
    }
    let refused = refused.expect("an end");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.html().heading(), "Too many attempts");
    browser.get("/account").await.must_be(200);
    app.log_in_as(&ines).await.post("/account/name", &[("name", "Ines D.")]).await.must_be(303);
}
