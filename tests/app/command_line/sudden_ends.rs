//! What a process leaves that is killed, or that is told to stop while it cannot save.

use diesel::connection::{Connection as _, SimpleConnection};
use tessera::{clock::Clock, db::Connection, domain::verification::PARTS_OF_A_QUOTA, web::form_id::FormId};

use super::{create_key, instance::Instance, log_in};
use crate::support::{Client, Response};

/// What is said of what could not be saved.
const LOST: &str = "counts since the last save are lost";

#[tokio::test]
async fn every_signal_that_stops_the_server_lets_it_save_what_is_counted() {
    for signal in ["HUP", "INT"] {
        let (mut instance, _, secret) = with_key().await;
        auth(&instance, &secret).await.must_be(204);
        assert_eq!(instance.stop_with(signal), Some(0), "{signal}: {}", instance.log());
        assert_eq!(requests(&instance).await, ["1"], "{signal}");
    }
}

#[tokio::test]
async fn a_stop_under_somebody_elses_lock_waits_a_while_and_says_what_is_lost() {
    for (signal, is_given_back) in [("TERM", false), ("HUP", false), ("TERM", true)] {
        let (mut instance, _, secret) = with_key().await;
        auth(&instance, &secret).await.must_be(204);
        let mut other = lock(&instance);
        // Nobody can write this one down.
        auth(&instance, &secret).await.must_be(204);
        let stopped = std::thread::spawn(move || {
            let status = instance.stop_with(signal);
            (status, instance)
        });
        if is_given_back {
            other.batch_execute("ROLLBACK").expect("the lock is given back");
        }
        let (status, instance) = stopped.join().expect("the process ends");
        if is_given_back {
            assert_eq!(status, Some(0), "{}", instance.log());
            assert_eq!(requests(&instance).await, ["2"]);
        } else {
            assert_eq!(status, Some(1), "{signal}: {}", instance.log());
            instance.wait_for_log(LOST).await;
        }
    }
}

#[tokio::test]
async fn a_secret_that_was_refused_stays_refused_when_the_plug_is_pulled() {
    let (mut instance, browser, previous) = with_key().await;
    let form_id = FormId::new(Clock::System.now());
    let fields = [("grace_period", "none"), ("starts", "on_first_use"), ("form_id", form_id.as_str())];
    let shown = browser.post(&key_url(&instance, "rotate").await, &fields).await.must_be(200);
    let new = shown.html().text("#secret");
    auth(&instance, &previous).await.must_be(204);
    auth(&instance, &new).await.must_be(204);
    auth(&instance, &previous).await.must_be(401);
    instance.pull_the_plug();
    instance.start_again();
    auth(&instance, &previous).await.must_be(401);
    auth(&instance, &new).await.must_be(204);
}

#[tokio::test]
async fn a_pulled_plug_gives_back_no_more_of_a_quota_than_is_said() {
    const QUOTA: u64 = 200;
    let (mut instance, browser, secret) = with_key().await;
    let fields = [("name", "Billing worker"), ("monthly_quota", "200"), ("rate_period", "minute")];
    browser.post(&key_url(&instance, "settings").await, &fields).await.must_be(303);
    let mut accepted = 0;
    for _ in 0..3 {
        for _ in 0..QUOTA / 4 + 3 {
            auth(&instance, &secret).await.must_be(204);
            accepted += 1;
        }
        instance.pull_the_plug();
        instance.start_again();
    }
    while auth(&instance, &secret).await.status == 204 {
        accepted += 1;
    }
    let given_back = 3 * 2 * (QUOTA / PARTS_OF_A_QUOTA);
    assert!((QUOTA..=QUOTA + given_back).contains(&accepted), "{accepted} of {QUOTA}");
}

/// A server with one key, and the browser of whoever made it.
async fn with_key() -> (Instance, Client, String) {
    let instance = Instance::start();
    let lumen = instance.world().lumen().await;
    let browser = log_in(&instance, &lumen).await;
    let secret = create_key(&browser, &lumen, "Billing worker").await.expect("a key");
    (instance, browser, secret)
}

async fn key_url(instance: &Instance, verb: &str) -> String {
    let sql = format!(
        "SELECT '/orgs/' || organization_id || '/api/keys/' || id || '/{verb}' AS text FROM api_keys"
    );
    instance.world().query(&sql).await.remove(0)
}

async fn auth(instance: &Instance, secret: &str) -> Response {
    Client::new(&instance.url()).request("GET", "/auth").header("x-api-key", secret).send().await
}

/// The verifications that are written down.
async fn requests(instance: &Instance) -> Vec<String> {
    instance.world().query("SELECT requests AS text FROM key_usage WHERE span = 'day'").await
}

/// Another program that holds the lock for as long as the connection is there.
fn lock(instance: &Instance) -> Connection {
    let path = instance.database();
    let mut other = Connection::establish(path.to_str().expect("UTF-8")).expect("a connection");
    other.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").expect("the lock");
    other
}
