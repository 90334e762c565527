//! Messages to webhooks on their way to a real receiver.

mod addresses;
mod events;

use std::{sync::Arc, time::Duration as RealDuration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use tessera::{
    clock::Clock,
    config::InstanceRules,
    db::{Change, Db, DbError},
    domain::{
        access::{Capability, Grant},
        managed::ManageError,
        outbox::Message,
        page::{PageRef, PageRequest},
        webhooks::{
            self, AllowedNetworks, Delivery, DeliveryState, Events, NewWebhook, Webhook, WebhookFailure,
            WebhookUrl,
        },
    },
    webhooks::{sender::Sender, worker},
};
use time::Duration;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::{
    hooks::{HookReceiver, ReceivedHook},
    support::{Company, START, TestApp, TestDatabase, World},
};

#[tokio::test]
async fn a_message_says_what_happened_and_is_signed() {
    let post = Post::start().await;
    let (_, secret) = post.webhook(&post.receiver, &[]).await;
    let worker = post.worker();
    let (key, key_secret) = post.world.api_key(&post.lumen, "Billing worker").await;

    let message = post.receiver.wait_for(1).await.remove(0);
    assert_eq!(message.path, "/hook");
    assert_eq!(message.header("content-type"), "application/json");
    assert!(message.header("user-agent").starts_with("Tessera/"));
    assert!(message.header("webhook-id").starts_with("msg_"));
    assert_eq!(message.header("webhook-timestamp"), START.assume_utc().unix_timestamp().to_string());
    assert_eq!(message.header("webhook-signature"), signature(&secret, &message));
    let expected = serde_json::json!({
        "type": "api_key.created",
        "timestamp": "2026-11-23T10:00:00Z",
        "data": {
            "organization": { "id": post.lumen.id, "name": "Lumen" },
            "subject": {
                "kind": "api_key", "id": key.id, "name": "Billing worker", "masked": key.masked,
            },
            "actor": { "kind": "user", "id": post.lumen.owner.id, "name": "Dana Whitfield" },
            "details": { "type": "key", "masked": key.masked },
        },
    });
    assert_eq!(message.json(), expected);
    assert!(!message.body.contains(&key_secret));
    let delivery = post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    assert_eq!((delivery.attempts, delivery.last_status), (1, Some(204)));
    assert_eq!(delivery.id, message.header("webhook-id"));
    worker.stop().await;
}

#[tokio::test]
async fn a_rolled_back_change_sends_nothing() {
    let post = Post::start().await;
    let (webhook, _) = post.webhook(&post.receiver, &[]).await;
    let (company, now) = (post.lumen.clone(), post.world.now());
    let undone: Result<(), DbError> = post
        .world
        .db
        .write(move |tx| {
            let admin = company.admin(tx).map_err(|error| DbError::Open(error.to_string()))?;
            webhooks::send_test(tx, &admin, &webhook.id, now).expect("pending");
            Err(DbError::Open("the change failed after all".into()))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(post.deliveries().await, []);
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let messages = post.receiver.wait_for(1).await;
    worker.stop().await;
    assert_eq!(messages[0].json()["type"], "api_key.created");
    assert_eq!(post.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_failure_is_tried_again_after_a_pause_under_the_same_id() {
    let post = Post::start().await;
    let (_, secret) = post.webhook(&post.receiver, &[]).await;
    post.receiver.answer_next(500, "content-type: text/plain\r\n\r\nout of\u{1b}[2J order");
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let delivery = post.only_delivery(|delivery| delivery.attempts == 1).await;
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert_eq!(delivery.last_error.as_deref(), Some("The receiver returned 500."));
    assert_eq!((delivery.last_status, delivery.response.as_deref()), (Some(500), Some("out of [2J order")));
    let pause = delivery.next_attempt_at - post.world.now();
    assert!(pause >= Duration::seconds(5) && pause < Duration::seconds(6), "{pause}");
    assert!(post.the_webhook().await.failing_since.is_some());

    worker.wake();
    post.world.clock.advance(Duration::seconds(6));
    worker.wake();
    let messages = post.receiver.wait_for(2).await;
    assert_eq!(messages[0].header("webhook-id"), messages[1].header("webhook-id"));
    assert_ne!(messages[0].header("webhook-timestamp"), messages[1].header("webhook-timestamp"));
    assert_eq!(messages[1].header("webhook-signature"), signature(&secret, &messages[1]));
    let delivery = post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    assert_eq!((delivery.attempts, delivery.last_error), (2, None));
    assert_eq!(post.the_webhook().await.failing_since, None);
    worker.stop().await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_is_left_alone_by_every_message() {
    let post = Post::start().await;
    let (webhook, _) = post.webhook(&post.receiver, &[]).await;
    post.receiver.answer_next(503, "retry-after: 600\r\n\r\n");
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let first = post.only_delivery(|delivery| delivery.attempts == 1).await;
    assert_eq!(first.next_attempt_at - post.world.now(), Duration::seconds(600));
    post.world.api_key(&post.lumen, "Another").await;
    post.world.clock.advance(Duration::seconds(599));
    // What waits for another webhook is delivered meanwhile, so the worker has looked.
    let other = HookReceiver::start().await;
    post.webhook(&other, &[]).await;
    post.world.api_key(&post.lumen, "A third").await;
    other.wait_for(1).await;
    assert_eq!(post.receiver.received().len(), 1);
    post.world.clock.advance(Duration::SECOND);
    worker.wake();
    post.receiver.wait_for(4).await;
    // Whoever sends a test wants to know, whatever was asked for.
    post.receiver.answer_next(429, "retry-after: 600\r\n\r\n");
    let id = webhook.id.clone();
    for messages in [5, 6] {
        let id = id.clone();
        post.do_as_admin(move |tx, admin, now| webhooks::send_test(tx, admin, &id, now)).await.expect("sent");
        post.receiver.wait_for(messages).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn the_longer_pause_counts_and_a_day_at_most() {
    let now = START;
    for (asked, attempts, least, most) in [
        (Some(1), 1, 5, 6),
        (Some(600), 1, 600, 600),
        (Some(600), 3, 1800, 1980),
        (Some(i64::from(u32::MAX)), 1, 86_400, 86_400),
        (None, 1, 5, 6),
    ] {
        let post = Post::start().await;
        post.webhook(&post.receiver, &[]).await;
        post.world.api_key(&post.lumen, "Billing worker").await;
        let delivery = post.deliveries().await.remove(0);
        post.world
            .write(move |tx| {
                for attempt in 1..=attempts {
                    let attempt = webhooks::Attempt {
                        outcome: webhooks::AttemptOutcome::Failed("The receiver returned 503.".into()),
                        status: Some(503),
                        response: None,
                        retry_after: asked.filter(|_| attempt == attempts).map(Duration::seconds),
                    };
                    webhooks::record_attempt(tx, &delivery.id, &attempt, now)?;
                }
                Ok(())
            })
            .await;
        let pause = (post.deliveries().await[0].next_attempt_at - now).whole_seconds();
        assert!((least..=most).contains(&pause), "{asked:?} after {attempts}: {pause}");
    }
}

#[tokio::test]
async fn receivers_that_never_answer_hold_up_their_own_organization_alone() {
    let post = Post::start().await;
    let frida = post.world.user("Frida Fern").await;
    let fern = post.world.organization("Fern", &frida).await;
    post.receiver.hold();
    for _ in 0..10 {
        post.webhook(&post.receiver, &[]).await;
    }
    for number in 0..20 {
        post.world.api_key(&post.lumen, &format!("Key {number}")).await;
    }
    let quick = HookReceiver::start().await;
    let (company, new, now) = (fern.clone(), new_webhook(&quick.url(), &[]), post.world.now());
    post.world
        .write(move |tx| {
            let admin: Grant<tessera::domain::access::Govern> = company.grant(tx)?;
            Ok(webhooks::create(tx, &admin, &new, &InstanceRules::default(), now)?)
        })
        .await;
    let worker = post.worker();
    post.receiver.wait_for(2).await;
    post.world.api_key(&fern, "Invoices").await;
    quick.wait_for(1).await;
    assert_eq!(post.receiver.received().len(), 2, "two of one organization at the same time");
    post.receiver.release();
    worker.stop().await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let post = Post::start().await;
    let (_, elsewhere) = (post.webhook(&post.receiver, &[]).await, HookReceiver::start().await);
    post.receiver.answer_next(307, &format!("location: {}\r\n\r\n", elsewhere.url()));
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let delivery = post.only_delivery(|delivery| delivery.attempts == 1).await;
    assert_eq!(
        delivery.last_error.as_deref(),
        Some("The receiver returned a redirect. Redirects aren’t followed.")
    );
    worker.stop().await;
    assert_eq!((post.receiver.received().len(), elsewhere.received().len()), (1, 0));
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_and_the_administrators_are_told() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.receiver.answer_next(410, "\r\n");
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let delivery = post.only_delivery(|delivery| delivery.state == DeliveryState::Failed).await;
    assert_eq!(delivery.last_status, Some(410));
    let webhook = post.the_webhook().await;
    assert_eq!(webhook.disabled_because, Some(WebhookFailure::Gone));
    let mail = post.world.mail_to(&post.lumen.owner.email).await;
    assert!(
        matches!(mail.message, Message::WebhookDeactivated { webhook_id, .. } if webhook_id == webhook.id)
    );
    post.world.api_key(&post.lumen, "Another").await;
    worker.stop().await;
    assert_eq!(post.deliveries().await.len(), 1);
    assert_eq!(post.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_nothing_reaches_for_five_days_is_switched_off() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.receiver.answer_all(503);
    let worker = post.worker();
    // A new key each day, so that something is always under way; each is given up after three days.
    let mut hours = 0;
    while post.the_webhook().await.is_active() {
        assert!(hours < 9 * 24, "it is still active after nine days");
        if hours % 24 == 0 {
            post.world.api_key(&post.lumen, &format!("Key of hour {hours}")).await;
        }
        let is_due = |delivery: &Delivery| {
            delivery.state == DeliveryState::Pending && delivery.next_attempt_at <= post.world.now()
        };
        while post.the_webhook().await.is_active() && post.deliveries().await.iter().any(is_due) {
            worker.wake();
            tokio::time::sleep(RealDuration::from_millis(10)).await;
        }
        post.world.clock.advance(Duration::hours(3));
        hours += 3;
    }
    worker.stop().await;
    assert!(hours >= 5 * 24, "switched off after {hours} hours");
    let webhook = post.the_webhook().await;
    assert_eq!(webhook.disabled_because, Some(WebhookFailure::Unreachable));
    let deliveries = post.deliveries().await;
    let given_up: Vec<i32> = deliveries
        .iter()
        .filter(|delivery| delivery.state == DeliveryState::Failed)
        .map(|delivery| delivery.attempts)
        .collect();
    assert!(given_up.len() >= 2 && given_up.iter().all(|attempts| *attempts == 10), "{given_up:?}");
    let mail = post.world.mail_to(&post.lumen.owner.email).await;
    assert!(matches!(mail.message, Message::WebhookDeactivated { .. }));
}

#[tokio::test]
async fn a_message_can_be_sent_again() {
    let post = Post::start().await;
    let (webhook, _) = post.webhook(&post.receiver, &[]).await;
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let delivery = post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    post.do_as_admin(move |tx, admin, now| {
        webhooks::resend(tx, admin, &webhook.id, &delivery.id, now).map(|_| ())
    })
    .await
    .expect("pending");
    let messages = post.receiver.wait_for(2).await;
    assert_eq!(messages[0].header("webhook-id"), messages[1].header("webhook-id"));
    assert_eq!(messages[0].body, messages[1].body);
    post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    worker.stop().await;
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let post = Post::start().await;
    let (webhook, old) = post.webhook(&post.receiver, &[]).await;
    let id = webhook.id.clone();
    let new = post
        .do_as_admin(move |tx, admin, now| {
            webhooks::rotate_secret(tx, admin, &id, &InstanceRules::default(), now)
        })
        .await
        .expect("rotated")
        .1;
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let both = post.receiver.wait_for(1).await.remove(0);
    let expected = format!("{} {}", signature(new.expose(), &both), signature(&old, &both));
    assert_eq!(both.header("webhook-signature"), expected);
    post.world.clock.advance(Duration::hours(24));
    post.world.api_key(&post.lumen, "Another").await;
    let one = post.receiver.wait_for(2).await.remove(1);
    assert_eq!(one.header("webhook-signature"), signature(new.expose(), &one));
    worker.stop().await;
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.world.api_key(&post.lumen, "Billing worker").await;
    assert_eq!(post.deliveries().await.len(), 1);
    post.receiver.answer_next(500, "\r\n");
    let before = post.worker();
    post.only_delivery(|delivery| delivery.attempts == 1).await;
    before.stop().await;
    post.world.clock.advance(Duration::MINUTE);
    let after = post.worker();
    post.receiver.wait_for(2).await;
    post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    after.stop().await;
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let post = Post::start().await;
    let quick = HookReceiver::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.webhook(&quick, &[]).await;
    post.receiver.hold();
    let worker = post.worker();
    for number in 0..6 {
        post.world.api_key(&post.lumen, &format!("Key {number}")).await;
    }
    quick.wait_for(6).await;
    assert_eq!(post.receiver.received().len(), 1, "one at a time");
    post.receiver.release();
    post.receiver.wait_for(6).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_shutdown_finishes_the_message_in_hand() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.receiver.hold();
    let worker = post.worker();
    post.world.api_key(&post.lumen, "One").await;
    post.world.api_key(&post.lumen, "Two").await;
    post.receiver.wait_for(1).await;
    let stopping = tokio::spawn(worker.stop());
    post.receiver.release();
    stopping.await.expect("stopped");
    let states: Vec<DeliveryState> = post.deliveries().await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Pending, DeliveryState::Delivered], "the newest first");
}

#[tokio::test]
async fn a_long_answer_is_not_kept_whole() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.receiver.answer_next(200, &format!("content-length: 10000000\r\n\r\n{}", "é".repeat(200_000)));
    let worker = post.worker();
    post.world.api_key(&post.lumen, "Billing worker").await;
    let delivery = post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    assert_eq!(delivery.response.map(|response| response.chars().count()), Some(500));
    worker.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_deactivated_webhook_is_sent_when_it_is_activated() {
    let post = Post::start().await;
    let (webhook, _) = post.webhook(&post.receiver, &[]).await;
    post.world.api_key(&post.lumen, "Billing worker").await;
    let id = webhook.id.clone();
    post.do_as_admin(move |tx, admin, now| webhooks::switch(tx, admin, &id, false, now)).await.expect("off");
    post.world.api_key(&post.lumen, "While it is off").await;
    let id = webhook.id.clone();
    let refused = post.do_as_admin(move |tx, admin, now| webhooks::send_test(tx, admin, &id, now)).await;
    assert!(matches!(refused, Err(ManageError::State(_))));
    let worker = post.worker();
    worker.wake();
    let id = webhook.id.clone();
    post.do_as_admin(move |tx, admin, now| webhooks::switch(tx, admin, &id, true, now)).await.expect("on");
    let messages = post.receiver.wait_for(1).await;
    post.only_delivery(|delivery| delivery.state == DeliveryState::Delivered).await;
    assert_eq!(messages[0].json()["data"]["subject"]["name"], "Billing worker");
    worker.stop().await;
}

#[tokio::test]
async fn the_log_forgets_after_thirty_days() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    post.world.api_key(&post.lumen, "Billing worker").await;
    for (days, left) in [(30, 1), (1, 0)] {
        post.world.clock.advance(Duration::days(days));
        let now = post.world.now();
        post.world.write(move |tx| Ok(webhooks::purge_expired(tx, now)?)).await;
        assert_eq!(post.deliveries().await.len(), left);
    }
}

#[tokio::test]
async fn webhooks_that_cannot_be_read_hold_up_no_other() {
    let post = Post::start().await;
    let nobody = HookReceiver::start().await;
    for _ in 0..6 {
        post.webhook(&nobody, &[]).await;
    }
    let (last, _) = post.webhook(&post.receiver, &[]).await;
    for number in 0..7 {
        post.world.api_key(&post.lumen, &format!("Key {number}")).await;
    }
    post.world
        .execute("UPDATE webhooks SET events = 'later' WHERE id < (SELECT max(id) FROM webhooks)")
        .await;
    let worker = post.worker();
    post.receiver.wait_for(7).await;
    let given_up = "SELECT id AS text FROM webhook_deliveries WHERE last_error LIKE 'It can’t be read: %'";
    while post.world.query(given_up).await.len() < 42 {
        tokio::time::sleep(RealDuration::from_millis(20)).await;
    }
    worker.stop().await;
    let delivered = post.do_as_admin(move |tx, admin, _| {
        webhooks::deliveries(tx.connection(), admin, &last.id, None, &PageRequest::new(PageRef::First, 10))
    });
    assert_eq!(delivered.await.expect("the log").rows[0].state, DeliveryState::Delivered);
    assert!(nobody.received().is_empty());
}

#[tokio::test]
async fn the_server_delivers_by_itself() {
    let app = TestApp::builder().flag("--webhook-networks", "127.0.0.0/8").spawn().await;
    let receiver = HookReceiver::start().await;
    let lumen = app.lumen().await;
    let (company, new, now) = (lumen.clone(), new_webhook(&receiver.url(), &[]), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(webhooks::create(tx, &admin, &new, &InstanceRules::default(), now)?)
    })
    .await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (key, _) = app.api_key_until(&lumen, "Billing worker", Some(START + Duration::DAY)).await;
    browser.post(&lumen.url(&format!("api/keys/{}/deactivate", key.id)), &[]).await.must_be(303);
    receiver.wait_for(3).await;
    app.clock.advance(Duration::days(2));
    let messages = receiver.wait_for(4).await;
    let types: Vec<String> =
        messages.iter().map(|message| message.json()["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(
        types,
        ["api_key.created", "api_key.deactivated", "api_key.stopped_everywhere", "api_key.expired"]
    );
}

/// A database with an organization, a clock that stands still and a receiver.
struct Post {
    world: World,
    lumen: Company,
    receiver: HookReceiver,
    wake: Arc<Notify>,
    _database: TestDatabase,
}

struct RunningWorker {
    wake: Arc<Notify>,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn loopback() -> AllowedNetworks {
    AllowedNetworks::new(&["127.0.0.0/8".parse().expect("a network")])
}

fn new_webhook(url: &str, events: &[&str]) -> NewWebhook {
    let events = match events {
        [] => Events::all(),
        names => Events::chosen(names.iter().copied()).expect("events"),
    };
    let url = WebhookUrl::parse(url, &loopback()).expect("an address");
    NewWebhook { url, description: None, events }
}

/// RFC 2104 by hand, so that nothing of the sender's own code judges it.
fn signature(secret: &str, message: &ReceivedHook) -> String {
    let mut key = STANDARD.decode(secret.strip_prefix("whsec_").expect("its prefix")).expect("base64");
    assert_eq!(key.len(), 32);
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let signed =
        format!("{}.{}.{}", message.header("webhook-id"), message.header("webhook-timestamp"), message.body);
    let inner = Sha256::digest([pad(0x36), signed.into_bytes()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    format!("v1,{}", STANDARD.encode(outer))
}

impl Post {
    async fn start() -> Self {
        let database = TestDatabase::new();
        let db = Db::open(database.url()).expect("a database");
        let world = World { db, clock: Clock::manual(START) };
        let wake = Arc::new(Notify::new());
        let queued = wake.clone();
        world.db.on_change(move |change| {
            if *change == Change::WebhookQueued {
                queued.notify_one();
            }
        });
        let lumen = world.lumen().await;
        Self { world, lumen, receiver: HookReceiver::start().await, wake, _database: database }
    }

    fn worker(&self) -> RunningWorker {
        let (shutdown, stopped) = oneshot::channel();
        let sender = Sender::new(loopback()).expect("a sender");
        let (db, clock, wake) = (self.world.db.clone(), self.world.clock.clone(), self.wake.clone());
        let task = tokio::spawn(worker::run(db, clock, sender, wake, async move {
            stopped.await.unwrap_or_default();
        }));
        RunningWorker { wake: self.wake.clone(), shutdown, task }
    }

    /// A webhook to `receiver` and its secret; no events stand for all.
    async fn webhook(&self, receiver: &HookReceiver, events: &[&str]) -> (Webhook, String) {
        let new = new_webhook(&receiver.url(), events);
        let (webhook, secret) = self
            .do_as_admin(move |tx, admin, now| {
                webhooks::create(tx, admin, &new, &InstanceRules::default(), now)
            })
            .await
            .expect("created");
        (webhook, secret.expose().to_owned())
    }

    async fn do_as_admin<C: Capability, T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&mut tessera::db::Tx<'_>, &Grant<C>, tessera::clock::Timestamp) -> Result<T, E>
        + Send
        + 'static,
    ) -> Result<T, E> {
        let (company, now) = (self.lumen.clone(), self.world.now());
        self.world
            .write(move |tx| {
                let grant = company.grant(tx)?;
                Ok(work(tx, &grant, now))
            })
            .await
    }

    /// The messages of every webhook, the newest first.
    async fn deliveries(&self) -> Vec<Delivery> {
        self.do_as_admin(|tx, admin, _| {
            let mut all = Vec::new();
            for webhook in webhooks::list(tx.connection(), admin)? {
                let request = PageRequest::new(PageRef::First, 1000);
                all.extend(webhooks::deliveries(tx.connection(), admin, &webhook.id, None, &request)?.rows);
            }
            Ok::<_, ManageError>(all)
        })
        .await
        .expect("the log")
    }

    async fn the_webhook(&self) -> Webhook {
        let webhooks = self.do_as_admin(|tx, admin, _| webhooks::list(tx.connection(), admin)).await;
        webhooks.expect("the list").remove(0)
    }

    /// The one message, once it is `ready`.
    async fn only_delivery(&self, ready: impl Fn(&Delivery) -> bool) -> Delivery {
        let id = self.once(|deliveries| deliveries.first().map(|delivery| delivery.id.clone())).await;
        let delivery = self.delivery_once(&id, ready).await;
        assert_eq!(self.deliveries().await.len(), 1);
        delivery
    }

    async fn delivery_once(&self, id: &str, ready: impl Fn(&Delivery) -> bool) -> Delivery {
        self.once(|deliveries| deliveries.into_iter().find(|delivery| delivery.id == id && ready(delivery)))
            .await
    }

    async fn once<T>(&self, find: impl Fn(Vec<Delivery>) -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(found) = find(self.deliveries().await) {
                return found;
            }
            tokio::time::sleep(RealDuration::from_millis(50)).await;
        }
        panic!("it did not come so far within 30 seconds: {:?}", self.deliveries().await);
    }
}

impl RunningWorker {
    fn wake(&self) {
        self.wake.notify_one();
    }

    async fn stop(self) {
        self.shutdown.send(()).expect("the worker runs");
        self.task.await.expect("the worker ends well");
    }
}
